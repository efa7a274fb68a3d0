package build

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"

	eventv1 "github.com/sheenapps/sheen/gen/sheen/event/v1"
	"github.com/sheenapps/sheen/server/recommend"
	"github.com/sheenapps/sheen/store"
)

// Watch ends lists whose deadline is over, and has others tried again whose worker is
// gone, until ctx ends. Every node with workers runs it; they do not get in each
// other's way.
func (r *Recommender) Watch(ctx context.Context) {
	ticker := time.NewTicker(sweepEvery)
	defer ticker.Stop()
	for {
		if err := r.sweep(ctx); err != nil && ctx.Err() == nil {
			r.logger.WarnContext(ctx, "recommendations could not be looked after; trying again soon", "cause", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

func (r *Recommender) sweep(ctx context.Context) error {
	due, err := r.queries.RecommendationDueList(ctx, r.db, &store.RecommendationDueListParams{BatchSize: sweepBatch})
	if err != nil {
		return err
	}
	var failed []error
	for _, row := range due {
		seen := recommend.Attempt{
			Revision: recommend.Revision{BuildID: row.BuildID, Number: row.Revision}, Number: row.Attempt,
		}
		if row.Overdue {
			err = r.giveUp(ctx, seen, recommend.State(row.State), recommend.ReasonDeadline)
		} else {
			err = r.takeFromLost(ctx, seen)
		}
		// One that cannot be ended does not keep those behind it.
		failed = append(failed, err)
	}
	return errors.Join(failed...)
}

// takeFromLost ends the attempt of a worker that is gone, and has another one made if
// there is one left.
func (r *Recommender) takeFromLost(ctx context.Context, seen recommend.Attempt) error {
	err := r.changeList(ctx, seen.BuildID, func(tx pgx.Tx) (*eventv1.BuildEvent, error) {
		givenUp, err := r.lists.Fail(ctx, tx, seen, recommend.ReasonLost, true, recommend.Usage{})
		if err != nil {
			return nil, err
		}
		if givenUp {
			return recommendationsFailed(seen.Revision), nil
		}
		return nil, insertRecommendJob(ctx, r.jobs, tx, seen.Revision)
	})
	if errors.Is(err, recommend.ErrLate) {
		return nil
	}
	if err == nil {
		r.metrics.lists.failed(recommend.ReasonLost)
		r.logger.InfoContext(ctx, "recommendations lost their worker", "build_id", seen.BuildID, "revision", seen.Revision.Number)
	}
	return err
}
