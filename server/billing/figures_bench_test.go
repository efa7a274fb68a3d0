package billing_test

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/sheenapps/sheen/server/billing"
	"github.com/sheenapps/sheen/server/billing/meter"
	"github.com/sheenapps/sheen/store"
)

// paced starts n units at a steady rate, whether or not earlier ones are done,
// and returns how late each was done after it should have started, in ascending
// order.
func paced(b *testing.B, perSecond, n int, unit work) []time.Duration {
	b.Helper()
	late := make([]time.Duration, n)
	interval := time.Second / time.Duration(perSecond)
	start := time.Now()
	var group sync.WaitGroup
	for i := range n {
		due := start.Add(time.Duration(i) * interval)
		time.Sleep(time.Until(due)) //nolint:forbidigo // a load has a rate
		group.Go(func() {
			if err := unit(b.Context(), int64(i)); err != nil {
				b.Error(err)
			}
			late[i] = time.Since(due)
		})
	}
	group.Wait()
	slices.Sort(late)
	return late
}

func quantile(sorted []time.Duration, q float64) time.Duration {
	return sorted[min(len(sorted)-1, int(q*float64(len(sorted))))]
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// BenchmarkL3 reads balances at 2,000 a second.
func BenchmarkL3(b *testing.B) {
	l := newLedgerBench(b, sized(5_000), billing.Options{})
	l.met(b)
	read := func(ctx context.Context, n int64) error {
		_, err := l.Balance(ctx, l.db, l.accounts[n%int64(len(l.accounts))])
		return err
	}
	paced(b, 2_000, 1_000, read)
	b.ResetTimer()
	late := paced(b, 2_000, b.N, read)
	b.ReportMetric(milliseconds(quantile(late, 0.5)), "p50-ms")
	b.ReportMetric(milliseconds(quantile(late, 0.99)), "p99-ms")
	audited(b, l.db)
}

// BenchmarkL4 is a stream of reserves half of which are repeats, half of those
// at the same time as the first. As many holds come of it as there are keys.
func BenchmarkL4(b *testing.B) {
	l := newLedgerBench(b, sized(5_000), billing.Options{})
	l.met(b)
	f := newFloor(b, len(l.accounts))
	own := func(ctx context.Context, n int64) error {
		account := l.accounts[n%int64(len(l.accounts))]
		return repeated(n, func(key string) error {
			_, err := l.reserve(ctx, account, key)
			return err
		})
	}
	floor := func(ctx context.Context, n int64) error {
		return repeated(n, func(key string) error { return f.reserve(ctx, f.of(n), uuid.New(), key, 1) })
	}
	inTurns(b, 32, own, floor)
	audited(b, l.db)
	var holds int64
	err := l.db.QueryRow(b.Context(), `select count(*) from hold where seconds = 120`).Scan(&holds)
	if want := 2 * int64(max(1, b.N/rounds)*(rounds+1)); err != nil || holds != want {
		b.Errorf("%d holds of %d keys: %v", holds, want, err)
	}
}

// repeated sends two requests twice each: the first one again when it is
// answered, the second one twice at once.
func repeated(n int64, send func(key string) error) error {
	first, second := fmt.Sprintf("%d-a", n), fmt.Sprintf("%d-b", n)
	for range 2 {
		if err := send(first); err != nil {
			return err
		}
	}
	twin := make(chan error, 1)
	go func() { twin <- send(second) }()
	err := send(second)
	if twinErr := <-twin; twinErr != nil {
		return twinErr
	}
	return err
}

// midnightRate is the load around midnight, in cycles per second.
const midnightRate = 200

// BenchmarkL5 is a midnight at which the daily gifts of 100,000 accounts and
// 20,000 holds end at once. The load before it is the quiet one; the load after
// it finds everything ended, and the job that writes that down at work.
func BenchmarkL5(b *testing.B) {
	var offset atomic.Int64
	load := sized(4_000)
	l := newLedgerBench(b, sized(100_000), billing.Options{
		Clock: func(dbNow time.Time) time.Time { return dbNow.Add(time.Duration(offset.Load())) },
	})
	l.met(b)
	midnight := time.Now().UTC().Truncate(24 * time.Hour).Add(24 * time.Hour)
	fromClients(b, 32, len(l.accounts)/5, func(ctx context.Context, n int64) error {
		return l.tx(ctx, func(tx store.Tx) error {
			_, _, err := l.Reserve(ctx, tx, billing.ReserveRequest{
				AccountID: l.accounts[n], Operation: meter.MainBuild, Seconds: 100, TTL: time.Until(midnight),
			})
			return err
		})
	})
	if _, err := l.db.Exec(b.Context(), "vacuum analyze"); err != nil {
		b.Fatal(err)
	}
	paced(b, midnightRate, load/4, l.spread(0))
	quiet := paced(b, midnightRate, load, l.spread(1))
	offset.Store(int64(time.Until(midnight) + time.Second))
	ctx, stop := context.WithCancel(b.Context())
	settled := make(chan int, 1)
	go func() {
		n, err := l.Expire(ctx, l.db, int32(len(l.accounts)), 10*time.Millisecond)
		if err != nil && ctx.Err() == nil {
			b.Error(err)
		}
		settled <- n
	}()
	busy := paced(b, midnightRate, load, l.spread(2))
	stop()
	if n := <-settled; n < min(load/midnightRate*10, len(l.accounts)/5) {
		b.Errorf("the job settled %d accounts only", n)
	}
	b.ReportMetric(milliseconds(quantile(quiet, 0.99)), "quiet-p99-ms")
	b.ReportMetric(milliseconds(quantile(busy, 0.99)), "midnight-p99-ms")
	b.ReportMetric(float64(quantile(busy, 0.99))/float64(quantile(quiet, 0.99)), "of-quiet")
	audited(b, l.db)
}

// spread does cycles on accounts far from each other, others in each phase, with
// a fifth of them among those that have holds, as among all.
func (l *ledgerBench) spread(phase int64) work {
	return func(ctx context.Context, n int64) error { return l.cycle(ctx, n*7919+phase*31) }
}

// audited fails the benchmark if the ledger contradicts itself.
func audited(b *testing.B, db *store.DB) {
	b.Helper()
	violations, err := billing.Audit(b.Context(), db, uuid.Nil)
	if err != nil {
		b.Fatal(err)
	}
	for _, violation := range violations {
		b.Errorf("audit: %+v", violation)
	}
}
