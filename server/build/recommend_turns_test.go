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
		p.PerMinute, p.Burst = 4, 1
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
	for i, pause := range []time.Duration{15 * time.Second, 30 * time.Second, 45 * time.Second} {
		want(i+1, pause, recommend.StateQueued)
	}
	// The next turn is after 60 s, when the deadline is over. Asking costs nothing.
	want(4, never, recommend.StateFailed)
	if view := b.lists(ids[4]); view.Reason != recommend.ReasonBusy || len(b.outcomes(ids[4], 1)) != 0 {
		t.Errorf("%+v, attempts %q", view, b.outcomes(ids[4], 1))
	}
	b.checkSignals(ids[4], nil, []int32{1})
	want(1, 15*time.Second, recommend.StateQueued) // It came too early; its turn is kept.
	now = now.Add(15 * time.Second)
	want(2, 15*time.Second, recommend.StateQueued)
	want(1, 3*time.Second, recommend.StateQueued) // The call failed; the pause before the next one.
	now = now.Add(3 * time.Second)
	want(1, 42*time.Second, recommend.StateQueued) // A call that is made again needs a turn too.
	if calls != 2 {
		t.Errorf("%d calls", calls)
	}
	now = now.Add(42 * time.Second)
	for i := 1; i <= 3; i++ {
		want(i, never, recommend.StateReady)
	}
	// Promises that nobody came back for are forgotten, and turns come again.
	now = now.Add(time.Hour)
	want(5, never, recommend.StateReady)
	if calls != 6 {
		t.Errorf("%d calls", calls)
	}
}
