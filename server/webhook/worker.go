package webhook

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/google/uuid"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/riverqueue/river"

	"github.com/sheenapps/sheen/store"
)

// Queue is the queue of lanes, apart from that of builds: receivers that hang take
// none of the builds' workers.
const Queue = "webhooks"

// Clock tells the time that deliveries go by.
type Clock func(context.Context) (time.Time, error)

// databaseClock is the one clock that all nodes share.
func databaseClock(db *store.DB) Clock {
	return func(ctx context.Context) (time.Time, error) {
		now, err := store.New().EventClock(ctx, db)
		if err != nil {
			return time.Time{}, fmt.Errorf("read the database's clock: %w", err)
		}
		return now, nil
	}
}

// Options are what deliveries need.
type Options struct {
	DB *store.DB
	// Allow is what may be reached beyond public addresses.
	Allow  Allow
	Logger *slog.Logger
	// Registry gets the metrics; nil for none.
	Registry prometheus.Registerer
	// Clock tells the time; nil is the database's.
	Clock Clock
}

// LaneArgs is a job: somebody is to send what a lane holds. A job whose claim is
// another's by then does nothing.
type LaneArgs struct {
	EndpointID uuid.UUID `json:"endpoint_id"`
	BuildID    uuid.UUID `json:"build_id"`
	ClaimToken int64     `json:"claim_token"`
}

// Kind implements [river.JobArgs].
func (LaneArgs) Kind() string { return "webhook_lane" }

// InsertOpts implements [river.JobArgsWithInsertOpts]: what a job did not do, the
// next claim does.
func (LaneArgs) InsertOpts() river.InsertOpts { return river.InsertOpts{Queue: Queue, MaxAttempts: 1} }

// Worker sends what lanes hold. It is safe for concurrent use.
type Worker struct {
	river.WorkerDefaults[LaneArgs]

	courier *courier
}

// NewWorker makes the worker of a node.
func NewWorker(o Options) *Worker {
	if o.Clock == nil {
		o.Clock = databaseClock(o.DB)
	}
	return &Worker{courier: &courier{
		db: o.DB, queries: store.New(), sender: newSender(newGuard(o.Allow, nil)), clock: o.Clock,
		metrics: newMetrics(o.Registry), log: o.Logger,
	}}
}

// Work implements [river.Worker].
func (w *Worker) Work(ctx context.Context, job *river.Job[LaneArgs]) error {
	return w.courier.run(ctx, claim{job.Args.EndpointID, job.Args.BuildID, job.Args.ClaimToken})
}
