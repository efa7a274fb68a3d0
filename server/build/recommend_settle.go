package build

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	eventv1 "github.com/sheenapps/sheen/gen/sheen/event/v1"
	"github.com/sheenapps/sheen/server/engine"
	"github.com/sheenapps/sheen/server/preview"
	"github.com/sheenapps/sheen/server/recommend"
	"github.com/sheenapps/sheen/store"
)

// settleList writes down what came of an attempt, also when the node stops.
func (r *Recommender) settleList(
	job context.Context, t *task, by recommend.Attempt, drafts []recommend.Draft, used recommend.Usage, failure error,
) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(job), settleTimeout)
	defer cancel()
	if failure == nil {
		err := r.keep(ctx, t, by, drafts, used)
		if err == nil || uncertain(err) {
			return err
		}
		failure = err
	} else if job.Err() != nil && !errors.Is(failure, errAttemptTimeout) {
		failure = errStopping
	}
	again, err := r.noteFailedAttempt(ctx, t, by, used, failure)
	// One whose answer was lost is late too: the job comes back for what it queued.
	if err = r.forgive(ctx, by, used, err); err == nil && again >= 0 {
		return snooze(again)
	}
	return err
}

// forgive is err, but that an attempt came too late is no error: somebody has ended it.
// What it cost counts all the same.
func (r *Recommender) forgive(ctx context.Context, by recommend.Attempt, used recommend.Usage, err error) error {
	if !errors.Is(err, recommend.ErrLate) {
		return err
	}
	r.metrics.lists.late()
	return r.lists.NoteUsage(ctx, r.db, by, used)
}

// keep stores a list, or returns an error of [recommend.Check] if nothing of it can be
// shown. What the plan brings that came meanwhile is left out too.
func (r *Recommender) keep(ctx context.Context, t *task, by recommend.Attempt, drafts []recommend.Draft, used recommend.Usage) error {
	var took time.Duration
	err := r.persist(ctx, by, func(tx pgx.Tx) (*eventv1.BuildEvent, error) {
		if err := r.loadPlanLate(ctx, tx, t); err != nil {
			return nil, err
		}
		entries, err := recommend.Check(drafts, t.taken())
		if err != nil {
			return nil, err
		}
		took, err = r.lists.Store(ctx, tx, by, entries, used)
		return recommendationsReady(by.Revision), err
	})
	if err == nil {
		r.metrics.lists.stored(took)
	}
	return err
}

// loadPlanLate reads the plan of a task that had none when it began.
func (r *Recommender) loadPlanLate(ctx context.Context, tx pgx.Tx, t *task) error {
	if t.plan != nil {
		return nil
	}
	stored, err := r.queries.RecommendationPlan(ctx, tx, &store.RecommendationPlanParams{BuildID: t.build.ID})
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	t.plan, err = decodePlan(stored)
	return err
}

// persist changes an attempt's list, and tries again while the store is away. If a
// change took place whose answer was lost, the repeat finds it too late.
func (r *Recommender) persist(ctx context.Context, by recommend.Attempt, do func(pgx.Tx) (*eventv1.BuildEvent, error)) error {
	for {
		err := r.changeList(ctx, by.BuildID, do)
		if !errors.Is(err, store.ErrUnavailable) || pause(ctx) != nil {
			return err
		}
	}
}

// noteFailedAttempt ends an attempt that came to nothing, and says after which pause the
// next one is due; below 0 the list was given up.
func (r *Recommender) noteFailedAttempt(
	ctx context.Context, t *task, by recommend.Attempt, used recommend.Usage, failure error,
) (again time.Duration, err error) {
	why, retryable := listFailure(failure)
	again = r.pauseAfter(failure)
	retryable = retryable && again < t.left-r.clock().Sub(t.loaded)
	var givenUp bool
	err = r.persist(ctx, by, func(tx pgx.Tx) (_ *eventv1.BuildEvent, err error) {
		if givenUp, err = r.lists.Fail(ctx, tx, by, why, retryable, used); !givenUp {
			return nil, err
		}
		return recommendationsFailed(by.Revision), err
	})
	if givenUp {
		again = -1
	}
	if errors.Is(err, recommend.ErrLate) {
		return again, err
	}
	level := r.logger.WarnContext
	if why == recommend.ReasonInternal {
		level = r.logger.ErrorContext
	}
	level(ctx, "recommendations were not written", "build_id", by.BuildID, "revision", by.Revision.Number,
		"attempt", by.Number, "reason", why, "retryable", retryable, "cause", failure)
	if err == nil {
		r.metrics.lists.failed(why)
	}
	return again, err
}

// pauseAfter is how long the next attempt waits: as long as the provider asked for, and
// not at all if only the node stops.
func (r *Recommender) pauseAfter(failure error) time.Duration {
	if errors.Is(failure, errStopping) {
		return 0
	}
	if p, ok := errors.AsType[*engine.ProviderError](failure); ok {
		return max(p.RetryAfter, r.lists.Timing.Pause)
	}
	return r.lists.Timing.Pause
}

// listFailure says why an attempt came to nothing, and whether another one may help.
func listFailure(err error) (why recommend.Reason, retryable bool) {
	switch {
	case errors.Is(err, errStopping):
		return recommend.ReasonStopped, true
	case errors.Is(err, errAttemptTimeout):
		return recommend.ReasonDeadline, true
	case errors.Is(err, recommend.ErrLate):
		return recommend.ReasonDeadline, false // Nobody may have ended the list yet.
	case errors.Is(err, recommend.ErrNothing):
		return recommend.ReasonNothing, false
	case errors.Is(err, recommend.ErrMalformed), errors.Is(err, engine.ErrMalformed):
		return recommend.ReasonMalformed, true
	case errors.Is(err, engine.ErrRefused):
		return recommend.ReasonRefused, false
	case errors.Is(err, engine.ErrTooLong):
		return recommend.ReasonTooLong, false
	}
	if p, ok := errors.AsType[*engine.ProviderError](err); ok {
		return recommend.ReasonProvider, p.Retryable
	}
	return recommend.ReasonInternal, errors.Is(err, store.ErrUnavailable) || errors.Is(err, preview.ErrUnavailable)
}

// giveUp ends a list in the state that it was seen in. If it is in another one by now,
// there is nothing to do.
func (e *ender) giveUp(ctx context.Context, seen recommend.Attempt, state recommend.State, why recommend.Reason) error {
	err := e.changeList(ctx, seen.BuildID, func(tx pgx.Tx) (*eventv1.BuildEvent, error) {
		return recommendationsFailed(seen.Revision), e.lists.GiveUp(ctx, tx, seen, state, why)
	})
	if errors.Is(err, recommend.ErrLate) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("give recommendations up: %w", err)
	}
	e.metrics.lists.failed(why)
	return nil
}
