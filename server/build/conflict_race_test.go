package build_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	billingv1 "github.com/sheenapps/sheen/gen/sheen/billing/v1"
	buildv1 "github.com/sheenapps/sheen/gen/sheen/build/v1"
	errorv1 "github.com/sheenapps/sheen/gen/sheen/error/v1"
	"github.com/sheenapps/sheen/server/billing"
	"github.com/sheenapps/sheen/server/build"
	"github.com/sheenapps/sheen/server/engine"
	"github.com/sheenapps/sheen/store"
)

// How much the race does.
const (
	raceProjects = 3
	raceStarters = 4
	// Each starter starts so many builds, and more until everything has happened.
	raceStarts, raceMoreStarts = 10, 200
	raceWorkers                = 4
)

// conflictRace is everything that can happen to the builds of a few projects, at once.
type conflictRace struct {
	*testBundle
	projects []string
	// accepted are the ids that callers were given.
	mu       sync.Mutex
	accepted []string
	// lost counts the leases that ran out in the middle of a call.
	lost atomic.Int32
}

// flaky is an engine that sometimes fails, and whose worker sometimes loses its lease.
type flaky struct {
	script

	race *conflictRace
}

// Write implements [engine.Engine].
func (f *flaky) Write(ctx context.Context, req engine.Request, plan *engine.Plan, done []string, sink engine.Sink) (engine.Usage, error) {
	switch rand.IntN(6) {
	case 0, 1:
		return engine.Usage{}, errProvider
	case 2:
		f.race.lost.Add(1)
		_, err := f.race.db.Exec(ctx, `UPDATE builds SET lease_expire_time = clock_timestamp() - interval '2 seconds' WHERE id = $1`, uuid.MustParse(req.BuildID))
		if err != nil {
			return engine.Usage{}, err
		}
	default:
	}
	time.Sleep(rand.N(8 * time.Millisecond)) //nolint:forbidigo // an engine takes its time
	return f.script.Write(ctx, req, plan, done, sink)
}

// Builds start, take each other's place, wait, are cancelled, retried, lost and
// finished, all at once. Whatever comes first, each ends once and none is forgotten.
func TestConflictsRace(t *testing.T) {
	t.Parallel()
	r := &conflictRace{testBundle: setup(t)}
	_, err := r.money.GrantCredits(r.ctx(), &billingv1.GrantCreditsRequest{
		IdempotencyKey: "much", Kind: billingv1.GrantKind_GRANT_KIND_PROMO, Seconds: 1_000_000, Reason: "a race",
	})
	must(t, err)
	for range raceProjects {
		first := r.queued()
		r.projects, r.accepted = append(r.projects, first.GetProjectId()), append(r.accepted, first.GetId())
	}
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	var callers, background sync.WaitGroup
	for range raceStarters {
		callers.Go(r.start)
	}
	background.Go(func() { r.repeat(ctx, r.cancelOne) })
	for range raceWorkers {
		w := r.newWorker(&flaky{race: r})
		background.Go(func() { r.repeat(ctx, func() error { return r.workOne(ctx, w) }) })
	}
	sweeper := r.newWorker(&script{})
	background.Go(func() { r.repeat(ctx, func() error { return sweeper.Sweep(ctx) }) })
	background.Go(func() { r.repeat(ctx, r.look) })
	callers.Wait()
	eventually(t, "every build is over", func() bool {
		return r.number(`SELECT count(*) FROM builds WHERE state NOT IN ('complete', 'failed', 'cancelled')`) == 0
	})
	stop()
	background.Wait()
	r.checkAll()
}

// repeat does something again and again until ctx ends.
func (r *conflictRace) repeat(ctx context.Context, do func() error) {
	for ctx.Err() == nil {
		if err := do(); err != nil && ctx.Err() == nil {
			r.t.Error(err)
			return
		}
		time.Sleep(rand.N(4 * time.Millisecond)) //nolint:forbidigo // spreads what happens
	}
}

// start starts and retries builds, with all policies.
func (r *conflictRace) start() {
	for i := 0; i < raceStarts || i < raceMoreStarts && !r.sawAll(); i++ {
		project := r.projects[rand.IntN(len(r.projects))]
		var started *buildv1.Build
		var err error
		switch rand.IntN(7) {
		case 0:
			started, err = r.startIn(project, reject)
		case 1:
			started, err = r.startIn(project, supersede)
		case 2, 3, 4:
			started, err = r.retryOne(project)
		default:
			started, err = r.startIn(project, queue)
		}
		if started != nil {
			r.mu.Lock()
			r.accepted = append(r.accepted, started.GetId())
			r.mu.Unlock()
		}
		if reason := reasonOf(err); err != nil && reason != errorv1.ErrorReason_ERROR_REASON_BUILD_IN_PROGRESS {
			r.t.Error(err)
		}
		time.Sleep(rand.N(20 * time.Millisecond)) //nolint:forbidigo // spreads what happens
	}
}

// pick is the id of any build that a condition holds for; empty if there is none.
func (r *conflictRace) pick(condition string, args ...any) (string, error) {
	var id uuid.UUID
	err := r.db.QueryRow(context.Background(), `SELECT id FROM builds WHERE `+condition+` ORDER BY random() LIMIT 1`, args...).Scan(&id)
	if errors.Is(err, store.ErrNotFound) {
		return "", nil
	}
	return id.String(), err
}

func (r *conflictRace) retryOne(project string) (*buildv1.Build, error) {
	state := []string{"cancelled", "failed"}[rand.IntN(2)]
	id, err := r.pick(`project_id = $1 AND state = $2 AND (state = 'cancelled' OR error_retryable)`, uuid.MustParse(project), state)
	if err != nil || id == "" {
		return nil, err
	}
	res, err := r.retry(id)
	return res.GetBuild(), err
}

func (r *conflictRace) cancelOne() error {
	time.Sleep(rand.N(60 * time.Millisecond)) //nolint:forbidigo // spreads what happens
	id, err := r.pick(`state NOT IN ('complete', 'failed', 'cancelled')`)
	if err != nil || id == "" {
		return err
	}
	if _, err = r.cancel(id); reasonOf(err) == errorv1.ErrorReason_ERROR_REASON_INVALID_TRANSITION {
		return nil
	}
	return err
}

// workOne takes a job, as the job system does: each once.
func (r *conflictRace) workOne(ctx context.Context, w *build.Worker) error {
	var id string
	err := r.db.QueryRow(ctx, `DELETE FROM river_job WHERE id = (
		SELECT id FROM river_job WHERE kind = 'build' ORDER BY random() LIMIT 1 FOR UPDATE SKIP LOCKED
	) RETURNING args->>'build_id'`).Scan(&id)
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	// A job that was taken is done to its end.
	return work(context.WithoutCancel(ctx), w, id)
}

// look checks what is so at every moment.
func (r *conflictRace) look() error {
	var crowded, forgotten int64
	err := r.db.QueryRow(context.Background(), `
		WITH per AS (
			SELECT project_id, count(*) FILTER (WHERE NOT waiting) AS active, count(*) FILTER (WHERE waiting) AS waiting
			FROM builds WHERE state NOT IN ('complete', 'failed', 'cancelled') GROUP BY project_id
		)
		SELECT count(*) FILTER (WHERE active > 1 OR waiting > 10), count(*) FILTER (WHERE waiting > 0 AND active = 0) FROM per`,
	).Scan(&crowded, &forgotten)
	if crowded != 0 || forgotten != 0 {
		r.t.Errorf("%d projects have too many builds, in %d builds wait for nothing", crowded, forgotten)
	}
	return err
}

func (r *conflictRace) checkAll() {
	r.t.Helper()
	if n := r.number(`SELECT count(*) FROM builds`); n != int64(len(r.accepted)) {
		r.t.Errorf("%d builds were accepted, there are %d", len(r.accepted), n)
	}
	for _, id := range r.accepted {
		if r.number(`SELECT count(*) FROM builds WHERE id = $1 AND free`, uuid.MustParse(id)) == 1 {
			if n := r.number(`SELECT count(*) FROM hold WHERE build_id = $1`, uuid.MustParse(id)); n != 0 {
				r.t.Errorf("free build %s has %d holds", id, n)
			}
			r.checkLog(id)
			continue
		}
		r.checkEnd(id)
	}
	// Who locks in the order that the store asks for never waits for each other.
	if n := r.number(`SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()`); n != 0 {
		r.t.Errorf("%d deadlocks", n)
	}
	violations, err := billing.Audit(r.t.Context(), r.db, r.user)
	if err != nil || len(violations) != 0 {
		r.t.Errorf("the audit finds %v, %v", violations, err)
	}
	for what, n := range r.happened() {
		r.t.Logf("%s: %d", what, n)
		if n == 0 {
			r.t.Errorf("nothing was %s", what)
		}
	}
}

// happened counts what is to happen: what never did was not tested.
func (r *conflictRace) happened() map[string]int64 {
	return map[string]int64{
		"complete":   r.number(`SELECT count(*) FROM builds WHERE state = 'complete'`),
		"failed":     r.number(`SELECT count(*) FROM builds WHERE state = 'failed'`),
		"superseded": r.number(`SELECT count(*) FROM builds WHERE state = 'cancelled' AND cancel_reason = $1`, tookItsPlace),
		"cancelled":  r.number(`SELECT count(*) FROM builds WHERE state = 'cancelled' AND cancel_reason LIKE 'I changed%'`),
		"repeated":   r.number(`SELECT count(*) FROM builds WHERE parent_build_id IS NOT NULL AND NOT free`),
		"free":       r.number(`SELECT count(*) FROM builds WHERE free`),
		"taken over": r.number(`SELECT count(*) FROM builds WHERE attempt > 1`),
		"lost":       int64(r.lost.Load()),
	}
}

func (r *conflictRace) sawAll() bool {
	for _, n := range r.happened() {
		if n == 0 {
			return false
		}
	}
	return true
}
