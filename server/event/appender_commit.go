package event

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"

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
		a.answer(fmt.Errorf("append events: %w", err), batch[0])
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
	var events int
	for _, g := range batch {
		events += len(g.rows)
	}
	args := &store.EventAppendManyParams{
		BuildIds:     make([]uuid.UUID, 0, len(batch)),
		LeaseTokens:  make([]int64, 0, len(batch)),
		ExpectedSeqs: make([]int64, 0, len(batch)),
		FirstEvents:  make([]int64, 0, len(batch)),
		LastEvents:   make([]int64, 0, len(batch)),
		Classes:      make([]int16, 0, events),
		Kinds:        make([]int16, 0, events),
		Payloads:     make([][]byte, 0, events),
	}
	for _, g := range batch {
		args.BuildIds = append(args.BuildIds, g.producer.BuildID)
		args.LeaseTokens = append(args.LeaseTokens, g.producer.LeaseToken)
		args.ExpectedSeqs = append(args.ExpectedSeqs, g.expected)
		args.FirstEvents = append(args.FirstEvents, int64(len(args.Kinds)+1))
		for _, row := range g.rows {
			args.Classes = append(args.Classes, row.class)
			args.Kinds = append(args.Kinds, row.kind)
			args.Payloads = append(args.Payloads, row.payload)
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
			a.answer(ErrLeaseLost, g)
		default:
			rest = append(rest, g)
		}
	}
	if len(published) > 0 {
		a.publish(published...)
	}
	a.answer(nil, stored...)
	for _, g := range held {
		if g != nil {
			a.skip(ctx, g)
		}
	}
	return rest
}

// deal gives the group's entries their records, which together are the batch.
func (g *group) deal(row *store.EventAppendManyRow) Batch {
	whole := newBatch(g.producer.BuildID, row.HeadSeq, row.CreateTime, g.rows)
	var at int
	for _, e := range g.entries {
		next := at + len(e.events)
		e.batch = Batch{BuildID: whole.BuildID, Records: whole.Records[at:next:next]}
		at = next
	}
	return whole
}

// answer ends groups: with their batches, or with an error that all of them share.
func (a *Appender) answer(err error, groups ...*group) {
	var events, bytes int
	a.mu.Lock()
	for _, g := range groups {
		g.lane.skips, g.lane.failures = 0, 0
		for _, e := range g.entries {
			e.end(err)
		}
		a.comeBack(g.lane)
		events, bytes = events+len(g.rows), bytes+g.bytes
	}
	a.mu.Unlock()
	a.room.leave(events, bytes)
}

// end answers one entry, whose room it leaves.
func (a *Appender) end(e *entry, err error) {
	e.end(err)
	a.room.leave(len(e.events), e.bytes)
}

func (e *entry) end(err error) {
	if err != nil {
		e.batch, e.err = Batch{}, err
	}
	close(e.done)
}
