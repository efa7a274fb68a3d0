package build

import (
	"context"

	"connectrpc.com/connect"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"google.golang.org/protobuf/proto"

	errorv1 "github.com/sheenapps/sheen/gen/sheen/error/v1"
	eventv1 "github.com/sheenapps/sheen/gen/sheen/event/v1"
	"github.com/sheenapps/sheen/server/auth"
	"github.com/sheenapps/sheen/server/event"
	"github.com/sheenapps/sheen/server/fault"
	"github.com/sheenapps/sheen/server/recommend"
	"github.com/sheenapps/sheen/store"
)

// RequestRecommendations is a [recommend.Request]. The list and its job are stored in
// one transaction.
func (s *Service) RequestRecommendations(ctx context.Context, buildID uuid.UUID, key string) (recommend.Requested, error) {
	var (
		asked recommend.Requested
		batch event.Batch
	)
	userID := auth.Caller(ctx).UserID
	err := store.InTx(ctx, s.db, func(tx pgx.Tx) error {
		// The lock makes requests for a build take turns.
		_, err := s.queries.BuildByIDForUpdate(ctx, tx, &store.BuildByIDForUpdateParams{ID: buildID, UserID: userID})
		if err != nil {
			return err
		}
		history, err := s.lists.History(ctx, tx, buildID, userID)
		if err != nil {
			return err
		}
		asked, batch, err = s.requestNext(ctx, tx, buildID, key, history)
		return err
	})
	if err != nil {
		return recommend.Requested{}, err
	}
	s.hub.Publish(batch)
	return asked, nil
}

// requestNext finds the list that a request leads to, or asks for the next one.
func (s *Service) requestNext(
	ctx context.Context, tx pgx.Tx, buildID uuid.UUID, key string, history recommend.History,
) (recommend.Requested, event.Batch, error) {
	if known := history.ByKey(key); known != nil {
		return requested(known), event.Batch{}, nil
	}
	newest := history.Newest()
	if newest != nil && newest.Shown().Open() {
		return requested(newest), event.Batch{}, s.lists.Join(ctx, tx, newest.Revision, key)
	}
	if s.mode == recommend.ModeOff {
		if newest == nil {
			return recommend.Requested{State: recommend.StateSkipped}, event.Batch{}, nil
		}
		return recommend.Requested{Number: newest.Revision.Number, State: recommend.StateSkipped}, event.Batch{}, nil
	}
	if len(history) >= recommend.MaxRevisions {
		return recommend.Requested{}, event.Batch{}, tooManyLists()
	}
	var batch event.Batch
	if newest != nil && newest.Overdue {
		var err error
		if batch, err = s.giveUpTx(ctx, tx, newest); err != nil {
			return recommend.Requested{}, event.Batch{}, err
		}
	}
	list := recommend.Revision{BuildID: buildID, Number: int32(len(history)) + 1} //nolint:gosec // ten at most
	if err := s.lists.RequestNext(ctx, tx, list, key); err != nil {
		return recommend.Requested{}, event.Batch{}, err
	}
	return recommend.Requested{Number: list.Number, State: recommend.StateQueued}, batch, insertRecommendJob(ctx, s.jobs, tx, list)
}

// giveUpTx ends an overdue list that nobody has ended yet: another one takes its place.
func (s *Service) giveUpTx(ctx context.Context, tx pgx.Tx, overdue *recommend.Known) (event.Batch, error) {
	return s.changeListTx(ctx, tx, overdue.BuildID, func(tx pgx.Tx) (*eventv1.BuildEvent, error) {
		return recommendationsFailed(overdue.Revision), s.lists.GiveUp(ctx, tx, overdue.Attempt, overdue.State, recommend.ReasonDeadline)
	})
}

func requested(list *recommend.Known) recommend.Requested {
	return recommend.Requested{Number: list.Revision.Number, State: list.Shown()}
}

// tooManyLists refuses another list. Waiting does not help, so nothing says for how
// long.
func tooManyLists() *fault.Error {
	return &fault.Error{
		Code:    connect.CodeResourceExhausted,
		Reason:  errorv1.ErrorReason_ERROR_REASON_RATE_LIMITED,
		Message: "The build has as many lists of recommendations as a build may have.",
		Details: []proto.Message{&errorv1.RateLimit{Limit: recommend.MaxRevisions}},
	}
}
