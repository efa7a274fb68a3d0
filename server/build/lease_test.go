package build_test

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/sheenapps/sheen/server/build"
	"github.com/sheenapps/sheen/server/engine"
)

// lines is a log that a test reads.
type lines struct {
	mu  sync.Mutex
	all strings.Builder
}

// Write implements [io.Writer].
func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.all.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.all.String()
}

// A node that stops while a lease is being renewed has nothing to warn of.
func TestAStopWarnsOfNothing(t *testing.T) {
	t.Parallel()
	b := setup(t)
	id, begun := b.queued().GetId(), make(chan struct{})
	var logged lines
	w := b.newWorker(&script{planned: func(ctx context.Context, _ engine.Sink) (*engine.Plan, error) {
		close(begun)
		<-ctx.Done()
		return nil, context.Cause(ctx)
	}}, func(p *build.WorkerPorts) {
		p.Logger = slog.New(slog.NewTextHandler(&logged, &slog.HandlerOptions{Level: slog.LevelWarn}))
	})
	node, stop := context.WithCancelCause(t.Context())
	worked := make(chan error, 1)
	go func() { worked <- work(node, w, id) }()
	<-begun
	tx, err := b.db.Pool().Begin(t.Context())
	must(t, err)
	_, err = tx.Exec(t.Context(), `SELECT FROM builds WHERE id = $1 FOR UPDATE`, uuid.MustParse(id))
	must(t, err)
	eventually(t, "the renewal waits", func() bool {
		return b.number(`SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock' AND query LIKE '%BuildLeaseRenew%'`) == 1
	})
	stop(errors.New("the node stops"))
	must(t, tx.Rollback(t.Context()))
	must(t, <-worked)
	if got := b.build(id); got.GetState() != planning || logged.String() != "" {
		t.Errorf("%v; logged %s", got.GetState(), logged.String())
	}
}

// The store takes longer for a write than is waited, as one does that fails over.
// The build is given back, and goes on.
func TestAWriteThatTakesTooLong(t *testing.T) {
	t.Parallel()
	for name, at := range map[string]string{"text": "build_events", "a step": "build_steps"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			id := b.queued().GetId()
			tx, err := b.db.Pool().Begin(t.Context())
			must(t, err)

			stalled := b.newWorker(&script{planned: func(ctx context.Context, s engine.Sink) (*engine.Plan, error) {
				_, err := tx.Exec(ctx, `LOCK TABLE `+at+` IN SHARE MODE`)
				must(t, err)
				time.AfterFunc(11*time.Second, func() {
					if err := tx.Commit(context.WithoutCancel(ctx)); err != nil {
						t.Error(err)
					}
				})
				return salonPlan(), s.Text(ctx, spoken)
			}})
			must(t, work(t.Context(), stalled, id))
			if got := b.build(id); got.GetState() != planning || b.jobCount(id) != 2 {
				t.Fatalf("%v, %v, %d jobs", got.GetState(), got.GetError(), b.jobCount(id))
			}
			must(t, work(t.Context(), b.newWorker(&script{}), id))
			if done := b.build(id); done.GetState() != complete || done.GetAttempt() != 1 || text(b.events(id)) != spoken {
				t.Errorf("%v in attempt %d, said %q", done.GetState(), done.GetAttempt(), text(b.events(id)))
			}
		})
	}
}

// The same while files are stored: they are not written again.
func TestFilesThatTakeTooLong(t *testing.T) {
	t.Parallel()
	b := setup(t)
	id := b.queued().GetId()
	tx, err := b.db.Pool().Begin(t.Context())
	must(t, err)
	must(t, work(t.Context(), b.newWorker(&script{written: func(ctx context.Context, _ []string, s engine.Sink) error {
		_, err := tx.Exec(ctx, `LOCK TABLE build_files IN SHARE MODE`)
		must(t, err)
		time.AfterFunc(11*time.Second, func() {
			if err := tx.Commit(context.WithoutCancel(ctx)); err != nil {
				t.Error(err)
			}
		})
		return errors.Join(write(ctx, s, "index.html", page("x")), write(ctx, s, "about.html", page("y")))
	}}), id))
	if got := b.build(id); got.GetState() != coding || b.jobCount(id) != 2 {
		t.Fatalf("%v, %v, %d jobs", got.GetState(), got.GetError(), b.jobCount(id))
	}
	var told []string
	must(t, work(t.Context(), b.newWorker(&script{written: func(_ context.Context, done []string, _ engine.Sink) error {
		told = slices.Clone(done)
		return nil
	}}), id))
	if done := b.build(id); done.GetState() != complete || !slices.Equal(told, []string{"about.html", "index.html"}) {
		t.Errorf("%v, done before: %v", done.GetState(), told)
	}
}

// A failure that nobody foresaw is an error in the log; one of a provider is not.
func TestDefectsAreLogged(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for _, test := range []struct {
		err  error
		want bool
	}{{errors.New("own"), true}, {&engine.ProviderError{Provider: "example", Err: errors.New("529")}, false}} {
		var logged lines
		b.run(&script{planned: func(context.Context, engine.Sink) (*engine.Plan, error) { return nil, test.err }}, func(p *build.WorkerPorts) {
			p.Logger = slog.New(slog.NewTextHandler(&logged, &slog.HandlerOptions{Level: slog.LevelError}))
		})
		if got := strings.Contains(logged.String(), test.err.Error()); got != test.want {
			t.Errorf("%v: logged %q", test.err, logged.String())
		}
	}
}
