package build_test

import (
	"context"
	"errors"
	"slices"
	"testing"

	"github.com/google/uuid"

	billingv1 "github.com/sheenapps/sheen/gen/sheen/billing/v1"
	buildv1 "github.com/sheenapps/sheen/gen/sheen/build/v1"
	"github.com/sheenapps/sheen/server/engine"
	"github.com/sheenapps/sheen/server/engine/anthropic"
	"github.com/sheenapps/sheen/server/engine/llm"
	"github.com/sheenapps/sheen/server/engine/llmtest"
)

// modelEngine is an engine before a provider that costs a micro-dollar a token.
func modelEngine(t *testing.T) (*llm.Engine, *llmtest.Provider) {
	p := llmtest.Start(t, llmtest.Anthropic)
	e := llm.New(anthropic.New(llm.Access{Key: llmtest.Key, BaseURL: p.BaseURL()}),
		llm.Options{Price: llm.Price{Input: 1_000_000, Output: 1_000_000, CacheRead: 1_000_000, CacheWrite: 1_000_000}})
	t.Cleanup(e.CloseIdle)
	return e, p
}

// calls are a build's model calls, "key attempt cost" each, with "!" where nothing
// came of it.
func (b *testBundle) calls(id string) []string {
	b.t.Helper()
	var all []string
	must(b.t, b.db.QueryRow(b.t.Context(), `SELECT coalesce(array_agg(
		key || ' ' || attempt || ' ' || cost_micros || CASE WHEN failed THEN '!' ELSE '' END ORDER BY key, attempt), '{}')
		FROM model_calls WHERE build_id = $1`, uuid.MustParse(id)).Scan(&all))
	return all
}

// checkCosts checks that the steps cost what the calls did.
func (b *testBundle) checkCosts(id string) {
	b.t.Helper()
	steps := b.number(`SELECT coalesce(sum(cost_micros), 0) FROM build_steps WHERE build_id = $1`, uuid.MustParse(id))
	calls := b.number(`SELECT coalesce(sum(cost_micros), 0) FROM model_calls WHERE build_id = $1`, uuid.MustParse(id))
	if steps != calls || calls == 0 {
		b.t.Errorf("the steps cost %d, the calls %d", steps, calls)
	}
}

// A worker is lost in the middle of a call. The one that takes over makes no
// finished call again, and what all of them cost is in the steps.
func TestATakeoverRepeatsNoFinishedCall(t *testing.T) {
	t.Parallel()
	for _, at := range []string{"write:index.html", "fix:index.html"} {
		t.Run(at, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			e, p := modelEngine(t)
			id := b.queued().GetId()
			hold := p.Hold(at)
			lost, stop := context.WithCancelCause(t.Context())
			first := make(chan error, 1)
			go func() { first <- work(lost, b.newWorker(e), id) }()
			<-hold.Arrived
			eventually(t, "the finished file is stored with its call", func() bool {
				return b.number(`SELECT count(*) FROM model_calls WHERE key = 'write:css/site.css' AND NOT failed`) ==
					b.number(`SELECT count(*) FROM build_files WHERE path = 'css/site.css'`) && b.number(`SELECT count(*) FROM build_files`) > 0
			})
			b.sweepUp(id)
			must(t, work(t.Context(), b.newWorker(e), id))
			stop(errors.New("gone"))
			must(t, <-first)
			done := b.build(id)
			if done.GetState() != complete || done.GetAttempt() != 2 {
				t.Fatalf("%v in attempt %d", done.GetState(), done.GetAttempt())
			}
			for _, task := range []string{"plan", "write:css/site.css", "write:contact.html", "write:index.html", "fix:index.html"} {
				want := 1
				if task == at {
					want = 2
				}
				if got := p.Count(task); got != want {
					t.Errorf("%s was asked for %d times, want %d", task, got, want)
				}
			}
			want := []string{
				"fix:1:index.html 1 4100", "plan 1 2912", "write:contact.html 1 3830", "write:css/site.css 1 3830", "write:index.html 1 3830",
			}
			if got := b.calls(id); !slices.Equal(got, want) {
				t.Errorf("the calls are %q, want %q", got, want)
			}
			b.checkCosts(id)
			b.checkPaid(done, 10, billingv1.Outcome_OUTCOME_SUCCEEDED)
		})
	}
}

// A file that a lost worker has mended is not mended again, also where the tests
// would still find something in it.
func TestATakeoverKeepsWhatIsMended(t *testing.T) {
	t.Parallel()
	b := setup(t)
	id := b.queued().GetId()
	broken := `<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"></head><body></body></html>`
	good := func(ctx context.Context, _ []string, s engine.Sink) error {
		return errors.Join(write(ctx, s, "index.html", broken), write(ctx, s, "about.html", broken))
	}
	first := b.pause(id, func(p *paused) *script {
		return &script{written: good, fixed: func(ctx context.Context, _ []engine.Failure, s engine.Sink) error {
			must(t, s.Called(ctx, engine.Call{Key: engine.FixKey(1, "index.html")}))
			must(t, write(ctx, s, "index.html", broken+"<!-- -->"))
			eventually(t, "the call is stored", func() bool { return b.number(`SELECT count(*) FROM model_calls`) == 1 })
			p.stand()
			return errors.New("gone")
		}}
	})
	b.sweepUp(id)
	var told []string
	second := &script{fixed: func(_ context.Context, failures []engine.Failure, _ engine.Sink) error {
		for _, f := range failures {
			told = append(told, f.Path)
		}
		return engine.ErrRefused
	}}
	must(t, work(t.Context(), b.newWorker(second), id))
	close(first.wake)
	must(t, <-first.worked)
	if told = slices.Compact(told); !slices.Equal(told, []string{"about.html"}) {
		t.Errorf("told to mend %v", told)
	}
}

// Failed calls count in what a build costs; the hundred-and-first ends it.
func TestModelCallLimit(t *testing.T) {
	t.Parallel()
	b := setup(t)
	done := b.run(&script{planned: func(ctx context.Context, s engine.Sink) (*engine.Plan, error) {
		for range 100 {
			if err := s.Called(ctx, engine.Call{Key: "plan", Failed: true, CostMicros: 7}); err != nil {
				t.Errorf("refused before the limit: %v", err)
			}
		}
		return nil, s.Called(ctx, engine.Call{Key: "plan", CostMicros: 7})
	}})
	if done.GetState() != buildv1.BuildState_BUILD_STATE_FAILED || done.GetError().GetReason().String() != "BUILD_ERROR_REASON_LIMIT_EXCEEDED" {
		t.Errorf("the build is %v, %v", done.GetState(), done.GetError())
	}
	if n := b.number(`SELECT count(*) FROM model_calls WHERE failed`); n != 101 {
		t.Errorf("%d failed calls are stored", n)
	}
	b.checkCosts(done.GetId())
	b.checkPaid(done, 0, billingv1.Outcome_OUTCOME_FAILED_PLATFORM)
}

// What providers do ends a build as the one whose fault it is, and never costs its
// user anything.
func TestModelFaultsEndABuild(t *testing.T) {
	t.Parallel()
	shared := setup(t)
	for name, test := range map[string]struct {
		fault   llmtest.Fault
		reason  string
		outcome billingv1.Outcome
		again   bool
	}{
		"key":     {llmtest.Status(401, ""), "BUILD_ERROR_REASON_PROVIDER_UNAVAILABLE", billingv1.Outcome_OUTCOME_FAILED_PROVIDER, false},
		"later":   {llmtest.Status(429, "600"), "BUILD_ERROR_REASON_PROVIDER_UNAVAILABLE", billingv1.Outcome_OUTCOME_FAILED_PROVIDER, true},
		"cut":     {llmtest.CutLate(), "BUILD_ERROR_REASON_PROVIDER_UNAVAILABLE", billingv1.Outcome_OUTCOME_FAILED_PROVIDER, true},
		"long":    {llmtest.Status(400, ""), "BUILD_ERROR_REASON_LIMIT_EXCEEDED", billingv1.Outcome_OUTCOME_FAILED_PLATFORM, false},
		"refused": {llmtest.Refusal(), "BUILD_ERROR_REASON_POLICY_VIOLATION", billingv1.Outcome_OUTCOME_FAILED_POLICY, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := shared.other(t)
			e, p := modelEngine(t)
			p.Inject("plan", test.fault)
			done := b.run(e)
			if err := done.GetError(); err.GetReason().String() != test.reason || err.GetRetryable() != test.again {
				t.Errorf("the error is %v", err)
			}
			b.checkPaid(done, done.GetChargedSeconds(), test.outcome)
			if test.outcome != billingv1.Outcome_OUTCOME_FAILED_POLICY && done.GetChargedSeconds() != 0 {
				t.Errorf("charged %d s", done.GetChargedSeconds())
			}
			if calls := b.calls(done.GetId()); len(calls) != 1 || calls[0][len(calls[0])-1] != '!' {
				t.Errorf("the calls are %q", calls)
			}
		})
	}
}
