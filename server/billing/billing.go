package billing

import (
	"time"

	"github.com/google/uuid"

	"github.com/sheenapps/sheen/server/billing/meter"
)

// The engine's values are the domain's. Their ids convert to uuid.UUID.
type (
	// Hold is seconds set aside for one operation.
	Hold = meter.Hold
	// Balance is what an account has at one instant.
	Balance = meter.Balance
	// Receipt is what a commit cost.
	Receipt = meter.Receipt
	// Credit is a grant: a number of seconds given to an account.
	Credit = meter.Grant
)

// DefaultTTL is how long a hold lasts that asks for nothing else. It outlasts
// the longest build (15 min) with room for the queue.
const DefaultTTL = 30 * time.Minute

// ReserveRequest asks for a hold.
type ReserveRequest struct {
	AccountID uuid.UUID
	// Key makes the request repeatable: 1 to 255 bytes, scoped to the account.
	// An empty key makes every call a request of its own.
	Key       string
	Operation meter.Operation
	// BuildID names the build that the receipt belongs to; uuid.Nil for none.
	BuildID uuid.UUID
	// Seconds to hold, 1 to [meter.MaxSeconds].
	Seconds int64
	// MaxSeconds is what was approved: the most that the commit charges and that
	// extensions reach; 0 for as much as there is.
	MaxSeconds int64
	// ProjectSize is how large the work is, for later estimates; empty is medium.
	ProjectSize Size
	// QuotedSeconds is the 95th percentile that the user was quoted; 0 if none
	// was. It says later how good quotes are.
	QuotedSeconds int64
	// TTL is how long the hold lasts; 0 is [DefaultTTL].
	TTL time.Duration
	// NotAfter is the last instant at which the account may be locked for this
	// request; zero for none. It keeps a request that waited too long, in a
	// queue or for the lock, from setting seconds aside for nobody.
	NotAfter time.Time
}

// CommitRequest ends a hold with what the operation took.
type CommitRequest struct {
	AccountID uuid.UUID
	HoldID    uuid.UUID
	Outcome   meter.Outcome
	// Active is the sum of the active AI intervals, measured by the server.
	Active time.Duration
	// Planning is the part of Active that was planning. It is all that a
	// violation of the content policy costs.
	Planning time.Duration
	// CostMicros is what the model providers ask for, in micro-USD.
	CostMicros int64
}

// ReleaseRequest gives a hold back.
type ReleaseRequest struct {
	AccountID uuid.UUID
	HoldID    uuid.UUID
}

// GrantRequest gives seconds to an account.
type GrantRequest struct {
	AccountID uuid.UUID
	// Key makes the request repeatable: 1 to 255 bytes, scoped to the account.
	Key string
	// Kind decides when the seconds are burned. Welcome and daily are in
	// addition to the gifts.
	Kind meter.Kind
	// Seconds to give, 1 to [meter.MaxSeconds].
	Seconds int64
	// ExpireTime is when the rest lapses; zero for never.
	ExpireTime time.Time
	// Reason is for people.
	Reason string
	// Source says who gives; empty is [meter.SourceAdmin].
	Source meter.Source
}
