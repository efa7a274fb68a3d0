package billing_test

import (
	"context"
	"crypto/rand"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/sheenapps/sheen/server/billing"
	"github.com/sheenapps/sheen/server/billing/meter"
	"github.com/sheenapps/sheen/store"
	"github.com/sheenapps/sheen/store/storetest"
)

const (
	cycleAccounts = 2_000
	cycleClients  = 32
	// cycleRound is how many cycles the ledger and the floor do by turns.
	cycleRound = 2_000
)

// BenchmarkCycle measures reserve and commit on many accounts, and by turns with
// it what the database does with nothing around it: the same rows, written by
// hand. of-floor is the one's rate over the other's.
func BenchmarkCycle(b *testing.B) {
	db := storetest.New(b)
	ledger := billing.NewLedger(billing.Options{})
	accounts := make([]uuid.UUID, cycleAccounts)
	floor := newFloor(b, db, cycleAccounts)
	for i := range accounts {
		accounts[i] = uuid.New()
	}
	cycle := func(ctx context.Context, n int64) error {
		return ledgerCycle(ctx, db, ledger, accounts[n%cycleAccounts])
	}
	inTurns(b, cycle, floor.cycle)
}

// inTurns reports two ways to do the same by turns, so that a busy spell of the
// machine hits both.
func inTurns(b *testing.B, own, floor func(ctx context.Context, n int64) error) {
	b.Helper()
	for range 2 { // accounts that nobody has met, statements that nobody has prepared
		crowd(b, own, cycleRound)
		crowd(b, floor, cycleRound)
	}
	var ownTime, floorTime time.Duration
	b.ResetTimer()
	for done := 0; done < b.N; done += cycleRound {
		ownTime += crowd(b, own, min(cycleRound, b.N-done))
		b.StopTimer()
		floorTime += crowd(b, floor, min(cycleRound, b.N-done))
		b.StartTimer()
	}
	b.ReportMetric(float64(b.N)/ownTime.Seconds(), "cycles/s")
	b.ReportMetric(float64(b.N)/floorTime.Seconds(), "floor/s")
	b.ReportMetric(floorTime.Seconds()/ownTime.Seconds(), "of-floor")
}

// crowd does n cycles from many clients and returns how long that took.
func crowd(b *testing.B, cycle func(ctx context.Context, n int64) error, n int) time.Duration {
	b.Helper()
	start := time.Now()
	var left atomic.Int64
	left.Store(int64(n))
	var group sync.WaitGroup
	for range cycleClients {
		group.Go(func() {
			for i := left.Add(-1); i >= 0; i = left.Add(-1) {
				if err := cycle(b.Context(), i); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	group.Wait()
	return time.Since(start)
}

func ledgerCycle(ctx context.Context, db *store.DB, ledger *billing.Ledger, account uuid.UUID) error {
	var hold *billing.Hold
	err := store.InShortTx(ctx, db, func(tx store.Tx) (err error) {
		hold, _, err = ledger.Reserve(ctx, tx, billing.ReserveRequest{
			AccountID: account, Key: rand.Text(), Operation: meter.Update, Seconds: 1,
		})
		return err
	})
	if err != nil {
		return err
	}
	return store.InShortTx(ctx, db, func(tx store.Tx) (err error) {
		_, err = ledger.Commit(ctx, tx, billing.CommitRequest{
			AccountID: account, HoldID: uuid.UUID(hold.ID), Outcome: meter.FailedPlatform, Active: time.Second,
		})
		return err
	})
}

// floor writes the rows of a cycle without deciding anything.
type floor struct {
	db       *store.DB
	accounts []floorAccount
}

type floorAccount struct {
	id, grant uuid.UUID
}

func newFloor(b *testing.B, db *store.DB, n int) *floor {
	b.Helper()
	f := &floor{db: db, accounts: make([]floorAccount, n)}
	for i := range f.accounts {
		a := &f.accounts[i]
		a.id, a.grant = uuid.New(), uuid.New()
		batch := &pgx.Batch{}
		batch.Queue(`insert into account (id, granted_seconds, free_seconds) values ($1, 900, 900)`, a.id)
		batch.Queue(`insert into credit_grant (id, account_id, kind, source, seconds, free_seconds, held_seconds, consumed_seconds, lapsed_seconds, create_time)
			values ($1, $2, 'welcome', 'gift', 900, 900, 0, 0, 0, now())`, a.grant, a.id)
		if err := db.SendBatch(b.Context(), batch).Close(); err != nil {
			b.Fatal(err)
		}
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
	floorAccountUpdate = `update account set seq = $2, last_time = $3, free_seconds = $4, held_seconds = $5, chain_head = $6 where id = $1`

	floorLines   = `[{"grant":"0191d1a0-0000-7000-8000-000000000000","kind":"daily","free":-1,"held":1}]`
	floorBalance = `{"spendable":3899,"held":1,"gift_reset":"2026-03-02T00:00:00Z","by_kind":{"welcome":3000,"daily":899}}`
)

// cycle takes the two round trips each that a transaction takes whose rows depend
// on what is behind the lock: here the seq.
func (f *floor) cycle(ctx context.Context, n int64) error {
	a := f.accounts[n%int64(len(f.accounts))]
	now, hash, hold, key := time.Now(), make([]byte, 32), uuid.New(), rand.Text()
	err := f.inTwo(ctx, a.id, key, func(seq int64) *pgx.Batch {
		reserve := &pgx.Batch{}
		reserve.Queue(floorGrant, a.grant, 899, 1)
		reserve.Queue(floorHold, hold, a.id, a.grant, now, now.Add(time.Hour))
		reserve.Queue(floorJournal, a.id, seq, "hold", now, key, hash, hold, nil, 0, 0, -1, 1, floorLines, floorBalance)
		reserve.Queue(floorAccountUpdate, a.id, seq, now, 899, 1, hash)
		return reserve
	})
	if err != nil {
		return err
	}
	return f.inTwo(ctx, a.id, "", func(seq int64) *pgx.Batch {
		commit := &pgx.Batch{}
		commit.Queue(floorGrant, a.grant, 900, 0)
		commit.Queue(floorSettle, hold, now)
		commit.Queue(floorJournal, a.id, seq, "commit", now, nil, hash, hold, "failed_platform", 1000, 10, 1, -1, floorLines, floorBalance)
		commit.Queue(floorUsage, a.id, now)
		commit.Queue(floorAccountUpdate, a.id, seq, now, 900, 0, hash)
		return commit
	})
}

// inTwo locks the account and looks the key up, then writes the rows.
func (f *floor) inTwo(ctx context.Context, account uuid.UUID, key string, rows func(seq int64) *pgx.Batch) error {
	return f.db.Pool().AcquireFunc(ctx, func(conn *pgxpool.Conn) error {
		read := &pgx.Batch{}
		read.Queue("begin")
		read.Queue(floorLock, account)
		if key != "" {
			read.Queue(floorKey, account, key)
		}
		results := conn.SendBatch(ctx, read)
		var seq int64
		_, beginErr := results.Exec()
		err := errors.Join(beginErr, results.QueryRow().Scan(&seq), results.Close())
		if err != nil {
			return err
		}
		writes := rows(seq + 1)
		writes.Queue("commit")
		return conn.SendBatch(ctx, writes).Close()
	})
}
