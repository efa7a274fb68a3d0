package build_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/sheenapps/sheen/server/engine"
	"github.com/sheenapps/sheen/server/recommend"
)

// An answer that comes after the deadline ends its list, if nobody has, and what it
// cost is kept.
func TestALateAnswerEndsItsList(t *testing.T) {
	t.Parallel()
	b := setup(t)
	id := b.queued().GetId()
	r := b.newRecommender(func(context.Context, engine.Request, *engine.Plan) (proposals, []engine.Call, error) {
		b.overdue(id)
		return proposals{newsletter("Send news")}, []engine.Call{{CostMicros: 9}}, nil
	})
	if pauses := recommendAll(t, r, id, 1); len(pauses) != 0 {
		t.Errorf("comes back after %v", pauses)
	}
	if n := b.number(`SELECT count(*) FROM recommendation_attempts WHERE build_id = $1 AND outcome = 'deadline' AND cost_micros = 9`, uuid.MustParse(id)); n != 1 {
		t.Errorf("outcomes %q", b.outcomes(id, 1))
	}
	if view := b.lists(id); view.State != recommend.StateFailed || view.Reason != recommend.ReasonDeadline || len(view.Entries) != 0 {
		t.Errorf("%+v", view)
	}
	b.checkSignals(id, nil, []int32{1})
}

// A list was queued again, but nobody heard that it was: its job comes back all the same.
func TestAListQueuedUnheardIsTriedAgain(t *testing.T) {
	t.Parallel()
	b := setup(t)
	id := b.queued().GetId()
	r := b.newRecommender(func(ctx context.Context, _ engine.Request, _ *engine.Plan) (proposals, []engine.Call, error) {
		if len(b.outcomes(id, 1)) > 0 {
			return proposals{newsletter("Send news")}, nil, nil
		}
		attempt := recommend.Attempt{Revision: recommend.Revision{BuildID: uuid.MustParse(id), Number: 1}, Number: 1}
		_, err := recommend.NewLists(recommend.Timing{}).Fail(ctx, b.db, attempt, recommend.ReasonProvider, true, recommend.Usage{})
		must(t, err)
		return nil, nil, &engine.ProviderError{Retryable: true, Err: errors.New("busy")}
	})
	if pauses := recommendAll(t, r, id, 1); !slices.Equal(pauses, []time.Duration{3 * time.Second}) {
		t.Errorf("comes back after %v", pauses)
	}
	if got := b.outcomes(id, 1); !slices.Equal(got, []string{"provider_unavailable", "ready"}) {
		t.Errorf("%q, %+v", got, b.lists(id))
	}
}

// A list that cannot be ended does not keep the others from it.
func TestOneListDoesNotStopTheSweep(t *testing.T) {
	t.Parallel()
	b := setup(t)
	broken := b.queued().GetId()
	others := []string{b.queued().GetId(), b.queued().GetId()}
	for _, id := range append(others, broken) {
		b.overdue(id)
	}
	b.exec(`CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'injected'; END $$`)
	b.exec(fmt.Sprintf(`CREATE TRIGGER injected BEFORE UPDATE ON recommendation_revisions FOR EACH ROW
		WHEN (NEW.build_id = '%s') EXECUTE FUNCTION fail()`, broken))
	if err := b.newRecommender(nil).Sweep(t.Context()); err == nil || !strings.Contains(err.Error(), "injected") {
		t.Error(err)
	}
	for _, id := range others {
		b.checkSignals(id, nil, []int32{1})
	}
	b.checkSignals(broken, nil, nil)
}

// However many requests join a list, the newest find it again.
func TestManyRequestsJoinAList(t *testing.T) {
	t.Parallel()
	b := setup(t)
	id := b.queued().GetId()
	for i := range 40 {
		b.checkAgain(id, fmt.Sprint("key ", i), 1, recommend.StateQueued)
	}
	recommendAll(t, b.newRecommender(nil), id, 1)
	b.checkAgain(id, "key 8", 1, recommend.StateReady)
	b.checkAgain(id, "key 39", 1, recommend.StateReady)
	b.checkAgain(id, "key 7", 2, recommend.StateQueued)
}

// Nodes that stop, one after the other, cost a list nothing but time.
func TestNodesThatStopLeaveAListItsAttempts(t *testing.T) {
	t.Parallel()
	b := setup(t)
	id := b.queued().GetId()
	for range recommend.MaxAttempts {
		ctx, stop := context.WithCancel(t.Context())
		r := b.newRecommender(func(ctx context.Context, _ engine.Request, _ *engine.Plan) (proposals, []engine.Call, error) {
			stop()
			<-ctx.Done()
			return nil, nil, ctx.Err()
		})
		if pause := recommendOnce(ctx, t, r, id, 1); pause != 0 {
			t.Errorf("comes back after %v", pause)
		}
	}
	recommendAll(t, b.newRecommender(nil), id, 1)
	if got := b.outcomes(id, 1); !slices.Equal(got, []string{"stopped", "stopped", "ready"}) {
		t.Errorf("%q, %+v", got, b.lists(id))
	}
	b.checkSignals(id, []int32{1}, nil)
}
