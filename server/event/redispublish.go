package event

import (
	"log/slog"
	"sync"
	"time"
)

const (
	// queueBytes bounds what waits for one server: some seconds of all that a node
	// can append.
	queueBytes = 8 << 20
	// sendBytes and sendBatches bound one pipeline, so that a failure costs little.
	sendBytes   = 1 << 20
	sendBatches = 256
	// sendPause is the wait after a failure.
	sendPause = 100 * time.Millisecond
)

// publisher sends batches, with an outbox for each server so that one that hangs
// delays no other. It is safe for concurrent use.
type publisher struct {
	servers *topology
	stats   *BusStats
	log     *slog.Logger
	stop    chan struct{}
	group   sync.WaitGroup

	mu       sync.Mutex
	closed   bool
	outboxes map[string]*outbox
}

// outbox is what waits for one server.
type outbox struct {
	// reach is whether publications arrive, store whether the cache takes them.
	reach, store *condition

	// The publisher's lock guards what follows.
	queue []Batch
	bytes int
	// sending says that a goroutine empties the queue.
	sending bool
}

func newPublisher(servers *topology, stats *BusStats, log *slog.Logger) *publisher {
	return &publisher{
		servers: servers, stats: stats, log: log,
		stop: make(chan struct{}), outboxes: make(map[string]*outbox),
	}
}

func (p *publisher) publish(batches []Batch) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, batch := range batches {
		if len(batch.Records) == 0 {
			continue
		}
		if p.closed {
			p.stats.Dropped.Add(1)
			continue
		}
		l := p.outbox(p.servers.server(channel(batch.BuildID)))
		p.stats.Dropped.Add(l.push(batch))
		if !l.sending {
			l.sending = true
			p.group.Go(func() { p.empty(l) })
		}
	}
}

// outbox is called under the lock.
func (p *publisher) outbox(server string) *outbox {
	l := p.outboxes[server]
	if l == nil {
		l = &outbox{
			reach: newCondition(p.log, "publish", server),
			store: newCondition(p.log, "cache", server),
		}
		p.outboxes[server] = l
	}
	return l
}

// empty sends until nothing waits. What gathers meanwhile goes together.
func (p *publisher) empty(l *outbox) {
	for {
		p.mu.Lock()
		batches := l.take()
		l.sending = len(batches) > 0
		p.mu.Unlock()
		if len(batches) == 0 {
			return
		}
		if p.send(l, batches) {
			continue
		}
		p.servers.suspect()
		select {
		case <-time.After(sendPause):
		case <-p.stop:
			p.discard(l)
		}
	}
}

// discard drops what waits for a server that is away when the process ends.
func (p *publisher) discard(l *outbox) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.stats.Dropped.Add(int64(len(l.queue)))
	l.queue, l.bytes = nil, 0
}

// close waits until everything is sent, or until Redis fails.
func (p *publisher) close() {
	p.mu.Lock()
	p.closed = true
	p.mu.Unlock()
	close(p.stop)
	p.group.Wait()
}

// push returns how many batches were dropped for it: the oldest, which their
// readers are the likeliest to have found in the store already.
func (l *outbox) push(batch Batch) (dropped int64) {
	l.queue = append(l.queue, batch)
	l.bytes += batch.size()
	for l.bytes > queueBytes {
		l.shift()
		dropped++
	}
	return dropped
}

func (l *outbox) shift() Batch {
	batch := l.queue[0]
	l.queue[0] = Batch{}
	l.queue = l.queue[1:]
	l.bytes -= batch.size()
	return batch
}

// take removes what one pipeline may hold.
func (l *outbox) take() (batches []Batch) {
	bytes := 0
	for len(l.queue) > 0 && len(batches) < sendBatches {
		bytes += l.queue[0].size()
		if bytes > sendBytes && len(batches) > 0 {
			break
		}
		batches = append(batches, l.shift())
	}
	return batches
}

// size is about how many bytes a batch takes in memory.
func (b Batch) size() int {
	const overhead = 64
	size := overhead
	for _, r := range b.Records {
		size += overhead + len(r.Wire)
	}
	return size
}
