package billing

import (
	"context"
	"encoding/json"
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
	// Estimates say how long operations take; nil knows the defaults only.
	Estimates *Estimates
	// PurchaseURL is where users buy them; empty for nowhere.
	PurchaseURL string
	// Clock turns the database's time into the ledger's; nil keeps it. It is
	// for tests that move time.
	Clock func(dbNow time.Time) time.Time
	// OnTopUp is called when an automatic purchase was decided on; the
	// transaction may not be committed yet. It must not block. Nil is nothing.
	OnTopUp func()
	// PaymentsOff says that nothing can be bought: automatic purchases are not
	// decided on, and no rule for them can be enabled.
	PaymentsOff bool
	// TopUpMetrics count automatic purchases; nil counts for nobody.
	TopUpMetrics *TopUpMetrics
}

// Ledger keeps the accounts. It is safe for concurrent use; its changing
// methods take the caller's transaction and, in it, the account's lock.
type Ledger struct {
	queries     *store.Queries
	order       meter.Order
	packages    []Package
	purchaseURL string
	estimates   *Estimates
	clock       func(time.Time) time.Time
	onTopUp     func()
	paymentsOff bool
	topUps      *TopUpMetrics
}

// NewLedger returns a ledger.
func NewLedger(options Options) *Ledger {
	ledger := &Ledger{
		queries:     store.New(),
		order:       meter.DefaultOrder(),
		packages:    options.Packages,
		purchaseURL: options.PurchaseURL,
		estimates:   options.Estimates,
		clock:       options.Clock,
		onTopUp:     options.OnTopUp,
		paymentsOff: options.PaymentsOff,
		topUps:      options.TopUpMetrics,
	}
	if options.Order != nil {
		ledger.order = *options.Order
	}
	if ledger.clock == nil {
		ledger.clock = func(dbNow time.Time) time.Time { return dbNow }
	}
	if ledger.onTopUp == nil {
		ledger.onTopUp = func() {}
	}
	if ledger.topUps == nil {
		ledger.topUps = NewTopUpMetrics(nil)
	}
	return ledger
}

// change is what a changing call finds behind the account's lock: the account
// opened, or the answer that its key has got before.
type change struct {
	book *meter.Book
	// answer is given again; account is whose it is.
	answer  *meter.Entry
	account meter.Account
}

// begin takes the account's lock until the transaction ends, looks the key up
// and opens the account, in one round trip. It makes the account's row on first
// contact. A key that has got an answer for another request is [ErrKeyReused].
func (l *Ledger) begin(
	ctx context.Context, tx store.Tx, accountID uuid.UUID, key string, request meter.Hash,
) (change, error) {
	rows, err := l.readLocked(ctx, tx, accountID, key)
	if err != nil {
		return change{}, err
	}
	state, err := rows.state()
	if err != nil {
		return change{}, err
	}
	if rows.answer == nil {
		book, err := l.open(state, rows.now)
		return change{book: book}, err
	}
	answer, err := entryFromRow(rows.answer)
	if err == nil && answer.Fingerprint != request {
		err = ErrKeyReused
	}
	return change{answer: answer, account: state.Account}, err
}

// accountRows is what is stored of an account.
type accountRows struct {
	account *store.Account // nil for one that nobody has met
	grants  []*store.GrantOpenRow
	holds   []*store.HoldOpenRow
	now     time.Time
	topUp   json.RawMessage // the rule; null for none
	answer  *store.Journal  // nil for a new key or none
}

// readLocked locks the account and reads it. The lock is a statement of its own,
// before the others: one that waited for it would see what was before.
func (l *Ledger) readLocked(
	ctx context.Context, tx store.Tx, accountID uuid.UUID, key string,
) (*accountRows, error) {
	rows := &accountRows{}
	read := func(db store.DBTX) (err error) {
		rows.account, err = absent(l.queries.AccountLock(ctx, db, &store.AccountLockParams{ID: accountID}))
		if err != nil {
			return fmt.Errorf("lock account: %w", err)
		}
		if key != "" {
			rows.answer, err = absent(l.queries.JournalByKey(ctx, db, &store.JournalByKeyParams{
				AccountID: accountID, IdempotencyKey: key,
			}))
			if err != nil {
				return fmt.Errorf("look up key: %w", err)
			}
		}
		return l.readRows(ctx, db, accountID, rows)
	}
	err := store.InBatch(ctx, tx, read)
	if err == nil && rows.account == nil {
		if err := l.queries.AccountInsert(ctx, tx, &store.AccountInsertParams{ID: accountID, Zone: defaultZone}); err != nil {
			return nil, fmt.Errorf("make account: %w", err)
		}
		err = store.InBatch(ctx, tx, read)
	}
	if err != nil {
		return nil, err
	}
	return rows, l.readRest(ctx, tx, accountID, rows)
}

// readRows reads what an account has.
func (l *Ledger) readRows(ctx context.Context, db store.DBTX, accountID uuid.UUID, rows *accountRows) (err error) {
	if rows.grants, err = l.queries.GrantOpen(ctx, db, &store.GrantOpenParams{AccountID: accountID}); err != nil {
		return fmt.Errorf("read grants: %w", err)
	}
	if rows.holds, err = l.queries.HoldOpen(ctx, db, &store.HoldOpenParams{AccountID: accountID}); err != nil {
		return fmt.Errorf("read holds: %w", err)
	}
	return nil
}

// readRest reads what comes with the grants where there are any.
func (l *Ledger) readRest(ctx context.Context, db store.DBTX, accountID uuid.UUID, rows *accountRows) error {
	if len(rows.grants) > 0 {
		rows.now, rows.topUp = l.clock(rows.grants[0].Now), rows.grants[0].TopUp
		return nil
	}
	rest, err := l.queries.AccountWithoutGrants(ctx, db, &store.AccountWithoutGrantsParams{AccountID: accountID})
	if err != nil {
		return fmt.Errorf("read clock: %w", err)
	}
	rows.now, rows.topUp = l.clock(rest.Now), rest.TopUp
	return nil
}

// absent makes nil of a row that is not there.
func absent[R any](row *R, err error) (*R, error) {
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil //nolint:nilnil // not there is no error
	}
	return row, err
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

// openToRead opens an account without its lock, from one snapshot. One that
// nobody has met has no row.
func (l *Ledger) openToRead(ctx context.Context, db store.Tx, accountID uuid.UUID) (*meter.Book, error) {
	rows := &accountRows{}
	err := store.InReadBatch(ctx, db, func(db store.DBTX) (err error) {
		rows.account, err = absent(l.queries.AccountByID(ctx, db, &store.AccountByIDParams{ID: accountID}))
		if err != nil {
			return fmt.Errorf("read account: %w", err)
		}
		return l.readRows(ctx, db, accountID, rows)
	})
	if err == nil {
		err = l.readRest(ctx, db, accountID, rows)
	}
	if err != nil {
		return nil, err
	}
	if rows.account == nil {
		return l.open(meter.State{Account: meter.Account{ID: meter.ID(accountID)}}, rows.now)
	}
	state, err := rows.state()
	if err != nil {
		return nil, err
	}
	return l.open(state, rows.now)
}

func newID() (meter.ID, error) {
	id, err := uuid.NewV7()
	if err != nil {
		return meter.ID{}, fmt.Errorf("make id: %w", err)
	}
	return meter.ID(id), nil
}
