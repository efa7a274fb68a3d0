package billing_test

import (
	"context"
	"crypto/rand"
	"errors"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/sheenapps/sheen/store"
	"github.com/sheenapps/sheen/store/storetest"
)

// floor writes the rows of the ledger's operations by hand and decides nothing:
// what the database takes for them at least. Its transactions have two round
// trips, as the seq has to be read behind the lock.
type floor struct {
	db       *store.DB
	accounts []floorAccount
}

type floorAccount struct{ id, grant uuid.UUID }

// newFloor gives it a database of its own, on the same server: no audit would
// accept what nobody decided.
func newFloor(b *testing.B, n int) *floor {
	b.Helper()
	f := &floor{db: storetest.New(b), accounts: make([]floorAccount, n)}
	batch := &pgx.Batch{}
	for i := range f.accounts {
		a := &f.accounts[i]
		a.id, a.grant = uuid.New(), uuid.New()
		batch.Queue(`insert into account (id, granted_seconds, free_seconds) values ($1, 900, 900)`, a.id)
		batch.Queue(`insert into credit_grant (id, account_id, kind, source, seconds, free_seconds, held_seconds, consumed_seconds, lapsed_seconds, create_time)
			values ($1, $2, 'welcome', 'gift', 900, 900, 0, 0, 0, now())`, a.grant, a.id)
	}
	if err := f.db.SendBatch(b.Context(), batch).Close(); err != nil {
		b.Fatal(err)
	}
	return f
}

const (
	floorLock    = `select seq from account where id = $1 for update`
	floorKey     = `select seq from journal where account_id = $1 and idempotency_key = $2`
	floorGrant   = `update credit_grant set free_seconds = $2, held_seconds = $3 where id = $1`
	floorHold    = `insert into hold (id, account_id, operation, seconds, grant_ids, grant_seconds, day, create_time, expire_time) values ($1, $2, 'update', 1, array[$3::uuid], '{1}', $4::timestamptz, $4::timestamptz, $5)`
	floorSettle  = `update hold set state = 'committed', settle_time = $2, outcome = 'failed_platform' where id = $1`
	floorJournal = `insert into journal (account_id, seq, kind, create_time, idempotency_key, fingerprint, hold_id, operation, outcome, active_ms, billable_seconds,
		granted_delta, free_delta, held_delta, consumed_delta, lapsed_delta, lines, balance, prev_hash, hash)
		values ($1, $2, $3, $4, $5, $6::bytea, $7, 'update', $8, $9, $10, 0, $11, $12, 0, 0, $13, $14, $6::bytea, $6::bytea)`
	floorUsage = `insert into usage_daily (account_id, day, operation, operations, consumed_seconds, cost_micros) values ($1, $2, 'update', 1, 0, 0)
		on conflict (account_id, day, operation) do update set operations = usage_daily.operations + 1`
	floorUpdate = `update account set seq = $2, last_time = $3, free_seconds = $4, held_seconds = $5, chain_head = $6 where id = $1`

	floorLines   = `[{"grant":"0191d1a0-0000-7000-8000-000000000000","kind":"daily","free":-1,"held":1}]`
	floorBalance = `{"spendable":3899,"held":1,"gift_reset":"2026-03-02T00:00:00Z","by_kind":{"welcome":3000,"daily":899}}`
)

func (f *floor) of(n int64) floorAccount { return f.accounts[n%int64(len(f.accounts))] }

// cycle writes what a reserve and a commit write.
func (f *floor) cycle(ctx context.Context, n int64) error {
	hold := uuid.New()
	if err := f.reserve(ctx, f.of(n), hold, rand.Text(), 1); err != nil {
		return err
	}
	a, now, hash := f.of(n), time.Now(), make([]byte, 32)
	return f.inTwo(ctx, a.id, "", func(seq int64) *pgx.Batch {
		commit := &pgx.Batch{}
		commit.Queue(floorGrant, a.grant, 900, 0)
		commit.Queue(floorSettle, hold, now)
		commit.Queue(floorJournal, a.id, seq, "commit", now, nil, hash, hold, "failed_platform", 1000, 10, 1, -1, floorLines, floorBalance)
		commit.Queue(floorUsage, a.id, now)
		commit.Queue(floorUpdate, a.id, seq, now, 900, 0, hash)
		return commit
	})
}

// reserve writes what a reserve writes, unless the key is known.
func (f *floor) reserve(ctx context.Context, a floorAccount, hold uuid.UUID, key string, held int) error {
	now, hash := time.Now(), make([]byte, 32)
	return f.inTwo(ctx, a.id, key, func(seq int64) *pgx.Batch {
		reserve := &pgx.Batch{}
		reserve.Queue(floorGrant, a.grant, 900-held, held)
		reserve.Queue(floorHold, hold, a.id, a.grant, now, now.Add(time.Hour))
		reserve.Queue(floorJournal, a.id, seq, "hold", now, key, hash, hold, nil, 0, 0, -1, 1, floorLines, floorBalance)
		reserve.Queue(floorUpdate, a.id, seq, now, 900-held, held, hash)
		return reserve
	})
}

// inTwo locks the account and looks the key up; it writes the rows if the key is
// new.
func (f *floor) inTwo(ctx context.Context, account uuid.UUID, key string, rows func(seq int64) *pgx.Batch) error {
	return f.db.Pool().AcquireFunc(ctx, func(conn *pgxpool.Conn) error {
		seq, known, err := f.lock(ctx, conn, account, key)
		if err != nil {
			return err
		}
		if known {
			_, err := conn.Exec(ctx, "rollback")
			return err
		}
		writes := rows(seq + 1)
		writes.Queue("commit")
		return conn.SendBatch(ctx, writes).Close()
	})
}

func (f *floor) lock(ctx context.Context, conn *pgxpool.Conn, account uuid.UUID, key string) (seq int64, known bool, err error) {
	read := &pgx.Batch{}
	read.Queue("begin")
	read.Queue(floorLock, account)
	if key != "" {
		read.Queue(floorKey, account, key)
	}
	results := conn.SendBatch(ctx, read)
	_, beginErr := results.Exec()
	err = errors.Join(beginErr, results.QueryRow().Scan(&seq))
	if key != "" {
		var at int64
		keyErr := results.QueryRow().Scan(&at)
		known = keyErr == nil
		if !known && !errors.Is(keyErr, pgx.ErrNoRows) {
			err = errors.Join(err, keyErr)
		}
	}
	return seq, known, errors.Join(err, results.Close())
}
