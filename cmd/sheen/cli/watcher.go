package cli

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/sheenapps/sheen/client"
	"github.com/sheenapps/sheen/cmd/sheen/view"
	billingv1 "github.com/sheenapps/sheen/gen/sheen/billing/v1"
	buildv1 "github.com/sheenapps/sheen/gen/sheen/build/v1"
	recommendationv1 "github.com/sheenapps/sheen/gen/sheen/recommendation/v1"
)

// closingTimeout bounds what is asked for after the build's end.
const closingTimeout = 5 * time.Second

// errGraceOver ends a watch whose build did not end after it was cancelled.
var errGraceOver = errors.New("the cancelled build did not end in time")

// watcher shows a build from a position to its end.
type watcher struct {
	connection

	signals  *interrupts
	renderer view.Renderer
	// host is the server in this process, or nil.
	host  *host
	began time.Time
	// leaveAlone says that an interrupt ends the watching and not the build.
	leaveAlone bool
}

// watch shows the build until its last event and then how it ended.
func (w *watcher) watch(buildID string, serving bool, from client.FollowOption) (buildv1.BuildState, error) {
	if err := w.follow(buildID, from); err != nil {
		return 0, err
	}
	ctx, cancel := context.WithTimeout(w.signals.forced, closingTimeout)
	defer cancel()
	got, err := w.client.Builds.GetBuild(ctx, &buildv1.GetBuildRequest{BuildId: buildID})
	if err != nil {
		return 0, w.problem(w.signals, err)
	}
	closing := view.Closing{Build: got.GetBuild(), Took: time.Since(w.began), SpendableSeconds: w.spendable(ctx)}
	if state := got.GetBuild().GetState(); state == buildv1.BuildState_BUILD_STATE_COMPLETE {
		closing.Serving = serving && !w.signals.pressed()
		closing.Suggestions = w.suggestions(ctx, buildID)
	}
	w.renderer.End(closing)
	return got.GetBuild().GetState(), nil
}

// follow shows the events, and cancels the build when the user asks to stop.
func (w *watcher) follow(buildID string, from client.FollowOption) error {
	ctx, end := context.WithCancelCause(w.signals.forced)
	var guard sync.WaitGroup
	defer guard.Wait()
	defer end(nil)
	guard.Go(func() { w.obey(ctx, end, buildID) })
	for event, err := range w.client.Follow(ctx, buildID, from) {
		if err == nil {
			w.renderer.Event(event)
			continue
		}
		if errors.Is(err, errGraceOver) {
			w.renderer.Note("The build was told to stop and has not ended yet; it will.")
			return errInterrupted
		}
		if errors.Is(err, errInterrupted) {
			return errInterrupted
		}
		return w.problem(w.signals, err)
	}
	return nil
}

// obey waits for a reason to end the watch early.
func (w *watcher) obey(ctx context.Context, end context.CancelCauseFunc, buildID string) {
	select {
	case <-ctx.Done():
		return
	case err := <-w.hostFailed():
		end(fmt.Errorf("a part of Sheen stopped working (%w): start it again, the build goes on where it was", err))
		return
	case <-w.signals.asked.Done():
	}
	if w.leaveAlone {
		end(errInterrupted)
		return
	}
	w.renderer.Note("Cancelling; press Ctrl-C again to leave at once")
	w.cancel(ctx, buildID)
	select {
	case <-ctx.Done():
	case <-time.After(cancelGrace):
		end(errGraceOver)
	}
}

func (w *watcher) cancel(ctx context.Context, buildID string) {
	ctx, done := context.WithTimeout(ctx, cancelTimeout)
	defer done()
	_, err := w.client.Builds.CancelBuild(ctx, &buildv1.CancelBuildRequest{BuildId: buildID, Reason: "interrupted at the command line"})
	if _, tooLate := errors.AsType[*client.InvalidTransition](err); err != nil && !tooLate && ctx.Err() == nil {
		w.renderer.Note("The build could not be cancelled: " + sentence(err))
	}
}

// hostFailed is nil, and so never ready, without a host.
func (w *watcher) hostFailed() <-chan error {
	if w.host == nil {
		return nil
	}
	return w.host.Failed()
}

// spendable is what the account has left, or -1 if that cannot be known now.
func (w *watcher) spendable(ctx context.Context) int64 {
	got, err := w.client.Billing.GetBalance(ctx, &billingv1.GetBalanceRequest{})
	if err != nil {
		return -1
	}
	return got.GetBalance().GetSpendableSeconds()
}

// suggestions are next steps, asked for after the end: only then is it known what
// the site has. Without them the end is shown all the same.
func (w *watcher) suggestions(ctx context.Context, buildID string) []*recommendationv1.QuickSuggestion {
	got, err := w.client.Recommendations.GetQuickSuggestions(ctx, &recommendationv1.GetQuickSuggestionsRequest{
		Of: &recommendationv1.GetQuickSuggestionsRequest_BuildId{BuildId: buildID},
	})
	if err != nil {
		return nil
	}
	return got.GetQuickSuggestions()
}
