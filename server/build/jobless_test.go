package build_test

import (
	"context"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/riverqueue/river"

	buildv1 "github.com/sheenapps/sheen/gen/sheen/build/v1"
	"github.com/sheenapps/sheen/server/build"
)

// fetch leaves the jobs of a build as a node does that fetched them so long ago.
func (b *testBundle) fetch(id string, ago time.Duration) {
	b.t.Helper()
	b.exec(`UPDATE river_job SET state = 'running', attempt = 1, attempted_by = '{gone}',
		attempted_at = clock_timestamp() - make_interval(secs => $2)
		WHERE kind = 'build' AND args->>'build_id' = $1`, id, ago.Seconds())
}

// age has a build be older than it is.
func (b *testBundle) age(id string) {
	b.t.Helper()
	b.exec(`UPDATE builds SET create_time = create_time - interval '1 hour' WHERE id = $1`, uuid.MustParse(id))
}

// A node dies between its job and the lease, or the job is lost in another way:
// the sweeper gives the build one more job, once.
func TestABuildWhoseJobIsLostGoesOn(t *testing.T) {
	t.Parallel()
	for name, lose := range map[string]func(b *testBundle, id string){
		"its node died": func(b *testBundle, id string) { b.fetch(id, 13*time.Second) },
		"its node died twice": func(b *testBundle, id string) {
			b.exec(`INSERT INTO river_job (kind, queue, args, max_attempts, state) SELECT kind, queue, args, max_attempts, state FROM river_job WHERE args->>'build_id' = $1`, id)
			b.fetch(id, time.Hour)
		},
		"given up": func(b *testBundle, id string) {
			b.exec(`UPDATE river_job SET state = 'discarded', finalized_at = now() WHERE args->>'build_id' = $1`, id)
			b.age(id)
		},
		"deleted": func(b *testBundle, id string) {
			b.exec(`DELETE FROM river_job WHERE args->>'build_id' = $1`, id)
			b.age(id)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			id := b.queued().GetId()
			lose(b, id)
			before := b.jobCount(id)
			w := b.newWorker(&script{})
			for range 3 {
				must(t, w.Sweep(t.Context()))
			}
			if got := b.jobCount(id); got != before+1 {
				t.Fatalf("%d jobs after three sweeps, %d before", got, before)
			}
			must(t, work(t.Context(), w, id))
			if done := b.build(id); done.GetState() != complete || done.GetAttempt() != 1 {
				t.Errorf("%v in attempt %d", done.GetState(), done.GetAttempt())
			}
			b.exec(`UPDATE river_job SET state = 'running', finalized_at = NULL, attempted_at = now() - interval '1 hour'`)
			must(t, w.Sweep(t.Context()))
			if got := b.jobCount(id); got != before+1 {
				t.Error("a build that is over is queued again")
			}
		})
	}
}

// A build that somebody works on, or soon will, gets no other job.
func TestABuildInGoodHandsGetsNoOtherJob(t *testing.T) {
	t.Parallel()
	for name, have := range map[string]func(b *testBundle, id string){
		"in the queue for long": func(b *testBundle, id string) { b.age(id) },
		"to be tried again": func(b *testBundle, id string) {
			b.exec(`UPDATE river_job SET state = 'retryable', attempt = 1 WHERE args->>'build_id' = $1`, id)
			b.age(id)
		},
		"just fetched": func(b *testBundle, id string) {
			b.fetch(id, 5*time.Second)
			b.age(id)
		},
		"leased": func(b *testBundle, id string) {
			b.fetch(id, time.Minute)
			b.age(id)
			b.exec(`UPDATE builds SET lease_token = 1, lease_expire_time = now() + interval '10 s' WHERE id = $1`, uuid.MustParse(id))
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			id := b.queued().GetId()
			have(b, id)
			before := b.jobCount(id)
			must(t, b.newWorker(&script{}).Sweep(t.Context()))
			if got := b.jobCount(id); got != before {
				t.Errorf("%d jobs, %d before", got, before)
			}
		})
	}
}

// A build that waits for another one has no job, and gets none.
func TestAWaitingBuildGetsNoJob(t *testing.T) {
	t.Parallel()
	b := setup(t)
	first := b.queued()
	res, err := b.StartBuild(b.ctx(), &buildv1.StartBuildRequest{
		ProjectId: first.GetProjectId(), Prompt: "The same in blue", OnConflict: buildv1.ConflictPolicy_CONFLICT_POLICY_QUEUE,
	})
	must(t, err)
	b.age(first.GetId())
	b.age(res.GetBuild().GetId())
	must(t, b.newWorker(&script{}).Sweep(t.Context()))
	if n := b.number(`SELECT count(*) FROM river_job WHERE kind = 'build'`); n != 1 {
		t.Errorf("%d jobs", n)
	}
}

// The job system ends dead jobs some day, and never a build before its own limit.
func TestTheJobOutlastsItsBuild(t *testing.T) {
	t.Parallel()
	b := setup(t)
	w := b.newWorker(&script{}, func(p *build.WorkerPorts) { p.Timeout = time.Minute })
	if got := w.Timeout(&river.Job[build.JobArgs]{}); got <= time.Minute+10*time.Second || got > 10*time.Minute {
		t.Errorf("a job of a build that may take a minute is given %v", got)
	}
}

// With thousands of builds in the queue a sweep stays cheap, and still finds the
// one whose node died.
func TestASweepOfALongQueue(t *testing.T) {
	t.Parallel()
	b := setup(t)
	id := b.queued().GetId()
	b.exec(`ALTER TABLE builds DISABLE TRIGGER ALL`)
	b.exec(`INSERT INTO projects (id, user_id) SELECT md5(n::text)::uuid, user_id FROM projects, generate_series(1, 5000) n`)
	b.exec(`INSERT INTO builds (id, build_session_id, request_hash, user_id, project_id, operation, prompt, locale, answers, state, hold_id, held_seconds, create_time)
		SELECT md5(n::text)::uuid, 'bs_' || md5(n::text)::uuid, request_hash, user_id, md5(n::text)::uuid, operation, prompt, locale, answers, state, hold_id, held_seconds, create_time - interval '1 hour'
		FROM builds, generate_series(1, 5000) n`)
	b.exec(`INSERT INTO river_job (kind, queue, args, max_attempts) SELECT 'build', 'builds', jsonb_build_object('build_id', md5(n::text)::uuid), 50 FROM generate_series(1, 5000) n`)
	b.fetch(id, time.Minute)
	w := b.newWorker(&script{})
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	began := time.Now()
	must(t, w.Sweep(ctx))
	t.Logf("a sweep of 5000 builds took %v", time.Since(began))
	if got := b.number(`SELECT count(*) FROM river_job WHERE kind = 'build'`); got != 5002 || b.jobCount(id) != 2 {
		t.Errorf("%d jobs, %d of them the lost build's", got, b.jobCount(id))
	}
}
