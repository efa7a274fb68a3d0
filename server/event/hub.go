package event

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/google/uuid"
)

// ErrDraining says that the node is about to stop: subscribers reconnect.
var ErrDraining = errors.New("the node is draining")

const (
	// repairEvery is how often the heads of all followed builds are compared with
	// the store, in one query: the longest that a lost publication goes unnoticed.
	repairEvery = time.Second
	// openTimeout bounds the first questions about a build.
	openTimeout = 10 * time.Second
	// linger is how long a feed stays after its last subscriber, who may be
	// reconnecting, and maxLingering how many of them stay at most.
	linger       = 30 * time.Second
	maxLingering = 256
	// batchBytes bounds what a cursor returns at once. Of what is no longer in the
	// feed it returns less, so that a crowd that is behind costs less memory.
	batchBytes   = 256 << 10
	catchUpBytes = 64 << 10
)

// Reader is the part of the log that delivery needs.
type Reader interface {
	Page(ctx context.Context, buildID uuid.UUID, afterSeq int64, limit int32) ([]Record, error)
	Heads(ctx context.Context, builds []uuid.UUID) (map[uuid.UUID]int64, error)
}

// Hub delivers records to the subscribers of one node. It is safe for concurrent
// use; [Hub.Run] must run for lost publications to be found.
type Hub struct {
	reader  Reader
	log     *slog.Logger
	bus     Bus
	metrics *Metrics
	pages   *pages
	turns   *turns

	mu       sync.Mutex
	feeds    map[uuid.UUID]*feed
	draining bool
}

// NewHub makes a hub without a bus: it hears of this node's batches at once and
// of others' within a second.
func NewHub(reader Reader, log *slog.Logger) *Hub {
	h := &Hub{
		reader:  reader,
		log:     log,
		bus:     noBus{},
		metrics: NewMetrics(nil),
		turns:   newTurns(),
		feeds:   make(map[uuid.UUID]*feed),
	}
	h.pages = newPages(h.readPage)
	return h
}

// Connect gives the hub a bus, before the first use of the hub. The bus hands
// what it hears to [Hub.Receive].
func (h *Hub) Connect(bus Bus) { h.bus = bus }

// Observe makes the hub count, from before its first use on.
func (h *Hub) Observe(m *Metrics) { h.metrics = m }

// Publish makes the batches of a commit known, here and on other nodes. It neither
// blocks nor fails: who misses the news finds the records in the store.
func (h *Hub) Publish(batches ...Batch) {
	sent := slices.DeleteFunc(slices.Clone(batches), func(b Batch) bool { return len(b.Records) == 0 })
	if len(sent) == 0 {
		return
	}
	events := 0
	for _, batch := range sent {
		events += len(batch.Records)
		h.deliver(batch)
	}
	h.metrics.appended(events)
	h.bus.Publish(sent...)
}

// Receive takes a batch that the bus brought. It never blocks.
func (h *Hub) Receive(batch Batch) {
	if h.deliver(batch) {
		h.metrics.hop(hopBus, batch.Records[len(batch.Records)-1])
	}
}

// deliver hands a batch to this node's subscribers, and reports whether somebody
// may be there.
func (h *Hub) deliver(batch Batch) bool {
	h.mu.Lock()
	f := h.feeds[batch.BuildID]
	h.mu.Unlock()
	if f == nil || len(batch.Records) == 0 {
		return false
	}
	if hidden := f.add(batch.Records); hidden > 0 {
		h.metrics.repaired(byHole)
	}
	return true
}

// Run repairs what the bus lost and forgets what nobody asks for any more, until
// ctx ends.
func (h *Hub) Run(ctx context.Context) {
	ticker := time.NewTicker(repairEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			h.repair(ctx)
			h.sweep(time.Now())
		}
	}
}

// repair compares the heads of all builds that somebody follows with the store.
func (h *Hub) repair(ctx context.Context) {
	followed := h.followed()
	if len(followed) == 0 {
		return
	}
	builds := make([]uuid.UUID, 0, len(followed))
	for id := range followed {
		builds = append(builds, id)
	}
	heads, err := h.reader.Heads(ctx, builds)
	if err != nil {
		if ctx.Err() == nil {
			h.log.WarnContext(ctx, "heads could not be compared", "cause", err)
		}
		return
	}
	for id, head := range heads {
		if followed[id].raise(head) {
			h.metrics.repaired(bySilence)
		}
	}
}

// followed are the feeds that have subscribers.
func (h *Hub) followed() map[uuid.UUID]*feed {
	h.mu.Lock()
	defer h.mu.Unlock()
	followed := make(map[uuid.UUID]*feed, len(h.feeds))
	for id, f := range h.feeds {
		if len(f.cursors) > 0 {
			followed[id] = f
		}
	}
	return followed
}

// readPage reads from the bus's cache, or else from the store.
func (h *Hub) readPage(ctx context.Context, buildID uuid.UUID, afterSeq int64, limit int32) ([]Record, error) {
	if records := h.bus.Recent(ctx, buildID, afterSeq, int(limit)); len(records) > 0 {
		h.metrics.caughtUp(fromRedis)
		return records, nil
	}
	records, err := h.reader.Page(ctx, buildID, afterSeq, limit)
	if err == nil {
		h.metrics.caughtUp(fromPostgres)
	}
	return records, err
}

// noBus is the bus of a hub that is alone.
type noBus struct{}

func (noBus) Publish(...Batch)                                       {}
func (noBus) Attach(context.Context, uuid.UUID)                      {}
func (noBus) Detach(uuid.UUID)                                       {}
func (noBus) Recent(context.Context, uuid.UUID, int64, int) []Record { return nil }
