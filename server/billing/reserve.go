package billing

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/sheenapps/sheen/server/billing/meter"
	"github.com/sheenapps/sheen/store"
)

// maxKey is the length of the longest idempotency key, in bytes.
const maxKey = 255

// Reserve sets seconds aside in the caller's transaction and returns the hold
// and the balance after it. The same request again returns the first answer.
// It returns [*InsufficientError], [ErrKeyReused], [ErrTooLate] and [ErrInvalid].
func (l *Ledger) Reserve(ctx context.Context, tx pgx.Tx, request ReserveRequest) (*Hold, *Balance, error) {
	if request.TTL < 0 || len(request.Key) > maxKey {
		return nil, nil, fmt.Errorf("ttl %s with a key of %d bytes: %w", request.TTL, len(request.Key), ErrInvalid)
	}
	if err := l.lock(ctx, tx, request.AccountID); err != nil {
		return nil, nil, err
	}
	entry, err := l.answered(ctx, tx, request.AccountID, request.Key, request.fingerprint())
	if err != nil {
		return nil, nil, err
	}
	if entry != nil {
		return l.reserved(ctx, tx, request.AccountID, entry)
	}
	book, err := l.openAccount(ctx, tx, request.AccountID)
	if err != nil {
		return nil, nil, err
	}
	if !request.NotAfter.IsZero() && book.Now().After(request.NotAfter) {
		return nil, nil, ErrTooLate
	}
	holdID, err := newID()
	if err != nil {
		return nil, nil, err
	}
	hold, err := book.Reserve(meter.ReserveRequest{
		HoldID: holdID, BuildID: meter.ID(request.BuildID), Operation: request.Operation, Seconds: request.Seconds,
		ExpireTime: book.Now().Add(cmp.Or(request.TTL, DefaultTTL)), Key: request.Key, Fingerprint: request.fingerprint(),
	})
	if errors.Is(err, meter.ErrInsufficient) {
		return nil, nil, l.insufficient(request, book.Balance())
	}
	if err != nil {
		return nil, nil, fmt.Errorf("reserve: %w", err)
	}
	balance := book.Balance()
	return &hold, &balance, l.save(ctx, tx, book)
}

func (l *Ledger) insufficient(request ReserveRequest, balance Balance) *InsufficientError {
	return &InsufficientError{
		RequiredSeconds:    request.Seconds,
		SpendableSeconds:   balance.Spendable,
		HeldSeconds:        balance.Held,
		ByKind:             balance.ByKind,
		DailyGiftReset:     balance.GiftReset,
		Estimate:           NewEstimate(request.Operation, SizeMedium, false),
		RecommendedPackage: recommend(l.packages, request.Seconds-balance.Spendable),
	}
}

// answered returns the entry that a key has got, nil if it is new, and
// [ErrKeyReused] if the request was another one. It is called behind the lock.
func (l *Ledger) answered(
	ctx context.Context, tx pgx.Tx, accountID uuid.UUID, key string, request meter.Hash,
) (*meter.Entry, error) {
	if key == "" {
		return nil, nil //nolint:nilnil // no key, no answer
	}
	row, err := l.queries.JournalByKey(ctx, tx, &store.JournalByKeyParams{AccountID: accountID, IdempotencyKey: key})
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil //nolint:nilnil // a new key
	}
	if err != nil {
		return nil, fmt.Errorf("look up key: %w", err)
	}
	entry, err := entryFromRow(row)
	if err != nil {
		return nil, err
	}
	if entry.Fingerprint != request {
		return nil, ErrKeyReused
	}
	return entry, nil
}

// reserved gives the first answer of a reserve again: the hold as it was made.
func (l *Ledger) reserved(
	ctx context.Context, tx pgx.Tx, accountID uuid.UUID, entry *meter.Entry,
) (*Hold, *Balance, error) {
	hold, err := l.hold(ctx, tx, accountID, uuid.UUID(entry.HoldID))
	if err != nil {
		return nil, nil, err
	}
	hold.State = meter.HoldOpen
	hold.SettleTime = time.Time{}
	hold.Outcome = ""
	hold.Charged = 0
	return hold, &entry.Balance, nil
}

func (l *Ledger) hold(ctx context.Context, db store.DBTX, accountID, holdID uuid.UUID) (*Hold, error) {
	row, err := l.queries.HoldByID(ctx, db, &store.HoldByIDParams{ID: holdID, AccountID: accountID})
	if errors.Is(err, store.ErrNotFound) {
		return nil, ErrHoldNotFound
	}
	if err != nil {
		return nil, fmt.Errorf("read hold: %w", err)
	}
	hold := holdFromRow(row)
	return &hold, nil
}
