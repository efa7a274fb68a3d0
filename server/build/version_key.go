package build

import (
	"context"
	"crypto/sha256"
	"errors"

	"connectrpc.com/connect"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	errorv1 "github.com/sheenapps/sheen/gen/sheen/error/v1"
	"github.com/sheenapps/sheen/server/auth"
	"github.com/sheenapps/sheen/server/fault"
	"github.com/sheenapps/sheen/store"
)

// keyedCall is a call that its caller's key makes harmless to repeat.
type keyedCall struct {
	userID    uuid.UUID
	procedure string
	key       string
	// hash tells a repeat from another request with the same key.
	hash [sha256.Size]byte
}

// newKeyedCall describes a call about a version; rest is what else it says.
func newKeyedCall(ctx context.Context, procedure, key string, version uuid.UUID, rest string) keyedCall {
	return keyedCall{
		userID: auth.Caller(ctx).UserID, procedure: procedure, key: key,
		hash: sha256.Sum256(append(version[:], rest...)),
	}
}

// once does a call in one transaction, under the lock of the project that it is
// about, and notes the id of what it made under the call's key. A repeat gets the
// same id and does nothing.
func (s *Service) once(
	ctx context.Context, call keyedCall, projectID uuid.UUID, do func(pgx.Tx, *store.Project) (uuid.UUID, error),
) (uuid.UUID, error) {
	var made uuid.UUID
	err := store.InTx(ctx, s.db, func(tx pgx.Tx) error {
		project, err := s.queries.ProjectByIDForUpdate(ctx, tx, &store.ProjectByIDForUpdateParams{ID: projectID, UserID: call.userID})
		if err != nil {
			return err
		}
		if made, err = s.madeBefore(ctx, tx, call); err != nil || made != uuid.Nil {
			return err
		}
		if made, err = do(tx, project); err != nil {
			return err
		}
		return s.queries.CallKeyInsert(ctx, tx, &store.CallKeyInsertParams{
			UserID: call.userID, Procedure: call.procedure, Key: call.key, RequestHash: call.hash[:], ResultID: made,
		})
	})
	if conflict, ok := errors.AsType[*store.ConflictError](err); ok && conflict.Constraint == "call_keys_once" {
		// A repeat would have waited for the project: another one's call took the key.
		return uuid.Nil, callKeyReused()
	}
	return made, err
}

// madeBefore returns what a call made when it came before, or the nil UUID.
func (s *Service) madeBefore(ctx context.Context, tx pgx.Tx, call keyedCall) (uuid.UUID, error) {
	row, err := s.queries.CallKeyByKey(ctx, tx, &store.CallKeyByKeyParams{
		UserID: call.userID, Procedure: call.procedure, Key: call.key,
	})
	if errors.Is(err, store.ErrNotFound) {
		return uuid.Nil, nil
	}
	if err != nil {
		return uuid.Nil, err
	}
	if [sha256.Size]byte(row.RequestHash) != call.hash {
		return uuid.Nil, callKeyReused()
	}
	return row.ResultID, nil
}

func callKeyReused() *fault.Error {
	return &fault.Error{
		Code:    connect.CodeAlreadyExists,
		Reason:  errorv1.ErrorReason_ERROR_REASON_IDEMPOTENCY_KEY_REUSED,
		Message: "The idempotency key was already used for another request; make a new one per request.",
	}
}
