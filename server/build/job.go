package build

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river"
)

// Queue is the queue of builds.
const Queue = "builds"

// maxJobAttempts bounds how often the job system calls a worker for one job. It
// is far above what builds allow: a build's own attempts decide.
const maxJobAttempts = 50

// JobArgs is a job: somebody is to work on a build. Whether anything is left to
// do, the worker finds out; one job too many does no harm.
type JobArgs struct {
	BuildID uuid.UUID `json:"build_id"`
}

// Kind implements [river.JobArgs].
func (JobArgs) Kind() string { return "build" }

// InsertOpts implements [river.JobArgsWithInsertOpts].
func (JobArgs) InsertOpts() river.InsertOpts {
	return river.InsertOpts{Queue: Queue, MaxAttempts: maxJobAttempts}
}

func insertJob(ctx context.Context, jobs *river.Client[pgx.Tx], tx pgx.Tx, buildID uuid.UUID) error {
	if _, err := jobs.InsertTx(ctx, tx, JobArgs{BuildID: buildID}, nil); err != nil {
		return fmt.Errorf("insert the build's job: %w", err)
	}
	return nil
}

const (
	// jobSpare is how much longer than its build a job may take: more than the
	// build's end does.
	jobSpare = 2 * time.Minute
	// jobBegins is how long a job may run before its worker has the build's lease,
	// which takes a few milliseconds. Together with the sweeper it bounds a takeover.
	jobBegins = 12 * time.Second
)

// jobRetry is the pause before the job system calls again after an error, which
// is nearly always that the store was away.
const jobRetry = 2 * time.Second
