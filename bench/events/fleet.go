package main

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// opening is how many subscribers connect at a time when a fleet opens.
	opening = 100
	// maxCuts is how often one subscriber's stream may break before the run
	// counts as failed.
	maxCuts = 20
	// pause is how long a subscriber waits after a cut, so that a server that is
	// gone does not make it spin.
	pause = 50 * time.Millisecond
)

var errCuts = errors.New("a stream broke again and again")

// fleet is a number of subscribers that do the same.
type fleet struct {
	job    *Job
	source source
	dialer *dialer
	ctx    context.Context
	cancel context.CancelCauseFunc
	group  sync.WaitGroup
	all    []*subscriber

	sincePublish, sinceCommit histogram
	cuts                      atomic.Int64

	mu      sync.Mutex
	pending int
	done    chan struct{}
	// gate is closed while the fleet may connect.
	gate chan struct{}
}

func newFleet(job *Job) (*fleet, error) {
	f := &fleet{job: job, dialer: newDialer(job.Narrow), pending: job.Subscribers, done: make(chan struct{}), gate: make(chan struct{})}
	close(f.gate)
	f.ctx, f.cancel = context.WithCancelCause(context.Background())
	var err error
	if f.source, err = newSource(job, f.dialer); err != nil {
		return nil, err
	}
	for i := range job.Subscribers {
		f.all = append(f.all, &subscriber{
			fleet: f, number: i, channel: job.Channels[i%len(job.Channels)],
			last: job.After, until: job.Until, ready: make(chan struct{}),
		})
	}
	return f, nil
}

// open starts the subscribers and waits until each is where events come.
func (f *fleet) open(within time.Duration) error {
	ctx, cancel := context.WithTimeout(f.ctx, within)
	defer cancel()
	slots := make(chan struct{}, opening)
	for _, s := range f.all {
		select {
		case slots <- struct{}{}:
		case <-ctx.Done():
			return fmt.Errorf("open subscriptions: %w", context.Cause(ctx))
		}
		f.group.Go(func() { f.run(s) })
		f.group.Go(func() {
			select {
			case <-s.ready:
			case <-f.ctx.Done():
			}
			<-slots
		})
	}
	for _, s := range f.all {
		select {
		case <-s.ready:
		case <-ctx.Done():
			return fmt.Errorf("open subscriptions: %w", context.Cause(ctx))
		}
	}
	return nil
}

// run keeps one subscriber subscribed.
func (f *fleet) run(s *subscriber) {
	for cuts := 0; ; {
		f.mu.Lock()
		gate := f.gate
		f.mu.Unlock()
		select {
		case <-gate:
		case <-f.ctx.Done():
			return
		}
		err := f.source.read(f.ctx, s)
		switch {
		case f.ctx.Err() != nil:
			return
		case errors.Is(err, errBroken):
			f.fail(fmt.Errorf("subscriber %d: %w", s.number, err))
			return
		case err != nil && f.isCut(gate):
			// The bench itself cut it.
		case err != nil:
			f.cuts.Add(1)
			cuts++
			if cuts > maxCuts {
				f.fail(fmt.Errorf("subscriber %d: %w: %w", s.number, errCuts, err))
				return
			}
			if sleepUntil(f.ctx, time.Now().Add(pause)) != nil {
				return
			}
		}
	}
}

func (f *fleet) isCut(gate chan struct{}) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.gate != gate
}

func (f *fleet) cut() {
	f.mu.Lock()
	f.gate = make(chan struct{})
	f.mu.Unlock()
	f.dialer.closeAll()
}

func (f *fleet) resume() (began int64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	close(f.gate)
	return time.Now().UnixNano()
}

func (f *fleet) aim(until int64) {
	f.mu.Lock()
	f.pending, f.done = len(f.all), make(chan struct{})
	f.mu.Unlock()
	for _, s := range f.all {
		s.aim(until)
	}
}

// arrived counts off a subscriber that has what it waited for.
func (f *fleet) arrived() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.pending--
	if f.pending == 0 {
		close(f.done)
	}
}

func (f *fleet) reached() <-chan struct{} {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.done
}

func (f *fleet) fail(err error) { f.cancel(err) }

var errClosed = errors.New("the fleet was closed")

func (f *fleet) close() {
	f.cancel(errClosed)
	f.dialer.closeAll()
	f.group.Wait()
}

func (f *fleet) outcome() Outcome {
	out := Outcome{Cuts: f.cuts.Load(), SincePublish: f.sincePublish.take(), SinceCommit: f.sinceCommit.take()}
	if f.ctx.Err() != nil {
		out.Failed = context.Cause(f.ctx).Error()
	}
	for _, s := range f.all {
		s.report(&out)
	}
	return out
}

// laggards describes who is behind.
func (f *fleet) laggards() string {
	behind, least := 0, int64(-1)
	for _, s := range f.all {
		s.mu.Lock()
		if s.last < s.until {
			behind++
			if least < 0 || s.last < least {
				least = s.last
			}
		}
		s.mu.Unlock()
	}
	return fmt.Sprintf("%d of %d are behind, the last at %d", behind, len(f.all), least)
}
