package meter

import "slices"

// sheet collects the lines of one entry, one line per grant.
type sheet []Line

func (s *sheet) line(g *Grant) *Line {
	i := slices.IndexFunc(*s, func(l Line) bool { return l.GrantID == g.ID })
	if i < 0 {
		i = len(*s)
		*s = append(*s, Line{GrantID: g.ID, Kind: g.Kind})
	}
	return &(*s)[i]
}

// post is the only place that moves seconds: it applies the lines to the grants
// and to the account's totals and appends the entry to the journal.
func (b *Book) post(e Entry, lines sheet) *Entry {
	for _, line := range lines {
		grant := b.grant(line.GrantID)
		grant.Free += line.Free
		grant.Held += line.Held
		grant.Consumed += line.Consumed
		grant.Lapsed += line.Lapsed
		grant.Owed = min(grant.Owed, grant.Held) // What is consumed stays.
	}
	e.Lines = lines
	sum := e.Sum()
	b.account.Free += sum.Free
	b.account.Held += sum.Held
	b.account.Consumed += sum.Consumed
	b.account.Lapsed += sum.Lapsed
	b.account.Granted += sum.Free + sum.Held + sum.Consumed + sum.Lapsed
	b.account.Shortfall += e.Shortfall
	b.account.Seq++
	b.account.LastTime = b.now

	e.AccountID = b.account.ID
	e.Seq = b.account.Seq
	e.Time = b.now
	e.Balance = b.Balance()
	e.Prev = b.account.Head
	e.Hash = e.Digest()
	b.account.Head = e.Hash
	b.entries = append(b.entries, e)
	return &b.entries[len(b.entries)-1]
}

// addGrant puts a new grant into the book and gives its seconds.
func (b *Book) addGrant(g Grant, e Entry) {
	g.CreateTime = b.now
	g.Free, g.Held, g.Consumed, g.Lapsed = 0, 0, 0, 0
	b.grants = append(b.grants, g)
	slices.SortFunc(b.grants, b.order.compare)
	e.Kind = EntryGrant
	b.post(e, sheet{{GrantID: g.ID, Kind: g.Kind, Free: g.Seconds}})
}

// draw picks free seconds in burn order, at most the given number.
func (b *Book) draw(seconds int64) []Share {
	var shares []Share
	for i := range b.grants {
		if seconds == 0 {
			break
		}
		if taken := min(b.grants[i].Free, seconds); taken > 0 {
			shares = append(shares, Share{GrantID: b.grants[i].ID, Seconds: taken})
			seconds -= taken
		}
	}
	return shares
}

// giveBack returns held seconds to their grant. What is owed of them lapses, and
// all of them if the grant has ended meanwhile.
func (b *Book) giveBack(lines *sheet, share Share) {
	grant := b.grant(share.GrantID)
	owed := min(grant.Owed, share.Seconds)
	grant.Owed -= owed
	lapsed := owed
	if grant.ended(b.now) {
		lapsed = share.Seconds
	}
	line := lines.line(grant)
	line.Held -= share.Seconds
	line.Lapsed += lapsed
	line.Free += share.Seconds - lapsed
}
