package event

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/sheenapps/sheen/store"
)

const (
	// maxSkips batches may go without a build that is held; then it is waited for,
	// longer than Postgres lets a transaction idle.
	maxSkips     = 5
	aloneTimeout = 45 * time.Second
	// maxAlone bounds the connections that wait so.
	maxAlone = 2
	// minPause and maxPause bound the wait before a statement is repeated whose
	// outcome is unknown.
	minPause = 20 * time.Millisecond
	maxPause = time.Second
)

// putBack lets a group wait again, before what came after it, for at least a
// pause.
func (a *Appender) putBack(g *group, pause time.Duration) {
	g.lane.entries = append(g.entries, g.lane.entries...)
	time.AfterFunc(pause, func() {
		a.mu.Lock()
		a.comeBack(g.lane)
		a.mu.Unlock()
		a.nudge()
	})
}

// skip puts a group off whose build somebody else holds, or waits for it alone.
func (a *Appender) skip(ctx context.Context, g *group) {
	a.mu.Lock()
	defer a.mu.Unlock()
	g.lane.skips++
	if g.lane.skips <= maxSkips || a.alone >= maxAlone {
		a.putBack(g, max(a.window, time.Millisecond)<<min(g.lane.skips-1, maxSkips))
		return
	}
	a.alone++
	a.flights.Go(func() {
		a.storeAlone(ctx, g)
		a.mu.Lock()
		a.alone--
		a.mu.Unlock()
		a.nudge()
	})
}

// storeAlone waits for a build's row and appends to it.
func (a *Appender) storeAlone(ctx context.Context, g *group) {
	waiting, cancel := context.WithTimeout(ctx, aloneTimeout)
	var rows []*store.EventAppendManyRow
	err := store.InTx(waiting, a.log.db, func(tx pgx.Tx) (err error) {
		lock := &store.EventLockParams{BuildID: g.producer.BuildID}
		if _, err := a.log.queries.EventLock(waiting, tx, lock); err != nil {
			return err
		}
		rows, err = a.log.queries.EventAppendMany(waiting, tx, appendParams([]*group{g}))
		return err
	})
	cancel()
	switch {
	case err == nil:
		for _, g := range a.sort(ctx, []*group{g}, rows) {
			a.settle(ctx, g)
		}
	case uncertain(err):
		a.retryLater(g, err)
	default:
		a.answer(fmt.Errorf("append events: %w", err), g)
	}
}

// retryLater repeats the appends that a repeat cannot double, and tells the others
// that nobody knows what became of them.
func (a *Appender) retryLater(g *group, cause error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	var again []*entry
	for _, e := range g.entries {
		if e.expected > 0 && !e.left {
			again = append(again, e)
			continue
		}
		a.end(e, fmt.Errorf("%w: %w", ErrOutcomeUnknown, cause))
	}
	g.entries = again
	// Full jitter (Brooker, "Exponential Backoff And Jitter", 2015).
	pause := min(minPause<<min(g.lane.failures, 8), maxPause)
	g.lane.failures++
	a.putBack(g, rand.N(pause)) //nolint:gosec // no secret, a spread
}
