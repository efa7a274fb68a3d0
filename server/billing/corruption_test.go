package billing_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/sheenapps/sheen/server/billing"
)

var errUndo = errors.New("undo the corruption")

// unguard takes all away that keeps rows from being wrong.
const unguard = `
do $$ declare it record; begin
	for it in select conrelid::regclass as tab, conname from pg_constraint
		where contype in ('c', 'f') and conrelid in ('account'::regclass, 'credit_grant'::regclass, 'hold'::regclass, 'journal'::regclass, 'usage_daily'::regclass, 'purchase'::regclass) loop
		execute format('alter table %s drop constraint %I', it.tab, it.conname);
	end loop;
	alter table journal disable trigger user;
	drop index credit_grant_one_welcome, credit_grant_one_daily, journal_hold_end, journal_once;
end $$`

// rechain is what somebody would do who knows how the journal is chained.
const rechain = `
do $$ declare j record; before bytea; of_account uuid; begin
	for j in select account_id, seq from journal order by account_id, seq loop
		if of_account is distinct from j.account_id then
			before := decode(repeat('00', 32), 'hex');
			of_account := j.account_id;
		end if;
		update journal set prev_hash = before, hash = sha256(before || convert_to(concat_ws('|', account_id, seq, kind,
			(extract(epoch from create_time) * 1000000)::bigint, coalesce(hold_id::text, ''), coalesce(build_id::text, ''),
			coalesce(operation, ''), coalesce(outcome, ''), active_ms, billable_seconds, shortfall_seconds, cost_micros, (extract(epoch from expire_time) * 1000000)::bigint,
			lines::text, balance::text, coalesce(encode(fingerprint, 'hex'), ''), coalesce(idempotency_key, '')), 'UTF8'))
			where account_id = j.account_id and seq = j.seq returning hash into before;
		update account set chain_head = before where id = of_account;
	end loop;
end $$`

// corrupt returns the rules that statements break on an account that has lived,
// and undoes them. In them, $a is the account.
func (b *testBundle) corrupt(statements ...string) []string {
	b.t.Helper()
	var broken []string
	err := b.inTx(func(tx pgx.Tx) error {
		for _, statement := range append([]string{unguard}, statements...) {
			tag, err := tx.Exec(b.t.Context(), strings.ReplaceAll(statement, "$a", "'"+b.account.String()+"'"))
			if err != nil {
				return err
			}
			if tag.RowsAffected() == 0 && !strings.HasPrefix(strings.TrimSpace(statement), "do ") {
				b.t.Errorf("no row: %s", statement)
			}
		}
		violations, err := billing.AuditIn(b.t.Context(), tx, uuid.Nil)
		if err != nil {
			return err
		}
		broken = rulesOf(violations)
		return errUndo
	})
	if !errors.Is(err, errUndo) {
		b.t.Errorf("%.200q: %v", statements, err)
	}
	return broken
}

// Each corruption is found by exactly these rules. Those that pass constraints
// and hashes are somebody's who knows them; the rest are accidents.
func TestAuditCatches(t *testing.T) {
	t.Parallel()
	b := lived(t)
	covered := map[string]bool{}
	for _, c := range corruptions() {
		got := b.corrupt(c.statements...)
		want := strings.Fields(c.rules)
		slices.Sort(want)
		if !slices.Equal(got, want) {
			t.Errorf("%s: found by %v, want %v", c.name, got, want)
		}
		for _, rule := range want {
			covered[rule] = true
		}
	}
	for _, rule := range billing.Rules() {
		if !covered[rule] {
			t.Errorf("%s: nothing breaks it", rule)
		}
	}
}

// uncovered are the columns that no rule compares: they are told to people or to
// estimates. The journal has the ends of grants and the reasons in the
// fingerprint of the request only; an end is looked at when it has come.
var uncovered = []string{
	"account.create_time", "account.zone", "credit_grant.expire_time", "credit_grant.reason",
	"hold.project_size", "hold.quoted_seconds", "journal.reason",
}

// A change of any value of the ledger is found, whatever column it stands in.
func TestAuditCoversColumns(t *testing.T) {
	t.Parallel()
	b := lived(t)
	other := map[string]string{
		"uuid": "gen_random_uuid()", "text": "%s || 'x'", "boolean": "not %s", "timestamp with time zone": "%s + interval '1 us'",
		"bigint": "%s + 1", "date": "%s + 1", "bytea": "sha256(%s)", "json": "replace(%s::text, ':', ': ')::json",
		"uuid[]": "array_append(%s[2:], gen_random_uuid())", "bigint[]": "array_append(%s[2:], %[1]s[1] + 1)",
	}
	rows, err := b.db.Query(t.Context(), `
		select c.relname, a.attname, format_type(a.atttypid, null)
		from pg_attribute a join pg_class c on c.oid = a.attrelid
		where c.relname in ('account', 'credit_grant', 'hold', 'journal', 'usage_daily') and c.relkind = 'r' and a.attnum > 0 and not a.attisdropped
			and a.attgenerated = '' and (c.relname, a.attname) <> ('account', 'id')
		order by 1, 2`)
	if err != nil {
		t.Fatal(err)
	}
	type column struct{ Table, Name, Type string }
	columns, err := pgx.CollectRows(rows, pgx.RowToStructByPos[column])
	if err != nil || len(columns) < 60 {
		t.Fatal(len(columns), err)
	}
	for _, c := range columns {
		expression, ok := other[c.Type]
		if !ok {
			t.Errorf("%s.%s of type %s: no other value", c.Table, c.Name, c.Type)
		}
		owner := "account_id"
		if c.Table == "account" {
			owner = "id"
		}
		// The first row that has a value, by place: it is the oldest one.
		switch c.Table + "." + c.Name {
		case "journal.seq":
			expression = "%s + 1000"
		case "credit_grant.source":
			expression = "case %s when 'gift' then 'admin' else 'gift' end"
		}
		statement := "update " + c.Table + " set " + c.Name + " = " + strings.NewReplacer("%[1]s", c.Name, "%s", c.Name).Replace(expression) +
			" where ctid = (select min(ctid) from " + c.Table + " where " + owner + " = $a and " + c.Name + " is not null)"
		found := len(b.corrupt(statement)) > 0
		if name := c.Table + "." + c.Name; found == slices.Contains(uncovered, name) {
			t.Errorf("%s: found is %t", name, found)
		}
	}
}
