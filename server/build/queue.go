package build

import (
	"context"
	"errors"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	buildv1 "github.com/sheenapps/sheen/gen/sheen/build/v1"
	"github.com/sheenapps/sheen/server/event"
	"github.com/sheenapps/sheen/server/locale"
	"github.com/sheenapps/sheen/store"
)

// place is where a new build stands in its project.
type place struct {
	projectID uuid.UUID
	// waiting says that another build has to end first.
	waiting bool
	// ended are the builds that made room for it.
	ended []*ended
}

// placeBehind finds the place of a build whose project has an active one. The
// caller has the account's and the project's lock.
func (s *Service) placeBehind(ctx context.Context, tx pgx.Tx, sub *submission, project, active uuid.UUID) (place, error) {
	switch sub.policy {
	case buildv1.ConflictPolicy_CONFLICT_POLICY_QUEUE:
		n, err := s.queries.BuildWaitingCount(ctx, tx, &store.BuildWaitingCountParams{ProjectID: project})
		if err == nil && n >= MaxWaiting {
			err = inProgress(active).Keyed("error.detail.queueFull")
		}
		return place{projectID: project, waiting: true}, err
	case buildv1.ConflictPolicy_CONFLICT_POLICY_SUPERSEDE:
		return s.supersede(ctx, tx, project)
	default:
		return place{}, inProgress(active)
	}
}

// supersede stops all builds of a project. Those that nobody works on end in the
// caller's transaction; the new build waits for one that somebody does.
func (s *Service) supersede(ctx context.Context, tx pgx.Tx, project uuid.UUID) (place, error) {
	wished, err := s.wishAllGone(ctx, tx, project)
	if err != nil {
		return place{}, err
	}
	at := place{projectID: project}
	// Those that wait come first: the end of the active one would release one.
	for _, waiting := range []bool{true, false} {
		for _, b := range wished {
			switch {
			case b.Waiting != waiting:
			case !idle(b):
				at.waiting = true
			default:
				done, err := s.endTx(ctx, tx, b, ending{state: Cancelled, reason: b.CancelReason})
				if err != nil {
					return place{}, err
				}
				at.ended = append(at.ended, done)
			}
		}
	}
	return at, nil
}

// wishAllGone stores the wish that all builds of a project stop. It locks them,
// the oldest first.
func (s *Service) wishAllGone(ctx context.Context, tx pgx.Tx, project uuid.UUID) ([]*store.Build, error) {
	rows, err := s.queries.BuildUnfinishedList(ctx, tx, &store.BuildUnfinishedListParams{ProjectID: project, PageSize: MaxWaiting + 1})
	if err != nil {
		return nil, err
	}
	wished := make([]*store.Build, len(rows))
	for i, row := range rows {
		wished[i], err = s.queries.BuildCancelRequest(ctx, tx, &store.BuildCancelRequestParams{
			ID: row.ID, CancelReason: locale.Text(row.Locale, superseded, nil),
		})
		if err != nil {
			return nil, err
		}
	}
	return wished, nil
}

// release makes the build that has waited longest in a project its active one, if
// there is none. The caller has the project's lock.
func (e *ender) release(ctx context.Context, tx pgx.Tx, project uuid.UUID) (event.Batch, error) {
	next, err := e.queries.BuildWaitingRelease(ctx, tx, &store.BuildWaitingReleaseParams{ProjectID: project})
	if errors.Is(err, store.ErrNotFound) {
		return event.Batch{}, nil
	}
	if err != nil {
		return event.Batch{}, err
	}
	if err := e.enqueue(ctx, tx, next.ID); err != nil {
		return event.Batch{}, err
	}
	return e.log.Append(ctx, tx, event.Producer{BuildID: next.ID, LeaseToken: next.LeaseToken},
		told(next.Locale, "event.waiting.over", nil))
}

// releaseForgotten releases builds that wait for nothing. There are none as long
// as every end releases the next; this is for a row that was changed by hand.
func (w *Worker) releaseForgotten(ctx context.Context) error {
	projects, err := w.queries.ProjectForgottenList(ctx, w.db, &store.ProjectForgottenListParams{BatchSize: sweepBatch})
	if err != nil {
		return err
	}
	for _, project := range projects {
		var batch event.Batch
		err := store.InTx(ctx, w.db, func(tx pgx.Tx) error {
			err := w.queries.ProjectLock(ctx, tx, &store.ProjectLockParams{ID: project})
			if err == nil {
				batch, err = w.release(ctx, tx, project)
			}
			return err
		})
		if err != nil {
			return err
		}
		if batch.Head() > 0 {
			w.logger.WarnContext(ctx, "a build waited for nothing and goes on", "project_id", project, "build_id", batch.BuildID)
		}
		w.hub.Publish(batch)
	}
	return nil
}
