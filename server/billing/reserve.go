package billing

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"

	"github.com/sheenapps/sheen/server/billing/meter"
	"github.com/sheenapps/sheen/store"
)

// maxKey is the length of the longest idempotency key, in bytes.
const maxKey = 255

// Reserve sets seconds aside in the caller's transaction and returns the hold
// and the balance after it. The same request again returns the first answer.
// It returns [*InsufficientError], [ErrKeyReused], [ErrTooLate] and [ErrInvalid].
func (l *Ledger) Reserve(ctx context.Context, tx store.Tx, request ReserveRequest) (*Hold, *Balance, error) {
	if request.TTL < 0 || len(request.Key) > maxKey || request.QuotedSeconds < 0 {
		return nil, nil, fmt.Errorf("ttl %s with a key of %d bytes, quoted %d s: %w",
			request.TTL, len(request.Key), request.QuotedSeconds, ErrInvalid)
	}
	found, err := l.begin(ctx, tx, request.AccountID, request.Key, request.fingerprint())
	if err != nil {
		return nil, nil, err
	}
	if found.answer != nil {
		hold, balance := heldAsMade(request, &found)
		return hold, balance, nil
	}
	book := found.book
	if !request.NotAfter.IsZero() && book.Now().After(request.NotAfter) {
		return nil, nil, ErrTooLate
	}
	holdID, err := newID()
	if err != nil {
		return nil, nil, err
	}
	hold, err := book.Reserve(meter.ReserveRequest{
		HoldID: holdID, BuildID: meter.ID(request.BuildID), Operation: request.Operation,
		Seconds: request.Seconds, Max: request.MaxSeconds,
		ExpireTime: book.Now().Add(cmp.Or(request.TTL, DefaultTTL)), Key: request.Key, Fingerprint: request.fingerprint(),
	})
	if errors.Is(err, meter.ErrInsufficient) {
		return nil, nil, l.insufficient(l.Estimate(request.Operation, request.ProjectSize, false), request.Seconds, book.Balance())
	}
	if err != nil {
		return nil, nil, fmt.Errorf("reserve: %w", err)
	}
	balance := book.Balance()
	return &hold, &balance, l.saveQuoted(ctx, tx, book, quoted{size: request.ProjectSize.known(), seconds: request.QuotedSeconds})
}

func (l *Ledger) insufficient(estimate Estimate, seconds int64, balance Balance) *InsufficientError {
	return &InsufficientError{
		RequiredSeconds:    seconds,
		SpendableSeconds:   balance.Spendable,
		HeldSeconds:        balance.Held,
		ByKind:             balance.ByKind,
		DailyGiftReset:     balance.GiftReset,
		Estimate:           estimate,
		RecommendedPackage: recommend(l.packages, seconds-balance.Spendable),
		PurchaseURL:        l.purchaseURL,
	}
}

// heldAsMade gives the first answer of a reserve again: the entry and the request
// tell all of it.
func heldAsMade(request ReserveRequest, found *change) (*Hold, *Balance) {
	entry := found.answer
	hold := &Hold{
		ID: entry.HoldID, BuildID: entry.BuildID, Operation: entry.Operation, State: meter.HoldOpen, Max: request.MaxSeconds,
		Day: found.account.Day(entry.Time), CreateTime: entry.Time, ExpireTime: entry.ExpireTime,
	}
	for _, line := range entry.Lines {
		hold.Shares = append(hold.Shares, meter.Share{GrantID: line.GrantID, Seconds: line.Held})
		hold.Seconds += line.Held
	}
	return hold, &entry.Balance
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
