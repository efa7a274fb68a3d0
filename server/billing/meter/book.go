package meter

import (
	"fmt"
	"slices"
	"time"
)

// The gifts, in seconds.
const (
	WelcomeSeconds = 3000
	DailySeconds   = 900
)

// GiftIDs are the ids that the gifts get if they are due. They are handed in
// because making an id is not a pure thing.
type GiftIDs struct {
	Welcome, Daily ID
}

// Book is an account opened at one instant. A method that makes an operation
// either does all of it or returns an error and changes nothing. A Book is not
// safe for concurrent use.
type Book struct {
	order   Order
	now     time.Time
	account Account
	grants  []Grant // in burn order
	holds   []Hold
	loaded  map[ID]Grant
	touched map[ID]touch // holds
	entries []Entry
	usage   *Usage
	topUp   TopUp
}

// touch is what the book has done to a hold. It does one operation, so a hold
// that it made is not ended as well.
type touch int

const (
	holdUntouched touch = iota
	holdMade
	holdExtended
	holdEnded
)

// Usage is what one commit adds to the account's day.
type Usage struct {
	// Day is the calendar day in the account's zone, as midnight UTC.
	Day                  time.Time
	Operation            Operation
	Consumed, CostMicros int64
}

// Changes are the rows to write so that what the book says is stored. Rows are
// given as they are to stand afterwards.
type Changes struct {
	Account Account
	// MadeGrants and MadeHolds are new rows.
	MadeGrants []Grant
	MadeHolds  []Hold
	// Grants and Holds are rows that exist and have changed.
	Grants []Grant
	Holds  []Hold
	// Extended are holds that exist and are still open.
	Extended []Hold
	// Entries continue the journal, in order.
	Entries []Entry
	// Usage is nil where nothing was committed.
	Usage *Usage
	// TopUp is the account's rule, which operations do not change.
	TopUp TopUp
	// LoweredSeq is the last entry that took spendable seconds; 0 for none.
	LoweredSeq int64
}

// Open opens an account: it settles the holds and grants that have ended by
// now and makes the gifts that are due. The state is not changed. An instant
// counts in whole microseconds, and one that is not after the account's last
// entry as 1 µs after it. It returns [ErrCorrupt] if the state contradicts
// itself.
func Open(state State, now time.Time, order Order, gifts GiftIDs) (*Book, error) {
	book, err := Settle(state, now, order)
	if err != nil {
		return nil, err
	}
	book.makeGifts(gifts)
	return book, nil
}

// Settle is Open without gifts, for when nobody is there: an account that is
// only tidied up does not begin a new day.
func Settle(state State, now time.Time, order Order) (*Book, error) {
	now = now.Truncate(time.Microsecond)
	if !now.After(state.Account.LastTime) {
		now = state.Account.LastTime.Add(time.Microsecond)
	}
	book := &Book{
		order:   order,
		now:     now.UTC(),
		account: state.Account,
		grants:  slices.SortedFunc(slices.Values(state.Grants), order.compare),
		holds:   slices.Clone(state.Holds),
		loaded:  make(map[ID]Grant, len(state.Grants)),
		touched: map[ID]touch{},
		topUp:   state.TopUp,
	}
	for _, grant := range state.Grants {
		book.loaded[grant.ID] = grant
	}
	if err := book.check(); err != nil {
		return nil, err
	}
	book.expireHolds()
	book.lapseGrants()
	return book, nil
}

// Now returns the instant at which the book is open.
func (b *Book) Now() time.Time { return b.now }

// Balance returns what the account has, in the book's present state.
func (b *Book) Balance() Balance {
	kinds := Amounts{}
	for _, grant := range b.grants {
		kinds.add(grant.Kind, grant.Free)
	}
	return Balance{
		ByKind:    kinds,
		Held:      b.account.Held,
		Spendable: b.account.Free,
		GiftReset: b.account.GiftUntil,
	}
}

// Changes returns the rows to write. Without an operation they are what opening
// the account made due.
func (b *Book) Changes() Changes {
	changes := Changes{Account: b.account, Entries: b.entries, Usage: b.usage, TopUp: b.topUp}
	changes.Account.NextDue = b.nextDue()
	for i := range b.entries {
		if b.entries[i].Sum().Free < 0 {
			changes.LoweredSeq = b.entries[i].Seq
		}
	}
	for _, grant := range b.grants {
		before, existed := b.loaded[grant.ID]
		switch {
		case !existed:
			changes.MadeGrants = append(changes.MadeGrants, grant)
		case before != grant:
			changes.Grants = append(changes.Grants, grant)
		}
	}
	for _, hold := range b.holds {
		switch b.touched[hold.ID] {
		case holdUntouched:
		case holdMade:
			changes.MadeHolds = append(changes.MadeHolds, hold)
		case holdExtended:
			changes.Extended = append(changes.Extended, hold)
		case holdEnded:
			changes.Holds = append(changes.Holds, hold)
		}
	}
	return changes
}

// check compares the account's totals with its grants and its open holds with
// what the grants say is held.
func (b *Book) check() error {
	held := map[ID]int64{}
	for _, hold := range b.holds {
		if hold.State != HoldOpen {
			continue
		}
		sum := int64(0)
		for _, share := range hold.Shares {
			held[share.GrantID] += share.Seconds
			sum += share.Seconds
		}
		if sum != hold.Seconds {
			return fmt.Errorf("hold %s: shares of %d s for %d s: %w", hold.ID, sum, hold.Seconds, ErrCorrupt)
		}
	}
	var sumFree, sumHeld int64
	for _, grant := range b.grants {
		if grant.Held != held[grant.ID] {
			return fmt.Errorf("grant %s: %d s held, holds say %d s: %w", grant.ID, grant.Held, held[grant.ID], ErrCorrupt)
		}
		delete(held, grant.ID)
		sumFree += grant.Free
		sumHeld += grant.Held
	}
	if len(held) > 0 {
		return fmt.Errorf("a hold names a grant that is not open: %w", ErrCorrupt)
	}
	if sumFree != b.account.Free || sumHeld != b.account.Held {
		return fmt.Errorf("account %s: %d s free and %d s held, grants say %d s and %d s: %w",
			b.account.ID, b.account.Free, b.account.Held, sumFree, sumHeld, ErrCorrupt)
	}
	return nil
}

// find returns the grant in the book, or nil.
func (b *Book) find(id ID) *Grant {
	for i := range b.grants {
		if b.grants[i].ID == id {
			return &b.grants[i]
		}
	}
	return nil
}

// grant is find for a share or a line: check has made sure that each names one.
func (b *Book) grant(id ID) *Grant { return b.find(id) }

func (b *Book) nextDue() time.Time {
	var next time.Time
	for _, hold := range b.holds {
		if hold.State == HoldOpen && compareExpiry(hold.ExpireTime, next) < 0 {
			next = hold.ExpireTime
		}
	}
	for _, grant := range b.grants {
		if grant.Free > 0 && compareExpiry(grant.ExpireTime, next) < 0 {
			next = grant.ExpireTime
		}
	}
	return next
}
