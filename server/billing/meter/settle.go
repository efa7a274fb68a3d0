package meter

import (
	"bytes"
	"cmp"
	"slices"
)

// expireHolds gives back what holds have that ended by now.
func (b *Book) expireHolds() {
	slices.SortFunc(b.holds, func(x, y Hold) int {
		return cmp.Or(x.ExpireTime.Compare(y.ExpireTime), bytes.Compare(x.ID[:], y.ID[:]))
	})
	for i := range b.holds {
		if hold := &b.holds[i]; hold.State == HoldOpen && !hold.ExpireTime.After(b.now) {
			b.settle(hold, HoldExpired, EntryExpire)
		}
	}
}

// settle ends a hold without a charge.
func (b *Book) settle(h *Hold, state HoldState, kind EntryKind) {
	var lines sheet
	for _, share := range h.Shares {
		b.giveBack(&lines, share)
	}
	h.State = state
	h.SettleTime = b.now
	b.touched[h.ID] = holdEnded
	b.post(Entry{Kind: kind, HoldID: h.ID, BuildID: h.BuildID, Operation: h.Operation}, lines)
}

// lapseGrants ends the free seconds of grants that ended by now, an entry each.
func (b *Book) lapseGrants() {
	for _, grant := range b.grants {
		if grant.ended(b.now) && grant.Free > 0 {
			b.post(Entry{Kind: EntryLapse}, sheet{{
				GrantID: grant.ID, Kind: grant.Kind, Free: -grant.Free, Lapsed: grant.Free,
			}})
		}
	}
}

// makeGifts makes the welcome gift once and the daily gift once in each of the
// account's days.
func (b *Book) makeGifts(ids GiftIDs) {
	daily := !b.now.Before(b.account.GiftUntil)
	if daily {
		b.account.GiftUntil = nextMidnight(b.now, b.account.location())
	}
	if !b.account.Welcomed {
		b.account.Welcomed = true
		b.addGrant(Grant{ID: ids.Welcome, Kind: Welcome, Source: SourceGift, Seconds: WelcomeSeconds}, Entry{})
	}
	if daily {
		b.addGrant(Grant{
			ID: ids.Daily, Kind: Daily, Source: SourceGift, Seconds: DailySeconds,
			ExpireTime: b.account.GiftUntil,
		}, Entry{})
	}
}
