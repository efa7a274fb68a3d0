package meter

import (
	"fmt"
	"slices"
	"time"
)

// ExtendRequest sets more seconds aside for an open hold, and moves its end.
type ExtendRequest struct {
	HoldID ID
	// Seconds more: 0 to MaxSeconds, and with what is held at most the hold's
	// Max.
	Seconds int64
	// Partial takes fewer than Seconds, and at least one, if only so many are
	// spendable or approved.
	Partial bool
	// ExpireTime is the hold's new end; one that is not later than the old one
	// leaves it as it is.
	ExpireTime  time.Time
	Key         string // empty for none
	Fingerprint Hash
}

// Extend sets more seconds aside and returns the hold. It returns
// [ErrInsufficient] if fewer are spendable (if Partial, none or none within the
// hold's Max), [ErrHoldNotFound], [ErrHoldSettled] for a hold that is not open
// any more, and [ErrInvalid].
func (b *Book) Extend(r ExtendRequest) (Hold, error) {
	hold, err := b.hold(r.HoldID)
	if err != nil {
		return Hold{}, err
	}
	if hold.State != HoldOpen {
		return Hold{}, fmt.Errorf("hold %s is %s: %w", hold.ID, hold.State, ErrHoldSettled)
	}
	if r.Partial && r.Seconds > 0 {
		r.Seconds = min(r.Seconds, b.account.Free, hold.room())
		if r.Seconds <= 0 {
			return Hold{}, fmt.Errorf("hold of %d s at its end: %w", hold.Seconds, ErrInsufficient)
		}
	}
	total := hold.Seconds + r.Seconds
	switch {
	case r.Seconds < 0 || total > MaxSeconds || hold.Max > 0 && total > hold.Max:
		return Hold{}, fmt.Errorf("hold of %d s extended by %d s: %w", hold.Seconds, r.Seconds, ErrInvalid)
	case r.Seconds > b.account.Free:
		return Hold{}, fmt.Errorf("%d s of %d s: %w", r.Seconds, b.account.Free, ErrInsufficient)
	}
	drawn := b.draw(r.Seconds)
	hold.Seconds = total
	hold.Shares = b.merge(hold.Shares, drawn)
	if expire := r.ExpireTime.UTC().Truncate(time.Microsecond); expire.After(hold.ExpireTime) {
		hold.ExpireTime = expire
	}
	b.touched[hold.ID] = holdExtended
	b.post(Entry{
		Kind: EntryExtend, HoldID: hold.ID, BuildID: hold.BuildID, Operation: hold.Operation,
		Key: r.Key, Fingerprint: r.Fingerprint, ExpireTime: hold.ExpireTime,
	}, b.setAside(drawn))
	return *hold, nil
}

// room is how many seconds a hold can be extended by.
func (h *Hold) room() int64 {
	if h.Max == 0 {
		return MaxSeconds - h.Seconds
	}
	return h.Max - h.Seconds
}

// Operation returns what a hold is for, and the empty string for one that is not
// in the book.
func (b *Book) Operation(id ID) Operation {
	hold, err := b.hold(id)
	if err != nil {
		return ""
	}
	return hold.Operation
}

// merge adds shares to shares, one per grant, in burn order.
func (b *Book) merge(shares, more []Share) []Share {
	merged := slices.Clone(shares)
	for _, share := range more {
		i := slices.IndexFunc(merged, func(s Share) bool { return s.GrantID == share.GrantID })
		if i < 0 {
			merged = append(merged, share)
			continue
		}
		merged[i].Seconds += share.Seconds
	}
	slices.SortFunc(merged, func(x, y Share) int { return b.order.compare(*b.grant(x.GrantID), *b.grant(y.GrantID)) })
	return merged
}
