package billing

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/sheenapps/sheen/server/billing/meter"
	"github.com/sheenapps/sheen/store"
)

const (
	// estimateWindow is how far back operations count, in whole hours of UTC and
	// the hour that is not over.
	estimateWindow = 30 * 24 * time.Hour
	// estimateEvery is how often the newest operations are read.
	estimateEvery = 10 * time.Second
	// estimateTimeout bounds a read; the first one reads 30 days.
	estimateTimeout = time.Minute
	// estimateSettle is how long a commit may take to be seen, from when it read
	// its time: far longer than the store lets a transaction stand idle.
	estimateSettle = 2 * time.Minute
)

// EstimatesOptions are what estimates are made with.
type EstimatesOptions struct {
	// DB and Logger are required.
	DB     *store.DB
	Logger *slog.Logger
	// Registry shows how many quotes were kept to; nil for nobody.
	Registry prometheus.Registerer
	// Every is how often the newest operations are read; 0 is 10 s.
	Every time.Duration
	// Clock turns the database's time into the ledger's; nil keeps it. It is
	// for tests that move time.
	Clock func(dbNow time.Time) time.Time
}

// Estimates know how long operations took that succeeded in the last 30 days, on
// any node. Those that did not succeed say when work broke off, not how long it
// takes. They are kept in memory, by the hour: what is older than 2 minutes is read
// once, and only what is newer each time. It is safe for concurrent use; until the first
// [Estimates.Refresh] it knows the defaults only.
type Estimates struct {
	db      *store.DB
	logger  *slog.Logger
	queries *store.Queries
	every   time.Duration
	clock   func(time.Time) time.Time
	covered *prometheus.CounterVec
	known   atomic.Pointer[history]

	mu sync.Mutex
	// settled is what was counted of the window from before closed, and not read
	// again; open is what was counted since, the last time.
	settled map[counted]*store.EstimateCountsRow
	open    []*store.EstimateCountsRow
	closed  time.Time
	failed  bool
}

// counted is what operations have in common that are counted together.
type counted struct {
	hour            int64 // in Unix seconds
	operation, size string
	seconds         int64
}

// NewEstimates makes estimates; [Estimates.Run] keeps them.
func NewEstimates(options EstimatesOptions) *Estimates {
	e := &Estimates{
		db: options.DB, logger: options.Logger, queries: store.New(), every: options.Every, clock: options.Clock,
		covered: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "sheen_estimate_covered_total",
			Help: "Operations that succeeded by whether they took no longer than the quoted 95th percentile. Each node counts those of all nodes, from 30 days before its start.",
		}, []string{"operation", "covered"}),
	}
	if e.every == 0 {
		e.every = estimateEvery
	}
	if e.clock == nil {
		e.clock = func(dbNow time.Time) time.Time { return dbNow }
	}
	if options.Registry != nil {
		options.Registry.MustRegister(e.covered)
	}
	e.settled = map[counted]*store.EstimateCountsRow{}
	e.known.Store(&history{})
	return e
}

// Run refreshes the estimates at once and again and again until ctx ends.
func (e *Estimates) Run(ctx context.Context) {
	ticker := time.NewTicker(e.every)
	defer ticker.Stop()
	for {
		e.note(ctx, e.Refresh(ctx))
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

// note logs the first failure of a row, and its end.
func (e *Estimates) note(ctx context.Context, err error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	switch {
	case ctx.Err() != nil:
	case err != nil && !e.failed:
		e.failed = true
		e.logger.WarnContext(ctx, "estimates are not refreshed and stay as they were", "cause", err)
	case err == nil && e.failed:
		e.failed = false
		e.logger.InfoContext(ctx, "estimates are refreshed again")
	}
}

// Refresh reads what was committed since the last one. On an error all stays as
// it was.
func (e *Estimates) Refresh(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, estimateTimeout)
	defer cancel()
	e.mu.Lock()
	defer e.mu.Unlock()
	now, err := e.queries.AccountClock(ctx, e.db)
	if err != nil {
		return fmt.Errorf("read clock: %w", err)
	}
	now = e.clock(now).UTC()
	hour := now.Truncate(time.Hour)
	start, closed := hour.Add(-estimateWindow), latest(e.closed, now.Add(-estimateSettle))
	rows, err := e.queries.EstimateCounts(ctx, e.db, &store.EstimateCountsParams{
		StartTime: latest(e.closed, start), SettleTime: closed, EndTime: hour.Add(time.Hour),
	})
	if err != nil {
		return fmt.Errorf("count operations: %w", err)
	}
	e.drop(start)
	e.count(rows, e.open)
	e.keep(rows)
	e.closed = closed
	measured := newHistory(slices.AppendSeq(slices.Clone(e.open), maps.Values(e.settled)))
	e.known.Store(&measured)
	return nil
}

func latest(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// drop forgets what is older than the window.
func (e *Estimates) drop(start time.Time) {
	maps.DeleteFunc(e.settled, func(key counted, _ *store.EstimateCountsRow) bool { return key.hour < start.Unix() })
	e.open = slices.DeleteFunc(e.open, func(row *store.EstimateCountsRow) bool { return row.Hour.Before(start) })
}

// keep adds what will not be read again to what is settled.
func (e *Estimates) keep(rows []*store.EstimateCountsRow) {
	e.open = nil
	for _, row := range rows {
		if !row.Settled {
			e.open = append(e.open, row)
			continue
		}
		key := counted{hour: row.Hour.Unix(), operation: row.Operation, size: row.ProjectSize, seconds: row.Seconds}
		sum, known := e.settled[key]
		if !known {
			e.settled[key] = row
			continue
		}
		sum.Samples += row.Samples
		sum.Quoted += row.Quoted
		sum.Covered += row.Covered
	}
}

// count adds what is new to the counters.
func (e *Estimates) count(rows, replaced []*store.EstimateCountsRow) {
	type counter struct {
		operation string
		covered   bool
	}
	added := map[counter]int64{}
	for _, row := range rows {
		added[counter{row.Operation, true}] += row.Covered
		added[counter{row.Operation, false}] += row.Quoted - row.Covered
	}
	for _, row := range replaced {
		added[counter{row.Operation, true}] -= row.Covered
		added[counter{row.Operation, false}] -= row.Quoted - row.Covered
	}
	for c, n := range added {
		if n > 0 {
			e.covered.WithLabelValues(c.operation, strconv.FormatBool(c.covered)).Add(float64(n))
		}
	}
}

// Estimate says how long an operation on a project of a size takes, from what
// was measured or by default, as [NewEstimate] does. Update says that it changes
// an existing site.
func (l *Ledger) Estimate(operation meter.Operation, size Size, update bool) Estimate {
	if l.estimates == nil {
		return NewEstimate(operation, size, update)
	}
	return l.estimates.known.Load().estimate(operation, size, update)
}
