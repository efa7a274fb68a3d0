package build_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	billingv1 "github.com/sheenapps/sheen/gen/sheen/billing/v1"
	buildv1 "github.com/sheenapps/sheen/gen/sheen/build/v1"
	eventv1 "github.com/sheenapps/sheen/gen/sheen/event/v1"
	"github.com/sheenapps/sheen/server/build"
	"github.com/sheenapps/sheen/server/engine"
)

const (
	queued    = buildv1.BuildState_BUILD_STATE_QUEUED
	planning  = buildv1.BuildState_BUILD_STATE_PLANNING
	coding    = buildv1.BuildState_BUILD_STATE_CODING
	inTesting = buildv1.BuildState_BUILD_STATE_TESTING
	fixing    = buildv1.BuildState_BUILD_STATE_FIXING
	deploying = buildv1.BuildState_BUILD_STATE_DEPLOYING
	complete  = buildv1.BuildState_BUILD_STATE_COMPLETE
	failed    = buildv1.BuildState_BUILD_STATE_FAILED
	cancelled = buildv1.BuildState_BUILD_STATE_CANCELLED
)

// payload is the name of an event's payload.
func payload(e *eventv1.BuildEvent) string {
	m := e.ProtoReflect()
	return string(m.WhichOneof(m.Descriptor().Oneofs().ByName("payload")).Name())
}

// checkProgress checks that progress never falls, is 1000 only at the end, and
// that the stored build is what its events tell.
func checkProgress(t *testing.T, events []*eventv1.BuildEvent) {
	t.Helper()
	var before int32
	for _, e := range events {
		if p := e.GetProgress(); p != nil {
			if p.GetProgressPermille() < before || p.GetProgressPermille() >= 1000 || p.GetStepIndex() > p.GetStepCount() {
				t.Errorf("event %d: progress from %d to %v", e.GetSeq(), before, p)
			}
			before = p.GetProgressPermille()
		}
	}
}

func TestCompleteBuild(t *testing.T) {
	t.Parallel()
	b := setup(t)
	e := &script{}
	done := b.run(e)
	events := b.events(done.GetId())
	checkStates(t, events, queued, planning, coding, inTesting, deploying, complete)
	checkProgress(t, events)
	b.checkPaid(done, 10, billingv1.Outcome_OUTCOME_SUCCEEDED)
	if done.GetState() != complete || done.GetProgressPermille() != 1000 || done.GetAttempt() != 1 || done.GetError() != nil {
		t.Errorf("the build is %v", done)
	}
	var order []string
	for _, event := range events {
		if name := payload(event); name != "progress" {
			order = append(order, name)
		}
	}
	want := []string{
		"phase_changed", "hold_changed", "phase_changed", "assistant_text", "phase_changed", "file_changed", "file_changed",
		"phase_changed", "test_result", "phase_changed", "version_created", "preview_ready", "phase_changed", "build_completed",
	}
	if !slices.Equal(order, want) {
		t.Errorf("events %v\nwant   %v", order, want)
	}
	last := events[len(events)-1].GetBuildCompleted()
	if last.GetVersionId() != done.GetVersionId() || last.GetPreviewUrl() != done.GetPreviewUrl() || done.GetPreviewUrl() == "" {
		t.Errorf("the end tells %v of %v", last, done)
	}
	if text(events) != spoken || e.plans.Load() != 1 || e.writes.Load() != 1 || e.fixes.Load() != 0 {
		t.Errorf("said %q in %d, %d, %d calls", text(events), e.plans.Load(), e.writes.Load(), e.fixes.Load())
	}
	b.checkFold(done)
}

// checkFold checks that a build is what its events tell, now and at each step.
func (b *testBundle) checkFold(done *buildv1.Build) {
	b.t.Helper()
	fold, err := b.ports.Log.Fold(b.t.Context(), done, done.GetHeadSeq())
	must(b.t, err)
	told := proto.CloneOf(fold.Build())
	// An event is stamped a moment before the row that it is about.
	told.StartTime, told.EndTime = done.GetStartTime(), done.GetEndTime()
	if done.GetState() == complete && !proto.Equal(told, done) {
		b.t.Errorf("the events tell  %v\nthe build is now %v", told, done)
	}
	var before int32
	for seq := int64(1); seq <= done.GetHeadSeq(); seq++ {
		res, err := b.GetBuild(b.ctx(), &buildv1.GetBuildRequest{BuildId: done.GetId(), AsOfSeq: seq})
		must(b.t, err)
		at := res.GetBuild()
		if at.GetHeadSeq() != seq || at.GetProgressPermille() < before || (at.GetProgressPermille() == 1000) != (at.GetState() == complete) && seq == done.GetHeadSeq() {
			b.t.Errorf("after event %d: %v", seq, at)
		}
		before = at.GetProgressPermille()
	}
}

// Each failure of an engine in each call of it, and who pays: nobody, but for a
// refused prompt the planning.
func TestFailuresOfAnEngine(t *testing.T) {
	t.Parallel()
	all := setup(t)
	provider := &engine.ProviderError{Provider: "example", Retryable: true, Err: errors.New("529 overloaded")}
	final := &engine.ProviderError{Provider: "example", Err: errors.New("401 key")}
	for _, test := range []struct {
		name      string
		fail      func() error
		reason    buildv1.BuildErrorReason
		class     buildv1.ErrorClass
		retryable bool
		charged   int64
		outcome   billingv1.Outcome
	}{
		{"provider", func() error { return fmt.Errorf("call: %w", provider) }, buildv1.BuildErrorReason_BUILD_ERROR_REASON_PROVIDER_UNAVAILABLE, buildv1.ErrorClass_ERROR_CLASS_PROVIDER, true, 0, billingv1.Outcome_OUTCOME_FAILED_PROVIDER},
		{"provider for good", func() error { return final }, buildv1.BuildErrorReason_BUILD_ERROR_REASON_PROVIDER_UNAVAILABLE, buildv1.ErrorClass_ERROR_CLASS_PROVIDER, false, 0, billingv1.Outcome_OUTCOME_FAILED_PROVIDER},
		{"refused", func() error { return fmt.Errorf("model: %w", engine.ErrRefused) }, buildv1.BuildErrorReason_BUILD_ERROR_REASON_POLICY_VIOLATION, buildv1.ErrorClass_ERROR_CLASS_POLICY, false, 10, billingv1.Outcome_OUTCOME_FAILED_POLICY},
		{"plain", func() error { return errors.New("secret of the inside") }, buildv1.BuildErrorReason_BUILD_ERROR_REASON_INTERNAL, buildv1.ErrorClass_ERROR_CLASS_PLATFORM, true, 0, billingv1.Outcome_OUTCOME_FAILED_PLATFORM},
		{"panic", func() error { panic("secret of the inside") }, buildv1.BuildErrorReason_BUILD_ERROR_REASON_INTERNAL, buildv1.ErrorClass_ERROR_CLASS_PLATFORM, true, 0, billingv1.Outcome_OUTCOME_FAILED_PLATFORM},
	} {
		for where, e := range map[string]*script{
			"plan":  {planned: func(context.Context, engine.Sink) (*engine.Plan, error) { return nil, test.fail() }},
			"write": {written: func(context.Context, []string, engine.Sink) error { return test.fail() }},
			"fix": {
				written: func(ctx context.Context, _ []string, s engine.Sink) error {
					return write(ctx, s, "index.html", "<p>broken")
				},
				fixed: func(context.Context, []engine.Failure, engine.Sink) error { return test.fail() },
			},
		} {
			t.Run(test.name+"/"+where, func(t *testing.T) {
				t.Parallel()
				b := all.other(t)
				done := b.run(e)
				if got := done.GetError(); done.GetState() != failed || got.GetReason() != test.reason || got.GetClass() != test.class || got.GetRetryable() != test.retryable {
					t.Fatalf("ended as %v with %v", done.GetState(), got)
				}
				if done.GetError().GetMessage() == "" || strings.Contains(done.GetError().GetMessage(), "secret") {
					t.Errorf("the user is told %q", done.GetError().GetMessage())
				}
				b.checkPaid(done, test.charged, test.outcome)
				checkProgress(t, b.events(done.GetId()))
				b.checkFold(done)
				if b.jobCount(done.GetId()) != 1 || done.GetAttempt() != 1 {
					t.Error("a build that is over is queued again")
				}
			})
		}
	}
}

func TestAnEngineWithoutAPlan(t *testing.T) {
	t.Parallel()
	b := setup(t)
	done := b.run(&script{planned: func(context.Context, engine.Sink) (*engine.Plan, error) {
		return nil, nil //nolint:nilnil // the mistake under test
	}})
	if done.GetError().GetReason() != buildv1.BuildErrorReason_BUILD_ERROR_REASON_INTERNAL {
		t.Errorf("ended as %v", done)
	}
}

func TestTimeout(t *testing.T) {
	t.Parallel()
	b := setup(t)
	var seen error
	done := b.run(&script{written: func(ctx context.Context, _ []string, s engine.Sink) error {
		if err := write(ctx, s, "index.html", page("x")); err != nil {
			return err
		}
		<-ctx.Done()
		// Long enough for a write in the background to find the run ended.
		time.Sleep(60 * time.Millisecond) //nolint:forbidigo // an engine that is slow to stop
		seen = context.Cause(ctx)
		return seen
	}}, func(p *build.WorkerPorts) { p.Timeout = 300 * time.Millisecond })
	if done.GetState() != failed || done.GetError().GetClass() != buildv1.ErrorClass_ERROR_CLASS_TIMEOUT ||
		done.GetError().GetReason() != buildv1.BuildErrorReason_BUILD_ERROR_REASON_DEADLINE_EXCEEDED || seen == nil {
		t.Errorf("ended as %v; the engine saw %v", done, seen)
	}
	b.checkPaid(done, 0, billingv1.Outcome_OUTCOME_FAILED_PLATFORM)
}

func TestFailedProbe(t *testing.T) {
	t.Parallel()
	b := setup(t)
	done := b.run(&script{}, func(p *build.WorkerPorts) {
		p.Probe = func(context.Context, string) error { return errors.New("the page is blank") }
	})
	if done.GetError().GetReason() != buildv1.BuildErrorReason_BUILD_ERROR_REASON_DEPLOY_FAILED || done.GetPreviewUrl() != "" {
		t.Errorf("ended as %v", done)
	}
	b.checkPaid(done, 0, billingv1.Outcome_OUTCOME_FAILED_PLATFORM)
	for _, e := range b.events(done.GetId()) {
		if e.GetPreviewReady() != nil {
			t.Error("a preview that does not answer is said to be ready")
		}
	}
}
