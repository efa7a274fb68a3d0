package billing

import (
	"context"
	"errors"
	"fmt"
	"time"
	_ "time/tzdata" // accounts have zones; the machine may have no zone files

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/sheenapps/sheen/server/billing/meter"
	"github.com/sheenapps/sheen/store"
)

// defaultZone is the zone of an account that has set none.
const defaultZone = "UTC"

// Options configure a [Ledger]. The zero value is the default.
type Options struct {
	// Order is the burn order; nil is [meter.DefaultOrder].
	Order *meter.Order
	// Packages are what a refusal may recommend.
	Packages []Package
	// Clock turns the database's time into the ledger's; nil keeps it. It is
	// for tests that move time.
	Clock func(dbNow time.Time) time.Time
}

// Ledger keeps the accounts. It is safe for concurrent use; its changing
// methods take the caller's transaction and, in it, the account's lock.
type Ledger struct {
	queries  *store.Queries
	order    meter.Order
	packages []Package
	clock    func(time.Time) time.Time
}

// NewLedger returns a ledger.
func NewLedger(options Options) *Ledger {
	ledger := &Ledger{
		queries:  store.New(),
		order:    meter.DefaultOrder(),
		packages: options.Packages,
		clock:    options.Clock,
	}
	if options.Order != nil {
		ledger.order = *options.Order
	}
	if ledger.clock == nil {
		ledger.clock = func(dbNow time.Time) time.Time { return dbNow }
	}
	return ledger
}

// lock takes the account's lock until the transaction ends, and makes the
// account's row on first contact.
func (l *Ledger) lock(ctx context.Context, tx pgx.Tx, accountID uuid.UUID) error {
	locked, err := l.queries.AccountLock(ctx, tx, &store.AccountLockParams{ID: accountID})
	if err == nil && locked == 0 {
		err = l.queries.AccountInsert(ctx, tx, &store.AccountInsertParams{ID: accountID, Zone: defaultZone})
		if err == nil {
			_, err = l.queries.AccountLock(ctx, tx, &store.AccountLockParams{ID: accountID})
		}
	}
	if err != nil {
		return fmt.Errorf("lock account: %w", err)
	}
	return nil
}

// load reads the account from one snapshot, and the time. An account without a
// row is one that nobody has met.
func (l *Ledger) load(ctx context.Context, db store.DBTX, accountID uuid.UUID) (meter.State, time.Time, error) {
	row, err := l.queries.AccountState(ctx, db, &store.AccountStateParams{ID: accountID})
	if errors.Is(err, store.ErrNotFound) {
		now, clockErr := l.queries.AccountClock(ctx, db)
		if clockErr != nil {
			return meter.State{}, time.Time{}, fmt.Errorf("read clock: %w", clockErr)
		}
		return meter.State{Account: meter.Account{ID: meter.ID(accountID)}}, l.clock(now), nil
	}
	if err != nil {
		return meter.State{}, time.Time{}, fmt.Errorf("read account: %w", err)
	}
	state, err := stateFromRow(row)
	if err != nil {
		return meter.State{}, time.Time{}, fmt.Errorf("account %s: %w", accountID, err)
	}
	return state, l.clock(row.Now), nil
}

// open opens the book of a loaded account.
func (l *Ledger) open(state meter.State, now time.Time) (*meter.Book, error) {
	welcome, err := newID()
	if err != nil {
		return nil, err
	}
	daily, err := newID()
	if err != nil {
		return nil, err
	}
	book, err := meter.Open(state, now, l.order, meter.GiftIDs{Welcome: welcome, Daily: daily})
	if err != nil {
		return nil, fmt.Errorf("open account: %w", err)
	}
	return book, nil
}

// openAccount loads and opens an account. For a change it is called behind the
// lock.
func (l *Ledger) openAccount(ctx context.Context, db store.DBTX, accountID uuid.UUID) (*meter.Book, error) {
	state, now, err := l.load(ctx, db, accountID)
	if err != nil {
		return nil, err
	}
	return l.open(state, now)
}

func newID() (meter.ID, error) {
	id, err := uuid.NewV7()
	if err != nil {
		return meter.ID{}, fmt.Errorf("make id: %w", err)
	}
	return meter.ID(id), nil
}
