package build_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"

	billingv1 "github.com/sheenapps/sheen/gen/sheen/billing/v1"
	buildv1 "github.com/sheenapps/sheen/gen/sheen/build/v1"
	"github.com/sheenapps/sheen/server/build"
	"github.com/sheenapps/sheen/server/engine"
	"github.com/sheenapps/sheen/store"
)

// paused is a worker that stands still in the middle of a call, as one does whose
// machine is suspended, and then wakes up.
type paused struct {
	waits, wake chan struct{}
	worked      chan error
}

// pause has a worker with an engine take a build and stand still in a call.
func (b *testBundle) pause(id string, e func(p *paused) *script) *paused {
	p := &paused{waits: make(chan struct{}), wake: make(chan struct{}), worked: make(chan error, 1)}
	w := b.newWorker(e(p))
	go func() { p.worked <- work(b.t.Context(), w, id) }()
	<-p.waits
	return p
}

func (p *paused) stand() {
	close(p.waits)
	<-p.wake
}

// sweepUp has the sweeper find that a build's worker is silent.
func (b *testBundle) sweepUp(id string) {
	b.t.Helper()
	b.exec(`UPDATE builds SET lease_expire_time = clock_timestamp() - interval '1 second' WHERE id = $1`, uuid.MustParse(id))
	before := b.jobCount(id)
	must(b.t, b.newWorker(&script{}).Sweep(b.t.Context()))
	if got := b.jobCount(id); got != before+1 {
		b.t.Fatalf("%d jobs after the sweep, %d before", got, before)
	}
	must(b.t, b.newWorker(&script{}).Sweep(b.t.Context()))
	if got := b.jobCount(id); got != before+1 {
		b.t.Fatal("a second sweep queues the build once more")
	}
}

// everything is all that a build has stored, as text.
func (b *testBundle) everything(id string) string {
	b.t.Helper()
	var all []string
	for _, sql := range []string{
		`SELECT coalesce(string_agg(b::text, ';'), '') FROM builds b WHERE id = $1`,
		`SELECT coalesce(string_agg(e::text, ';' ORDER BY seq), '') FROM build_events e WHERE build_id = $1 AND seq > 0`,
		`SELECT coalesce(string_agg(f::text, ';' ORDER BY path), '') FROM build_files f WHERE build_id = $1`,
		`SELECT coalesce(string_agg(s::text, ';' ORDER BY step), '') FROM build_steps s WHERE build_id = $1`,
		`SELECT coalesce(string_agg(c::text, ';' ORDER BY key, attempt), '') FROM model_calls c WHERE build_id = $1`,
		`SELECT coalesce(string_agg(v::text, ';' ORDER BY id), '') FROM versions v WHERE build_id = $1`,
		`SELECT coalesce(string_agg(h::text, ';' ORDER BY id), '') FROM hold h WHERE build_id = $1`,
		`SELECT coalesce(string_agg(p::text, ';'), '') FROM projects p JOIN builds b ON b.project_id = p.id WHERE b.id = $1`,
	} {
		var rows string
		must(b.t, b.db.QueryRow(b.t.Context(), sql, uuid.MustParse(id)).Scan(&rows))
		all = append(all, rows)
	}
	return strings.Join(all, "\n")
}

// A worker stands still while it writes; another one takes over and completes
// without repeating a finished step; the first one wakes up and writes nothing.
func TestTakeoverInCoding(t *testing.T) {
	t.Parallel()
	b := setup(t)
	id := b.queued().GetId()
	first := b.pause(id, func(p *paused) *script {
		return &script{written: func(ctx context.Context, _ []string, s engine.Sink) error {
			if err := write(ctx, s, "index.html", page("of the first")); err != nil {
				return err
			}
			eventually(t, "the first file is stored", func() bool { return b.number(`SELECT count(*) FROM build_files`) == 1 })
			p.stand()
			// It does not look at what comes of it.
			_ = write(ctx, s, "index.html", page("of a zombie"))
			_ = write(ctx, s, "zombie.html", page("of a zombie"))
			_ = s.Text(ctx, "I am a zombie.")
			return nil
		}}
	})
	b.sweepUp(id)
	second := &script{}
	var told []string
	second.written = func(ctx context.Context, done []string, s engine.Sink) error {
		told = slices.Clone(done)
		return write(ctx, s, "about.html", page("of the second"))
	}
	must(t, work(t.Context(), b.newWorker(second), id))
	done, before := b.build(id), b.everything(id)
	close(first.wake)
	must(t, <-first.worked)
	if b.everything(id) != before {
		t.Errorf("the zombie wrote\n%s\nbefore\n%s", b.everything(id), before)
	}
	events := b.events(id)
	checkStates(t, events, queued, planning, coding, inTesting, deploying, complete)
	checkProgress(t, events)
	b.checkPaid(done, 10, billingv1.Outcome_OUTCOME_SUCCEEDED)
	if done.GetAttempt() != 2 || second.plans.Load() != 0 || !slices.Equal(told, []string{"index.html"}) {
		t.Errorf("attempt %d, %d plans, done before: %v", done.GetAttempt(), second.plans.Load(), told)
	}
	if !slices.Equal(paths(events), []string{"index.html", "about.html"}) || text(events) != spoken {
		t.Errorf("wrote %v, said %q", paths(events), text(events))
	}
	file, err := b.GetFile(b.ctx(), &buildv1.GetFileRequest{VersionId: done.GetVersionId(), Path: "index.html"})
	must(t, err)
	if string(file.GetContent()) != page("of the first") {
		t.Errorf("the file is %s", file.GetContent())
	}
}

// Only the token moves: the zombie's next write of any kind finds it out.
func TestAZombieWritesNothing(t *testing.T) {
	t.Parallel()
	zombies := map[string]func(p *paused) *script{
		"plan": func(p *paused) *script {
			return &script{planned: func(context.Context, engine.Sink) (*engine.Plan, error) { p.stand(); return salonPlan(), nil }}
		},
		"plan with text": func(p *paused) *script {
			return &script{planned: func(ctx context.Context, s engine.Sink) (*engine.Plan, error) {
				p.stand()
				return salonPlan(), s.Text(ctx, "late")
			}}
		},
		"write": func(p *paused) *script {
			return &script{written: func(ctx context.Context, _ []string, s engine.Sink) error {
				p.stand()
				return write(ctx, s, "index.html", page("late"))
			}}
		},
		"fix": func(p *paused) *script {
			return &script{
				written: func(ctx context.Context, _ []string, s engine.Sink) error {
					return write(ctx, s, "index.html", "<p>broken")
				},
				fixed: func(ctx context.Context, _ []engine.Failure, s engine.Sink) error {
					p.stand()
					return write(ctx, s, "index.html", page("late"))
				},
			}
		},
		"failure": func(p *paused) *script {
			return &script{written: func(context.Context, []string, engine.Sink) error { p.stand(); return engine.ErrRefused }}
		},
		"panic": func(p *paused) *script {
			return &script{written: func(context.Context, []string, engine.Sink) error { p.stand(); panic("late") }}
		},
	}
	all := setup(t)
	for name, zombie := range zombies {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := all.other(t)
			id := b.queued().GetId()
			p := b.pause(id, zombie)
			b.exec(`UPDATE builds SET lease_token = lease_token + 1, lease_expire_time = clock_timestamp() + interval '1 hour' WHERE id = $1`, uuid.MustParse(id))
			before := b.everything(id)
			close(p.wake)
			must(t, <-p.worked)
			if after := b.everything(id); after != before {
				t.Errorf("before\n%s\nafter\n%s", before, after)
			}
		})
	}
	t.Run("probe", func(t *testing.T) {
		t.Parallel()
		b := all.other(t)
		id := b.queued().GetId()
		p := &paused{waits: make(chan struct{}), wake: make(chan struct{}), worked: make(chan error, 1)}
		w := b.newWorker(&script{}, func(ports *build.WorkerPorts) {
			ports.Probe = func(context.Context, string) error { p.stand(); return nil }
		})
		go func() { p.worked <- work(t.Context(), w, id) }()
		<-p.waits
		b.exec(`UPDATE builds SET lease_token = lease_token + 1 WHERE id = $1`, uuid.MustParse(id))
		before := b.everything(id)
		close(p.wake)
		must(t, <-p.worked)
		if after := b.everything(id); after != before {
			t.Errorf("before\n%s\nafter\n%s", before, after)
		}
	})
}

// A worker that fails finds the build completed by another: it charges nothing, and
// its job has nothing to come again for.
func TestAZombieFindsTheBuildOver(t *testing.T) {
	t.Parallel()
	b := setup(t)
	id := b.queued().GetId()
	p := b.pause(id, func(p *paused) *script {
		return &script{written: func(context.Context, []string, engine.Sink) error { p.stand(); return engine.ErrRefused }}
	})
	b.sweepUp(id)
	must(t, work(t.Context(), b.newWorker(&script{}), id))
	if state := b.build(id).GetState(); state != complete {
		t.Fatalf("the second worker left the build %v", state)
	}
	before := b.everything(id)
	close(p.wake)
	must(t, <-p.worked)
	if after := b.everything(id); after != before {
		t.Errorf("before\n%s\nafter\n%s", before, after)
	}
}

// saysHalf is an engine whose first call stops half-way through its text.
func (b *testBundle) saysHalf(p *paused) *script {
	return &script{planned: func(ctx context.Context, s engine.Sink) (*engine.Plan, error) {
		if err := s.Text(ctx, spoken[:20]); err != nil {
			return nil, err
		}
		p.stand()
		return salonPlan(), s.Text(ctx, "I am a zombie.")
	}}
}

// saysAll says the whole text, in other pieces than the first call did.
func saysAll(ctx context.Context, s engine.Sink) (*engine.Plan, error) {
	for _, piece := range []string{spoken[:7], spoken[7:31], spoken[31:]} {
		if err := s.Text(ctx, piece); err != nil {
			return nil, err
		}
	}
	return salonPlan(), nil
}

func TestTakeoverInPlanningRepeatsNoText(t *testing.T) {
	t.Parallel()
	b := setup(t)
	id := b.queued().GetId()
	first := b.pause(id, b.saysHalf)
	b.sweepUp(id)
	must(t, work(t.Context(), b.newWorker(&script{planned: saysAll}), id))
	close(first.wake)
	must(t, <-first.worked)
	done := b.build(id)
	if got := text(b.events(id)); got != spoken || done.GetState() != complete {
		t.Errorf("said %q and ended as %v", got, done.GetState())
	}
	b.checkPaid(done, 10, billingv1.Outcome_OUTCOME_SUCCEEDED)
}

// A node that stops gives its builds back: the attempt does not count, and the
// next node goes on where it was.
func TestAStoppingNodeGivesBack(t *testing.T) {
	t.Parallel()
	b := setup(t)
	id := b.queued().GetId()
	for i := range 5 {
		s := newStuck()
		job, stop := context.WithCancel(t.Context())
		worked := make(chan error, 1)
		w := b.newWorker(&script{planned: func(ctx context.Context, sink engine.Sink) (*engine.Plan, error) {
			if err := sink.Text(ctx, spoken[:10+i]); err != nil {
				return nil, err
			}
			return nil, s.wait(ctx)
		}})
		go func() { worked <- work(job, w, id) }()
		<-s.waits
		stop()
		must(t, <-worked)
		if got := b.build(id); got.GetState() != planning || got.GetAttempt() != 0 || b.jobCount(id) != int64(i+2) {
			t.Fatalf("given back as %v with %d jobs", got, b.jobCount(id))
		}
		if n := b.number(`SELECT count(*) FROM builds WHERE lease_expire_time IS NOT NULL`); n != 0 {
			t.Fatal("the lease is still taken")
		}
	}
	must(t, work(t.Context(), b.newWorker(&script{planned: saysAll}), id))
	done := b.build(id)
	if got := text(b.events(id)); got != spoken || done.GetState() != complete || done.GetAttempt() != 1 {
		t.Errorf("said %q and ended as %v", got, done)
	}
	b.checkPaid(done, 10, billingv1.Outcome_OUTCOME_SUCCEEDED)
}

// A run whose write was lost with the store gives its build back as soon as the
// store answers: nobody waits for the end of the lease.
func TestALostWriteGivesBack(t *testing.T) {
	t.Parallel()
	b := setup(t)
	id := b.queued().GetId()
	must(t, work(t.Context(), b.newWorker(&script{planned: func(ctx context.Context, s engine.Sink) (*engine.Plan, error) {
		if err := s.Text(ctx, spoken[:10]); err != nil {
			return nil, err
		}
		return nil, fmt.Errorf("write: %w", store.ErrUnavailable)
	}}), id))
	if got := b.build(id); got.GetState() != planning || got.GetAttempt() != 0 || b.jobCount(id) != 2 {
		t.Fatalf("given back as %v with %d jobs", got, b.jobCount(id))
	}
	if n := b.number(`SELECT count(*) FROM builds WHERE lease_expire_time IS NOT NULL`); n != 0 {
		t.Fatal("the lease is still taken")
	}
	must(t, work(t.Context(), b.newWorker(&script{planned: saysAll}), id))
	done := b.build(id)
	if got := text(b.events(id)); got != spoken || done.GetState() != complete {
		t.Errorf("said %q and ended as %v", got, done)
	}
}

// Three workers are lost; the fourth only ends the build.
func TestAttemptsAreExhausted(t *testing.T) {
	t.Parallel()
	b := setup(t)
	id := b.queued().GetId()
	for range build.MaxAttempts {
		p := b.pause(id, b.saysHalf)
		b.sweepUp(id)
		t.Cleanup(func() {
			close(p.wake)
			must(t, <-p.worked)
		})
	}
	last := &script{}
	must(t, work(t.Context(), b.newWorker(last), id))
	done := b.build(id)
	if got := done.GetError(); done.GetState() != failed || last.plans.Load() != 0 || !got.GetRetryable() ||
		got.GetReason() != buildv1.BuildErrorReason_BUILD_ERROR_REASON_ATTEMPTS_EXHAUSTED ||
		got.GetClass() != buildv1.ErrorClass_ERROR_CLASS_PLATFORM {
		t.Errorf("ended as %v with %v after %d calls", done.GetState(), got, last.plans.Load())
	}
	b.checkPaid(done, 0, billingv1.Outcome_OUTCOME_FAILED_PLATFORM)
}

// One job too many does no harm: nobody takes a build that somebody works on.
func TestOneBuildHasOneWorker(t *testing.T) {
	t.Parallel()
	b := setup(t)
	id := b.queued().GetId()
	p := b.pause(id, func(p *paused) *script {
		return &script{planned: func(ctx context.Context, s engine.Sink) (*engine.Plan, error) {
			p.stand()
			return salonPlan(), s.Text(ctx, spoken)
		}}
	})
	other := &script{}
	must(t, work(t.Context(), b.newWorker(other), id))
	must(t, b.newWorker(other).Sweep(t.Context()))
	if other.plans.Load() != 0 || b.jobCount(id) != 1 {
		t.Error("a second worker was at work")
	}
	close(p.wake)
	must(t, <-p.worked)
	if got := b.build(id); got.GetState() != complete || got.GetAttempt() != 1 {
		t.Errorf("ended as %v", got)
	}
}

// Each statement that a worker writes with is guarded by the token.
func TestWritesAreFencedInSQL(t *testing.T) {
	t.Parallel()
	b := setup(t)
	id, queries := uuid.MustParse(b.queued().GetId()), store.New()
	b.exec(`UPDATE builds SET state = 'coding', lease_token = 7, attempt = 1, lease_expire_time = clock_timestamp() + interval '1 hour' WHERE id = $1`, id)
	digest := make([]byte, 32)
	writes := map[string]func(ctx context.Context, token int64) (int64, error){
		"files": func(ctx context.Context, token int64) (int64, error) {
			return queries.BuildFileUpsert(ctx, b.db, &store.BuildFileUpsertParams{
				BuildID: id, LeaseToken: token, Paths: []string{"a"}, Digests: [][]byte{digest}, Sizes: []int64{1},
			})
		},
		"step": func(ctx context.Context, token int64) (int64, error) {
			return queries.BuildStepInsert(ctx, b.db, &store.BuildStepInsertParams{BuildID: id, LeaseToken: token, Step: "plan", Result: []byte("1")})
		},
		"calls": func(ctx context.Context, token int64) (int64, error) {
			none := []int64{0}
			return queries.ModelCallInsert(ctx, b.db, &store.ModelCallInsertParams{
				BuildID: id, LeaseToken: token, Keys: []string{"plan"}, Attempts: []int32{1}, Models: []string{"m"}, Failed: []bool{false},
				InputTokens: none, CacheReadTokens: none, CacheWriteTokens: none, OutputTokens: none, CostMicros: none,
			})
		},
		"progress": func(ctx context.Context, token int64) (int64, error) {
			return queries.BuildProgress(ctx, b.db, &store.BuildProgressParams{ID: id, LeaseToken: token, ProgressPermille: 5, StepCount: 7})
		},
		"version": func(ctx context.Context, token int64) (int64, error) {
			return queries.BuildSetVersion(ctx, b.db, &store.BuildSetVersionParams{ID: id, LeaseToken: token, VersionID: &id})
		},
		"renewal": func(ctx context.Context, token int64) (int64, error) {
			_, err := queries.BuildLeaseRenew(ctx, b.db, &store.BuildLeaseRenewParams{ID: id, LeaseToken: token, TtlMs: 1})
			return 1, err
		},
		"events": func(ctx context.Context, token int64) (int64, error) {
			_, err := queries.EventAppend(ctx, b.db, &store.EventAppendParams{
				BuildID: id, LeaseToken: token, Classes: []int16{1}, Kinds: []int16{10}, Payloads: [][]byte{{}},
			})
			return 1, err
		},
		// The last one: it moves the token on.
		"return": func(ctx context.Context, token int64) (int64, error) {
			return queries.BuildLeaseReturn(ctx, b.db, &store.BuildLeaseReturnParams{ID: id, LeaseToken: token})
		},
	}
	before := b.everything(id.String())
	for name, write := range writes {
		for _, token := range []int64{0, 6, 8} {
			if n, err := write(t.Context(), token); n != 0 && err == nil || err != nil && !errors.Is(err, store.ErrNotFound) {
				t.Errorf("%s with token %d: %d, %v", name, token, n, err)
			}
		}
	}
	if after := b.everything(id.String()); after != before {
		t.Errorf("before\n%s\nafter\n%s", before, after)
	}
	for _, name := range []string{"files", "step", "progress", "version", "renewal", "events", "return"} {
		if n, err := writes[name](t.Context(), 7); n != 1 || err != nil {
			t.Errorf("%s with its token: %d, %v", name, n, err)
		}
	}
}

// An event that the store refuses ends the build; it does not hang on it.
func TestAnEventThatCannotBeStored(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.exec(`CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'injected'; END $$`)
	b.exec(`CREATE TRIGGER injected BEFORE INSERT ON build_files FOR EACH ROW EXECUTE FUNCTION fail()`)
	done := b.run(&script{})
	if done.GetState() != failed || done.GetError().GetClass() != buildv1.ErrorClass_ERROR_CLASS_PLATFORM {
		t.Errorf("ended as %v with %v", done.GetState(), done.GetError())
	}
	b.checkPaid(done, 0, billingv1.Outcome_OUTCOME_FAILED_PLATFORM)
}
