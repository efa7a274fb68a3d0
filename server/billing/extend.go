package billing

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/sheenapps/sheen/server/billing/meter"
	"github.com/sheenapps/sheen/store"
)

// ExtendRequest sets more aside for an open hold.
type ExtendRequest struct {
	AccountID uuid.UUID
	HoldID    uuid.UUID
	// Key makes the request repeatable: 1 to 255 bytes, scoped to the account.
	// An empty key makes every call a request of its own.
	Key string
	// Seconds more, from 0. With what is held they may not exceed what was
	// approved for the hold.
	Seconds int64
	// Partial takes fewer than Seconds, and at least one, if only so many are
	// spendable or approved.
	Partial bool
	// TTL is how long the hold lasts from now; 0, or less than it has left,
	// leaves its end as it is.
	TTL time.Duration
}

// Extend sets more seconds aside for an open hold, in the caller's transaction,
// and returns the hold and the balance after it. The same request again returns
// the first answer. It returns [ErrHoldNotFound], [*InsufficientError],
// [*HoldStateError] for a hold that is not open any more, [ErrKeyReused] and
// [ErrInvalid].
func (l *Ledger) Extend(ctx context.Context, tx store.Tx, request ExtendRequest) (*Hold, *Balance, error) {
	if request.TTL < 0 || len(request.Key) > maxKey {
		return nil, nil, fmt.Errorf("ttl %s with a key of %d bytes: %w", request.TTL, len(request.Key), ErrInvalid)
	}
	found, err := l.begin(ctx, tx, request.AccountID, request.Key, request.fingerprint())
	if err != nil {
		return nil, nil, err
	}
	if found.answer != nil {
		return l.heldAsExtended(ctx, tx, found.answer)
	}
	book := found.book
	hold, err := book.Extend(meter.ExtendRequest{
		HoldID: meter.ID(request.HoldID), Seconds: request.Seconds, Partial: request.Partial, ExpireTime: book.Now().Add(request.TTL),
		Key: request.Key, Fingerprint: request.fingerprint(),
	})
	switch {
	case errors.Is(err, meter.ErrInsufficient):
		operation := book.Operation(meter.ID(request.HoldID))
		return nil, nil, l.insufficient(l.Estimate(operation, SizeMedium, false), request.Seconds, book.Balance())
	case errors.Is(err, meter.ErrHoldNotFound), errors.Is(err, meter.ErrHoldSettled):
		return nil, nil, l.notOpen(ctx, tx, book, request)
	case err != nil:
		return nil, nil, fmt.Errorf("extend: %w", err)
	}
	balance := book.Balance()
	return &hold, &balance, l.save(ctx, tx, book)
}

// heldAsExtended gives the first answer of an extension again: the hold as it was
// then. What it had is in the journal.
func (l *Ledger) heldAsExtended(ctx context.Context, db store.DBTX, entry *meter.Entry) (*Hold, *Balance, error) {
	hold, err := l.hold(ctx, db, uuid.UUID(entry.AccountID), uuid.UUID(entry.HoldID))
	if err != nil {
		return nil, nil, err
	}
	held, err := l.heldAt(ctx, db, entry)
	if err != nil {
		return nil, nil, err
	}
	// The grants stand in burn order, which later extensions kept.
	shares := hold.Shares
	hold.State, hold.Seconds, hold.Shares, hold.ExpireTime = meter.HoldOpen, 0, nil, entry.ExpireTime
	for _, share := range shares {
		if share.Seconds = held[share.GrantID]; share.Seconds > 0 {
			hold.Shares = append(hold.Shares, share)
			hold.Seconds += share.Seconds
		}
	}
	hold.SettleTime, hold.Outcome, hold.Charged = time.Time{}, "", 0
	return hold, &entry.Balance, nil
}

// heldAt returns what a hold had of each grant after a row of the journal.
func (l *Ledger) heldAt(ctx context.Context, db store.DBTX, entry *meter.Entry) (map[meter.ID]int64, error) {
	text, err := l.queries.JournalHoldLines(ctx, db, &store.JournalHoldLinesParams{
		AccountID: uuid.UUID(entry.AccountID), HoldID: uuid.UUID(entry.HoldID), Seq: entry.Seq,
	})
	if err != nil {
		return nil, fmt.Errorf("read what was held: %w", err)
	}
	var rows [][]meter.Line
	if err := json.Unmarshal(text, &rows); err != nil {
		return nil, fmt.Errorf("decode what was held: %w", err)
	}
	held := map[meter.ID]int64{}
	for _, line := range slices.Concat(rows...) {
		held[line.GrantID] += line.Held
	}
	return held, nil
}

// notOpen says why a hold cannot be extended. One that is due to expire has
// expired, though nothing was written of it.
func (l *Ledger) notOpen(ctx context.Context, db store.DBTX, book *meter.Book, request ExtendRequest) error {
	hold, err := l.hold(ctx, db, request.AccountID, request.HoldID)
	if err != nil {
		return err
	}
	from := hold.State
	if from == meter.HoldOpen && !hold.ExpireTime.After(book.Now()) {
		from = meter.HoldExpired
	}
	return &HoldStateError{From: from, To: meter.HoldOpen}
}
