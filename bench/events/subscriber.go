package main

import (
	"errors"
	"fmt"
	"sync"
	"time"
)

// errBroken says that the promise about the log was broken: a hole, a repeat,
// another order or damaged bytes.
var errBroken = errors.New("the log's promise is broken")

// subscriber checks what one subscription gets.
type subscriber struct {
	fleet   *fleet
	number  int
	channel string
	ready   chan struct{}
	once    sync.Once

	mu sync.Mutex
	// last is the seq of the newest event, token the position after it.
	last  int64
	token string
	until int64

	deliveries         int64
	published, reached int64
}

// subscribed says that events come from now on.
func (s *subscriber) subscribed() { s.once.Do(func() { close(s.ready) }) }

// position is where to go on.
func (s *subscriber) position() (last int64, token string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.last, s.token
}

// resumeAt notes the position after the newest event.
func (s *subscriber) resumeAt(token []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.token = string(token)
}

// take checks one event that came at an instant. number is the seq that the
// contender itself gave it, stored is when that was, zero if nobody knows.
func (s *subscriber) take(payload []byte, number int64, now, stored time.Time) error {
	seq, at, err := readPayload(payload)
	if err != nil {
		return fmt.Errorf("%w: %w", errBroken, err)
	}
	if s.fleet.job.Latency {
		s.fleet.sincePublish.add(now.Sub(time.Unix(0, at)))
		if !stored.IsZero() {
			s.fleet.sinceCommit.add(now.Sub(stored))
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if seq != s.last+1 || number != seq {
		return fmt.Errorf("%w: event %d came as number %d after %d", errBroken, seq, number, s.last)
	}
	// A cut may come before the token of the message that this event is in.
	s.last, s.token = seq, ""
	s.deliveries++
	if s.published == 0 {
		s.published = at
	}
	if seq == s.until {
		s.reached = now.UnixNano()
		s.fleet.arrived()
	}
	return nil
}

// aim sets what the subscriber waits for.
func (s *subscriber) aim(until int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.until, s.reached = until, 0
	if s.last >= until {
		s.reached = time.Now().UnixNano()
		s.fleet.arrived()
	}
}

func (s *subscriber) report(out *Outcome) {
	s.mu.Lock()
	defer s.mu.Unlock()
	out.Deliveries += s.deliveries
	if s.published != 0 && (out.Published == 0 || s.published < out.Published) {
		out.Published = s.published
	}
	out.Reached = max(out.Reached, s.reached)
}
