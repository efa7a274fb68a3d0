package event

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/google/uuid"
)

// errGap says that the store has a hole, which cannot be.
var errGap = errors.New("gap in the event log")

// Cursor is one subscriber: a position in a build's log. It is not safe for
// concurrent use.
type Cursor struct {
	hub      *Hub
	feed     *feed
	buildID  uuid.UUID
	position int64
	close    sync.Once
}

// Close ends the subscription. It may be called twice.
func (c *Cursor) Close() {
	c.close.Do(func() { c.hub.unsubscribe(c.buildID, c.feed) })
}

// Head is the highest seq that this node has heard of.
func (c *Cursor) Head() int64 { return c.feed.highest() }

// Next returns the records after the last ones, at least one, at most about
// 256 KiB. It waits for them until ctx ends, whose cause it then returns, or
// until the node drains ([ErrDraining]).
func (c *Cursor) Next(ctx context.Context) ([]Record, error) {
	for {
		// First of all, so that it also ends for who never catches up.
		select {
		case <-c.hub.drain:
			return nil, ErrDraining
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		default:
		}
		seen := c.feed.after(c.position, batchBytes)
		if len(seen.records) > 0 {
			return c.emit(seen.records)
		}
		if seen.head > c.position {
			records, err := c.hub.reader.Page(ctx, c.buildID, c.position, pageSize)
			if err != nil && ctx.Err() != nil {
				// The end of ctx broke the read off; how that looks says less.
				return nil, context.Cause(ctx)
			}
			if err != nil {
				return nil, err
			}
			if len(records) > 0 {
				return c.emit(cut(records, batchBytes))
			}
		}
		select {
		case <-seen.wake:
		case <-c.hub.drain:
			return nil, ErrDraining
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}

// emit checks that the records follow the position, and moves it.
func (c *Cursor) emit(records []Record) ([]Record, error) {
	for _, r := range records {
		if r.Seq != c.position+1 {
			return nil, fmt.Errorf("%w: build %s, %d after %d", errGap, c.buildID, r.Seq, c.position)
		}
		c.position = r.Seq
	}
	return records, nil
}
