package event

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/google/uuid"
)

// ErrDraining says that the node is about to stop: subscribers reconnect.
var ErrDraining = errors.New("the node is draining")

// repairEvery is how often the heads of all followed builds are compared with
// the store, in one query: the longest that a lost publication goes unnoticed.
const repairEvery = time.Second

// pageSize is how many records a cursor reads from the store at once.
const pageSize = 500

// batchBytes bounds what a cursor returns at once.
const batchBytes = 256 << 10

// Reader is the part of the log that delivery needs.
type Reader interface {
	Page(ctx context.Context, buildID uuid.UUID, afterSeq int64, limit int32) ([]Record, error)
	Heads(ctx context.Context, builds []uuid.UUID) (map[uuid.UUID]int64, error)
}

// Hub delivers records to the subscribers of one node. It is safe for concurrent
// use; [Hub.Run] must run for lost publications to be found.
type Hub struct {
	reader Reader
	log    *slog.Logger

	mu    sync.Mutex
	bus   Bus
	feeds map[uuid.UUID]*feed

	drain     chan struct{}
	drainOnce sync.Once
}

// NewHub makes a hub without a bus: it hears of this node's batches at once and
// of others' within a second.
func NewHub(reader Reader, log *slog.Logger) *Hub {
	return &Hub{
		reader: reader,
		log:    log,
		feeds:  make(map[uuid.UUID]*feed),
		drain:  make(chan struct{}),
	}
}

// Connect gives the hub a bus, before the first use of the hub. The bus hands
// what it hears to [Hub.Deliver].
func (h *Hub) Connect(bus Bus) { h.bus = bus }

// Publish makes committed batches known, here and on other nodes. It never fails:
// who misses the news finds the records in the store.
func (h *Hub) Publish(ctx context.Context, batches ...Batch) {
	for _, batch := range batches {
		if len(batch.Records) == 0 {
			continue
		}
		h.Deliver(batch)
		if h.bus == nil {
			continue
		}
		if err := h.bus.Publish(ctx, batch); err != nil {
			h.log.WarnContext(ctx, "events were not published; subscribers read the store", "cause", err)
		}
	}
}

// Deliver hands a batch to this node's subscribers. It never blocks.
func (h *Hub) Deliver(batch Batch) {
	h.mu.Lock()
	f := h.feeds[batch.BuildID]
	h.mu.Unlock()
	if f != nil {
		f.add(batch.Records)
	}
}

// Drain ends every cursor's wait with [ErrDraining], now and from now on.
func (h *Hub) Drain() { h.drainOnce.Do(func() { close(h.drain) }) }

// Run repairs what the bus lost, until ctx ends.
func (h *Hub) Run(ctx context.Context) {
	ticker := time.NewTicker(repairEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			h.repair(ctx)
		}
	}
}

func (h *Hub) repair(ctx context.Context) {
	h.mu.Lock()
	builds := make([]uuid.UUID, 0, len(h.feeds))
	for id := range h.feeds {
		builds = append(builds, id)
	}
	h.mu.Unlock()
	if len(builds) == 0 {
		return
	}
	heads, err := h.reader.Heads(ctx, builds)
	if err != nil {
		if ctx.Err() == nil {
			h.log.WarnContext(ctx, "heads could not be compared", "cause", err)
		}
		return
	}
	for id, head := range heads {
		h.mu.Lock()
		f := h.feeds[id]
		h.mu.Unlock()
		if f != nil {
			f.raise(head)
		}
	}
}

// Subscribe begins to follow a build after a seq. The cursor must be closed.
func (h *Hub) Subscribe(ctx context.Context, buildID uuid.UUID, afterSeq int64) (*Cursor, error) {
	h.mu.Lock()
	f, ok := h.feeds[buildID]
	if !ok {
		f = newFeed()
		h.feeds[buildID] = f
	}
	f.subscribers++
	h.mu.Unlock()
	c := &Cursor{hub: h, feed: f, buildID: buildID, position: afterSeq}
	if !ok && h.bus != nil {
		h.bus.Attach(ctx, buildID)
	}
	// After attaching, so that nothing falls between what the store has now and
	// what the bus brings.
	heads, err := h.reader.Heads(ctx, []uuid.UUID{buildID})
	if err != nil {
		c.Close()
		return nil, err
	}
	f.raise(heads[buildID])
	return c, nil
}

func (h *Hub) unsubscribe(buildID uuid.UUID, f *feed) {
	if last := h.leave(buildID, f); !last || h.bus == nil {
		return
	}
	// Not under the lock: a publisher must not wait for the bus.
	h.bus.Detach(buildID)
	if h.follows(buildID) {
		// Somebody came meanwhile and was detached too. If they have left again
		// by now, the build's batches come for nobody, which does no harm.
		h.bus.Attach(context.Background(), buildID)
	}
}

// leave counts a cursor off and reports whether it was its build's last one.
func (h *Hub) leave(buildID uuid.UUID, f *feed) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	f.subscribers--
	if f.subscribers > 0 {
		return false
	}
	delete(h.feeds, buildID)
	return true
}

func (h *Hub) follows(buildID uuid.UUID) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	_, ok := h.feeds[buildID]
	return ok
}
