package build

import (
	"context"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/sheenapps/sheen/store"
)

// sweepBatch bounds one sweep; the next one goes on.
const sweepBatch = 100

// Watch looks after builds until ctx ends: it puts those back into the queue
// whose worker is gone, and stops those of this node that their users cancelled.
// Every node with workers runs it; they do not get in each other's way.
func (w *Worker) Watch(ctx context.Context) {
	sweep, poll := time.NewTicker(sweepEvery), time.NewTicker(cancelPoll)
	defer sweep.Stop()
	defer poll.Stop()
	w.watched(ctx, w.sweep)
	for {
		select {
		case <-ctx.Done():
			return
		case <-sweep.C:
			w.watched(ctx, w.sweep)
		case <-poll.C:
			w.watched(ctx, w.pollCancelled)
		}
	}
}

func (w *Worker) watched(ctx context.Context, do func(context.Context) error) {
	if err := do(ctx); err != nil && ctx.Err() == nil {
		w.logger.WarnContext(ctx, "builds could not be looked after; trying again soon", "cause", err)
	}
}

// sweep puts builds whose lease ran out or whose job was lost back into the queue,
// and releases those that wait for nothing.
func (w *Worker) sweep(ctx context.Context) error {
	if err := w.requeueLost(ctx); err != nil {
		return err
	}
	if err := w.requeueJobless(ctx); err != nil {
		return err
	}
	return w.releaseForgotten(ctx)
}

func (w *Worker) requeueLost(ctx context.Context) error {
	return store.InTx(ctx, w.db, func(tx pgx.Tx) error {
		ids, err := w.queries.BuildLeaseSweep(ctx, tx, &store.BuildLeaseSweepParams{BatchSize: sweepBatch})
		if err != nil {
			return err
		}
		for _, id := range ids {
			w.metrics.requeued.WithLabelValues(lostWorker).Inc()
			w.logger.InfoContext(ctx, "build lost its worker and is queued again", "build_id", id)
			if err := insertJob(ctx, w.jobs, tx, id); err != nil {
				return err
			}
		}
		return nil
	})
}

// pollCancelled stops the builds of this node that are to stop.
func (w *Worker) pollCancelled(ctx context.Context) error {
	w.mu.Lock()
	ids := make([]uuid.UUID, 0, len(w.running))
	for run := range w.running {
		ids = append(ids, run.buildID)
	}
	w.mu.Unlock()
	if len(ids) == 0 {
		return nil
	}
	cancelled, err := w.queries.BuildCancelRequested(ctx, w.leaseDB, &store.BuildCancelRequestedParams{BuildIds: ids})
	if err != nil {
		return err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for run, stop := range w.running {
		if slices.Contains(cancelled, run.buildID) {
			stop(errCancelled)
		}
	}
	return nil
}
