package build_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/riverqueue/river"

	"github.com/sheenapps/sheen/server/build"
	"github.com/sheenapps/sheen/server/engine"
	"github.com/sheenapps/sheen/server/recommend"
)

type (
	recommended = func(context.Context, engine.Request, *engine.Plan) ([]engine.Recommendation, []engine.Call, error)
	proposals   = []engine.Recommendation
)

// never is what [recommendOnce] returns for a job that is done.
const never = time.Duration(-1)

// newRecommender makes a worker for recommendations.
func (b *testBundle) newRecommender(does recommended, change ...func(*build.RecommenderPorts)) *build.Recommender {
	ports := build.RecommenderPorts{Ports: b.ports, Engine: &script{recommended: does}}
	for _, f := range change {
		f(&ports)
	}
	r := build.NewRecommender(ports)
	r.ConnectJobs(b.jobs)
	return r
}

func recommendJob(id string, list int32) *river.Job[build.RecommendArgs] {
	return &river.Job[build.RecommendArgs]{Args: build.RecommendArgs{BuildID: uuid.MustParse(id), Revision: list}}
}

// recommendOnce has a worker take the job of a list, and returns after how long it wants to
// come back.
func recommendOnce(ctx context.Context, t *testing.T, r *build.Recommender, id string, list int32) time.Duration {
	t.Helper()
	err := r.Work(ctx, recommendJob(id, list))
	if snooze, ok := errors.AsType[*river.JobSnoozeError](err); ok {
		return snooze.Duration
	}
	must(t, err)
	return never
}

// recommendAll works on a list until the worker does not want to come back, at most as
// often as that may happen, and returns the pauses in between.
func recommendAll(t *testing.T, r *build.Recommender, id string, list int32) []time.Duration {
	t.Helper()
	var pauses []time.Duration
	for range 5 {
		pause := recommendOnce(t.Context(), t, r, id, list)
		if pause == never {
			return pauses
		}
		pauses = append(pauses, pause)
	}
	t.Fatalf("comes back for ever: %v", pauses)
	return nil
}

// lists are what a build's user sees.
func (b *testBundle) lists(id string) recommend.View {
	b.t.Helper()
	view, err := recommend.NewLists(recommend.Timing{}).View(b.t.Context(), b.db, uuid.MustParse(id), b.user)
	must(b.t, err)
	return view
}

// titles are those of the entries that a build's user sees.
func (b *testBundle) titles(id string) []string {
	b.t.Helper()
	var all []string
	for _, e := range b.lists(id).Entries {
		if e.BuildID.String() != id {
			b.t.Errorf("build %s shows what was written for %s", id, e.BuildID)
		}
		all = append(all, e.Title)
	}
	return all
}

// outcomes are those of a list's attempts, in order.
func (b *testBundle) outcomes(id string, list int32) []string {
	b.t.Helper()
	var all []string
	must(b.t, b.db.QueryRow(b.t.Context(), `SELECT coalesce(array_agg(outcome ORDER BY attempt), '{}')
		FROM recommendation_attempts WHERE build_id = $1 AND revision = $2`, uuid.MustParse(id), list).Scan(&all))
	return all
}

// signals are the revisions that a log calls ready, and those that it calls failed, in
// order.
func (b *testBundle) signals(id string) (ready, failed []int32) {
	b.t.Helper()
	for _, e := range b.events(id) {
		if r := e.GetRecommendationsReady(); r != nil {
			ready = append(ready, r.GetRevision())
		}
		if r := e.GetRecommendationsFailed(); r != nil {
			failed = append(failed, r.GetRevision())
		}
	}
	return ready, failed
}

// checkSignals checks what a log says of a build's lists.
func (b *testBundle) checkSignals(id string, wantReady, wantFailed []int32) {
	b.t.Helper()
	if ready, failed := b.signals(id); !slices.Equal(ready, wantReady) || !slices.Equal(failed, wantFailed) {
		b.t.Errorf("the log says ready %v, failed %v; want %v, %v", ready, failed, wantReady, wantFailed)
	}
}

// recommendJobs is how many jobs for recommendations a build has.
func (b *testBundle) recommendJobs(id string) int64 {
	b.t.Helper()
	return b.number(`SELECT count(*) FROM river_job
		WHERE kind = 'recommend' AND queue = 'recommendations' AND priority = 3 AND args->>'build_id' = $1`, id)
}

// overdue moves the deadlines of a build's lists into the past.
func (b *testBundle) overdue(id string) {
	b.t.Helper()
	b.exec(`UPDATE recommendation_revisions SET deadline_time = deadline_time - interval '60 s' WHERE build_id = $1`, uuid.MustParse(id))
}

// inMode is an option for [setup].
func inMode(mode recommend.Mode) func(*build.Ports) {
	return func(p *build.Ports) { p.Recommendations.Mode = mode }
}
