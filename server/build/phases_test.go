package build_test

import (
	"context"
	"testing"
	"time"

	"github.com/google/uuid"

	billingv1 "github.com/sheenapps/sheen/gen/sheen/billing/v1"
	buildv1 "github.com/sheenapps/sheen/gen/sheen/build/v1"
	"github.com/sheenapps/sheen/server/build"
	"github.com/sheenapps/sheen/server/engine"
)

// Whatever works has a limit, and no limit but that of the whole build is longer.
func TestPhaseLimits(t *testing.T) {
	t.Parallel()
	want := map[build.State]time.Duration{
		build.Planning: 3 * time.Minute, build.Coding: 10 * time.Minute, build.Testing: 3 * time.Minute,
		build.Fixing: 5 * time.Minute, build.Deploying: 3 * time.Minute,
	}
	for _, s := range build.States() {
		if got := build.PhaseLimit(s); got != want[s] || got > build.DefaultTimeout {
			t.Errorf("%s may take %s, want %s", s, got, want[s])
		}
	}
}

// A phase's time runs on while its workers change, and its end is the build's.
func TestAPhaseTakesTooLong(t *testing.T) {
	t.Parallel()
	all := setup(t)
	for _, state := range []build.State{build.Planning, build.Coding, build.Testing, build.Fixing, build.Deploying} {
		for _, left := range []time.Duration{-time.Second, 300 * time.Millisecond} {
			if state == build.Testing && left > 0 {
				continue // Nothing stands still in it.
			}
			b := all.other(t)
			id := b.queued().GetId()
			b.dieIn(string(state), id)
			b.exec(`UPDATE builds SET lease_expire_time = NULL, phase_time = clock_timestamp() - interval '1 millisecond' * $2::bigint WHERE id = $1`,
				uuid.MustParse(id), (build.PhaseLimit(state) - left).Milliseconds())
			if state == build.Fixing {
				b.failedOnce(id)
			}
			stand := func(ctx context.Context) error {
				<-ctx.Done()
				return ctx.Err()
			}
			e := &script{
				planned: func(ctx context.Context, _ engine.Sink) (*engine.Plan, error) { return nil, stand(ctx) },
				written: func(ctx context.Context, _ []string, _ engine.Sink) error { return stand(ctx) },
				fixed:   func(ctx context.Context, _ []engine.Failure, _ engine.Sink) error { return stand(ctx) },
			}
			must(t, work(t.Context(), b.newWorker(e, func(p *build.WorkerPorts) {
				p.Probe = func(ctx context.Context, _ string) error { return stand(ctx) }
			}), id))
			done := b.build(id)
			if got := done.GetError(); done.GetState() != failed || got.GetClass() != buildv1.ErrorClass_ERROR_CLASS_TIMEOUT || !got.GetRetryable() ||
				got.GetReason() != buildv1.BuildErrorReason_BUILD_ERROR_REASON_DEADLINE_EXCEEDED {
				t.Errorf("%s, %s left: ended as %v with %v", state, left, done.GetState(), got)
			}
			b.checkPaid(done, 0, billingv1.Outcome_OUTCOME_FAILED_PLATFORM)
		}
	}
}

// failedOnce stores what a round of tests found that leads to mending.
func (b *testBundle) failedOnce(id string) {
	b.t.Helper()
	b.exec(`UPDATE builds SET fix_attempt = 1 WHERE id = $1`, uuid.MustParse(id))
	b.exec(`INSERT INTO build_steps (build_id, step, result) VALUES ($1, 'test:0',
		'{"fingerprint": "a", "files": "b", "checks": 1, "failures": [{"check": "html", "path": "index.html", "message": "broken"}]}')`, uuid.MustParse(id))
}

// Each phase has its own time: what came before does not count, nor does a phase
// that is entered again.
func TestAPhaseBeginsAnew(t *testing.T) {
	t.Parallel()
	b := setup(t)
	id := b.queued().GetId()
	late := func() {
		if n := b.number(`SELECT count(*) FROM builds WHERE phase_time > clock_timestamp() - interval '1 minute'`); n != 1 {
			t.Error("the phase has no time")
		}
		b.exec(`UPDATE builds SET phase_time = phase_time - interval '1 hour' WHERE id = $1`, uuid.MustParse(id))
	}
	must(t, work(t.Context(), b.newWorker(&script{
		planned: func(context.Context, engine.Sink) (*engine.Plan, error) {
			late()
			return salonPlan(), nil
		},
		written: func(ctx context.Context, _ []string, s engine.Sink) error {
			late()
			return write(ctx, s, "index.html", "<p>broken")
		},
		fixed: func(ctx context.Context, _ []engine.Failure, s engine.Sink) error {
			late()
			return write(ctx, s, "index.html", page("mended"))
		},
	}), id))
	events := b.events(id)
	checkStates(t, events, queued, planning, coding, inTesting, fixing, inTesting, deploying, complete)
}
