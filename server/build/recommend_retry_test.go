package build_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"testing"

	"github.com/google/uuid"

	buildv1 "github.com/sheenapps/sheen/gen/sheen/build/v1"
	errorv1 "github.com/sheenapps/sheen/gen/sheen/error/v1"
	"github.com/sheenapps/sheen/server/engine"
	"github.com/sheenapps/sheen/server/recommend"
	"github.com/sheenapps/sheen/store"
)

// again asks for another list of a build.
func (b *testBundle) again(id, key string) recommend.Requested {
	b.t.Helper()
	got, err := b.RequestRecommendations(b.ctx(), uuid.MustParse(id), key)
	must(b.t, err)
	return got
}

func (b *testBundle) checkAgain(id, key string, number int32, state recommend.State) {
	b.t.Helper()
	if got := b.again(id, key); got != (recommend.Requested{Number: number, State: state}) {
		b.t.Errorf("key %s leads to %+v, want list %d, %s", key, got, number, state)
	}
}

// A request makes the next list, and never two at once; what failed takes nothing away.
func TestRecommendationsAgain(t *testing.T) {
	t.Parallel()
	b := setup(t)
	id := b.queued().GetId()
	good := b.newRecommender(func(context.Context, engine.Request, *engine.Plan) (proposals, []engine.Call, error) {
		return proposals{newsletter(fmt.Sprint("List ", b.lists(id).Pending))}, nil, nil
	})
	bad := b.newRecommender(func(context.Context, engine.Request, *engine.Plan) (proposals, []engine.Call, error) {
		return nil, nil, engine.ErrRefused
	})
	b.checkAgain(id, "a", 1, recommend.StateQueued) // The one of the start is in the making.
	if n := b.recommendJobs(id); n != 1 {
		t.Errorf("%d jobs", n)
	}
	recommendAll(t, good, id, 1)
	b.checkAgain(id, "a", 1, recommend.StateReady) // A repeat asks for nothing more.
	b.checkAgain(id, "b", 2, recommend.StateQueued)
	b.checkAgain(id, "b", 2, recommend.StateQueued)
	b.checkAgain(id, "c", 2, recommend.StateQueued)
	if n := b.recommendJobs(id); n != 2 {
		t.Errorf("%d jobs", n)
	}
	if view := b.lists(id); view.State != recommend.StateReady || view.Ready != 1 || view.Pending != 2 {
		t.Errorf("%+v", view)
	}
	recommendAll(t, bad, id, 2)
	b.checkAgain(id, "b", 2, recommend.StateFailed)
	b.checkAgain(id, "c", 2, recommend.StateFailed)
	if view := b.lists(id); view.State != recommend.StateReady || view.Ready != 1 || view.Reason != recommend.ReasonRefused || !slices.Equal(b.titles(id), []string{"List 1"}) {
		t.Errorf("%+v, %q", view, b.titles(id))
	}
	b.checkAgain(id, "d", 3, recommend.StateQueued)
	recommendAll(t, good, id, 3)
	if view := b.lists(id); view.Ready != 3 || view.Reason != "" || !slices.Equal(b.titles(id), []string{"List 3"}) {
		t.Errorf("%+v, %q", view, b.titles(id))
	}
	b.checkSignals(id, []int32{1, 3}, []int32{2})
}

// Many requests at once make one list.
func TestRequestsForListsTakeTurns(t *testing.T) {
	t.Parallel()
	b := setup(t)
	id := b.queued().GetId()
	recommendAll(t, b.newRecommender(nil), id, 1)
	var group sync.WaitGroup
	for i := range 8 {
		group.Go(func() {
			got, err := b.RequestRecommendations(b.ctx(), uuid.MustParse(id), fmt.Sprint("key ", i))
			if err != nil || got != (recommend.Requested{Number: 2, State: recommend.StateQueued}) {
				t.Errorf("%+v, %v", got, err)
			}
		})
	}
	group.Wait()
	if n := b.recommendJobs(id); n != 2 {
		t.Errorf("%d jobs", n)
	}
}

func TestABuildHasTenLists(t *testing.T) {
	t.Parallel()
	b := setup(t)
	id := b.queued().GetId()
	r := b.newRecommender(func(context.Context, engine.Request, *engine.Plan) (proposals, []engine.Call, error) {
		return nil, nil, engine.ErrTooLong
	})
	for n := int32(1); n <= recommend.MaxRevisions; n++ {
		if n > 1 {
			b.checkAgain(id, strconv.Itoa(int(n)), n, recommend.StateQueued)
		}
		recommendAll(t, r, id, n)
	}
	_, err := b.RequestRecommendations(b.ctx(), uuid.MustParse(id), "one more")
	if reasonOf(err) != errorv1.ErrorReason_ERROR_REASON_RATE_LIMITED {
		t.Error(err)
	}
	b.checkAgain(id, "10", 10, recommend.StateFailed)
}

// A list whose time is over without a worker makes room for the next one.
func TestAnOverdueListMakesRoom(t *testing.T) {
	t.Parallel()
	b := setup(t)
	id := b.queued().GetId()
	b.overdue(id)
	b.checkAgain(id, "a", 2, recommend.StateQueued)
	b.checkSignals(id, nil, []int32{1})
	recommendAll(t, b.newRecommender(nil), id, 2)
	b.checkSignals(id, []int32{2}, []int32{1})
}

// Nobody asks for lists of another's build, and nothing of a refused request is left.
func TestRequestsForAnothersLists(t *testing.T) {
	t.Parallel()
	b := setup(t)
	id := b.queued().GetId()
	recommendAll(t, b.newRecommender(nil), id, 1)
	for _, build := range []string{id, uuid.NewString()} {
		if _, err := b.RequestRecommendations(b.as(uuid.New()), uuid.MustParse(build), "k"); !errors.Is(err, store.ErrNotFound) {
			t.Error(err)
		}
	}
	b.exec(`CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'injected'; END $$`)
	b.exec(`CREATE TRIGGER injected BEFORE INSERT ON river_job FOR EACH STATEMENT EXECUTE FUNCTION fail()`)
	if _, err := b.RequestRecommendations(b.ctx(), uuid.MustParse(id), "k"); err == nil {
		t.Error("a list without a job")
	}
	if view := b.lists(id); view.Pending != 0 || b.recommendJobs(id) != 1 {
		t.Errorf("%+v, %d jobs", view, b.recommendJobs(id))
	}
}

// A build that waits for another one gets its list when its turn comes.
func TestRecommendationsOfAWaitingBuild(t *testing.T) {
	t.Parallel()
	b := setup(t)
	first := b.queued()
	next := b.behind(first).GetId()
	if view := b.lists(next); view.State != recommend.StateNone || b.recommendJobs(next) != 0 {
		t.Errorf("%+v, %d jobs", view, b.recommendJobs(next))
	}
	must(t, work(t.Context(), b.newWorker(&script{}), first.GetId()))
	if view := b.lists(next); view.State != recommend.StateQueued || b.recommendJobs(next) != 1 || b.jobCount(next) != 1 {
		t.Errorf("%+v, %d jobs", view, b.recommendJobs(next))
	}
	// One that was asked for before is not asked for twice.
	last := b.behind(b.build(next)).GetId()
	b.checkAgain(last, "k", 1, recommend.StateQueued)
	must(t, work(t.Context(), b.newWorker(&script{}), next))
	if view := b.lists(last); view.State != recommend.StateQueued || b.recommendJobs(last) != 1 || b.jobCount(last) != 1 {
		t.Errorf("%+v, %d jobs", view, b.recommendJobs(last))
	}
}

// A repeated build has lists of its own.
func TestRecommendationsOfARepeatedBuild(t *testing.T) {
	t.Parallel()
	b := setup(t)
	parent := b.failWith(false, errors.New("a defect"))
	res, err := b.retry(parent.GetId())
	must(t, err)
	id := res.GetBuild().GetId()
	recommendAll(t, b.newRecommender(nil), id, 1)
	if b.lists(id).State != recommend.StateReady || b.lists(parent.GetId()).State != recommend.StateQueued {
		t.Errorf("%+v, the parent's %+v", b.lists(id), b.lists(parent.GetId()))
	}
}

func TestRecommendationsOff(t *testing.T) {
	t.Parallel()
	b := setup(t, inMode(recommend.ModeOff))
	id := b.queued().GetId()
	b.checkAgain(id, "k", 1, recommend.StateSkipped)
	must(t, work(t.Context(), b.newWorker(&script{}), id))
	if view := b.lists(id); view.State != recommend.StateSkipped || view.Pending != 0 || b.recommendJobs(id) != 0 || b.build(id).GetState() != complete {
		t.Errorf("%+v, %d jobs", view, b.recommendJobs(id))
	}
	waiting := b.behind(b.queued())
	if got := b.again(waiting.GetId(), "k"); got != (recommend.Requested{State: recommend.StateSkipped}) {
		t.Errorf("%+v", got)
	}
}

func TestRecommendationsAfterTheBuild(t *testing.T) {
	t.Parallel()
	b := setup(t, inMode(recommend.ModeAfter))
	check := func(id string, state recommend.State, jobs int64) {
		t.Helper()
		if view := b.lists(id); view.State != state || b.recommendJobs(id) != jobs {
			t.Errorf("%+v, %d jobs; want %s, %d", view, b.recommendJobs(id), state, jobs)
		}
	}
	done := b.queued()
	waiting := b.behind(done).GetId()
	check(done.GetId(), recommend.StateNone, 0)
	must(t, work(t.Context(), b.newWorker(&script{}), done.GetId()))
	check(done.GetId(), recommend.StateQueued, 1)
	check(waiting, recommend.StateNone, 0)
	_, err := b.CancelBuild(b.ctx(), &buildv1.CancelBuildRequest{BuildId: waiting})
	must(t, err)
	check(waiting, recommend.StateSkipped, 0)
	// The user may want them all the same.
	b.checkAgain(waiting, "k", 2, recommend.StateQueued)
	// What was asked for before the end is not asked for again.
	early := b.queued().GetId()
	b.checkAgain(early, "k", 1, recommend.StateQueued)
	must(t, work(t.Context(), b.newWorker(&script{}), early))
	check(early, recommend.StateQueued, 1)
	check(b.failWith(false, errors.New("a defect")).GetId(), recommend.StateSkipped, 0)
	recommendAll(t, b.newRecommender(nil), done.GetId(), 1)
	if got := b.titles(done.GetId()); !slices.Equal(got, []string{"Send news"}) {
		t.Errorf("%q", got)
	}
}
