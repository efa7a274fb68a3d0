package billing

import (
	"context"
	"fmt"
	"slices"

	"github.com/google/uuid"

	"github.com/sheenapps/sheen/server/billing/meter"
	"github.com/sheenapps/sheen/store"
)

// Commit ends a hold with a charge, in the caller's transaction. What the
// outcome makes the user pay is taken from the hold, then from what is free;
// the rest of the hold returns. The same commit again returns the first
// receipt. It returns [ErrHoldNotFound], [ErrKeyReused] for another commit of
// the same hold, [*HoldStateError] for a released hold, and [ErrInvalid].
func (l *Ledger) Commit(ctx context.Context, tx store.Tx, request CommitRequest) (*Receipt, error) {
	book, settled, err := l.openHold(ctx, tx, request.AccountID, request.HoldID)
	if err != nil {
		return nil, err
	}
	if settled != nil {
		return l.committed(ctx, tx, request, settled)
	}
	receipt, err := book.Commit(meter.CommitRequest{
		HoldID: meter.ID(request.HoldID), Outcome: request.Outcome,
		Active: request.Active, Planning: request.Planning, CostMicros: request.CostMicros,
		Fingerprint: request.fingerprint(),
	})
	if err != nil {
		return nil, fmt.Errorf("commit: %w", err)
	}
	return receipt, l.save(ctx, tx, book)
}

// committed answers a commit of a hold that has been settled.
func (l *Ledger) committed(ctx context.Context, tx store.Tx, request CommitRequest, hold *Hold) (*Receipt, error) {
	if hold.Outcome == "" {
		return nil, &HoldStateError{From: hold.State, To: meter.HoldCommitted}
	}
	entry, err := l.holdEnd(ctx, tx, request.AccountID, request.HoldID)
	if err != nil {
		return nil, err
	}
	if entry.Fingerprint != request.fingerprint() {
		return nil, ErrKeyReused
	}
	return entry.Receipt(), nil
}

// Release gives all of a hold back, in the caller's transaction, and returns
// the hold and the balance after it. The same again returns the first answer; a
// hold that has expired stays expired. It returns [ErrHoldNotFound], and
// [*HoldStateError] for a hold that was committed.
func (l *Ledger) Release(ctx context.Context, tx store.Tx, request ReleaseRequest) (*Hold, *Balance, error) {
	book, settled, err := l.openHold(ctx, tx, request.AccountID, request.HoldID)
	if err != nil {
		return nil, nil, err
	}
	if settled != nil {
		return l.released(ctx, tx, request, settled)
	}
	hold, err := book.Release(meter.ID(request.HoldID))
	if err != nil {
		return nil, nil, fmt.Errorf("release: %w", err)
	}
	balance := book.Balance()
	return &hold, &balance, l.save(ctx, tx, book)
}

// released answers a release of a hold that has been settled.
func (l *Ledger) released(
	ctx context.Context, tx store.Tx, request ReleaseRequest, hold *Hold,
) (*Hold, *Balance, error) {
	if hold.Outcome != "" {
		return nil, nil, &HoldStateError{From: hold.State, To: meter.HoldReleased}
	}
	entry, err := l.holdEnd(ctx, tx, request.AccountID, request.HoldID)
	if err != nil {
		return nil, nil, err
	}
	return hold, &entry.Balance, nil
}

// openHold locks and opens the account with the hold in its book. A hold that
// nothing more can happen to is returned instead of a book.
func (l *Ledger) openHold(
	ctx context.Context, tx store.Tx, accountID, holdID uuid.UUID,
) (*meter.Book, *Hold, error) {
	rows, err := l.readLocked(ctx, tx, accountID, "")
	if err != nil {
		return nil, nil, err
	}
	state, err := rows.state()
	if err != nil {
		return nil, nil, err
	}
	if !slices.ContainsFunc(state.Holds, func(h Hold) bool { return h.ID == meter.ID(holdID) }) {
		hold, err := l.hold(ctx, tx, accountID, holdID)
		if err != nil {
			return nil, nil, err
		}
		if hold.State != meter.HoldExpired || hold.Outcome != "" {
			return nil, hold, nil
		}
		state.Holds = append(state.Holds, *hold)
	}
	book, err := l.open(state, rows.now)
	return book, nil, err
}

// holdEnd returns the last thing that happened to a settled hold.
func (l *Ledger) holdEnd(ctx context.Context, db store.DBTX, accountID, holdID uuid.UUID) (*meter.Entry, error) {
	row, err := l.queries.JournalByHoldEnd(ctx, db, &store.JournalByHoldEndParams{
		AccountID: accountID, HoldID: holdID,
	})
	if err != nil {
		return nil, fmt.Errorf("read end of hold: %w", err)
	}
	return entryFromRow(row)
}
