package build

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river"

	eventv1 "github.com/sheenapps/sheen/gen/sheen/event/v1"
	"github.com/sheenapps/sheen/server/event"
	"github.com/sheenapps/sheen/server/recommend"
	"github.com/sheenapps/sheen/store"
)

// Recommendations say how builds get their AI recommendations. The zero value is
// beside the build, with the default timing.
type Recommendations struct {
	Mode   recommend.Mode
	Timing recommend.Timing
}

// enqueue has a build worked on that may begin, and asks for its recommendations
// unless they come later or never.
func (e *ender) enqueue(ctx context.Context, tx pgx.Tx, buildID uuid.UUID) error {
	switch e.mode {
	case recommend.ModeOff:
		if err := e.lists.Skip(ctx, tx, buildID); err != nil {
			return err
		}
		return insertJob(ctx, e.jobs, tx, buildID)
	case recommend.ModeAfter:
		return insertJob(ctx, e.jobs, tx, buildID)
	default:
	}
	asked, err := e.lists.RequestFirst(ctx, tx, buildID)
	if err != nil {
		return err
	}
	if !asked {
		return insertJob(ctx, e.jobs, tx, buildID)
	}
	// Both in one statement.
	_, err = e.jobs.InsertManyTx(ctx, tx, []river.InsertManyParams{
		{Args: JobArgs{BuildID: buildID}}, {Args: RecommendArgs{BuildID: buildID, Revision: 1}},
	})
	if err != nil {
		return fmt.Errorf("insert the build's jobs: %w", err)
	}
	return nil
}

// recommendAfter asks for the recommendations of a build that has ended, where they
// come after it: a build without a site gets none.
func (e *ender) recommendAfter(ctx context.Context, tx pgx.Tx, b *store.Build) error {
	if e.mode != recommend.ModeAfter {
		return nil
	}
	if State(b.State) != Complete {
		return e.lists.Skip(ctx, tx, b.ID)
	}
	asked, err := e.lists.RequestFirst(ctx, tx, b.ID)
	if err != nil || !asked {
		return err
	}
	return insertRecommendJob(ctx, e.jobs, tx, recommend.Revision{BuildID: b.ID, Number: 1})
}

// changeList changes a list of a build in one transaction with the event that signals
// it, if do returns one. The build's lock comes first; the log of a build that is over
// stays as it is: the rows are the truth.
func (e *ender) changeList(
	ctx context.Context, buildID uuid.UUID, do func(pgx.Tx) (*eventv1.BuildEvent, error),
) error {
	var batch event.Batch
	err := store.InTx(ctx, e.db, func(tx pgx.Tx) (err error) {
		batch, err = e.changeListTx(ctx, tx, buildID, do)
		return err
	})
	if err != nil {
		return err
	}
	e.hub.Publish(batch)
	return nil
}

func (e *ender) changeListTx(
	ctx context.Context, tx pgx.Tx, buildID uuid.UUID, do func(pgx.Tx) (*eventv1.BuildEvent, error),
) (event.Batch, error) {
	b, err := e.queries.RecommendationBuildLock(ctx, tx, &store.RecommendationBuildLockParams{ID: buildID})
	if err != nil {
		return event.Batch{}, err
	}
	signal, err := do(tx)
	if err != nil || signal == nil || State(b.State).Final() {
		return event.Batch{}, err
	}
	return e.log.Append(ctx, tx, event.Producer{BuildID: buildID, LeaseToken: b.LeaseToken}, signal)
}

func recommendationsReady(list recommend.Revision) *eventv1.BuildEvent {
	return &eventv1.BuildEvent{Payload: &eventv1.BuildEvent_RecommendationsReady{
		RecommendationsReady: &eventv1.RecommendationsReady{Revision: list.Number},
	}}
}

func recommendationsFailed(list recommend.Revision) *eventv1.BuildEvent {
	return &eventv1.BuildEvent{Payload: &eventv1.BuildEvent_RecommendationsFailed{
		RecommendationsFailed: &eventv1.RecommendationsFailed{Revision: list.Number},
	}}
}
