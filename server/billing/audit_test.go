package billing_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/sheenapps/sheen/server/billing/meter"
	"github.com/sheenapps/sheen/store"
)

// audits are queries that find a contradiction in the stored rows. Each counts
// what is wrong.
var audits = map[string]string{
	"totals of accounts are those of grants": `
		select count(*) from account a where (a.granted_seconds, a.free_seconds, a.held_seconds, a.consumed_seconds, a.lapsed_seconds)
			is distinct from (select (coalesce(sum(seconds), 0)::bigint, coalesce(sum(free_seconds), 0)::bigint, coalesce(sum(held_seconds), 0)::bigint,
				coalesce(sum(consumed_seconds), 0)::bigint, coalesce(sum(lapsed_seconds), 0)::bigint) from credit_grant g where g.account_id = a.id)`,
	"totals of accounts are those of the journal": `
		select count(*) from account a where (a.granted_seconds, a.free_seconds, a.held_seconds, a.consumed_seconds, a.lapsed_seconds, a.shortfall_seconds, a.seq)
			is distinct from (select (coalesce(sum(granted_delta), 0)::bigint, coalesce(sum(free_delta), 0)::bigint, coalesce(sum(held_delta), 0)::bigint,
				coalesce(sum(consumed_delta), 0)::bigint, coalesce(sum(lapsed_delta), 0)::bigint, coalesce(sum(shortfall_seconds), 0)::bigint,
				count(*)) from journal j where j.account_id = a.id)`,
	"grants are those of the journal": `
		select count(*) from credit_grant g where (g.free_seconds, g.held_seconds, g.consumed_seconds, g.lapsed_seconds)
			is distinct from (select (coalesce(sum(l.free), 0)::bigint, coalesce(sum(l.held), 0)::bigint, coalesce(sum(l.consumed), 0)::bigint, coalesce(sum(l.lapsed), 0)::bigint)
				from journal j, json_to_recordset(j.lines) as l("grant" uuid, free bigint, held bigint, consumed bigint, lapsed bigint)
				where j.account_id = g.account_id and l."grant" = g.id)`,
	"open holds are what is held": `
		select count(*) from account a where a.held_seconds <>
			(select coalesce(sum(seconds), 0) from hold h where h.account_id = a.id and h.state = 'open')`,
	"a settled hold has one terminal event": `
		select count(*) from hold h where (h.state <> 'open') <>
			exists (select 1 from journal j where j.hold_id = h.id and j.kind in ('commit', 'release', 'expire'))`,
	"usage is what was consumed": `
		select count(*) from account a where a.consumed_seconds <>
			(select coalesce(sum(consumed_seconds), 0) from usage_daily u where u.account_id = a.id)`,
	"the chain is intact": `
		select count(*) from (select *, lag(hash, 1, decode(repeat('00', 32), 'hex')) over (partition by account_id order by seq) as before from journal) j
		where prev_hash <> before or hash <> sha256(prev_hash || convert_to(concat_ws('|', account_id, seq, kind,
			(extract(epoch from create_time) * 1000000)::bigint, coalesce(hold_id::text, ''), coalesce(build_id::text, ''),
			coalesce(operation, ''), coalesce(outcome, ''), active_ms, billable_seconds, shortfall_seconds, cost_micros, (extract(epoch from expire_time) * 1000000)::bigint,
			lines::text, balance::text, coalesce(encode(fingerprint, 'hex'), ''), coalesce(idempotency_key, '')), 'UTF8'))`,
	"the chain's head is the account's": `
		select count(*) from account a join journal j on j.account_id = a.id and j.seq = a.seq where j.hash <> a.chain_head`,
}

// audit fails the test if a stored row contradicts another.
func audit(t *testing.T, db store.DBTX) {
	t.Helper()
	for rule, violations := range violated(t, db) {
		t.Errorf("audit, %s: %d violations", rule, violations)
	}
}

func violated(t *testing.T, db store.DBTX) map[string]int {
	t.Helper()
	found := map[string]int{}
	for rule, query := range audits {
		var wrong int
		if err := db.QueryRow(context.WithoutCancel(t.Context()), query).Scan(&wrong); err != nil {
			t.Errorf("audit, %s: %v", rule, err)
		}
		if wrong != 0 {
			found[rule] = wrong
		}
	}
	return found
}

var errUndo = errors.New("undo the corruption")

// Each corruption passes the constraints and is found by its rule.
func TestAuditCatches(t *testing.T) {
	t.Parallel()
	b := setup(t)
	hold := b.mustReserve(100)
	if _, err := b.commit(hold, meter.Succeeded, time.Minute); err != nil {
		t.Fatal(err)
	}
	b.mustReserve(100)
	for _, corruption := range []struct{ rule, statement string }{
		{"totals of accounts are those of grants", "update account set free_seconds = free_seconds + 1, granted_seconds = granted_seconds + 1"},
		{"totals of accounts are those of the journal", "update account set shortfall_seconds = 1"},
		{"grants are those of the journal", "update credit_grant set free_seconds = free_seconds - 1, lapsed_seconds = 1 where kind = 'daily'"},
		{"open holds are what is held", "update hold set state = 'expired', settle_time = expire_time where state = 'open'"},
		{"a settled hold has one terminal event", "update hold set state = 'expired', settle_time = expire_time where state = 'open'"},
		{"usage is what was consumed", "update usage_daily set consumed_seconds = consumed_seconds + 10"},
		{"the chain is intact", "update journal set idempotency_key = 'x', fingerprint = hash where seq = 2"},
		{"the chain is intact", "update journal set hash = prev_hash where seq = 1"},
		{"the chain's head is the account's", "update account set chain_head = sha256(chain_head)"},
	} {
		err := b.inTx(func(tx pgx.Tx) error {
			for _, statement := range []string{"alter table journal disable trigger user", corruption.statement} {
				if _, err := tx.Exec(t.Context(), statement); err != nil {
					return err
				}
			}
			if violated(t, tx)[corruption.rule] == 0 {
				t.Errorf("%s: not found after %s", corruption.rule, corruption.statement)
			}
			return errUndo
		})
		if !errors.Is(err, errUndo) {
			t.Error(err)
		}
	}
}
