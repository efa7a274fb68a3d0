package event

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"
)

const (
	// pingEvery is how often a server is asked for a sign of life, and maxMissed
	// how often none may come before the connection is given up.
	pingEvery = time.Second
	maxMissed = 3
	// Between connections a link waits, longer each time that none worked.
	minLinkPause = 50 * time.Millisecond
	maxLinkPause = time.Second
)

var errSilent = errors.New("no answer to pings")

// link is the connection on which one server's channels are heard. It makes a new
// one, with all of its channels, when that breaks. The client's own renewal is not
// enough: it asks for all channels with one command, which a cluster refuses.
type link struct {
	owner  *listener
	listen atomic.Pointer[listenFunc]
	cancel context.CancelFunc
	state  *condition
	wake   chan struct{}
	// heard counts everything that came from the server.
	heard atomic.Uint64

	mu   sync.Mutex
	ties ties
}

func newLink(owner *listener, server string) *link {
	return &link{
		owner: owner,
		state: newCondition(owner.log, "subscribe", server),
		wake:  make(chan struct{}, 1),
		ties:  newTies(),
	}
}

// want asks for a channel. If it is there already, that is confirmed at once.
func (l *link) want(name string) {
	l.mu.Lock()
	confirmed, changed := l.ties.want(name)
	l.mu.Unlock()
	if confirmed {
		l.owner.confirm(l, name)
	}
	if changed {
		signal(l.wake)
	}
}

func (l *link) drop(name string) {
	l.mu.Lock()
	l.ties.drop(name)
	l.mu.Unlock()
	signal(l.wake)
}

// run keeps a connection until ctx ends.
func (l *link) run(ctx context.Context) {
	pause := minLinkPause
	for {
		before := l.heard.Load()
		err := l.session(ctx)
		if ctx.Err() != nil {
			return
		}
		l.owner.stats.Errors.Add(1)
		l.state.failed(err)
		l.owner.servers.suspect()
		l.mu.Lock()
		l.ties.reset()
		l.mu.Unlock()
		l.owner.lost(l)
		pause = min(2*pause, maxLinkPause)
		if l.heard.Load() != before {
			pause = minLinkPause
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(pause):
		}
	}
}

// session is the life of one connection; it returns why that ended.
func (l *link) session(ctx context.Context) error {
	pubsub := (*l.listen.Load())(ctx)
	ctx, cancel := context.WithCancelCause(ctx)
	closed := make(chan struct{})
	context.AfterFunc(ctx, func() {
		defer close(closed)
		// It is over either way.
		_ = pubsub.Close()
	})
	var reading sync.WaitGroup
	reading.Go(func() { cancel(l.read(ctx, pubsub)) })
	cancel(l.write(ctx, pubsub))
	reading.Wait()
	<-closed
	return context.Cause(ctx)
}

func (l *link) read(ctx context.Context, pubsub *redis.PubSub) error {
	for {
		message, err := pubsub.Receive(ctx)
		if err != nil && !refused(err) {
			return fmt.Errorf("listen: %w", err)
		}
		l.heard.Add(1)
		if err != nil {
			// It does not say which channel was refused: that one is asked for again
			// when no confirmation has come, where it belongs by then.
			l.owner.stats.Errors.Add(1)
			l.state.failed(err)
			l.owner.servers.suspect()
			continue
		}
		switch m := message.(type) {
		case *redis.Message:
			l.owner.receive(m)
		case *redis.Subscription:
			l.acknowledge(m)
		}
	}
}

func (l *link) acknowledge(m *redis.Subscription) {
	l.mu.Lock()
	outcome := l.ties.acknowledge(m.Channel, m.Kind == "subscribe" || m.Kind == "ssubscribe")
	l.mu.Unlock()
	switch outcome {
	case tieConfirmed:
		l.state.works()
		l.owner.confirm(l, m.Channel)
	case tieChanged:
		l.owner.servers.suspect()
		signal(l.wake)
	case tieUnchanged:
	}
}

func (l *link) write(ctx context.Context, pubsub *redis.PubSub) error {
	ticker := time.NewTicker(pingEvery)
	defer ticker.Stop()
	var seen uint64
	for missed := 0; ; {
		if err := l.ask(ctx, pubsub); err != nil {
			return fmt.Errorf("subscribe: %w", err)
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-l.wake:
			continue
		case <-ticker.C:
		}
		heard := l.heard.Load()
		missed++
		if heard != seen {
			missed = 0
		}
		seen = heard
		if missed >= maxMissed {
			return errSilent
		}
		if err := pubsub.Ping(ctx); err != nil {
			return fmt.Errorf("ping: %w", err)
		}
		l.mu.Lock()
		l.ties.repeat()
		l.mu.Unlock()
	}
}

// ask sends what changed, without waiting for the answers.
func (l *link) ask(ctx context.Context, pubsub *redis.PubSub) error {
	l.mu.Lock()
	subscribe, unsubscribe := l.ties.due()
	l.mu.Unlock()
	if l.owner.servers.sharded() {
		// A command may name channels of one slot only.
		return errors.Join(each(ctx, unsubscribe, pubsub.SUnsubscribe), each(ctx, subscribe, pubsub.SSubscribe))
	}
	return errors.Join(together(ctx, unsubscribe, pubsub.Unsubscribe), together(ctx, subscribe, pubsub.Subscribe))
}

type askFunc func(ctx context.Context, channels ...string) error

func each(ctx context.Context, channels []string, ask askFunc) error {
	for _, name := range channels {
		if err := ask(ctx, name); err != nil {
			return err
		}
	}
	return nil
}

// together asks nothing for no channels, which Redis would take for all.
func together(ctx context.Context, channels []string, ask askFunc) error {
	if len(channels) == 0 {
		return nil
	}
	return ask(ctx, channels...)
}
