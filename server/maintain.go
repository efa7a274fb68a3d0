package server

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/riverqueue/river"

	"github.com/sheenapps/sheen/server/event"
	"github.com/sheenapps/sheen/store"
)

const (
	// maintainEvery is how often the event log is looked after, beside every
	// start of the job system.
	maintainEvery = 24 * time.Hour
	// maintainTimeout ends a run before the job system takes it for dead
	// (rescueAfter). The next attempt goes on where it stopped.
	maintainTimeout = 45 * time.Second
	// maintainAttempts cover some minutes of outage; the next day's run does
	// what they did not.
	maintainAttempts = 5
)

// maintainArgs is the job that looks after the event log: it makes partitions
// ahead and drops old ones. It also forgets the work of old builds. Any number may run at once.
type maintainArgs struct{}

// Kind implements [river.JobArgs].
func (maintainArgs) Kind() string { return "event_partitions" }

// InsertOpts implements [river.JobArgsWithInsertOpts].
func (maintainArgs) InsertOpts() river.InsertOpts {
	return river.InsertOpts{MaxAttempts: maintainAttempts}
}

// periodicMaintenance also runs once per start: a process that never lives for a
// whole day would not run it otherwise.
func periodicMaintenance() *river.PeriodicJob {
	return river.NewPeriodicJob(river.PeriodicInterval(maintainEvery),
		func() (river.JobArgs, *river.InsertOpts) { return maintainArgs{}, nil },
		&river.PeriodicJobOpts{RunOnStart: true})
}

type maintainWorker struct {
	river.WorkerDefaults[maintainArgs]

	db     *store.DB
	events *event.Log
	keep   time.Duration
	log    *slog.Logger
}

// Timeout implements [river.Worker].
func (*maintainWorker) Timeout(*river.Job[maintainArgs]) time.Duration { return maintainTimeout }

// Work implements [river.Worker].
func (w *maintainWorker) Work(ctx context.Context, _ *river.Job[maintainArgs]) error {
	now, err := w.events.Clock(ctx)
	if err != nil {
		return err
	}
	ensureErr := w.events.EnsurePartitions(ctx, now)
	expiry, expireErr := w.events.Expire(ctx, now, w.keep)
	if len(expiry.Dropped) > 0 || expiry.Deleted > 0 {
		w.log.InfoContext(ctx, "old events are gone", "partitions", expiry.Dropped, "rows", expiry.Deleted)
	}
	if len(expiry.Held) > 0 {
		w.log.WarnContext(ctx, "old events stay: a build that began with them is not over", "partitions", expiry.Held)
	}
	return errors.Join(ensureErr, expireErr, forgetWork(ctx, w.db, now, w.log))
}
