package event

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
)

const (
	// ackWait is how long a subscriber waits for Redis to confirm a subscription.
	// Beyond it the store fills the gap.
	ackWait = 250 * time.Millisecond
	// reviewEvery is how often it is checked that every channel is heard where it
	// lives now.
	reviewEvery = 500 * time.Millisecond
)

// listener knows which channels are wanted and keeps each on the link to its
// server. Callers only state what they want; the goroutine of run, and those of
// the links, speak to Redis. It is safe for concurrent use.
type listener struct {
	servers *topology
	receive func(*redis.Message)
	stats   *BusStats
	log     *slog.Logger
	wake    chan struct{}

	// links are the connections by server, and places the link of each channel.
	// Only run uses them.
	links  map[string]*link
	places map[string]*link

	mu     sync.Mutex
	wanted map[string]*subscription
	// changed are channels whose place must be looked at.
	changed map[string]struct{}
}

// subscription is a channel that somebody wants.
type subscription struct {
	// link is where it was asked for last.
	link *link
	// ready is closed when the server has confirmed it, and replaced when the
	// connection is lost.
	ready     chan struct{}
	confirmed bool
}

func newListener(servers *topology, receive func(*redis.Message), stats *BusStats, log *slog.Logger) *listener {
	return &listener{
		servers: servers, receive: receive, stats: stats, log: log,
		wake:   make(chan struct{}, 1),
		links:  make(map[string]*link),
		places: make(map[string]*link),
		wanted: make(map[string]*subscription), changed: make(map[string]struct{}),
	}
}

func (s *listener) attach(ctx context.Context, name string) {
	timeout := time.NewTimer(ackWait)
	defer timeout.Stop()
	select {
	case <-s.want(name):
	case <-ctx.Done():
	case <-timeout.C:
	}
}

func (s *listener) want(name string) (ready <-chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	sub := s.wanted[name]
	if sub == nil {
		sub = &subscription{ready: make(chan struct{})}
		s.wanted[name] = sub
		s.changed[name] = struct{}{}
		signal(s.wake)
	}
	return sub.ready
}

func (s *listener) detach(name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.wanted[name] != nil {
		delete(s.wanted, name)
		s.changed[name] = struct{}{}
		signal(s.wake)
	}
}

// signal wakes the one who waits, now or when it next does.
func signal(wake chan<- struct{}) {
	select {
	case wake <- struct{}{}:
	default:
	}
}

// run places channels until ctx ends.
func (s *listener) run(ctx context.Context) {
	var group sync.WaitGroup
	defer group.Wait()
	review := time.NewTicker(reviewEvery)
	defer review.Stop()
	for {
		if s.servers.learn(ctx) {
			s.place(ctx, &group)
		}
		select {
		case <-ctx.Done():
			return
		case <-s.wake:
		case <-review.C:
			s.review()
		}
	}
}

// review has every channel of a cluster looked at again, as slots move, and ends
// the links that nobody needs.
func (s *listener) review() {
	used := make(map[*link]struct{}, len(s.links))
	for _, l := range s.places {
		used[l] = struct{}{}
	}
	for server, l := range s.links {
		if _, ok := used[l]; !ok {
			l.cancel()
			delete(s.links, server)
		}
	}
	if !s.servers.sharded() {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for name := range s.wanted {
		s.changed[name] = struct{}{}
	}
}

// place brings the channels that changed to the links where they belong.
func (s *listener) place(ctx context.Context, group *sync.WaitGroup) {
	s.mu.Lock()
	changed := s.changed
	s.changed = make(map[string]struct{})
	s.mu.Unlock()
	for name := range changed {
		target := s.linkFor(ctx, group, name)
		if old := s.places[name]; old != nil && old != target {
			old.drop(name)
			delete(s.places, name)
		}
		if target != nil {
			s.places[name] = target
			target.want(name)
		}
	}
}

// linkFor is the link that a channel belongs to; nil if nobody wants it, or if its
// server cannot be told, which the next review tries again.
func (s *listener) linkFor(ctx context.Context, group *sync.WaitGroup, name string) *link {
	s.mu.Lock()
	sub := s.wanted[name]
	s.mu.Unlock()
	if sub == nil {
		return nil
	}
	server, listen, err := s.servers.listen(ctx, name)
	if err != nil {
		return nil
	}
	l := s.links[server]
	if l == nil {
		l = newLink(s, server)
		s.links[server] = l
		linkCtx, cancel := context.WithCancel(ctx)
		l.cancel = cancel
		l.listen.Store(&listen)
		group.Go(func() { l.run(linkCtx) })
	}
	// A server that went and came back has another client.
	l.listen.Store(&listen)
	s.mu.Lock()
	defer s.mu.Unlock()
	if sub.link != l {
		sub.link = l
		sub.unready()
	}
	return l
}

// confirm is called by a link when a server has taken a subscription.
func (s *listener) confirm(l *link, name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if sub := s.wanted[name]; sub != nil && sub.link == l && !sub.confirmed {
		sub.confirmed = true
		close(sub.ready)
	}
}

// lost is called by a link whose connection broke.
func (s *listener) lost(l *link) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, sub := range s.wanted {
		if sub.link == l {
			sub.unready()
		}
	}
}

func (s *subscription) unready() {
	if s.confirmed {
		s.confirmed = false
		s.ready = make(chan struct{})
	}
}
