package billing_test

import (
	"context"
	"crypto/rand"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/sheenapps/sheen/server/billing"
	"github.com/sheenapps/sheen/server/billing/meter"
	"github.com/sheenapps/sheen/store"
	"github.com/sheenapps/sheen/store/storetest"
)

// The benchmarks are the figures L1 to L5 of the design; the command
// bench/billing runs them and shows them as a table.

// rounds is how often the ledger and its floor take turns, so that a busy spell
// of the machine hits both.
const rounds = 10

// sized makes a number small where nothing is to be measured.
func sized(n int) int {
	if testing.Short() {
		return max(1, n/100)
	}
	return n
}

// work is one unit of a workload; n tells one from another.
type work func(ctx context.Context, n int64) error

// ledgerBench is a ledger on a database of its own, with accounts that have been
// met.
type ledgerBench struct {
	*billing.Ledger
	db       *store.DB
	accounts []uuid.UUID
}

func newLedgerBench(b *testing.B, accounts int, options billing.Options) *ledgerBench {
	b.Helper()
	l := &ledgerBench{Ledger: billing.NewLedger(options), db: storetest.New(b), accounts: make([]uuid.UUID, accounts)}
	for i := range l.accounts {
		l.accounts[i] = uuid.New()
	}
	return l
}

// met does something small in every account.
func (l *ledgerBench) met(b *testing.B) {
	b.Helper()
	fromClients(b, 32, len(l.accounts), func(ctx context.Context, n int64) error {
		return l.tx(ctx, func(tx store.Tx) error {
			_, _, err := l.Grant(ctx, tx, billing.GrantRequest{
				AccountID: l.accounts[n], Key: "met", Kind: meter.Promo, Seconds: 1_000_000,
			})
			return err
		})
	})
}

func (l *ledgerBench) tx(ctx context.Context, fn func(tx store.Tx) error) error {
	return store.InShortTx(ctx, l.db, fn)
}

func (l *ledgerBench) reserve(ctx context.Context, account uuid.UUID, key string) (*billing.Hold, error) {
	var hold *billing.Hold
	err := l.tx(ctx, func(tx store.Tx) (err error) {
		hold, _, err = l.Reserve(ctx, tx, billing.ReserveRequest{
			AccountID: account, Key: key, Operation: meter.Update, Seconds: 120,
		})
		return err
	})
	return hold, err
}

// cycle reserves and commits.
func (l *ledgerBench) cycle(ctx context.Context, n int64) error {
	account := l.accounts[n%int64(len(l.accounts))]
	hold, err := l.reserve(ctx, account, rand.Text())
	if err != nil {
		return err
	}
	return l.tx(ctx, func(tx store.Tx) error {
		_, err := l.Commit(ctx, tx, billing.CommitRequest{
			AccountID: account, HoldID: uuid.UUID(hold.ID), Outcome: meter.Succeeded, Active: 3 * time.Second,
		})
		return err
	})
}

// inTurns does n units each of two ways to do the same, and reports the rate of
// both and the one's over the other's.
func inTurns(b *testing.B, clients int, own, floor work) {
	b.Helper()
	own, floor = anew(own), anew(floor)
	round := max(1, b.N/rounds)
	fromClients(b, clients, round, own) // statements are prepared, caches filled
	fromClients(b, clients, round, floor)
	var ownTime, floorTime time.Duration
	b.ResetTimer()
	for range rounds {
		ownTime += fromClients(b, clients, round, own)
		b.StopTimer()
		floorTime += fromClients(b, clients, round, floor)
		b.StartTimer()
	}
	b.StopTimer()
	done := float64(round * rounds)
	b.ReportMetric(done/ownTime.Seconds(), "own/s")
	b.ReportMetric(done/floorTime.Seconds(), "floor/s")
	b.ReportMetric(floorTime.Seconds()/ownTime.Seconds(), "of-floor")
}

// anew counts the units of a workload through all of its rounds, so that they
// reach all accounts.
func anew(unit work) work {
	var done atomic.Int64
	return func(ctx context.Context, _ int64) error { return unit(ctx, done.Add(1)) }
}

// fromClients does n units from many clients and returns how long that took.
func fromClients(b *testing.B, clients, n int, unit work) time.Duration {
	b.Helper()
	start := time.Now()
	var left atomic.Int64
	left.Store(int64(n))
	var group sync.WaitGroup
	for range clients {
		group.Go(func() {
			for i := left.Add(-1); i >= 0; i = left.Add(-1) {
				if err := unit(b.Context(), i); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	group.Wait()
	return time.Since(start)
}

// BenchmarkL1 is reserve and commit on 20,000 accounts from 32 clients.
func BenchmarkL1(b *testing.B) {
	l := newLedgerBench(b, sized(20_000), billing.Options{})
	fromClients(b, 32, len(l.accounts), l.cycle) // they have their gifts, as most have
	inTurns(b, 32, l.cycle, newFloor(b, len(l.accounts)).cycle)
	audited(b, l.db)
}

// BenchmarkL2 is the same from 64 clients on one account: a convoy behind its
// lock. No second and no operation may be lost in it.
func BenchmarkL2(b *testing.B) {
	l := newLedgerBench(b, 1, billing.Options{})
	l.met(b)
	inTurns(b, 64, l.cycle, newFloor(b, 1).cycle)
	audited(b, l.db)
	var operations, consumed int64
	err := l.db.QueryRow(b.Context(), `select sum(operations), sum(consumed_seconds) from usage_daily where account_id = $1`,
		l.accounts[0]).Scan(&operations, &consumed)
	if want := int64(max(1, b.N/rounds) * (rounds + 1)); err != nil || operations != want || consumed != want*10 {
		b.Errorf("%d operations consumed %d s, want %d: %v", operations, consumed, want, err)
	}
}
