package event

import (
	"context"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/redis/go-redis/v9"
)

// redisOptions are what the server uses, as far as it matters to a bus.
func redisOptions(addr string) *redis.Options {
	return &redis.Options{
		Addr: addr, DialTimeout: time.Second, ReadTimeout: time.Second, WriteTimeout: time.Second,
		DialerRetries: 1, ContextTimeoutEnabled: true,
	}
}

// busNode is a bus that writes down what it hears.
type busNode struct {
	*RedisBus

	mu    sync.Mutex
	heard map[uuid.UUID][]int64
	lines strings.Builder
}

// newBusNode runs a bus until the test ends.
func newBusNode(t *testing.T, client redis.UniversalClient) *busNode {
	t.Helper()
	n := &busNode{heard: make(map[uuid.UUID][]int64)}
	n.RedisBus = NewRedisBus(client, n.note, slog.New(slog.NewTextHandler(n, nil)))
	ctx, cancel := context.WithCancel(context.Background())
	var group sync.WaitGroup
	group.Go(func() { n.Run(ctx) })
	t.Cleanup(func() {
		cancel()
		group.Wait()
		_ = client.Close()
	})
	return n
}

func newSingleNode(t *testing.T, addr string) *busNode {
	t.Helper()
	return newBusNode(t, redis.NewClient(redisOptions(addr)))
}

func (n *busNode) note(batch Batch) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.heard[batch.BuildID] = append(n.heard[batch.BuildID], seqs(batch.Records)...)
}

// Write implements [io.Writer] for the log.
func (n *busNode) Write(line []byte) (int, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.lines.Write(line)
}

// logged counts the lines of the log that contain all of some words.
func (n *busNode) logged(words ...string) (count int) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for line := range strings.Lines(n.lines.String()) {
		if !slices.ContainsFunc(words, func(word string) bool { return !strings.Contains(line, word) }) {
			count++
		}
	}
	return count
}

func (n *busNode) got(build uuid.UUID) []int64 {
	n.mu.Lock()
	defer n.mu.Unlock()
	return slices.Clone(n.heard[build])
}

// hears publishes single records from another node, beginning with a seq, until
// one of them arrives, and returns the seq of the last one.
func (n *busNode) hears(t *testing.T, from *busNode, build uuid.UUID, seq int64) int64 {
	t.Helper()
	before := len(n.got(build))
	last := seq - 1
	var next time.Time
	waitFor(t, func() bool {
		if len(n.got(build)) > before {
			return true
		}
		if time.Now().After(next) {
			last++
			from.Publish(Batch{BuildID: build, Records: newTextRecords(t, last, last)})
			next = time.Now().Add(50 * time.Millisecond)
		}
		return false
	})
	return last
}

// attachAll attaches many builds at once.
func (n *busNode) attachAll(t *testing.T, builds []uuid.UUID) {
	t.Helper()
	var group sync.WaitGroup
	for _, id := range builds {
		group.Go(func() { n.Attach(t.Context(), id) })
	}
	group.Wait()
}

// leftovers counts what a bus remembers of channels.
func (n *busNode) leftovers() int {
	s := n.listener
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.wanted) + len(s.changed)
}

func newBuilds(n int) []uuid.UUID {
	builds := make([]uuid.UUID, n)
	for i := range builds {
		builds[i] = uuid.New()
	}
	return builds
}
