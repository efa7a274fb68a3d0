package billing

import (
	"context"
	"errors"
	"fmt"
	"time"
	_ "time/tzdata" // accounts have zones; the machine may have no zone files

	"github.com/google/uuid"

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

// change is what a changing call finds behind the account's lock: the account
// opened, or the answer that its key has got before.
type change struct {
	book   *meter.Book
	answer *meter.Entry
}

// begin takes the account's lock until the transaction ends, looks the key up
// and opens the account, in one round trip. It makes the account's row on first
// contact. A key that has got an answer for another request is [ErrKeyReused].
func (l *Ledger) begin(ctx context.Context, tx store.Tx, accountID uuid.UUID, key string, request meter.Hash) (change, error) {
	locked, err := l.readLocked(ctx, tx, accountID, key)
	if err != nil {
		return change{}, err
	}
	if locked.answer != nil {
		answer, err := entryFromRow(locked.answer)
		if err == nil && answer.Fingerprint != request {
			err = ErrKeyReused
		}
		return change{answer: answer}, err
	}
	state, err := locked.stateOf(accountID)
	if err != nil {
		return change{}, err
	}
	book, err := l.open(state, l.clock(locked.state.Now))
	return change{book: book}, err
}

// lockedRows is what is read behind an account's lock.
type lockedRows struct {
	found  int64
	state  *store.AccountStateRow
	answer *store.Journal // nil for a new key or none
}

func (r *lockedRows) stateOf(accountID uuid.UUID) (meter.State, error) {
	state, err := stateFromRow(r.state)
	if err != nil {
		return meter.State{}, fmt.Errorf("account %s: %w", accountID, err)
	}
	return state, nil
}

// readLocked locks and reads. The lock is a statement of its own, before the
// others: one that waited for it would see what was before.
func (l *Ledger) readLocked(ctx context.Context, tx store.Tx, accountID uuid.UUID, key string) (*lockedRows, error) {
	var rows lockedRows
	read := func(db store.DBTX) (err error) {
		if rows.found, err = l.queries.AccountLock(ctx, db, &store.AccountLockParams{ID: accountID}); err != nil {
			return fmt.Errorf("lock account: %w", err)
		}
		if key != "" {
			rows.answer, err = absent(l.queries.JournalByKey(ctx, db, &store.JournalByKeyParams{AccountID: accountID, IdempotencyKey: key}))
			if err != nil {
				return fmt.Errorf("look up key: %w", err)
			}
		}
		if rows.state, err = absent(l.queries.AccountState(ctx, db, &store.AccountStateParams{ID: accountID})); err != nil {
			return fmt.Errorf("read account: %w", err)
		}
		return nil
	}
	err := store.InBatch(ctx, tx, read)
	if err == nil && rows.found == 0 {
		if err := l.queries.AccountInsert(ctx, tx, &store.AccountInsertParams{ID: accountID, Zone: defaultZone}); err != nil {
			return nil, fmt.Errorf("make account: %w", err)
		}
		err = store.InBatch(ctx, tx, read)
	}
	if err == nil && rows.state == nil {
		err = errLostLock
	}
	return &rows, err
}

// absent makes nil of a row that is not there.
func absent[R any](row *R, err error) (*R, error) {
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil //nolint:nilnil // not there is no error
	}
	return row, err
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

// openAccount loads and opens an account for a read.
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
