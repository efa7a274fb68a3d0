package event

import (
	"context"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/redis/go-redis/v9"
)

// ackWait is how long a subscriber waits for Redis to confirm a subscription.
// Beyond it the store fills the gap.
const ackWait = 250 * time.Millisecond

// channelPrefix names a build's channel; the braces keep everything about a
// build in one slot of a Redis Cluster.
const channelPrefix = "sheen:events:{"

// RedisBus carries batches over Redis' publish and subscribe. One connection
// listens for the whole node. It is safe for concurrent use.
type RedisBus struct {
	client  redis.UniversalClient
	pubsub  *redis.PubSub
	deliver func(Batch)
	log     *slog.Logger

	mu      sync.Mutex
	waiting map[string]chan struct{}
}

// NewRedisBus hands what it hears to deliver. [RedisBus.Run] must run for that.
func NewRedisBus(client redis.UniversalClient, deliver func(Batch), log *slog.Logger) *RedisBus {
	return &RedisBus{
		client:  client,
		pubsub:  client.Subscribe(context.Background()),
		deliver: deliver,
		log:     log,
		waiting: make(map[string]chan struct{}),
	}
}

func channel(buildID uuid.UUID) string { return channelPrefix + buildID.String() + "}" }

// Publish implements [Bus].
func (b *RedisBus) Publish(batches ...Batch) {
	for _, batch := range batches {
		if err := b.client.Publish(context.Background(), channel(batch.BuildID), EncodeFrame(batch.Records)).Err(); err != nil {
			b.log.Warn("events were not published; subscribers read the store", "cause", err)
		}
	}
}

// Recent implements [Bus].
func (b *RedisBus) Recent(context.Context, uuid.UUID, int64, int) []Record { return nil }

// Attach implements [Bus].
func (b *RedisBus) Attach(ctx context.Context, buildID uuid.UUID) {
	name, confirmed := channel(buildID), make(chan struct{})
	b.mu.Lock()
	b.waiting[name] = confirmed
	b.mu.Unlock()
	ctx, cancel := context.WithTimeout(ctx, ackWait)
	defer cancel()
	if err := b.pubsub.Subscribe(ctx, name); err != nil {
		b.log.WarnContext(ctx, "events are read from the store: Redis takes no subscription", "cause", err)
		return
	}
	select {
	case <-confirmed:
	case <-ctx.Done():
	}
}

// Detach implements [Bus].
func (b *RedisBus) Detach(buildID uuid.UUID) {
	name := channel(buildID)
	b.mu.Lock()
	delete(b.waiting, name)
	b.mu.Unlock()
	ctx, cancel := context.WithTimeout(context.Background(), ackWait)
	defer cancel()
	if err := b.pubsub.Unsubscribe(ctx, name); err != nil {
		b.log.DebugContext(ctx, "subscription was not ended", "cause", err)
	}
}

// Run listens until ctx ends. The client connects again by itself and renews the
// subscriptions.
func (b *RedisBus) Run(ctx context.Context) {
	stop := context.AfterFunc(ctx, func() {
		if err := b.pubsub.Close(); err != nil {
			b.log.DebugContext(ctx, "listening was not ended cleanly", "cause", err)
		}
	})
	defer stop()
	for message := range b.pubsub.ChannelWithSubscriptions() {
		switch m := message.(type) {
		case *redis.Subscription:
			b.confirm(m)
		case *redis.Message:
			b.receive(m)
		}
	}
}

func (b *RedisBus) confirm(m *redis.Subscription) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if confirmed, ok := b.waiting[m.Channel]; ok && m.Kind == "subscribe" {
		close(confirmed)
		delete(b.waiting, m.Channel)
	}
}

func (b *RedisBus) receive(m *redis.Message) {
	id, err := uuid.Parse(strings.TrimSuffix(strings.TrimPrefix(m.Channel, channelPrefix), "}"))
	if err != nil {
		return
	}
	records, err := DecodeFrame([]byte(m.Payload))
	if err != nil {
		b.log.Warn("a publication could not be read", "cause", err)
		return
	}
	b.deliver(Batch{BuildID: id, Records: records})
}
