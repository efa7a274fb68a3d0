package build_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/sheenapps/sheen/server/build"
	"github.com/sheenapps/sheen/server/engine"
)

// killAppends kills the connections that append, over and over, until the stop,
// which returns how many. After it no dead connection is left for others to meet.
func (b *testBundle) killAppends() (stop func() int64) {
	ctx, cancel := context.WithCancel(b.t.Context())
	var killed int64
	var group sync.WaitGroup
	group.Go(func() {
		for ctx.Err() == nil {
			var n int64
			err := b.db.QueryRow(b.t.Context(), `SELECT count(pg_terminate_backend(pid, 5000)) FROM pg_stat_activity
				WHERE datname = current_database() AND pid <> pg_backend_pid()
				  AND state IN ('active', 'idle in transaction') AND query LIKE '-- name: EventAppend%'`).Scan(&n)
			if err == nil {
				killed += n
			}
			select {
			case <-ctx.Done():
			case <-time.After(2 * time.Millisecond):
			}
		}
	})
	return func() int64 {
		cancel()
		group.Wait()
		b.db.Pool().Reset()
		return killed
	}
}

// A run whose connections are killed while it writes text and files writes each of
// them once.
func TestWritesOfUnknownOutcomeAreSettled(t *testing.T) {
	t.Parallel()
	b := setup(t)
	var want strings.Builder
	var files []string
	killed := map[string]int64{}
	done := b.run(&script{
		planned: func(ctx context.Context, s engine.Sink) (*engine.Plan, error) {
			stop := b.killAppends()
			defer func() { killed["text"] = stop() }()
			for i := range 150 {
				piece := fmt.Sprintf("%d ", i) + strings.Repeat("x", 2<<10)
				want.WriteString(piece)
				if err := s.Text(ctx, piece); err != nil {
					return nil, err
				}
			}
			return salonPlan(), nil
		},
		written: func(ctx context.Context, _ []string, s engine.Sink) error {
			stop := b.killAppends()
			defer func() { killed["files"] = stop() }()
			for i := range 40 {
				files = append(files, fmt.Sprintf("page%d.html", i))
				if err := write(ctx, s, files[i], page(files[i])); err != nil {
					return err
				}
				// Text of this size ends the wait for company.
				if err := s.Text(ctx, strings.Repeat("y", 2<<10)); err != nil {
					return err
				}
				want.WriteString(strings.Repeat("y", 2<<10))
			}
			return write(ctx, s, "index.html", page("x"))
		},
	})
	events := b.events(done.GetId())
	if done.GetState() != complete || text(events) != want.String() {
		t.Errorf("ended as %v with %d bytes of text, want %d", done.GetState(), len(text(events)), want.Len())
	}
	if got := paths(events); !slices.Equal(got, append(files, "index.html")) {
		t.Errorf("wrote %q", got)
	}
	checkProgress(t, events)
	for what, n := range killed {
		if n == 0 {
			t.Errorf("no connection was killed while it wrote %s", what)
		}
	}
}

// An admin sees what a worker noted; no note holds what a user or a model said.
func TestNotesOfARun(t *testing.T) {
	t.Parallel()
	all := setup(t)
	const secret = "sk-canary"
	for name, test := range map[string]struct {
		engine *script
		want   []string
	}{
		"good": {&script{}, []string{"lease_taken", "step", "step"}},
		"refused": {&script{planned: func(context.Context, engine.Sink) (*engine.Plan, error) {
			return nil, fmt.Errorf("%s: %w", secret, engine.ErrRefused)
		}}, []string{"lease_taken", "step", "attempt_failed"}},
		"panic": {&script{planned: func(context.Context, engine.Sink) (*engine.Plan, error) {
			panic(secret)
		}}, []string{"lease_taken", "attempt_failed"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := all.other(t)
			done := b.run(test.engine)
			notes, err := b.ports.Log.InternalPage(t.Context(), uuid.MustParse(done.GetId()), 0, 100)
			must(t, err)
			var kinds []string
			for _, note := range notes {
				kinds = append(kinds, note.Kind)
				if strings.Contains(string(note.Data), secret) || strings.Contains(string(note.Data), "salon") {
					t.Errorf("noted %s", note.Data)
				}
			}
			if !slices.Equal(kinds, test.want) {
				t.Errorf("noted %q", kinds)
			}
		})
	}
}

// Notes that cannot be written cost a build nothing.
func TestNotesThatCannotBeWritten(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.exec(`CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
		IF NEW.seq < 0 THEN RAISE EXCEPTION 'injected'; END IF; RETURN NEW; END $$`)
	b.exec(`CREATE TRIGGER injected BEFORE INSERT ON build_events FOR EACH ROW EXECUTE FUNCTION fail()`)
	if done := b.run(&script{}, func(*build.WorkerPorts) {}); done.GetState() != complete {
		t.Errorf("ended as %v", done.GetState())
	}
	if n := b.number(`SELECT count(*) FROM build_events WHERE seq < 0`); n != 0 {
		t.Errorf("%d notes were written", n)
	}
}
