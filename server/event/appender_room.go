package event

import (
	"context"
	"slices"
	"sync"
)

// room bounds what an appender has accepted and not answered, in events and in
// bytes. Who finds no room waits in line. What alone is larger than the whole
// room gets in once it is empty.
type room struct {
	maxEvents, maxBytes int

	mu            sync.Mutex
	events, bytes int
	line          []*seat
	closed        bool
}

// seat is a place in the line; granted is closed when its turn has come.
type seat struct {
	events, bytes int
	granted       chan struct{}
}

// enter waits for room until ctx ends, whose cause it returns, or until the room
// is closed, which is errStopped.
func (r *room) enter(ctx context.Context, events, bytes int) error {
	r.mu.Lock()
	if r.closed {
		r.mu.Unlock()
		return errStopped
	}
	if len(r.line) == 0 && r.fits(events, bytes) {
		r.events, r.bytes = r.events+events, r.bytes+bytes
		r.mu.Unlock()
		return nil
	}
	s := &seat{events: events, bytes: bytes, granted: make(chan struct{})}
	r.line = append(r.line, s)
	r.mu.Unlock()
	select {
	case <-s.granted:
		return r.check()
	case <-ctx.Done():
		r.giveUp(s)
		return context.Cause(ctx)
	}
}

func (r *room) fits(events, bytes int) bool {
	return r.events == 0 || (r.events+events <= r.maxEvents && r.bytes+bytes <= r.maxBytes)
}

func (r *room) check() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return errStopped
	}
	return nil
}

// giveUp takes a seat out of the line, or its room back if it was just granted.
func (r *room) giveUp(s *seat) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if i := slices.Index(r.line, s); i >= 0 {
		r.line = slices.Delete(r.line, i, i+1)
	} else {
		r.events, r.bytes = r.events-s.events, r.bytes-s.bytes
	}
	r.admit()
}

// leave gives room back.
func (r *room) leave(events, bytes int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.events, r.bytes = r.events-events, r.bytes-bytes
	r.admit()
}

// admit lets in those at the front of the line for whom there is room.
func (r *room) admit() {
	for len(r.line) > 0 && r.fits(r.line[0].events, r.line[0].bytes) {
		s := r.line[0]
		r.line = slices.Delete(r.line, 0, 1)
		r.events, r.bytes = r.events+s.events, r.bytes+s.bytes
		close(s.granted)
	}
}

// close sends away everybody who waits and who comes.
func (r *room) close() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.closed = true
	for _, s := range r.line {
		close(s.granted)
	}
	r.line = nil
}
