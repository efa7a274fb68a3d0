package billing_test

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/sheenapps/sheen/store"
)

// stored is all that the database says about an account, in a plain form.
type stored struct {
	Account plainAccount  `json:"account"`
	Grants  []plainGrant  `json:"grants"`
	Holds   []storedHold  `json:"holds"`
	Rows    []storedRow   `json:"rows"`
	Usage   []storedUsage `json:"usage"`
}

type plainAccount struct {
	Seq, Free, Held, Consumed, Lapsed, Granted, Shortfall, Last int64
	Welcomed                                                    bool
	Reset, Due                                                  int64
}

type plainGrant struct {
	ID                                    uuid.UUID
	Kind, Source, Reason                  string
	Seconds, Free, Held, Consumed, Lapsed int64
	Made, Ends, Voided                    int64
}

type storedHold struct {
	ID, Build                      uuid.UUID
	Operation, State, Outcome, Day string
	Grants                         []uuid.UUID
	Seconds                        []int64
	Sum, Limit, Charged            int64
	Made, Ends, Settled            int64
}

func (h storedHold) plain() plainHold {
	var parts strings.Builder
	for i, grant := range h.Grants {
		fmt.Fprintf(&parts, "%s:%d ", grant, h.Seconds[i])
	}
	return plainHold{
		ID: h.ID, Build: h.Build, Operation: h.Operation, State: h.State, Outcome: h.Outcome, Day: h.Day,
		Seconds: h.Sum, Limit: h.Limit, Charged: h.Charged, Parts: parts.String(),
		CreateTime: h.Made, ExpireTime: h.Ends, SettleTime: h.Settled,
	}
}

type storedLine struct {
	Grant                        uuid.UUID
	Free, Held, Consumed, Lapsed int64
}

type storedRow struct {
	plainRow

	Lines   []storedLine
	Balance struct {
		Spendable, Held int64
		Reset           time.Time        `json:"gift_reset"`
		Kinds           map[string]int64 `json:"by_kind"`
	}
}

// plainRow is a row of the journal in a plain form.
type plainRow struct {
	Seq, Time, Ends                int64
	Kind, Key, Outcome, Reason     string
	Operation                      string
	Hold, Build                    uuid.UUID
	Active, Billable, Unpaid, Cost int64
	Moved                          string       `json:"-"`
	After                          plainBalance `json:"-"`
}

func (r *storedRow) plain() plainRow {
	row := r.plainRow
	var moved []string
	for _, line := range r.Lines {
		if (line != storedLine{Grant: line.Grant}) {
			moved = append(moved, fmt.Sprintf("%+v", line))
		}
	}
	slices.Sort(moved)
	row.Moved = strings.Join(moved, " ")
	row.After = plainBalance{Spendable: r.Balance.Spendable, Held: r.Balance.Held, Reset: micros(r.Balance.Reset)}
	for kind, seconds := range r.Balance.Kinds {
		row.After.Kinds[slices.Index(kindNames[:], kind)] = seconds
	}
	return row
}

type storedUsage struct {
	Day, Operation            string
	Operations, Seconds, Cost int64
}

// micro is SQL for a time in microseconds, 0 for none.
func micro(column string) string {
	return "coalesce((extract(epoch from " + column + ") * 1000000)::bigint, 0)"
}

var storedQuery = `select json_build_object(
	'account', (select json_build_object('Seq', seq, 'Free', free_seconds, 'Held', held_seconds, 'Consumed', consumed_seconds,
		'Lapsed', lapsed_seconds, 'Granted', granted_seconds, 'Shortfall', shortfall_seconds, 'Welcomed', welcomed,
		'Last', ` + micro("last_time") + `, 'Reset', ` + micro("gift_until") + `, 'Due', ` + micro("next_due") + `) from account where id = $1),
	'grants', (select json_agg(json_build_object('ID', id, 'Kind', kind, 'Source', source, 'Reason', reason, 'Seconds', seconds,
		'Free', free_seconds, 'Held', held_seconds, 'Consumed', consumed_seconds, 'Lapsed', lapsed_seconds,
		'Made', ` + micro("create_time") + `, 'Ends', ` + micro("expire_time") + `, 'Voided', ` + micro("void_time") + `)
		order by create_time, id) from credit_grant where account_id = $1),
	'holds', (select json_agg(json_build_object('ID', id, 'Build', coalesce(build_id, '00000000-0000-0000-0000-000000000000'),
		'Operation', operation, 'State', state, 'Outcome', coalesce(outcome, ''), 'Day', day, 'Grants', grant_ids, 'Seconds', grant_seconds,
		'Sum', seconds, 'Limit', max_seconds, 'Charged', charged_seconds,
		'Made', ` + micro("create_time") + `, 'Ends', ` + micro("expire_time") + `, 'Settled', ` + micro("settle_time") + `)
		order by create_time) from hold where account_id = $1),
	'rows', (select json_agg(json_build_object('Seq', seq, 'Kind', kind, 'Time', ` + micro("create_time") + `, 'Ends', ` + micro("expire_time") + `,
		'Key', coalesce(idempotency_key, ''), 'Outcome', coalesce(outcome, ''), 'Reason', reason, 'Operation', coalesce(operation, ''),
		'Hold', coalesce(hold_id, '00000000-0000-0000-0000-000000000000'), 'Build', coalesce(build_id, '00000000-0000-0000-0000-000000000000'),
		'Active', active_ms, 'Billable', billable_seconds, 'Unpaid', shortfall_seconds, 'Cost', cost_micros,
		'Lines', lines, 'Balance', balance) order by seq) from journal where account_id = $1 and seq > $2),
	'usage', (select json_agg(json_build_object('Day', day, 'Operation', operation, 'Operations', operations,
		'Seconds', consumed_seconds, 'Cost', cost_micros) order by day, operation) from usage_daily where account_id = $1))`

// readStored reads an account, and its journal after a row.
func readStored(ctx context.Context, db store.DBTX, account uuid.UUID, after int64) (stored, error) {
	var text []byte
	if err := db.QueryRow(ctx, storedQuery, account, after).Scan(&text); err != nil {
		return stored{}, err
	}
	var found stored
	err := json.Unmarshal(text, &found)
	return found, err
}

// name gives what the last operation made the ids that the ledger's rows say.
func (s *stored) name(m *modelAccount) {
	for i, row := range m.rows {
		if i >= len(s.Rows) || s.Rows[i].Kind != row.kind {
			return
		}
		switch row.kind {
		case "grant":
			for number := range row.moved {
				if len(s.Rows[i].Lines) == 1 {
					m.grants[number].id = s.Rows[i].Lines[0].Grant
				}
			}
		case "hold":
			m.holds[row.hold].id = s.Rows[i].Hold
		}
	}
}

// plainRows are the rows of the model's last operation as the journal has them.
func (m *modelAccount) plainRows() []plainRow {
	var rows []plainRow
	for i, row := range m.rows {
		plain := plainRow{
			Seq: m.seq - int64(len(m.rows)-1-i), Kind: row.kind, Time: micros(row.now), Ends: micros(row.ends), Key: row.key,
			Outcome: row.outcome, Reason: row.reason, Operation: row.operation, Active: row.activeMillis, Billable: row.billable,
			Unpaid: row.unpaid, Cost: row.costMicros, After: row.balance,
		}
		if row.hold >= 0 {
			plain.Hold, plain.Build = m.holds[row.hold].id, m.holds[row.hold].build
		}
		var moved []string
		for grant, p := range row.moved {
			moved = append(moved, fmt.Sprintf("%+v", storedLine{m.grants[grant].id, p.free, p.held, p.spent, p.gone}))
		}
		slices.Sort(moved)
		plain.Moved = strings.Join(moved, " ")
		rows = append(rows, plain)
	}
	return rows
}

// differences compares the rows of an account with the model's, and names what
// is not the same.
func (m *modelAccount) differences(s *stored) []string {
	var found []string
	want := plainAccount{
		Seq: m.seq, Shortfall: m.shortfall, Welcomed: m.welcomed, Reset: micros(m.giftUntil), Due: micros(m.due()), Last: micros(m.last),
	}
	grants := make([]plainGrant, len(m.grants))
	for i, p := range m.places() {
		g := &m.grants[i]
		want.Free += p.free
		want.Held += p.held
		want.Consumed += p.spent
		want.Lapsed += p.gone
		want.Granted += g.seconds
		grants[i] = plainGrant{
			g.id, g.kind, g.source, g.reason, g.seconds, p.free, p.held, p.spent, p.gone, micros(g.made), micros(g.ends), micros(g.voided),
		}
	}
	if m.seq == 0 {
		want = plainAccount{}
		s.Account.Last = 0
	}
	if s.Account != want {
		found = append(found, fmt.Sprintf("account %+v, model %+v", s.Account, want))
	}
	found = append(found, unlike("grant", s.Grants, grants)...)
	var holds, wantHolds []plainHold
	for i := range m.holds {
		wantHolds = append(wantHolds, m.plainHold(i))
	}
	for _, hold := range s.Holds {
		holds = append(holds, hold.plain())
	}
	found = append(found, unlike("hold", holds, wantHolds)...)
	var usage []storedUsage
	for day, sum := range m.usage {
		usage = append(usage, storedUsage{day.day, day.operation, sum.operations, sum.seconds, sum.costMicros})
	}
	slices.SortFunc(usage, func(a, b storedUsage) int {
		return strings.Compare(a.Day+a.Operation, b.Day+b.Operation)
	})
	return append(found, unlike("usage", s.Usage, usage)...)
}

func unlike[T comparable](what string, got, want []T) []string {
	if len(got) != len(want) {
		return []string{fmt.Sprintf("%d of %s, model %d: %+v, model %+v", len(got), what, len(want), got, want)}
	}
	for i := range got {
		if got[i] != want[i] {
			return []string{fmt.Sprintf("%s %d is %+v, model %+v", what, i, got[i], want[i])}
		}
	}
	return nil
}

// plainRowsOf are the rows that were read.
func (s *stored) plainRowsOf() []plainRow {
	var rows []plainRow
	for _, row := range s.Rows {
		rows = append(rows, row.plain())
	}
	return rows
}

var dumpQuery = func() string {
	tables := []string{"select id::text as a, t::text as b from account as t where id = any ($1::uuid[])"}
	for _, table := range []string{"credit_grant", "hold", "journal", "usage_daily"} {
		tables = append(tables, "select '"+table+"', t::text from "+table+" as t where account_id = any ($1::uuid[])")
	}
	return "select coalesce(md5(string_agg(a || b, ' ' order by a, b)), '') from (" + strings.Join(tables, " union all ") + ") as r"
}()

// dump is the sum of every row of some accounts, whole.
func dump(ctx context.Context, db store.DBTX, accounts []uuid.UUID) (string, error) {
	var sum string
	err := db.QueryRow(ctx, dumpQuery, accounts).Scan(&sum)
	return sum, err
}
