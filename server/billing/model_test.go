package billing_test

import (
	"bytes"
	"cmp"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
)

// The model is the ledger once more, in lists and plain arithmetic: one account
// that knows what was given, spent and lost of each grant and which holds are
// open. What is free and held is never stored, it is what the lists leave. It
// shares no code with the engine, and so no mistake.

// sixKinds are seconds by kind, in the default burn order.
type sixKinds [6]int64

var kindNames = [len(sixKinds{})]string{"welcome", "daily", "subscription", "compensation", "promo", "package"}

type modelGrant struct {
	id                   uuid.UUID // as the ledger has called it
	kind, source, reason string
	seconds, spent, gone int64
	made, ends, voided   time.Time
}

func (g *modelGrant) ended(now time.Time) bool {
	return !g.voided.IsZero() || (!g.ends.IsZero() && !now.Before(g.ends))
}

// modelPart is what a hold has of a grant.
type modelPart struct {
	grant   int
	seconds int64
}

type modelHold struct {
	id, build                 uuid.UUID
	operation, state, outcome string
	parts                     []modelPart // in burn order; never changed in place
	limit, charged            int64
	day                       string
	made, ends, settled       time.Time
}

func (h *modelHold) seconds() int64 {
	sum := int64(0)
	for _, part := range h.parts {
		sum += part.seconds
	}
	return sum
}

// places say where the seconds of a grant are.
type places struct{ free, held, spent, gone int64 }

// modelRow is a row of the journal. A model without the ledger's ids names
// grants and holds by their numbers.
type modelRow struct {
	kind, key          string
	hold               int // -1 for none
	now, ends          time.Time
	outcome, reason    string
	activeMillis       int64
	billable, unpaid   int64
	costMicros         int64
	moved              map[int]places
	balance            plainBalance
	operation, buildID string
}

type modelUsage struct{ operations, seconds, costMicros int64 }

type modelDay struct{ day, operation string }

// modelAnswer is what a request has got.
type modelAnswer struct {
	request any
	answer  answer
}

// modelAccount is one account.
type modelAccount struct {
	zone                 *time.Location
	expiringFirst        bool
	welcomed             bool
	now, last, giftUntil time.Time
	grants               []modelGrant // in the order in which they were made
	holds                []modelHold  // likewise
	usage                map[modelDay]modelUsage
	seq, shortfall       int64
	rows                 []modelRow // of the last operation
	answers              map[string]*modelAnswer
}

func newModelAccount(zone *time.Location, expiringFirst bool) *modelAccount {
	return &modelAccount{
		zone: zone, expiringFirst: expiringFirst, last: time.Unix(0, 0),
		usage: map[modelDay]modelUsage{}, answers: map[string]*modelAnswer{},
	}
}

func (m *modelAccount) clone() *modelAccount {
	copied := *m
	copied.grants = slices.Clone(m.grants)
	copied.holds = slices.Clone(m.holds)
	copied.usage = maps.Clone(m.usage)
	copied.answers = maps.Clone(m.answers)
	return &copied
}

// at runs an operation on a copy of the account that is opened at an instant.
// The copy counts if the operation is not refused.
func (m *modelAccount) at(now time.Time, operation func(m *modelAccount) answer) answer {
	opened := m.clone()
	opened.open(now)
	got := operation(opened)
	m.rows = nil
	if got.Refusal == "" && len(opened.rows) > 0 {
		*m = *opened
	}
	return got
}

// open ends what is over and makes the gifts that are due.
func (m *modelAccount) open(now time.Time) {
	m.rows = nil
	m.now = now.UTC().Truncate(time.Microsecond)
	if !m.now.After(m.last) {
		m.now = m.last.Add(time.Microsecond)
	}
	for hold := m.firstOver(); hold >= 0; hold = m.firstOver() {
		m.write(modelRow{kind: "expire", hold: hold}, func() { m.giveBack(hold, "expired") })
	}
	for _, i := range m.burning() {
		if !m.grants[i].ended(m.now) {
			continue
		}
		if free := m.places()[i].free; free > 0 {
			m.write(modelRow{kind: "lapse", hold: -1}, func() { m.grants[i].gone += free })
		}
	}
	daily := !m.now.Before(m.giftUntil)
	if daily {
		m.giftUntil = dayAfter(m.now, m.zone)
	}
	if !m.welcomed {
		m.welcomed = true
		m.give(modelGrant{kind: "welcome", source: "gift", seconds: 3000}, "")
	}
	if daily {
		m.give(modelGrant{kind: "daily", source: "gift", seconds: 900, ends: m.giftUntil}, "")
	}
}

// firstOver returns the open hold that ended first, or -1.
func (m *modelAccount) firstOver() int {
	first := -1
	for i, hold := range m.holds {
		if hold.state != "open" || m.now.Before(hold.ends) {
			continue
		}
		if first < 0 || cmp.Or(hold.ends.Compare(m.holds[first].ends), bytes.Compare(hold.id[:], m.holds[first].id[:])) < 0 {
			first = i
		}
	}
	return first
}

// giveBack ends a hold without a charge.
func (m *modelAccount) giveBack(hold int, state string) {
	h := &m.holds[hold]
	for _, part := range h.parts {
		if grant := &m.grants[part.grant]; grant.ended(m.now) {
			grant.gone += part.seconds
		}
	}
	h.state, h.settled = state, m.now
}

func (m *modelAccount) give(grant modelGrant, key string) int {
	grant.made = m.now
	m.write(modelRow{kind: "grant", key: key, hold: -1}, func() { m.grants = append(m.grants, grant) })
	return len(m.grants) - 1
}

// write notes what a change moves.
func (m *modelAccount) write(row modelRow, change func()) {
	before := m.places()
	change()
	row.moved = map[int]places{}
	for i, after := range m.places() {
		if i < len(before) {
			after.free -= before[i].free
			after.held -= before[i].held
			after.spent -= before[i].spent
			after.gone -= before[i].gone
		}
		if after != (places{}) {
			row.moved[i] = after
		}
	}
	if row.hold >= 0 {
		row.operation = m.holds[row.hold].operation
		row.buildID = m.holds[row.hold].build.String()
	}
	row.now, row.balance = m.now, m.balance()
	m.rows = append(m.rows, row)
	m.shortfall += row.unpaid
	m.seq++
	m.last = m.now
}

func (m *modelAccount) places() []places {
	all := make([]places, len(m.grants))
	for _, hold := range m.holds {
		if hold.state != "open" {
			continue
		}
		for _, part := range hold.parts {
			all[part.grant].held += part.seconds
		}
	}
	for i, grant := range m.grants {
		all[i].spent, all[i].gone = grant.spent, grant.gone
		all[i].free = grant.seconds - grant.spent - grant.gone - all[i].held
	}
	return all
}

func (m *modelAccount) balance() plainBalance {
	balance := plainBalance{Reset: micros(m.giftUntil)}
	for i, place := range m.places() {
		balance.Spendable += place.free
		balance.Held += place.held
		balance.Kinds[slices.Index(kindNames[:], m.grants[i].kind)] += place.free
	}
	return balance
}

// burning returns the grants' numbers in burn order.
func (m *modelAccount) burning() []int {
	order := make([]int, len(m.grants))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(x, y int) int {
		a, b := m.grants[x], m.grants[y]
		rank := cmp.Compare(slices.Index(kindNames[:], a.kind), slices.Index(kindNames[:], b.kind))
		end := forever(a.ends).Compare(forever(b.ends))
		if m.expiringFirst {
			rank, end = end, rank
		}
		return cmp.Or(rank, end, a.made.Compare(b.made))
	})
	return order
}

// draw names free seconds in burn order, at most the given number.
func (m *modelAccount) draw(seconds int64) (parts []modelPart) {
	all := m.places()
	for _, i := range m.burning() {
		if take := min(seconds, all[i].free); take > 0 {
			parts = append(parts, modelPart{grant: i, seconds: take})
			seconds -= take
		}
	}
	return parts
}

// due is when the next hold or grant ends by itself.
func (m *modelAccount) due() time.Time {
	next := forever(time.Time{})
	for _, hold := range m.holds {
		if hold.state == "open" && hold.ends.Before(next) {
			next = hold.ends
		}
	}
	for i, place := range m.places() {
		if ends := m.grants[i].ends; place.free > 0 && !ends.IsZero() && ends.Before(next) {
			next = ends
		}
	}
	if next.Equal(forever(time.Time{})) {
		return time.Time{}
	}
	return next
}

func forever(t time.Time) time.Time {
	if t.IsZero() {
		return time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)
	}
	return t
}

// dayAfter walks to the first instant with another date. Zones of this century
// change at a full quarter of an hour.
func dayAfter(now time.Time, zone *time.Location) time.Time {
	today := now.In(zone).Day()
	next := now.Truncate(15 * time.Minute)
	for next.In(zone).Day() == today {
		next = next.Add(15 * time.Minute)
	}
	return next.UTC()
}

func roundUp(d, unit time.Duration) int64 { return int64((max(d, 0) + unit - 1) / unit) }

// plainParts is the text of what a hold has of which grants, in burn order.
func (m *modelAccount) plainParts(parts []modelPart) string {
	var text strings.Builder
	for _, part := range parts {
		text.WriteString(m.grants[part.grant].id.String() + ":" + strconv.FormatInt(part.seconds, 10) + " ")
	}
	return text.String()
}
