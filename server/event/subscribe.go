package event

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/google/uuid"
)

// Subscribe begins to follow a build after a seq. head is the build's head if the
// caller has just read it, else 0. The cursor must be closed.
func (h *Hub) Subscribe(ctx context.Context, buildID uuid.UUID, afterSeq, head int64) (*Cursor, error) {
	c, first := h.join(buildID, afterSeq)
	if first {
		h.open(ctx, buildID, c.feed)
	}
	select {
	case <-c.feed.opened:
	case <-ctx.Done():
		c.Close()
		return nil, context.Cause(ctx)
	}
	err := c.feed.openErr
	if err == nil && head == 0 && !first {
		head, err = h.head(ctx, buildID)
	}
	if err != nil {
		c.Close()
		return nil, err
	}
	c.feed.raise(head)
	return c, nil
}

// join makes a cursor on a build's feed, and reports whether the feed is new.
func (h *Hub) join(buildID uuid.UUID, afterSeq int64) (c *Cursor, first bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	f, ok := h.feeds[buildID]
	if !ok {
		f = newFeed()
		h.feeds[buildID] = f
	}
	c = &Cursor{hub: h, feed: f, buildID: buildID, position: afterSeq, drained: make(chan struct{})}
	if h.draining {
		close(c.drained)
	}
	f.cursors[c] = struct{}{}
	f.setAudience(len(f.cursors))
	return c, !ok
}

// open asks the bus for a build's batches and then the store for its head, so
// that nothing falls between the two. All first subscribers wait for it: it does
// not end with the one who happened to be the first.
func (h *Hub) open(ctx context.Context, buildID uuid.UUID, f *feed) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), openTimeout)
	defer cancel()
	defer close(f.opened)
	h.bus.Attach(ctx, buildID)
	head, err := h.head(ctx, buildID)
	if err != nil {
		f.openErr = err
		h.remove(buildID, f)
		return
	}
	f.raise(head)
}

func (h *Hub) head(ctx context.Context, buildID uuid.UUID) (int64, error) {
	heads, err := h.reader.Heads(ctx, []uuid.UUID{buildID})
	return heads[buildID], err
}

// leave ends a cursor. Its feed stays for a while: the subscriber may have been
// cut and come again.
func (h *Hub) leave(c *Cursor) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(c.feed.cursors, c)
	c.feed.setAudience(len(c.feed.cursors))
	c.feed.idleSince = time.Now()
}

// sweep forgets feeds that nobody has followed for a while, those whose build is
// over, and the oldest ones beyond a bound; and pages that were read a while ago.
func (h *Hub) sweep(now time.Time) {
	h.pages.expire(now.Add(-keepPages))
	idle := h.idle()
	builds := slices.SortedFunc(maps.Keys(idle), func(a, b uuid.UUID) int {
		return idle[a].since.Compare(idle[b].since)
	})
	for i, id := range builds {
		f := idle[id]
		if f.over() || now.Sub(f.since) >= linger || len(builds)-i > maxLingering {
			h.remove(id, f.feed)
		}
	}
}

// idleFeed is a feed and when its last subscriber had left, as it was at one moment.
type idleFeed struct {
	*feed

	since time.Time
}

// idle are the feeds without subscribers.
func (h *Hub) idle() map[uuid.UUID]idleFeed {
	h.mu.Lock()
	defer h.mu.Unlock()
	idle := make(map[uuid.UUID]idleFeed)
	for id, f := range h.feeds {
		if len(f.cursors) == 0 {
			idle[id] = idleFeed{f, f.idleSince}
		}
	}
	return idle
}

// remove forgets a feed, unless somebody has come who it works for.
func (h *Hub) remove(buildID uuid.UUID, f *feed) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.feeds[buildID] != f || (len(f.cursors) > 0 && f.openErr == nil) {
		return
	}
	delete(h.feeds, buildID)
	// Under the lock: who comes now attaches after this.
	h.bus.Detach(buildID)
}

// drainPace is how far apart subscribers are sent away: a thousand need two
// seconds, one nothing.
const drainPace = 2 * time.Millisecond

// Drain ends every cursor's wait with [ErrDraining]: those there are one by one
// within at most about the window, those that come later at once. It returns
// when it has told all of them.
func (h *Hub) Drain(window time.Duration) {
	cursors := h.startDraining()
	if len(cursors) == 0 {
		return
	}
	// A ticker never goes at less than a microsecond's pace.
	pace := max(min(drainPace, window/time.Duration(len(cursors))), time.Microsecond)
	ticker := time.NewTicker(pace)
	defer ticker.Stop()
	for i, c := range cursors {
		if i > 0 {
			<-ticker.C
		}
		close(c.drained)
	}
}

// startDraining returns the cursors that have to be told, once.
func (h *Hub) startDraining() []*Cursor {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.draining {
		return nil
	}
	h.draining = true
	var cursors []*Cursor
	for _, f := range h.feeds {
		for c := range f.cursors {
			cursors = append(cursors, c)
		}
	}
	return cursors
}
