package billing_test

import (
	"fmt"
	"reflect"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/sheenapps/sheen/server/billing"
	"github.com/sheenapps/sheen/store"
)

// check plays what the journal has of the round through the model and holds
// every answer against it.
func (c *workshop) check(db *store.DB) {
	for _, account := range c.accounts {
		rows, err := readStored(c.t.Context(), db, account.id, account.seq)
		if err != nil {
			c.t.Fatal(err)
		}
		r := &replay{clocks: c.clocks, records: account.records, states: []*modelAccount{account.modelAccount}, seen: c.seen}
		if err := r.run(&rows); err != nil {
			c.t.Errorf("account %s: %v", account.id, err)
			return
		}
		account.modelAccount = r.states[len(r.states)-1]
		account.records = nil
		account.rows = nil
		if found := account.differences(&rows); len(found) > 0 {
			c.t.Errorf("account %s: %s", account.id, found)
		}
	}
}

// replay is one account's round in the journal's order: states[i] is the model
// after i operations, and effects[i] what the operation after it was.
type replay struct {
	clocks  []time.Time
	records []record
	states  []*modelAccount
	effects []effect
	seen    *tally
}

type effect struct {
	request any
	answer  answer
}

func (r *replay) run(rows *stored) error {
	for len(rows.Rows) > 0 {
		n := slices.IndexFunc(rows.Rows, func(row storedRow) bool { return row.Time != rows.Rows[0].Time })
		if n < 0 {
			n = len(rows.Rows)
		}
		if err := r.operation(&stored{Rows: rows.Rows[:n]}); err != nil {
			return err
		}
		rows.Rows = rows.Rows[n:]
	}
	return r.answers()
}

// operation plays the rows of one operation: its cause is a request that gives
// the model the same rows.
func (r *replay) operation(rows *stored) error {
	before := r.states[len(r.states)-1]
	now := time.UnixMicro(rows.Rows[0].Time).UTC()
	if !slices.ContainsFunc(r.clocks, func(clock time.Time) bool { return before.opens(clock).Equal(now) }) {
		return fmt.Errorf("row %d is of %s, which no clock has shown", rows.Rows[0].Seq, now)
	}
	last := rows.Rows[len(rows.Rows)-1]
	var difference []string
	for _, record := range r.records {
		if record.answer.Refusal != "" || !causes(record.request, &last) {
			continue
		}
		after := before.clone()
		after.rows = nil
		given := after.say(now, record.request, rows.name)
		difference = unlike("journal", rows.plainRowsOf(), after.plainRows())
		if len(difference) > 0 {
			continue
		}
		if last.Hold != uuid.Nil && last.Kind != "expire" || last.Key != "" {
			r.effects = append(r.effects, effect{record.request, given})
		} else {
			r.effects = append(r.effects, effect{})
		}
		for _, row := range after.rows {
			r.seen.add(row.kind)
		}
		r.states = append(r.states, after)
		return nil
	}
	return fmt.Errorf("no request makes the rows from %d of %s: %s", rows.Rows[0].Seq, now, difference)
}

// causes reports whether a request that was granted may be the one whose last
// row this is.
func causes(request any, last *storedRow) bool {
	switch q := request.(type) {
	case billing.ReserveRequest:
		return last.Key == q.Key
	case billing.ExtendRequest:
		return last.Key == q.Key
	case billing.GrantRequest:
		return last.Key == q.Key
	case billing.VoidRequest:
		return last.Key == q.Key
	case billing.CommitRequest:
		return last.Hold == q.HoldID && (last.Kind == "commit" || last.Kind == "late_commit")
	case billing.ReleaseRequest:
		// One of an expired hold leaves only what was due anyhow.
		return last.Hold == q.HoldID && last.Kind == "release" || last.Key == "" && last.Kind != "release"
	}
	return false
}

// opens is the instant at which an operation happens.
func (m *modelAccount) opens(clock time.Time) time.Time {
	if clock = clock.UTC().Truncate(time.Microsecond); clock.After(m.last) {
		return clock
	}
	return m.last.Add(time.Microsecond)
}

// answers finds a place in the order for each answer, for each worker in the
// order of its requests.
func (r *replay) answers() error {
	place := map[int]int{} // of each worker's last answer
	for _, record := range r.records {
		if record.answer.Refusal != "" {
			r.seen.add(record.answer.Refusal)
		}
		own := slices.IndexFunc(r.effects, func(e effect) bool { return e.request != nil && reflect.DeepEqual(e.request, record.request) })
		if own >= 0 && record.answer.Refusal == "" {
			if r.effects[own].answer != record.answer {
				return fmt.Errorf("%+v got %s\nmodel %s", record.request, record.answer, r.effects[own].answer)
			}
			if r.times(record.request) > 1 {
				r.seen.add("repeated")
			} else if own+1 <= place[record.worker] {
				return fmt.Errorf("%+v stands in the journal before an earlier answer of the same worker", record.request)
			}
			place[record.worker] = max(place[record.worker], own+1)
			continue
		}
		found, near := r.place(record, place[record.worker])
		if found < 0 {
			return fmt.Errorf("%+v got %s\nwhich it gets at no time; the last would be %s", record.request, record.answer, near)
		}
		place[record.worker] = found
	}
	return nil
}

func (r *replay) times(request any) (n int) {
	for _, record := range r.records {
		if reflect.DeepEqual(record.request, request) {
			n++
		}
	}
	return n
}

// place returns the first state, from a given one, in which a request gets an
// answer without an effect, or -1 and the answer in the last state.
func (r *replay) place(record record, from int) (found int, near answer) {
	for i := from; i < len(r.states); i++ {
		for _, clock := range r.clocks {
			state := r.states[i].clone()
			near = state.say(clock, record.request, unnamed)
			if near == record.answer {
				return i, near
			}
		}
	}
	return -1, near
}
