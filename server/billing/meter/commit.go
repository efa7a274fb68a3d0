package meter

import (
	"fmt"
	"time"
)

// CommitRequest ends a hold with what the operation took.
type CommitRequest struct {
	HoldID  ID
	Outcome Outcome
	// Active is the sum of the active AI intervals; Planning the part of it
	// that was planning.
	Active, Planning time.Duration
	// CostMicros is what the model providers ask for, in micro-USD.
	CostMicros  int64
	Fingerprint Hash
}

// Commit charges the hold and gives the rest back to its grants. More than was
// held is burned from what is free, and what nobody can pay is the receipt's
// shortfall. More than the hold's Max is nobody's to pay. An expired hold is charged from what is free; the receipt says
// late. It returns [ErrHoldNotFound], [ErrHoldSettled] for a hold that was
// committed or released, and [ErrInvalid].
func (b *Book) Commit(r CommitRequest) (*Receipt, error) {
	if !r.Outcome.Valid() || r.Active < 0 || r.Planning < 0 || r.CostMicros < 0 || Billable(r.Active) > MaxSeconds {
		return nil, fmt.Errorf("commit of %s with outcome %q: %w", r.Active, r.Outcome, ErrInvalid)
	}
	hold, err := b.hold(r.HoldID)
	if err != nil {
		return nil, err
	}
	kind := EntryCommit
	due := Charge(r.Outcome, r.Active, r.Planning)
	if hold.Max > 0 {
		due = min(due, hold.Max)
	}
	left := due
	var lines sheet
	switch {
	case hold.State == HoldOpen:
		left = b.consumeHeld(&lines, hold, due)
		hold.State = HoldCommitted
		hold.SettleTime = b.now
	case hold.State == HoldExpired && hold.Outcome == "":
		kind = EntryLateCommit
	default:
		return nil, fmt.Errorf("hold %s is %s: %w", hold.ID, hold.State, ErrHoldSettled)
	}
	left = b.consumeFree(&lines, left)
	hold.Outcome = r.Outcome
	hold.Charged = due - left
	b.touched[hold.ID] = holdEnded
	b.usage = &Usage{Day: hold.Day, Operation: hold.Operation, Consumed: hold.Charged, CostMicros: r.CostMicros}
	return b.post(Entry{
		Kind: kind, HoldID: hold.ID, BuildID: hold.BuildID, Operation: hold.Operation, Fingerprint: r.Fingerprint,
		Outcome: r.Outcome, ActiveMillis: milliseconds(r.Active), Billable: Billable(r.Active),
		Shortfall: left, CostMicros: r.CostMicros,
	}, lines).Receipt(), nil
}

// consumeHeld spends the hold's seconds and gives the rest back. It returns
// what the hold did not cover.
func (b *Book) consumeHeld(lines *sheet, h *Hold, due int64) int64 {
	for _, share := range h.Shares {
		used := min(share.Seconds, due)
		due -= used
		if used > 0 {
			line := lines.line(b.grant(share.GrantID))
			line.Held -= used
			line.Consumed += used
		}
		if rest := share.Seconds - used; rest > 0 {
			b.giveBack(lines, Share{GrantID: share.GrantID, Seconds: rest})
		}
	}
	return due
}

// consumeFree burns free seconds and returns what they did not cover.
func (b *Book) consumeFree(lines *sheet, due int64) int64 {
	for _, share := range b.draw(due) {
		line := lines.line(b.grant(share.GrantID))
		line.Free -= share.Seconds
		line.Consumed += share.Seconds
		due -= share.Seconds
	}
	return due
}
