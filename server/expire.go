package server

import (
	"context"
	"log/slog"
	"time"

	"github.com/riverqueue/river"

	"github.com/sheenapps/sheen/server/billing"
	"github.com/sheenapps/sheen/store"
)

const (
	// expireEvery is how often what has ended is written down.
	expireEvery = time.Minute
	// expirePace and expireAtMost bound what a run does: 100 accounts a second
	// for less than the interval.
	expirePace   = 10 * time.Millisecond
	expireAtMost = 4_000
	// expireTimeout ends a run before the next one.
	expireTimeout = 50 * time.Second
)

// expireArgs is the job that writes down what has ended by itself.
type expireArgs struct{}

// Kind implements [river.JobArgs].
func (expireArgs) Kind() string { return "billing_expire" }

// InsertOpts implements [river.JobArgsWithInsertOpts]. The next run does what one
// did not.
func (expireArgs) InsertOpts() river.InsertOpts { return river.InsertOpts{MaxAttempts: 1} }

// periodicExpiry inserts the job every minute.
func periodicExpiry() *river.PeriodicJob {
	return river.NewPeriodicJob(river.PeriodicInterval(expireEvery),
		func() (river.JobArgs, *river.InsertOpts) { return expireArgs{}, nil }, nil)
}

// expireWorker works the job. Any number may run at once.
type expireWorker struct {
	river.WorkerDefaults[expireArgs]

	db     *store.DB
	ledger *billing.Ledger
	log    *slog.Logger
}

// Timeout implements [river.Worker].
func (*expireWorker) Timeout(*river.Job[expireArgs]) time.Duration { return expireTimeout }

// Work implements [river.Worker].
func (w *expireWorker) Work(ctx context.Context, _ *river.Job[expireArgs]) error {
	settled, err := w.ledger.Expire(ctx, w.db, expireAtMost, expirePace)
	if settled > 0 {
		w.log.DebugContext(ctx, "holds and grants have ended", "accounts", settled)
	}
	return err
}
