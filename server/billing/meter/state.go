package meter

import "time"

// MaxSeconds bounds one grant and one hold: about 31 years. It keeps every sum
// of an account far from the end of int64.
const MaxSeconds = 1_000_000_000

// State is an account as it is stored: the account's row, its open grants, its
// open holds and its rule for automatic purchases. A settled hold that a request names may stand among them.
type State struct {
	Account Account
	Grants  []Grant
	Holds   []Hold
	TopUp   TopUp
}

// Account is the account's own row. Its zero value plus an ID is an account
// that nobody has met: no gift made, nothing held, an empty journal.
type Account struct {
	ID ID
	// Location is the zone whose midnight ends the daily gift; nil is UTC.
	Location *time.Location
	// Welcomed says that the welcome gift was made.
	Welcomed bool
	// GiftUntil is the end of the last daily gift; zero before the first. No
	// gift is made before it, so moving to another zone gains no second gift.
	GiftUntil time.Time
	// LastTime is when the last entry was written. The next one is later, so
	// time never runs backwards in a journal.
	LastTime time.Time
	// Seq is the number of the last entry, and the version of the row.
	Seq int64
	// Head is the hash of the last entry.
	Head Hash
	// NextDue is the earliest instant at which a hold or a grant with free
	// seconds ends by itself; zero for never.
	NextDue time.Time

	// The totals of all grants there ever were, in seconds.
	Granted, Free, Held, Consumed, Lapsed int64
	// Shortfall is the work that nobody could pay for and was written off.
	Shortfall int64
}

// Day returns the calendar day of t in the account's zone, as midnight UTC of
// that date.
func (a Account) Day(t time.Time) time.Time { return dayOf(t, a.location()) }

func (a Account) location() *time.Location {
	if a.Location == nil {
		return time.UTC
	}
	return a.Location
}

// Source says who made a grant.
type Source string

// The sources of grants.
const (
	// SourceGift is this package: the welcome and the daily gift.
	SourceGift Source = "gift"
	// SourceAdmin is a person or a service with the right to grant.
	SourceAdmin Source = "admin"
	// SourcePayment is a purchase that was paid.
	SourcePayment Source = "payment"
)

// Grant is a number of seconds given to an account. Seconds is always Free +
// Held + Consumed + Lapsed.
type Grant struct {
	ID     ID
	Kind   Kind
	Source Source
	// Reason is for people, and empty for gifts.
	Reason string
	// Seconds is what was given.
	Seconds int64
	// Free can be held or burned; Held is set aside by open holds; Consumed is
	// spent; Lapsed ended unspent.
	Free, Held, Consumed, Lapsed int64
	// Owed was taken back while it was held, at most Held: what holds give back
	// lapses until as much has. All that is held is owed of a grant that was
	// voided whole, and nothing is free where anything is owed.
	Owed       int64
	CreateTime time.Time
	// ExpireTime is the first instant at which the grant has ended; zero is
	// never.
	ExpireTime time.Time
	// VoidTime is when the grant was taken back; zero if it was not.
	VoidTime time.Time
}

// ended reports whether the grant gives no more seconds: by time, or because it
// was taken back.
func (g Grant) ended(now time.Time) bool {
	return !g.VoidTime.IsZero() || !g.ExpireTime.IsZero() && !g.ExpireTime.After(now)
}

// HoldState is where a hold stands. Every state but open is final.
type HoldState string

// The states of a hold.
const (
	HoldOpen      HoldState = "open"
	HoldCommitted HoldState = "committed"
	HoldReleased  HoldState = "released"
	HoldExpired   HoldState = "expired"
)

// Share is the part of a hold that one grant gives.
type Share struct {
	GrantID ID
	Seconds int64
}

// Hold sets Seconds of the account's grants aside for one operation.
type Hold struct {
	ID        ID
	BuildID   ID
	Operation Operation
	State     HoldState
	// Seconds is the sum of Shares. It stays when the hold is settled.
	Seconds int64
	// Shares are the grants the seconds come from, in burn order.
	Shares []Share
	// Max is what was approved: the most that a commit charges and that
	// extensions reach. 0 is as much as the account has.
	Max int64
	// Day is the calendar day, in the account's zone, on which the hold was
	// made, as midnight UTC. The operation's usage is counted on it.
	Day                    time.Time
	CreateTime, ExpireTime time.Time
	// SettleTime is when the hold left the open state; zero before.
	SettleTime time.Time
	// Outcome is set by the commit, in time or late; empty before and without.
	Outcome Outcome
	// Charged is what the commit consumed.
	Charged int64
}

// Balance is what an account has at one instant.
type Balance struct {
	// ByKind are the free seconds. They sum up to Spendable.
	ByKind Amounts `json:"by_kind"`
	// Held is set aside by open holds, in seconds.
	Held int64 `json:"held"`
	// Spendable is the largest hold that would be granted now.
	Spendable int64 `json:"spendable"`
	// GiftReset is when the next daily gift can be made.
	GiftReset time.Time `json:"gift_reset"`
}
