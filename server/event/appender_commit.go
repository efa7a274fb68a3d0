package event

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/sheenapps/sheen/store"
)

// statementTimeout bounds one statement.
const statementTimeout = 10 * time.Second

// store is one flight: a batch in one statement, and what follows from it.
func (a *Appender) store(ctx context.Context, batch []*group) {
	rest := a.attempt(ctx, batch)
	a.mu.Lock()
	a.flying--
	a.mu.Unlock()
	a.nudge()
	// What needs more than its share of the batch does not hold up the next one.
	for _, g := range rest {
		a.settle(ctx, g)
	}
}

// attempt stores a batch and answers what is clear. It returns the groups that
// need a look of their own.
func (a *Appender) attempt(ctx context.Context, batch []*group) (rest []*group) {
	statement, cancel := context.WithTimeout(ctx, statementTimeout)
	rows, err := a.log.queries.EventAppendMany(statement, a.log.db, appendParams(batch))
	cancel()
	switch {
	case err == nil:
		return a.sort(ctx, batch, rows)
	case uncertain(err):
		for _, g := range batch {
			a.retryLater(g, err)
		}
		return nil
	case len(batch) == 1 && len(batch[0].entries) == 1:
		a.answer(batch[0], fmt.Errorf("append events: %w", err))
		return nil
	}
	// One of them is to blame, and the others must not suffer for it.
	return batch
}

// uncertain reports whether an error leaves it open if a write took place.
func uncertain(err error) bool {
	return errors.Is(err, store.ErrUnavailable) || errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled)
}

// appendParams is a batch as the statement takes it. The groups are put in the
// order in which all lock builds.
func appendParams(batch []*group) *store.EventAppendManyParams {
	slices.SortFunc(batch, func(x, y *group) int {
		return bytes.Compare(x.producer.BuildID[:], y.producer.BuildID[:])
	})
	args := &store.EventAppendManyParams{}
	for _, g := range batch {
		args.BuildIds = append(args.BuildIds, g.producer.BuildID)
		args.LeaseTokens = append(args.LeaseTokens, g.producer.LeaseToken)
		args.ExpectedSeqs = append(args.ExpectedSeqs, g.expected)
		args.FirstEvents = append(args.FirstEvents, int64(len(args.Kinds)+1))
		for _, e := range g.entries {
			for _, row := range e.events {
				args.Classes = append(args.Classes, row.class)
				args.Kinds = append(args.Kinds, row.kind)
				args.Payloads = append(args.Payloads, row.payload)
			}
		}
		args.LastEvents = append(args.LastEvents, int64(len(args.Kinds)))
	}
	return args
}

// sort publishes what was stored, answers what is clear, and returns the rest.
func (a *Appender) sort(ctx context.Context, batch []*group, rows []*store.EventAppendManyRow) (rest []*group) {
	published := make([]Batch, 0, len(rows))
	stored := make([]*group, 0, len(rows))
	held := slices.Clone(batch)
	for _, row := range rows {
		g := batch[row.Lane-1]
		held[row.Lane-1] = nil
		switch {
		case row.Granted:
			published, stored = append(published, g.deal(row)), append(stored, g)
		case !row.Leased:
			a.answer(g, ErrLeaseLost)
		default:
			rest = append(rest, g)
		}
	}
	if len(published) > 0 {
		a.publish(published...)
	}
	for _, g := range stored {
		a.answer(g, nil)
	}
	for _, g := range held {
		if g != nil {
			a.skip(ctx, g)
		}
	}
	return rest
}

// deal gives the group's entries their records, which together are the batch.
func (g *group) deal(row *store.EventAppendManyRow) Batch {
	rows := make([]encoded, 0, g.events)
	for _, e := range g.entries {
		rows = append(rows, e.events...)
	}
	whole := newBatch(g.producer.BuildID, row.HeadSeq, row.CreateTime, rows)
	var at int
	for _, e := range g.entries {
		next := at + len(e.events)
		e.batch = Batch{BuildID: whole.BuildID, Records: whole.Records[at:next:next]}
		at = next
	}
	return whole
}

// answer ends a group: with its batches, or with an error that all of it shares.
func (a *Appender) answer(g *group, err error) {
	a.mu.Lock()
	g.lane.skips, g.lane.failures = 0, 0
	for _, e := range g.entries {
		a.end(e, err)
	}
	a.comeBack(g.lane)
	a.mu.Unlock()
}

// end answers one entry.
func (a *Appender) end(e *entry, err error) {
	if err != nil {
		e.batch, e.err = Batch{}, err
	}
	close(e.done)
	a.room.leave(len(e.events), e.bytes)
}
