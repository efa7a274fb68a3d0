package billing_test

import (
	"errors"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"
)

// The schema itself refuses rows that break a rule, whoever writes them.
func TestSchemaRefuses(t *testing.T) {
	t.Parallel()
	b := setup(t)
	hold := b.mustReserve(100)
	if _, _, err := b.release(hold); err != nil {
		t.Fatal(err)
	}
	b.mustReserve(3100)
	for name, statement := range map[string]string{
		"negative account":      "update account set free_seconds = -1, granted_seconds = held_seconds - 1",
		"account loses seconds": "update account set free_seconds = free_seconds - 1",
		"negative grant":        "update credit_grant set free_seconds = -1, consumed_seconds = consumed_seconds + free_seconds + 1",
		"grant gains seconds":   "update credit_grant set free_seconds = free_seconds + 1",
		"second welcome": `insert into credit_grant (id, account_id, kind, source, seconds, free_seconds, held_seconds, consumed_seconds, lapsed_seconds, create_time)
			select gen_random_uuid(), id, 'welcome', 'gift', 1, 1, 0, 0, 0, now() from account`,
		"second gift of a day": `insert into credit_grant (id, account_id, kind, source, seconds, free_seconds, held_seconds, consumed_seconds, lapsed_seconds, create_time, expire_time)
			select gen_random_uuid(), account_id, 'daily', 'gift', 1, 1, 0, 0, 0, create_time, expire_time from credit_grant where kind = 'daily'`,
		"hold without its shares":    "update hold set seconds = seconds + 1",
		"hold with a negative share": "update hold set grant_seconds[1] = -grant_seconds[1], seconds = bigint_sum(array[-grant_seconds[1]] || grant_seconds[2:])",
		"settled without time":       "update hold set state = 'released' where state = 'open'",
		"committed without outcome":  "update hold set state = 'committed', settle_time = expire_time where state = 'open'",
		"charge without outcome":     "update hold set charged_seconds = 1",
		"journal changed":            "update journal set kind = kind",
		"journal deleted":            "delete from journal",
		"journal emptied":            "truncate journal",
		"second terminal event": `insert into journal select account_id, seq + 100, 'expire', create_time, null, null, hold_id, build_id, operation, null,
			0, 0, 0, 0, 0, 0, 0, 0, 0, lines, balance, prev_hash, hash from journal where kind = 'release'`,
		"seconds out of nothing": `insert into journal select account_id, seq + 100, 'lapse', create_time, null, null, null, null, null, null,
			0, 0, 0, 0, 0, 1, 0, 0, 0, lines, balance, prev_hash, hash from journal where seq = 1`,
	} {
		_, err := b.db.Exec(t.Context(), statement)
		pgErr, ok := errors.AsType[*pgconn.PgError](err)
		if !ok || pgErr.Code[:2] != "23" {
			t.Errorf("%s: %v", name, err)
		}
	}
}
