package event

import (
	"context"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/google/uuid"
	"github.com/redis/go-redis/v9"
)

// channelPrefix begins the name of a build's channel and of its cached stream;
// the braces keep both in one slot of a Redis Cluster.
const channelPrefix = "sheen:ev:{"

// RedisBus is a [Bus] over Redis' publish and subscribe, with a stream of each
// build's newest batches beside it as a cache. One connection per server listens
// for the whole node. It works with a single server, behind sentinels and in a
// cluster. It is safe for concurrent use.
type RedisBus struct {
	publisher *publisher
	listener  *listener
	cache     *cache
	stats     *BusStats
}

// BusStats counts what a bus did since it was made.
type BusStats struct {
	// Published and Dropped are batches that were sent, and that were not.
	Published, Dropped atomic.Int64
	// Received are records that came from the bus, this node's own among them.
	Received atomic.Int64
	// Errors are refusals and failures of Redis, of which a batch can meet several.
	Errors atomic.Int64
}

// NewRedisBus hands what it hears to deliver, one batch at a time for each server.
// [RedisBus.Run] must run for that; publishing works at once. The client's
// timeouts bound how long a sender waits, and it must obey the deadlines of
// contexts (ContextTimeoutEnabled) for [RedisBus.Recent] to be quick. It is a
// [redis.ClusterClient] for a cluster.
func NewRedisBus(client redis.UniversalClient, deliver func(Batch), log *slog.Logger) *RedisBus {
	stats := &BusStats{}
	servers := newTopology(client)
	return &RedisBus{
		publisher: newPublisher(servers, stats, log),
		listener:  newListener(servers, receiver(deliver, stats, log), stats, log),
		cache:     &cache{servers: servers, stats: stats},
		stats:     stats,
	}
}

// Run listens until ctx ends, then sends what was published before that, as far
// as Redis takes it at once. What is published later is dropped.
func (b *RedisBus) Run(ctx context.Context) {
	var group sync.WaitGroup
	group.Go(func() { b.listener.run(ctx) })
	<-ctx.Done()
	b.publisher.close()
	group.Wait()
}

// Stats returns the counters, which go on counting.
func (b *RedisBus) Stats() *BusStats { return b.stats }

// Publish implements [Bus]. While Redis does not keep up, 8 MiB of batches wait
// for each of its servers; beyond that the oldest are dropped.
func (b *RedisBus) Publish(batches ...Batch) { b.publisher.publish(batches) }

// Attach implements [Bus]. It takes 250 ms at most.
func (b *RedisBus) Attach(ctx context.Context, buildID uuid.UUID) {
	b.listener.attach(ctx, channel(buildID))
}

// Detach implements [Bus].
func (b *RedisBus) Detach(buildID uuid.UUID) { b.listener.detach(channel(buildID)) }

// Recent implements [Bus]. It takes 50 ms at most, and after a failure nothing is
// asked for a second.
func (b *RedisBus) Recent(ctx context.Context, buildID uuid.UUID, afterSeq int64, limit int) []Record {
	return b.cache.recent(ctx, buildID, afterSeq, limit)
}

func channel(buildID uuid.UUID) string { return channelPrefix + buildID.String() + "}" }

// receiver decodes publications for deliver.
func receiver(deliver func(Batch), stats *BusStats, log *slog.Logger) func(*redis.Message) {
	return func(m *redis.Message) {
		id, err := uuid.Parse(strings.TrimSuffix(strings.TrimPrefix(m.Channel, channelPrefix), "}"))
		if err != nil {
			return
		}
		records, err := DecodeFrame([]byte(m.Payload))
		if err != nil {
			stats.Errors.Add(1)
			log.Warn("a publication could not be read", "channel", m.Channel, "cause", err)
			return
		}
		stats.Received.Add(int64(len(records)))
		deliver(Batch{BuildID: id, Records: records})
	}
}
