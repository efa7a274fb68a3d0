package meter

import (
	"fmt"
	"slices"
	"time"
)

// ReserveRequest asks for a hold.
type ReserveRequest struct {
	HoldID      ID
	BuildID     ID // zero for none
	Operation   Operation
	Seconds     int64     // 1 to MaxSeconds
	Max         int64     // 0, or Seconds to MaxSeconds; see [Hold]
	ExpireTime  time.Time // after the book's now
	Key         string    // empty for none
	Fingerprint Hash
}

// Reserve sets seconds aside in burn order and returns the hold. It returns
// [ErrInsufficient] if fewer are spendable and [ErrInvalid] for a request out
// of range.
func (b *Book) Reserve(r ReserveRequest) (Hold, error) {
	expire := r.ExpireTime.UTC().Truncate(time.Microsecond)
	switch {
	case r.HoldID == ID{} || !r.Operation.Valid():
		return Hold{}, fmt.Errorf("operation %q of hold %s: %w", r.Operation, r.HoldID, ErrInvalid)
	case r.Seconds < 1 || r.Seconds > MaxSeconds:
		return Hold{}, fmt.Errorf("hold of %d s: %w", r.Seconds, ErrInvalid)
	case r.Max != 0 && (r.Max < r.Seconds || r.Max > MaxSeconds):
		return Hold{}, fmt.Errorf("hold of %d s of at most %d s: %w", r.Seconds, r.Max, ErrInvalid)
	case !expire.After(b.now):
		return Hold{}, fmt.Errorf("hold that has expired: %w", ErrInvalid)
	case r.Seconds > b.account.Free:
		return Hold{}, fmt.Errorf("%d s of %d s: %w", r.Seconds, b.account.Free, ErrInsufficient)
	}
	hold := Hold{
		ID:         r.HoldID,
		BuildID:    r.BuildID,
		Operation:  r.Operation,
		State:      HoldOpen,
		Seconds:    r.Seconds,
		Shares:     b.draw(r.Seconds),
		Max:        r.Max,
		Day:        b.account.Day(b.now),
		CreateTime: b.now,
		ExpireTime: expire,
	}
	b.holds = append(b.holds, hold)
	b.touched[hold.ID] = holdMade
	b.post(Entry{
		Kind: EntryHold, HoldID: r.HoldID, BuildID: r.BuildID, Operation: r.Operation,
		Key: r.Key, Fingerprint: r.Fingerprint, ExpireTime: expire,
	}, b.setAside(hold.Shares))
	return hold, nil
}

// setAside returns the lines that move free seconds to what is held.
func (b *Book) setAside(shares []Share) sheet {
	var lines sheet
	for _, share := range shares {
		line := lines.line(b.grant(share.GrantID))
		line.Free -= share.Seconds
		line.Held += share.Seconds
	}
	return lines
}

// Release gives all of a hold back. A hold that has expired has nothing to give
// back, and stays expired. It returns [ErrHoldNotFound], and [ErrHoldSettled]
// for a hold that was committed or released.
func (b *Book) Release(holdID ID) (Hold, error) {
	hold, err := b.hold(holdID)
	if err != nil {
		return Hold{}, err
	}
	switch hold.State {
	case HoldOpen:
		b.settle(hold, HoldReleased, EntryRelease)
	case HoldExpired:
	case HoldCommitted, HoldReleased:
		return Hold{}, fmt.Errorf("hold %s is %s: %w", hold.ID, hold.State, ErrHoldSettled)
	}
	return *hold, nil
}

func (b *Book) hold(id ID) (*Hold, error) {
	i := slices.IndexFunc(b.holds, func(h Hold) bool { return h.ID == id })
	if i < 0 {
		return nil, fmt.Errorf("%s: %w", id, ErrHoldNotFound)
	}
	return &b.holds[i], nil
}
