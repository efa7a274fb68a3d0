package main

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// Load holds the subscribers, in fleets. Its exported methods are called by the
// parent, as net/rpc wants them.
type Load struct {
	mu     sync.Mutex
	fleets []*fleet
}

func newLoad() *Load { return &Load{} }

// Job describes a fleet: subscribers that do the same.
type Job struct {
	// Contender is whose client they use.
	Contender string
	// Address is where the server listens, as its contender writes it.
	Address, Token string
	// Channels are the builds; the subscribers are dealt out to them in turn.
	Channels    []string
	Subscribers int
	// After is the seq that they begin after, and Until the one that they wait
	// for. They go on reading beyond it.
	After, Until int64
	// HTTP2 puts StreamsPerConnection streams on each HTTP/2 connection;
	// without it every subscriber has an HTTP/1.1 connection of its own.
	HTTP2                bool
	StreamsPerConnection int
	// Gzip accepts compressed messages, as connect-go's clients do by default.
	Gzip bool
	// Narrow gives each connection the buffers and segments of a distant client.
	Narrow bool
	// Latency counts the time that each delivery took.
	Latency bool
}

// Outcome is what a fleet saw.
type Outcome struct {
	// Failed says what the first subscriber saw that it must not; empty if all
	// is well.
	Failed     string
	Deliveries int64
	// Published is when the oldest event was published, Reached when the last
	// subscriber had what it waited for; both in Unix nanoseconds.
	Published, Reached int64
	// Cuts counts streams that ended without a reason, and were resumed.
	Cuts int64
	// SincePublish and SinceCommit tell how long deliveries took; the second is
	// empty for contenders that do not say when an event was stored.
	SincePublish, SinceCommit Latencies
}

// Open starts a fleet and returns its number once all its subscribers are there.
func (l *Load) Open(job *Job, id *int) error {
	f, err := newFleet(job)
	if err != nil {
		return err
	}
	l.mu.Lock()
	l.fleets = append(l.fleets, f)
	*id = len(l.fleets) - 1
	l.mu.Unlock()
	return f.open(2 * time.Minute)
}

// Await names a fleet and how long to wait for it.
type Await struct {
	Fleet  int
	Within time.Duration
}

// errLate says that a fleet did not get all in time.
var errLate = errors.New("not all subscribers had everything in time")

// Wait returns once all subscribers of a fleet have what they wait for, or have
// failed, or time is up.
func (l *Load) Wait(args *Await, out *Outcome) error {
	f := l.fleet(args.Fleet)
	timeout := time.NewTimer(args.Within)
	defer timeout.Stop()
	select {
	case <-f.reached():
	case <-f.ctx.Done():
	case <-timeout.C:
		f.fail(fmt.Errorf("%w: %s", errLate, f.laggards()))
	}
	*out = f.outcome()
	return nil
}

// Count returns what a fleet has seen so far, and counts latencies anew.
func (l *Load) Count(id int, out *Outcome) error {
	*out = l.fleet(id).outcome()
	return nil
}

// Cut closes all connections of a fleet at once; it stays away until Resume.
func (l *Load) Cut(id int, _ *struct{}) error {
	l.fleet(id).cut()
	return nil
}

// Aim says what a fleet waits for next.
type Aim struct {
	Fleet int
	Until int64
}

// Aim sets what a fleet waits for.
func (l *Load) Aim(args *Aim, _ *struct{}) error {
	l.fleet(args.Fleet).aim(args.Until)
	return nil
}

// Resume lets a fleet that was cut connect again, all at once, and returns when
// that began, in Unix nanoseconds.
func (l *Load) Resume(id int, began *int64) error {
	*began = l.fleet(id).resume()
	return nil
}

// Throttle says how fast the connections of a fleet read.
type Throttle struct {
	Fleet int
	// BytesPerSecond of each connection; 0 stops reading, below is no limit.
	BytesPerSecond int64
}

// Throttle changes how fast a fleet reads.
func (l *Load) Throttle(args *Throttle, _ *struct{}) error {
	l.fleet(args.Fleet).dialer.throttle(args.BytesPerSecond)
	return nil
}

// Close ends a fleet.
func (l *Load) Close(id int, _ *struct{}) error {
	l.fleet(id).close()
	return nil
}

func (l *Load) fleet(id int) *fleet {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.fleets[id]
}

// source is a contender's client.
type source interface {
	// read subscribes after the position of s and hands it everything, until
	// ctx ends or the stream does. It returns nil to be called again at once.
	read(ctx context.Context, s *subscriber) error
}

func newSource(job *Job, d *dialer) (source, error) {
	switch job.Contender {
	case contenderSheen, contenderNaive, contenderNaivePlain, contenderXRead:
		return newStreams(job, d), nil
	case contenderCentrifuge, contenderCentrifugeRedis:
		return &centrifugeClients{job: job, dialer: d}, nil
	case contenderNATS:
		return &natsClients{job: job, dialer: d}, nil
	default:
		return nil, fmt.Errorf("%w: %s", errContender, job.Contender)
	}
}
