package build_test

import (
	"context"
	"testing"
	"time"

	"github.com/sheenapps/sheen/server/build"
	"github.com/sheenapps/sheen/server/engine"
	"github.com/sheenapps/sheen/server/recommend"
)

// A list over the limit comes back exactly when its turn is, one whose turn is too late
// has failed at once, and only calls that begin count.
func TestRecommendationsTakeTurns(t *testing.T) {
	t.Parallel()
	b := setup(t)
	now, calls := time.Unix(1e9, 0), 0
	r := b.newRecommender(func(context.Context, engine.Request, *engine.Plan) (proposals, []engine.Call, error) {
		calls++
		if calls == 2 {
			return nil, nil, &engine.ProviderError{Retryable: true, Err: context.DeadlineExceeded}
		}
		return proposals{newsletter("Send news")}, nil, nil
	}, func(p *build.RecommenderPorts) {
		p.PerMinute = 2
		p.Clock = func() time.Time { return now }
	})
	ids := make([]string, 6)
	for i := range ids {
		ids[i] = b.queued().GetId()
	}
	want := func(i int, pause time.Duration, state recommend.State) {
		t.Helper()
		got := recommendOnce(t.Context(), t, r, ids[i], 1)
		if view := b.lists(ids[i]); got != pause || view.State != state {
			t.Errorf("list %d comes back after %v, %+v; want %v, %s", i, got, view, pause, state)
		}
	}
	want(0, never, recommend.StateReady)
	want(1, 3*time.Second, recommend.StateQueued) // The call failed; the pause before the next one.
	// The next turn is after 60 s, when the deadline is over. Asking costs nothing.
	want(2, never, recommend.StateFailed)
	if view := b.lists(ids[2]); view.Reason != recommend.ReasonBusy || len(b.outcomes(ids[2], 1)) != 0 {
		t.Errorf("%+v, attempts %q", view, b.outcomes(ids[2], 1))
	}
	b.checkSignals(ids[2], nil, []int32{1})
	now = now.Add(20 * time.Second)
	want(1, 40*time.Second, recommend.StateQueued) // A call that is made again needs a turn too.
	want(3, 40*time.Second, recommend.StateQueued)
	want(4, never, recommend.StateFailed) // Both turns of the next minute are promised.
	now = now.Add(10 * time.Second)
	want(3, 30*time.Second, recommend.StateQueued) // It came too early; its turn is kept.
	if calls != 2 {
		t.Errorf("%d calls", calls)
	}
	now = now.Add(30 * time.Second)
	want(3, never, recommend.StateReady)
	want(1, never, recommend.StateReady)
	// Promises that nobody came back for are forgotten, and turns come again.
	now = now.Add(time.Hour)
	want(5, never, recommend.StateReady)
	if calls != 5 {
		t.Errorf("%d calls", calls)
	}
}
