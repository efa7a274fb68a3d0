package webhook

import (
	"context"
	"time"

	"github.com/riverqueue/river"

	"github.com/sheenapps/sheen/store"
)

const (
	// keepDeliveries is how long the log of deliveries is kept.
	keepDeliveries = 30 * 24 * time.Hour
	// settleDeleted is how long an append may still know an endpoint that has been
	// deleted.
	settleDeleted = time.Hour
	// cleanEvery, cleanBatch and cleanTimeout bound what the cleaning does. What a
	// run leaves, the next one finds.
	cleanEvery   = time.Hour
	cleanBatch   = 2_000
	cleanTimeout = 45 * time.Second
)

// CleanArgs is the job that deletes what is no longer kept.
type CleanArgs struct{}

// Kind implements [river.JobArgs].
func (CleanArgs) Kind() string { return "webhook_clean" }

// InsertOpts implements [river.JobArgsWithInsertOpts]. The next run does what one
// did not.
func (CleanArgs) InsertOpts() river.InsertOpts { return river.InsertOpts{MaxAttempts: 1} }

// PeriodicClean inserts the job every hour, and at the start.
func PeriodicClean() *river.PeriodicJob {
	return river.NewPeriodicJob(river.PeriodicInterval(cleanEvery),
		func() (river.JobArgs, *river.InsertOpts) { return CleanArgs{}, nil },
		&river.PeriodicJobOpts{RunOnStart: true})
}

// Cleaner works the job. Any number may run at once.
type Cleaner struct {
	river.WorkerDefaults[CleanArgs]

	db      *store.DB
	queries *store.Queries
	clock   Clock
}

// NewCleaner makes the cleaner of a node.
func NewCleaner(o Options) *Cleaner {
	if o.Clock == nil {
		o.Clock = databaseClock(o.DB)
	}
	return &Cleaner{db: o.DB, queries: store.New(), clock: o.Clock}
}

// Timeout implements [river.Worker].
func (*Cleaner) Timeout(*river.Job[CleanArgs]) time.Duration { return cleanTimeout }

// Work implements [river.Worker].
func (c *Cleaner) Work(ctx context.Context, _ *river.Job[CleanArgs]) error { return c.clean(ctx) }

func (c *Cleaner) clean(ctx context.Context) error {
	now, err := c.clock(ctx)
	if err != nil {
		return err
	}
	old, settled := now.Add(-keepDeliveries), now.Add(-settleDeleted)
	for _, step := range []func() (int64, error){
		func() (int64, error) {
			return c.queries.WebhookDeliveryClean(ctx, c.db, &store.WebhookDeliveryCleanParams{Before: old, AtMost: cleanBatch})
		},
		func() (int64, error) {
			return c.queries.WebhookDeliveryCleanDeleted(ctx, c.db,
				&store.WebhookDeliveryCleanDeletedParams{Before: &settled, AtMost: cleanBatch})
		},
		func() (int64, error) {
			return c.queries.WebhookLaneClean(ctx, c.db, &store.WebhookLaneCleanParams{AtMost: cleanBatch})
		},
	} {
		if err := drain(step); err != nil {
			return err
		}
	}
	if _, err := c.queries.WebhookSecretClean(ctx, c.db, &store.WebhookSecretCleanParams{Now: &now}); err != nil {
		return err
	}
	_, err = c.queries.WebhookEndpointClean(ctx, c.db, &store.WebhookEndpointCleanParams{Before: &settled})
	return err
}

// drain repeats a step that deletes a batch until there is less than one.
func drain(step func() (int64, error)) error {
	for {
		if n, err := step(); err != nil || n < cleanBatch {
			return err
		}
	}
}
