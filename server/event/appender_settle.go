package event

import (
	"context"
	"errors"
	"fmt"
)

// errHeld says that another transaction holds the build.
var errHeld = errors.New("the build is held")

// settle stores the entries of a group one by one. A group comes here if the whole
// of it was refused: one of its entries may be a repeat, or to blame.
func (a *Appender) settle(ctx context.Context, g *group) {
	for i, e := range g.entries {
		one := &group{lane: g.lane}
		one.add(e)
		batch, err := a.settleOne(ctx, one)
		switch {
		case errors.Is(err, errHeld):
			a.mu.Lock()
			a.putBack(&group{lane: g.lane, entries: g.entries[i:]}, a.window)
			a.mu.Unlock()
			return
		case uncertain(err):
			a.mu.Lock()
			g.lane.entries = append(g.entries[i+1:len(g.entries):len(g.entries)], g.lane.entries...)
			a.mu.Unlock()
			a.retryLater(one, err)
			return
		}
		e.batch = batch
		a.end(e, err)
	}
	a.mu.Lock()
	a.comeBack(g.lane)
	a.mu.Unlock()
	a.nudge()
}

// settleOne stores a single entry, or finds its batch if it is a repeat.
func (a *Appender) settleOne(ctx context.Context, g *group) (Batch, error) {
	ctx, cancel := context.WithTimeout(ctx, statementTimeout)
	defer cancel()
	rows, err := a.log.queries.EventAppendMany(ctx, a.log.db, appendParams([]*group{g}))
	if err != nil {
		return Batch{}, fmt.Errorf("append events: %w", err)
	}
	if len(rows) == 0 {
		return Batch{}, errHeld
	}
	row, e := rows[0], g.entries[0]
	switch {
	case row.Granted:
		batch := newBatch(g.producer.BuildID, row.HeadSeq, row.CreateTime, e.events)
		a.publish(batch)
		return batch, nil
	case !row.Leased:
		return Batch{}, ErrLeaseLost
	}
	return a.log.recall(ctx, a.log.db, g.producer.BuildID, row.HeadSeq, e.expected, e.events)
}
