package server

import (
	"context"
	"log/slog"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river"

	"github.com/sheenapps/sheen/server/billing"
)

const (
	// topUpEvery bounds what a purchase waits whose nudge was lost.
	topUpEvery = 10 * time.Second
	// topUpTimeout ends a sweep before the job system takes it for dead
	// (rescueAfter). The next one goes on.
	topUpTimeout = 45 * time.Second
	// topUpNudgeAfter lets the transaction commit that decided on a purchase, and
	// makes one job of many decisions.
	topUpNudgeAfter = 100 * time.Millisecond
)

// topUpArgs is the job that makes automatic purchases. Any number may run at once.
type topUpArgs struct{}

// Kind implements [river.JobArgs].
func (topUpArgs) Kind() string { return "billing_topup" }

// InsertOpts implements [river.JobArgsWithInsertOpts]: the next sweep does what
// this one did not.
func (topUpArgs) InsertOpts() river.InsertOpts { return river.InsertOpts{MaxAttempts: 1} }

func periodicTopUp() *river.PeriodicJob {
	return river.NewPeriodicJob(river.PeriodicInterval(topUpEvery),
		func() (river.JobArgs, *river.InsertOpts) { return topUpArgs{}, nil },
		&river.PeriodicJobOpts{RunOnStart: true})
}

type topUpWorker struct {
	river.WorkerDefaults[topUpArgs]

	topUps *billing.TopUps
}

// Timeout implements [river.Worker].
func (*topUpWorker) Timeout(*river.Job[topUpArgs]) time.Duration { return topUpTimeout }

// Work implements [river.Worker].
func (w *topUpWorker) Work(ctx context.Context, _ *river.Job[topUpArgs]) error {
	return w.topUps.Sweep(ctx)
}

// topUpNudge has purchases made soon after they were decided on.
type topUpNudge struct{ decided chan struct{} }

func newTopUpNudge() *topUpNudge { return &topUpNudge{decided: make(chan struct{}, 1)} }

// note never blocks.
func (n *topUpNudge) note() {
	select {
	case n.decided <- struct{}{}:
	default: // One job makes them all.
	}
}

// run puts a job in for what was noted, until ctx ends. One that is lost is made up
// for by the periodic one.
func (n *topUpNudge) run(ctx context.Context, jobs *river.Client[pgx.Tx], log *slog.Logger) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-n.decided:
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(topUpNudgeAfter):
		}
		if _, err := jobs.Insert(ctx, topUpArgs{}, nil); err != nil && ctx.Err() == nil {
			log.WarnContext(ctx, "automatic purchase waits for the next sweep", "cause", err)
		}
	}
}
