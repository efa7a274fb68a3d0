package billing

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/sheenapps/sheen/server/billing/meter"
	"github.com/sheenapps/sheen/store"
)

// Expire writes down what has ended by itself: holds give back, grants lapse.
// Nobody depends on it, as every call on an account does the same first and reads
// show it as done; it keeps what is stored near to what is true. It looks at no
// more than limit accounts, a transaction each, and waits for the pace in
// between, so that a midnight at which everything ends leaves room for others.
// It returns how many accounts it settled. One that cannot be settled does not keep
// the others from it.
func (l *Ledger) Expire(ctx context.Context, db *store.DB, limit int32, pace time.Duration) (int, error) {
	now, err := l.now(ctx, db)
	if err != nil {
		return 0, err
	}
	due, err := l.queries.AccountDue(ctx, db, &store.AccountDueParams{Now: now, MaxRows: limit})
	if err != nil {
		return 0, fmt.Errorf("read due accounts: %w", err)
	}
	ticker := time.NewTicker(max(pace, 1))
	defer ticker.Stop()
	settled := 0
	var errs []error
	for _, accountID := range due {
		err := store.InShortTx(ctx, db, func(tx store.Tx) error { return l.settle(ctx, tx, accountID) })
		if err == nil {
			settled++
		} else {
			errs = append(errs, fmt.Errorf("settle account %s: %w", accountID, err))
		}
		select {
		case <-ctx.Done():
			return settled, errors.Join(append(errs, context.Cause(ctx))...)
		case <-ticker.C:
		}
	}
	return settled, errors.Join(errs...)
}

// now is the ledger's time.
func (l *Ledger) now(ctx context.Context, db store.DBTX) (time.Time, error) {
	now, err := l.queries.AccountClock(ctx, db)
	if err != nil {
		return time.Time{}, fmt.Errorf("read clock: %w", err)
	}
	return l.clock(now), nil
}

// settle takes the account's lock until the transaction ends and writes what has
// become due of it by time, so that its rows say how it stands.
func (l *Ledger) settle(ctx context.Context, tx store.Tx, accountID uuid.UUID) error {
	rows, err := l.readLocked(ctx, tx, accountID, "")
	if err != nil {
		return err
	}
	state, err := rows.state()
	if err != nil {
		return err
	}
	// Nothing is bought because time has passed: at midnight the day's gift lapses,
	// and the next one is there for whoever comes.
	state.TopUp = meter.TopUp{}
	book, err := meter.Settle(state, rows.now, l.order)
	if err != nil {
		return fmt.Errorf("settle: %w", err)
	}
	return l.save(ctx, tx, book)
}
