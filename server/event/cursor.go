package event

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/google/uuid"
)

// errIdle says that nothing came until the time for it was over.
var errIdle = errors.New("nothing came")

// errGap says that the store has a hole, or no longer what follows a position.
var errGap = errors.New("gap in the event log")

// Cursor is one subscriber: a position in a build's log. It is not safe for
// concurrent use.
type Cursor struct {
	hub      *Hub
	feed     *feed
	buildID  uuid.UUID
	position int64
	// drained is closed when the node sends this subscriber away.
	drained chan struct{}
	close   sync.Once
}

// Close ends the subscription. It may be called twice.
func (c *Cursor) Close() { c.close.Do(func() { c.hub.leave(c) }) }

// Head is the highest seq that this node has heard of.
func (c *Cursor) Head() int64 { return c.feed.highest() }

// Next returns the records after the last ones, at least one, at most about
// 256 KiB; they are not to be changed. It waits for them until ctx ends, whose
// cause it then returns, or until the node drains ([ErrDraining]).
func (c *Cursor) Next(ctx context.Context) ([]Record, error) { return c.next(ctx, nil) }

// next is [Cursor.Next] that also ends with errIdle when alarm fires: a timer that
// is used again costs an idle stream less than a context for each wait.
func (c *Cursor) next(ctx context.Context, alarm <-chan time.Time) ([]Record, error) {
	for {
		records, wake, err := c.look(ctx)
		if err != nil || len(records) > 0 {
			return records, err
		}
		select {
		case <-wake:
		case <-alarm:
			return nil, errIdle
		case <-c.drained:
			return nil, ErrDraining
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}

// look returns what is there, or else what to wait for.
func (c *Cursor) look(ctx context.Context) ([]Record, <-chan struct{}, error) {
	// First of all, so that it also ends for who never catches up.
	select {
	case <-c.drained:
		return nil, nil, ErrDraining
	case <-ctx.Done():
		return nil, nil, context.Cause(ctx)
	default:
	}
	seen := c.feed.after(c.position, batchBytes)
	if len(seen.records) > 0 {
		c.hub.metrics.caughtUp(fromRing)
		records, err := c.emit(seen.records)
		return records, nil, err
	}
	if seen.shown <= c.position {
		return nil, seen.wake, nil
	}
	records, err := c.catchUp(ctx)
	return records, seen.wake, err
}

// behind reports whether what comes next is no longer in the feed.
func (c *Cursor) behind() bool { return c.feed.lost(c.position) }

// catchUp reads what the ring no longer has.
func (c *Cursor) catchUp(ctx context.Context) ([]Record, error) {
	records, err := c.hub.pages.after(ctx, c.buildID, c.position)
	if err != nil || len(records) == 0 {
		return nil, err
	}
	return c.emit(cut(records, catchUpBytes))
}

// emit checks that the records follow the position, and moves it.
func (c *Cursor) emit(records []Record) ([]Record, error) {
	for i, r := range records {
		if want := c.position + 1 + int64(i); r.Seq != want {
			return nil, fmt.Errorf("%w: build %s, %d instead of %d", errGap, c.buildID, r.Seq, want)
		}
	}
	c.position = records[len(records)-1].Seq
	return records, nil
}
