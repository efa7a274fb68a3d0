package build

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/rivertype"

	"github.com/sheenapps/sheen/store"
)

// requeueJobless gives a job to builds that have neither a lease nor a job that
// will come: the node died that had fetched it, or it was lost in another way. It
// looks at the jobs that have been running for long, and at the oldest builds
// without a lease; one that lost its job in a long queue is among them when those
// before it have gone.
func (w *Worker) requeueJobless(ctx context.Context) error {
	suspects, err := w.longRunning(ctx)
	if err != nil {
		return err
	}
	return store.InTx(ctx, w.db, func(tx pgx.Tx) error {
		ids, err := w.queries.BuildUnleasedList(ctx, tx, &store.BuildUnleasedListParams{
			BuildIds: suspects, MinAgeMs: jobBegins.Milliseconds(), BatchSize: sweepBatch,
		})
		if err != nil || len(ids) == 0 {
			return err
		}
		coming, err := w.jobsComing(ctx, tx, ids)
		if err != nil {
			return err
		}
		for _, id := range ids {
			if coming[id] {
				continue
			}
			w.metrics.requeued.WithLabelValues(lostJob).Inc()
			w.logger.WarnContext(ctx, "build has no job and is queued again", "build_id", id)
			if err := insertJob(ctx, w.jobs, tx, id); err != nil {
				return err
			}
		}
		return nil
	})
}

// maxRunning bounds how many jobs of all nodes are looked at.
const maxRunning = 2000

// runningFor is the part of a condition that jobs meet which began long ago.
const runningFor = "attempted_at < clock_timestamp() - make_interval(secs => @begins)"

func begins() river.NamedArgs { return river.NamedArgs{"begins": jobBegins.Seconds()} }

// longRunning are the builds whose job runs for longer than it takes to get a
// lease. Nearly all of them have one.
func (w *Worker) longRunning(ctx context.Context) ([]uuid.UUID, error) {
	jobs, err := w.jobs.JobList(ctx, river.NewJobListParams().Queues(Queue).States(rivertype.JobStateRunning).
		Where(runningFor, begins()).First(maxRunning))
	if err != nil {
		return nil, fmt.Errorf("list the running jobs: %w", err)
	}
	return buildsOf(jobs.Jobs), nil
}

// jobsComing says which of some builds have a job that waits for its turn, or has
// just begun.
func (w *Worker) jobsComing(ctx context.Context, tx pgx.Tx, ids []uuid.UUID) (map[uuid.UUID]bool, error) {
	names := make([]string, len(ids))
	for i, id := range ids {
		names[i] = id.String()
	}
	jobs, err := w.jobs.JobListTx(ctx, tx, river.NewJobListParams().Queues(Queue).
		States(rivertype.JobStateAvailable, rivertype.JobStateRetryable, rivertype.JobStateScheduled,
			rivertype.JobStatePending, rivertype.JobStateRunning).
		Where("args->>'build_id' = ANY (@names::text[])", river.NamedArgs{"names": names}).
		Where("NOT (state = 'running' AND "+runningFor+")", begins()).
		First(maxRunning))
	if err != nil {
		return nil, fmt.Errorf("list the jobs of builds: %w", err)
	}
	coming := make(map[uuid.UUID]bool, len(ids))
	for _, id := range buildsOf(jobs.Jobs) {
		coming[id] = true
	}
	return coming, nil
}

// buildsOf are the builds of jobs. Nobody can work on a job that cannot be read.
func buildsOf(jobs []*rivertype.JobRow) []uuid.UUID {
	ids := make([]uuid.UUID, 0, len(jobs))
	for _, job := range jobs {
		var args JobArgs
		if json.Unmarshal(job.EncodedArgs, &args) == nil {
			ids = append(ids, args.BuildID)
		}
	}
	return ids
}
