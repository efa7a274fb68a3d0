package build_test

import (
	"context"
	"testing"
	"time"

	billingv1 "github.com/sheenapps/sheen/gen/sheen/billing/v1"
	buildv1 "github.com/sheenapps/sheen/gen/sheen/build/v1"
	"github.com/sheenapps/sheen/server/engine/anthropic"
	"github.com/sheenapps/sheen/server/engine/llm"
	"github.com/sheenapps/sheen/server/engine/llmtest"
)

// busy is an engine whose provider is busy when the plan is asked for and has it
// wait.
func busy(t *testing.T, wait func(context.Context, time.Duration) error) *llm.Engine {
	t.Helper()
	p := llmtest.Start(t, llmtest.Anthropic)
	p.Inject("plan", llmtest.Status(429, "25"))
	e := llm.New(anthropic.New(llm.Access{Key: llmtest.Key, BaseURL: p.BaseURL()}), llm.Options{Wait: wait})
	t.Cleanup(e.CloseIdle)
	return e
}

// A minute in which an engine waits for its provider is not AI time.
func TestWaitsForAProviderAreNotCharged(t *testing.T) {
	t.Parallel()
	b := setup(t)
	var clock workClock
	waited := 0
	done := b.run(busy(t, func(context.Context, time.Duration) error {
		waited++
		clock.work(time.Minute)
		return nil
	}), clock.port)
	if done.GetState() != complete || waited != 1 {
		t.Fatalf("%v after %d waits", done, waited)
	}
	b.checkPaid(done, 0, billingv1.Outcome_OUTCOME_SUCCEEDED)
	b.checkHolds(done.GetId(), "0 of 180")
}

// The same of a build that is cancelled while its engine waits.
func TestACancelledWaitIsNotCharged(t *testing.T) {
	t.Parallel()
	b := setup(t)
	var clock workClock
	id, waits := b.queued().GetId(), make(chan struct{})
	worked := make(chan error, 1)
	w := b.newWorker(busy(t, func(ctx context.Context, _ time.Duration) error {
		clock.work(time.Minute)
		close(waits)
		<-ctx.Done()
		return context.Cause(ctx)
	}), clock.port)
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	go w.Watch(ctx)
	go func() { worked <- work(t.Context(), w, id) }()
	<-waits
	_, err := b.CancelBuild(b.ctx(), &buildv1.CancelBuildRequest{BuildId: id})
	must(t, err)
	must(t, <-worked)
	done := b.build(id)
	if done.GetState() != cancelled || done.GetChargedSeconds() >= 60 {
		t.Errorf("%v, charged %d s", done.GetState(), done.GetChargedSeconds())
	}
}
