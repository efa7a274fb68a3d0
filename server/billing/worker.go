package billing

import (
	"context"
	"log/slog"
	"time"

	"github.com/riverqueue/river"

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

// ExpireArgs is the job that writes down what has ended by itself.
type ExpireArgs struct{}

// Kind implements [river.JobArgs].
func (ExpireArgs) Kind() string { return "billing_expire" }

// InsertOpts implements [river.JobArgsWithInsertOpts]. The next run does what one
// did not.
func (ExpireArgs) InsertOpts() river.InsertOpts { return river.InsertOpts{MaxAttempts: 1} }

// PeriodicExpire inserts the job every minute.
func PeriodicExpire() *river.PeriodicJob {
	return river.NewPeriodicJob(river.PeriodicInterval(expireEvery),
		func() (river.JobArgs, *river.InsertOpts) { return ExpireArgs{}, nil }, nil)
}

// ExpireWorker works the job. Any number may run at once.
type ExpireWorker struct {
	river.WorkerDefaults[ExpireArgs]

	DB     *store.DB
	Ledger *Ledger
	Logger *slog.Logger
}

// Timeout implements [river.Worker].
func (*ExpireWorker) Timeout(*river.Job[ExpireArgs]) time.Duration { return expireTimeout }

// Work implements [river.Worker].
func (w *ExpireWorker) Work(ctx context.Context, _ *river.Job[ExpireArgs]) error {
	settled, err := w.Ledger.Expire(ctx, w.DB, expireAtMost, expirePace)
	if settled > 0 {
		w.Logger.DebugContext(ctx, "holds and grants have ended", "accounts", settled)
	}
	return err
}
