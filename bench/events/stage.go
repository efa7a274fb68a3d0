package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/sheenapps/sheen/bench/stack"
)

// stage is a server under test and a load process.
type stage struct {
	contender contender
	sheen     *sheen
	peer      *child
	load      *child
	// address is where subscribers connect, channels what they subscribe to.
	address  string
	channels []string
	note     func(format string, args ...any)
}

// newStage starts a contender with some empty builds, on an empty Redis.
func (b *bench) newStage(ctx context.Context, c contender, builds int) (*stage, error) {
	s := &stage{contender: c, note: b.note}
	if err := b.backing.FlushRedis(ctx); err != nil {
		return nil, err
	}
	err := s.startServer(ctx, b, builds)
	if err == nil {
		s.load, err = startChild(ctx, roleLoad)
	}
	if err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

func (s *stage) startServer(ctx context.Context, b *bench, builds int) (err error) {
	if !s.contender.isSheen() {
		s.channels = []string{uuid.NewString()}
		if s.peer, err = startChild(ctx, rolePeer); err != nil {
			return err
		}
		return s.peer.call(ctx, "Peer.Start", &PeerPlan{
			Contender: s.contender.name, RedisAddress: b.backing.RedisAddress, Dir: b.dir,
			Channel: s.channels[0], Subscribers: b.size.fanOut.subscribers,
		}, &s.address)
	}
	if s.sheen, err = startSheen(ctx, b.sheen, b.backing, b.dir); err != nil {
		return err
	}
	s.address = s.sheen.url
	s.channels, err = b.backing.newBuilds(ctx, builds)
	return err
}

func (s *stage) close() {
	var errs []error
	if s.load != nil {
		errs = append(errs, s.load.stop())
	}
	if s.peer != nil {
		errs = append(errs, s.peer.stop())
	}
	if s.sheen != nil {
		errs = append(errs, s.sheen.stop())
	}
	if err := errors.Join(errs...); err != nil {
		s.note("stopping %s: %v", s.contender.name, err)
	}
}

// cpu is what the server and the load have used so far.
func (s *stage) cpu() (server, load time.Duration) {
	if s.sheen != nil {
		server, _ = stack.CPUTime(s.sheen.pid())
	} else {
		server, _ = stack.CPUTime(s.peer.cmd.Process.Pid)
	}
	load, _ = stack.CPUTime(s.load.cmd.Process.Pid)
	return server, load
}

// publish publishes the events 1 to count of the first build as fast as it goes.
func (s *stage) publish(ctx context.Context, count int64, bytes int) error {
	if s.peer != nil {
		return s.peer.call(ctx, "Peer.Publish", &Burst{Channel: s.channels[0], Count: count, Size: bytes}, &struct{}{})
	}
	appender := newAppender(s.sheen, bytes)
	defer appender.close()
	return appender.fill(ctx, s.channels[0], 1, count)
}

// remote is a fleet of a load process.
type remote struct {
	load *child
	id   int
}

// open starts a fleet, whose contender and place are the stage's.
func (s *stage) open(ctx context.Context, job *Job) (*remote, error) {
	return s.openIn(ctx, s.load, job)
}

// openIn is open in a load process of its own.
func (s *stage) openIn(ctx context.Context, load *child, job *Job) (*remote, error) {
	job.Contender, job.Address = s.contender.name, s.address
	if s.sheen != nil {
		job.Contender, job.Token = contenderSheen, s.sheen.userToken
	}
	if s.contender.http2 {
		job.HTTP2, job.StreamsPerConnection = true, max(job.StreamsPerConnection, 1)
	}
	job.Gzip = s.contender.name == contenderNaive
	if len(job.Channels) == 0 {
		job.Channels = s.channels
	}
	r := &remote{load: load}
	return r, load.call(ctx, "Load.Open", job, &r.id)
}

// errCheck says that a subscriber saw what it must not.
var errCheck = errors.New("a subscriber failed")

// wait returns what the fleet saw once it has all that it waits for. It returns
// an error if a check failed or time was up.
func (r *remote) wait(ctx context.Context, within time.Duration) (*Outcome, error) {
	return r.outcome(ctx, "Load.Wait", &Await{Fleet: r.id, Within: within})
}

// count returns what the fleet saw so far, and counts latencies anew.
func (r *remote) count(ctx context.Context) (*Outcome, error) {
	return r.outcome(ctx, "Load.Count", r.id)
}

func (r *remote) outcome(ctx context.Context, method string, args any) (*Outcome, error) {
	var out Outcome
	if err := r.load.call(ctx, method, args, &out); err != nil {
		return nil, err
	}
	if out.Failed != "" {
		return nil, fmt.Errorf("%w: %s", errCheck, out.Failed)
	}
	return &out, nil
}

// aim sets what the fleet waits for.
func (r *remote) aim(ctx context.Context, until int64) error {
	return r.load.call(ctx, "Load.Aim", &Aim{Fleet: r.id, Until: until}, &struct{}{})
}

// throttle sets how fast each connection of the fleet reads.
func (r *remote) throttle(ctx context.Context, bytesPerSecond int64) error {
	return r.load.call(ctx, "Load.Throttle", &Throttle{Fleet: r.id, BytesPerSecond: bytesPerSecond}, &struct{}{})
}
