package billing

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"

	"github.com/sheenapps/sheen/server/billing/meter"
	"github.com/sheenapps/sheen/store"
)

// Voided is what became of a grant that was taken back.
type Voided = meter.Voided

// ErrGrantNotFound is a grant that the account does not have.
var ErrGrantNotFound = ErrHoldNotFound

// VoidRequest takes a grant back.
type VoidRequest struct {
	AccountID uuid.UUID
	GrantID   uuid.UUID
	// Seconds bounds what is taken: first what is free, then what holds have, of
	// which as much lapses once they give it back. The grant goes on giving what is
	// left. 0 takes all, and the grant gives no more.
	Seconds int64
	// Key makes the request repeatable: 1 to 255 bytes, scoped to the account.
	Key string
	// Reason is for people.
	Reason string
}

// Void takes back what is free of a grant, in the caller's transaction, and
// returns what that was and the balance after it. What open holds have of the
// grant they may use; what they give back lapses as far as it was
// taken. The key is required; the same
// request again returns the first answer. It returns [ErrGrantNotFound],
// [ErrKeyReused] and [ErrInvalid].
func (l *Ledger) Void(ctx context.Context, tx store.Tx, request VoidRequest) (*Voided, *Balance, error) {
	if len(request.Key) < 1 || len(request.Key) > maxKey {
		return nil, nil, fmt.Errorf("void with a key of %d bytes: %w", len(request.Key), ErrInvalid)
	}
	found, err := l.begin(ctx, tx, request.AccountID, request.Key, request.fingerprint())
	if err != nil {
		return nil, nil, err
	}
	row, err := l.queries.GrantByID(ctx, tx, &store.GrantByIDParams{ID: request.GrantID, AccountID: request.AccountID})
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil, ErrGrantNotFound
	}
	if err != nil {
		return nil, nil, fmt.Errorf("read grant: %w", err)
	}
	grant := grantFromRow(row)
	if found.answer != nil {
		return l.voidedBefore(ctx, tx, grant.ID, found.answer)
	}
	voided, err := found.book.Void(meter.VoidRequest{
		Grant: grant, Seconds: request.Seconds, Key: request.Key, Reason: request.Reason, Fingerprint: request.fingerprint(),
	})
	if err != nil {
		return nil, nil, fmt.Errorf("void: %w", err)
	}
	balance := found.book.Balance()
	return &voided, &balance, l.save(ctx, tx, found.book)
}

// voidedBefore gives the first answer of a void again.
func (l *Ledger) voidedBefore(
	ctx context.Context, db store.DBTX, grantID meter.ID, entry *meter.Entry,
) (*Voided, *Balance, error) {
	used, err := l.queries.JournalUsedAt(ctx, db, &store.JournalUsedAtParams{
		AccountID: uuid.UUID(entry.AccountID), GrantID: uuid.UUID(grantID), Seq: entry.Seq,
	})
	if err != nil {
		return nil, nil, fmt.Errorf("read what was used: %w", err)
	}
	return &Voided{GrantID: grantID, Seconds: -entry.Sum().Free, Used: used}, &entry.Balance, nil
}
