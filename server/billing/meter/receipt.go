package meter

import "time"

// Receipt is what a commit cost and where the seconds came from.
type Receipt struct {
	HoldID, BuildID ID
	Operation       Operation
	Outcome         Outcome
	Time            time.Time
	// Active is the measured AI time, rounded up to a millisecond.
	Active time.Duration
	// Billable is Active rounded up to 10 s; Charged is what the outcome makes
	// the user pay of it; Shortfall is what was to be charged and was not
	// there. All in seconds.
	Billable, Charged, Shortfall int64
	// CostMicros is what the model providers ask for, in micro-USD.
	CostMicros int64
	// ByKind sums up to Charged.
	ByKind Amounts
	// Late says that the hold had expired, so free seconds were charged.
	Late bool
	// Before and After are the balances around the commit.
	Before, After Balance
}

// Receipt reads a commit back from its entry. It is meant for entries of kind
// [EntryCommit] and [EntryLateCommit].
func (e *Entry) Receipt() *Receipt {
	sum := e.Sum()
	before := Balance{
		ByKind:    e.Balance.ByKind.clone(),
		Held:      e.Balance.Held - sum.Held,
		Spendable: e.Balance.Spendable - sum.Free,
		GiftReset: e.Balance.GiftReset,
	}
	charged := Amounts{}
	for _, line := range e.Lines {
		before.ByKind.add(line.Kind, -line.Free)
		charged.add(line.Kind, line.Consumed)
	}
	return &Receipt{
		HoldID:     e.HoldID,
		BuildID:    e.BuildID,
		Operation:  e.Operation,
		Outcome:    e.Outcome,
		Time:       e.Time,
		Active:     time.Duration(e.ActiveMillis) * time.Millisecond,
		Billable:   e.Billable,
		Charged:    sum.Consumed,
		Shortfall:  e.Shortfall,
		CostMicros: e.CostMicros,
		ByKind:     charged,
		Late:       e.Kind == EntryLateCommit,
		Before:     before,
		After:      e.Balance,
	}
}
