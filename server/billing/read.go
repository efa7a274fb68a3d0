package billing

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"

	"github.com/sheenapps/sheen/server/billing/meter"
	"github.com/sheenapps/sheen/store"
)

// Balance returns what the account has now. Its Spendable is exactly what
// Reserve would grant at that instant. An account that nobody has met shows its
// gifts; reading makes nothing.
func (l *Ledger) Balance(ctx context.Context, db store.Tx, accountID uuid.UUID) (*Balance, error) {
	book, err := l.openToRead(ctx, db, accountID)
	if err != nil {
		return nil, err
	}
	balance := book.Balance()
	return &balance, nil
}

// Hold returns a hold as it stands now: one whose time is up has expired, even
// before that is written. It returns [ErrHoldNotFound].
func (l *Ledger) Hold(ctx context.Context, db store.DBTX, accountID, holdID uuid.UUID) (*Hold, error) {
	hold, err := l.hold(ctx, db, accountID, holdID)
	if err != nil || hold.State != meter.HoldOpen {
		return hold, err
	}
	now, err := l.queries.AccountClock(ctx, db)
	if err != nil {
		return nil, fmt.Errorf("read clock: %w", err)
	}
	if !hold.ExpireTime.After(l.clock(now)) {
		hold.State, hold.SettleTime = meter.HoldExpired, hold.ExpireTime
	}
	return hold, nil
}

// HoldReceipt returns the receipt of a hold that was charged, and nil for one
// that was given back. The hold is closed; otherwise it returns [ErrHoldNotFound].
func (l *Ledger) HoldReceipt(ctx context.Context, db store.DBTX, accountID, holdID uuid.UUID) (*Receipt, error) {
	entry, err := l.holdEnd(ctx, db, accountID, holdID)
	switch {
	case errors.Is(err, store.ErrNotFound):
		return nil, ErrHoldNotFound
	case err != nil:
		return nil, err
	case entry.Kind != meter.EntryCommit && entry.Kind != meter.EntryLateCommit:
		return nil, nil //nolint:nilnil // no charge is no error
	}
	return entry.Receipt(), nil
}

// BuildReceipt returns the receipt of a build: that of its last commit, with the
// sums over all of its holds and the balance before the first. A build has one
// hold of its own; services may have reserved more for it. It is nil for a build
// that has not been charged, has a hold that is open, or is not of this account.
func (l *Ledger) BuildReceipt(ctx context.Context, db store.DBTX, accountID, buildID uuid.UUID) (*Receipt, error) {
	var sum *Receipt
	for last := int64(0); ; {
		rows, err := l.queries.JournalCommitsByBuild(ctx, db, &store.JournalCommitsByBuildParams{
			AccountID: accountID, BuildID: buildID, AfterSeq: last, PageSize: receiptPage,
		})
		if err != nil {
			return nil, fmt.Errorf("read receipts: %w", err)
		}
		for _, row := range rows {
			entry, err := entryFromRow(row)
			if err != nil {
				return nil, err
			}
			sum, last = addReceipt(sum, entry.Receipt()), entry.Seq
		}
		if len(rows) < receiptPage {
			return sum, nil
		}
	}
}
