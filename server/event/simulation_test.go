package event

import (
	"context"
	"sync"
	"testing"

	"github.com/google/uuid"
)

// simLog is a log in memory: what the store is to a hub.
type simLog struct {
	mu      sync.Mutex
	records map[uuid.UUID][]Record
	pages   int
	// hold, if set, makes reads wait for the end of their context.
	hold bool
}

func newSimLog() *simLog { return &simLog{records: make(map[uuid.UUID][]Record)} }

// append commits n records and returns them as a batch.
func (l *simLog) append(t testing.TB, build uuid.UUID, n int, size int) Batch {
	l.mu.Lock()
	defer l.mu.Unlock()
	batch := Batch{BuildID: build}
	for range n {
		batch.Records = append(batch.Records, newTextRecord(t, int64(len(l.records[build])+1), size))
		l.records[build] = append(l.records[build], batch.Records[len(batch.Records)-1])
	}
	return batch
}

func (l *simLog) head(build uuid.UUID) int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return int64(len(l.records[build]))
}

// Page implements [Reader].
func (l *simLog) Page(ctx context.Context, build uuid.UUID, after int64, limit int32) ([]Record, error) {
	if l.hold {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.pages++
	all := l.records[build]
	from := min(after, int64(len(all)))
	return all[from:min(from+int64(limit), int64(len(all)))], nil
}

// Heads implements [Reader].
func (l *simLog) Heads(_ context.Context, builds []uuid.UUID) (map[uuid.UUID]int64, error) {
	heads := make(map[uuid.UUID]int64)
	for _, id := range builds {
		if head := l.head(id); head > 0 {
			heads[id] = head
		}
	}
	return heads, nil
}

// simBus is one node's end of a bus that a test moves by hand: what is published
// waits in flight.
type simBus struct {
	mu       sync.Mutex
	inFlight []Batch
	attached map[uuid.UUID]bool
}

func newSimBus() *simBus { return &simBus{attached: make(map[uuid.UUID]bool)} }

// Publish implements [Bus].
func (b *simBus) Publish(batches ...Batch) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.inFlight = append(b.inFlight, batches...)
}

// Recent implements [Bus]: what is in flight may be read too.
func (b *simBus) Recent(_ context.Context, build uuid.UUID, after int64, limit int) []Record {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, batch := range b.inFlight {
		first := batch.Records[0].Seq
		if batch.BuildID == build && first <= after+1 && after < batch.Head() {
			records := batch.Records[after+1-first:]
			return records[:min(len(records), limit)]
		}
	}
	return nil
}

// Attach implements [Bus].
func (b *simBus) Attach(_ context.Context, build uuid.UUID) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.attached[build] = true
}

// Detach implements [Bus].
func (b *simBus) Detach(build uuid.UUID) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.attached, build)
}

func (b *simBus) follows(build uuid.UUID) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.attached[build]
}
