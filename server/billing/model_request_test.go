package billing_test

import (
	"cmp"
	"reflect"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/sheenapps/sheen/server/billing"
)

// What the model says to each request. An answer names grants and holds by their
// ids, which only the ledger can make: name gives the model those of the
// journal.

const modelMaxSeconds = 1_000_000_000

func refused(reason string) answer { return answer{Refusal: reason} }

// readRequest asks for the balance.
type readRequest struct{ AccountID uuid.UUID }

// say answers a request at an instant. What the operation makes is named before
// the answer is put together.
func (m *modelAccount) say(now time.Time, request any, name func(m *modelAccount)) answer {
	switch r := request.(type) {
	case readRequest:
		return m.clone().at(now, func(m *modelAccount) answer { return answer{Balance: m.balance()} })
	case billing.ReserveRequest:
		if r.TTL < 0 || len(r.Key) > 255 {
			return refused("invalid")
		}
		return m.keyed(now, r.Key, r, func(m *modelAccount) answer { return m.reserve(r, name) })
	case billing.ExtendRequest:
		if r.TTL < 0 || len(r.Key) > 255 {
			return refused("invalid")
		}
		return m.keyed(now, r.Key, r, func(m *modelAccount) answer { return m.extend(r, name) })
	case billing.GrantRequest:
		if r.Key == "" || len(r.Key) > 255 {
			return refused("invalid")
		}
		return m.keyed(now, r.Key, r, func(m *modelAccount) answer { return m.grant(r, name) })
	case billing.VoidRequest:
		if r.Key == "" || len(r.Key) > 255 {
			return refused("invalid")
		}
		return m.keyed(now, r.Key, r, func(m *modelAccount) answer { return m.void(r, name) })
	case billing.CommitRequest:
		return m.commit(now, r, name)
	case billing.ReleaseRequest:
		return m.release(now, r, name)
	}
	return refused("not a request")
}

// keyed gives the answer that the key has got, or that of the operation.
func (m *modelAccount) keyed(now time.Time, key string, request any, operation func(m *modelAccount) answer) answer {
	if earlier, found := m.answers[key]; found && key != "" {
		m.rows = nil
		if !reflect.DeepEqual(earlier.request, request) {
			return refused("key reused")
		}
		return earlier.answer
	}
	return m.remember("", key, request, m.at(now, operation))
}

// remember keeps an answer. Kinds of requests that have no key are remembered by
// their hold.
func (m *modelAccount) remember(kind, key string, request any, given answer) answer {
	if given.Refusal == "" && key != "" {
		m.answers[kind+key] = &modelAnswer{request: request, answer: given}
	}
	return given
}

func (m *modelAccount) reserve(r billing.ReserveRequest, name func(m *modelAccount)) answer {
	ends := m.now.Add(cmp.Or(r.TTL, 30*time.Minute)).Truncate(time.Microsecond)
	spendable := m.balance().Spendable
	operations := []string{"main_build", "metadata_generation", "update"}
	switch {
	case !r.NotAfter.IsZero() && m.now.After(r.NotAfter):
		return refused("too late")
	case !slices.Contains(operations, string(r.Operation)), r.Seconds < 1, r.Seconds > modelMaxSeconds,
		r.MaxSeconds != 0 && r.MaxSeconds < r.Seconds, r.MaxSeconds > modelMaxSeconds, !ends.After(m.now):
		return refused("invalid")
	case r.Seconds > spendable:
		return answer{Refusal: "insufficient", Required: r.Seconds, Balance: m.balance()}
	}
	hold := len(m.holds)
	m.holds = append(m.holds, modelHold{
		build: r.BuildID, operation: string(r.Operation), state: "new", limit: r.MaxSeconds,
		day: m.now.In(m.zone).Format(time.DateOnly), made: m.now, ends: ends, parts: m.draw(r.Seconds),
	})
	m.write(modelRow{kind: "hold", key: r.Key, hold: hold, ends: ends}, func() { m.holds[hold].state = "open" })
	name(m)
	return answer{Hold: m.plainHold(hold), Balance: m.balance()}
}

func (m *modelAccount) extend(r billing.ExtendRequest, name func(m *modelAccount)) answer {
	i := m.holdNumber(r.HoldID)
	if i < 0 {
		return refused("not found")
	}
	hold := &m.holds[i]
	wanted := r.Seconds
	if r.Partial && wanted > 0 {
		room := cmp.Or(hold.limit, modelMaxSeconds) - hold.seconds()
		r.Seconds = min(wanted, room, m.balance().Spendable)
	}
	total := hold.seconds() + r.Seconds
	switch {
	case hold.state != "open":
		return refused(hold.state + " to open")
	case r.Seconds < 1 && wanted > 0:
		return answer{Refusal: "insufficient", Required: wanted, Balance: m.balance()}
	case r.Seconds < 0, total > modelMaxSeconds, hold.limit != 0 && total > hold.limit:
		return refused("invalid")
	case r.Seconds > m.balance().Spendable:
		return answer{Refusal: "insufficient", Required: r.Seconds, Balance: m.balance()}
	}
	have := map[int]int64{}
	for _, part := range slices.Concat(hold.parts, m.draw(r.Seconds)) {
		have[part.grant] += part.seconds
	}
	var parts []modelPart
	for _, grant := range m.burning() {
		if have[grant] > 0 {
			parts = append(parts, modelPart{grant: grant, seconds: have[grant]})
		}
	}
	if ends := m.now.Add(r.TTL).Truncate(time.Microsecond); ends.After(hold.ends) {
		hold.ends = ends
	}
	m.write(modelRow{kind: "extend", key: r.Key, hold: i, ends: hold.ends}, func() { hold.parts = parts })
	name(m)
	return answer{Hold: m.plainHold(i), Balance: m.balance()}
}

func (m *modelAccount) grant(r billing.GrantRequest, name func(m *modelAccount)) answer {
	ends := r.ExpireTime.UTC().Truncate(time.Microsecond)
	if !slices.Contains(kindNames[:], string(r.Kind)) || r.Seconds < 1 || r.Seconds > modelMaxSeconds ||
		(!ends.IsZero() && !ends.After(m.now)) {
		return refused("invalid")
	}
	grant := m.give(modelGrant{
		kind: string(r.Kind), source: cmp.Or(string(r.Source), "admin"), reason: r.Reason, seconds: r.Seconds, ends: ends,
	}, r.Key)
	name(m)
	return answer{Credit: m.plainCredit(grant), Balance: m.balance()}
}

func (m *modelAccount) void(r billing.VoidRequest, name func(m *modelAccount)) answer {
	i := slices.IndexFunc(m.grants, func(g modelGrant) bool { return g.id == r.GrantID && g.id != uuid.Nil })
	if i < 0 {
		return refused("not found")
	}
	place := m.places()[i]
	m.write(modelRow{kind: "void", key: r.Key, hold: -1, reason: r.Reason}, func() {
		m.grants[i].gone += place.free
		if m.grants[i].voided.IsZero() {
			m.grants[i].voided = m.now
		}
	})
	name(m)
	return answer{Voided: plainVoided{Grant: r.GrantID, Seconds: place.free, Used: place.held + place.spent}, Balance: m.balance()}
}

func (m *modelAccount) holdNumber(id uuid.UUID) int {
	return slices.IndexFunc(m.holds, func(h modelHold) bool { return h.id == id && h.id != uuid.Nil })
}

func (m *modelAccount) commit(now time.Time, r billing.CommitRequest, name func(m *modelAccount)) answer {
	m.rows = nil
	i := m.holdNumber(r.HoldID)
	if i < 0 {
		return refused("not found")
	}
	switch hold := m.holds[i]; {
	case hold.outcome != "":
		earlier := m.answers["commit "+r.HoldID.String()]
		if earlier.request != r {
			return refused("key reused")
		}
		return earlier.answer
	case hold.state == "released":
		return refused("released to committed")
	}
	given := m.at(now, func(m *modelAccount) answer { return m.charge(i, r, name) })
	return m.remember("commit ", r.HoldID.String(), r, given)
}

// charge is a commit of a hold that is open or has expired.
func (m *modelAccount) charge(i int, r billing.CommitRequest, name func(m *modelAccount)) answer {
	outcomes := map[string]time.Duration{
		"succeeded": r.Active, "failed_user": r.Active, "cancelled": r.Active,
		"failed_platform": 0, "failed_provider": 0, "failed_policy": min(r.Planning, r.Active),
	}
	paid, known := outcomes[string(r.Outcome)]
	billable := 10 * roundUp(r.Active, 10*time.Second)
	if !known || min(int64(r.Active), int64(r.Planning), r.CostMicros) < 0 || billable > modelMaxSeconds {
		return refused("invalid")
	}
	hold := &m.holds[i]
	price := 10 * roundUp(paid, 10*time.Second)
	if hold.limit != 0 {
		price = min(price, hold.limit)
	}
	before := m.balance()
	row := modelRow{
		kind: "commit", hold: i, outcome: string(r.Outcome), activeMillis: roundUp(r.Active, time.Millisecond),
		billable: billable, costMicros: r.CostMicros,
	}
	if hold.state == "expired" {
		row.kind = "late_commit"
	}
	sources := hold.parts
	if hold.state == "expired" {
		sources = nil
	}
	held := int64(0)
	for _, part := range sources {
		held += part.seconds
	}
	// What the hold has is spent first, then what is free.
	sources = slices.Concat(sources, m.draw(max(price-held, 0)))
	row.unpaid = price
	for _, part := range sources {
		row.unpaid -= min(part.seconds, row.unpaid)
	}
	spent := sixKinds{}
	m.write(row, func() {
		left := price
		for k, part := range sources {
			use := min(part.seconds, left)
			left -= use
			grant := &m.grants[part.grant]
			grant.spent += use
			spent[slices.Index(kindNames[:], grant.kind)] += use
			if ofHold := hold.state == "open" && k < len(hold.parts); ofHold && grant.ended(m.now) {
				grant.gone += part.seconds - use
			}
		}
		if hold.state == "open" {
			hold.state, hold.settled = "committed", m.now
		}
		hold.outcome, hold.charged = string(r.Outcome), price-left
	})
	day := modelDay{day: hold.day, operation: hold.operation}
	usage := m.usage[day]
	m.usage[day] = modelUsage{usage.operations + 1, usage.seconds + hold.charged, usage.costMicros + r.CostMicros}
	name(m)
	return answer{Receipt: plainReceipt{
		Hold: hold.id, Build: hold.build, Operation: hold.operation, Outcome: hold.outcome, Time: micros(m.now),
		Active: time.Duration(row.activeMillis) * time.Millisecond, Billable: billable, Charged: hold.charged,
		Unpaid: row.unpaid, Cost: r.CostMicros, Kinds: spent, Late: row.kind == "late_commit",
		Before: before, After: m.balance(),
	}}
}

func (m *modelAccount) release(now time.Time, r billing.ReleaseRequest, name func(m *modelAccount)) answer {
	m.rows = nil
	i := m.holdNumber(r.HoldID)
	if i < 0 {
		return refused("not found")
	}
	switch hold := m.holds[i]; {
	case hold.outcome != "":
		return refused(hold.state + " to released")
	case hold.state == "released":
		return m.answers["release "+r.HoldID.String()].answer
	}
	given := m.at(now, func(m *modelAccount) answer {
		if m.holds[i].state == "open" {
			m.write(modelRow{kind: "release", hold: i}, func() { m.giveBack(i, "released") })
		}
		name(m)
		return answer{Hold: m.plainHold(i), Balance: m.balance()}
	})
	if given.Hold.State == "released" {
		m.remember("release ", r.HoldID.String(), r, given)
	}
	return given
}
