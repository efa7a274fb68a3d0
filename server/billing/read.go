package billing

import (
	"context"
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

// Receipts returns the receipts of a build's commits, oldest first. It is empty
// for a build that has not been charged or is not of this account.
func (l *Ledger) Receipts(ctx context.Context, db store.DBTX, accountID, buildID uuid.UUID) ([]*Receipt, error) {
	rows, err := l.queries.JournalCommitsByBuild(ctx, db, &store.JournalCommitsByBuildParams{
		AccountID: accountID, BuildID: buildID,
	})
	if err != nil {
		return nil, fmt.Errorf("read receipts: %w", err)
	}
	receipts := make([]*Receipt, 0, len(rows))
	for _, row := range rows {
		entry, err := entryFromRow(row)
		if err != nil {
			return nil, err
		}
		receipts = append(receipts, entry.Receipt())
	}
	return receipts, nil
}
