package event

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/google/uuid"
	"github.com/redis/go-redis/v9"
)

// redisNode is a hub that hears of batches by Redis.
type redisNode struct {
	hub    *Hub
	client *redis.Client
}

func newRedisNode(t *testing.T, server *miniredis.Miniredis, reader Reader) *redisNode {
	t.Helper()
	quiet := slog.New(slog.DiscardHandler)
	client := redis.NewClient(redisOptions(server.Addr()))
	hub := NewHub(reader, quiet)
	bus := NewRedisBus(client, hub.Receive, quiet)
	hub.Connect(bus)
	ctx, cancel := context.WithCancel(context.Background())
	var group sync.WaitGroup
	group.Go(func() { bus.Run(ctx) })
	group.Go(func() { hub.Run(ctx) })
	t.Cleanup(func() {
		cancel()
		group.Wait()
		_ = client.Close()
	})
	return &redisNode{hub: hub, client: client}
}

func TestBatchesTravelOverRedis(t *testing.T) {
	t.Parallel()
	server, log, build := miniredis.RunT(t), newSimLog(), uuid.New()
	writing, reading := newRedisNode(t, server, log), newRedisNode(t, server, log)
	cursor, err := reading.hub.Subscribe(t.Context(), build, 0, 0)
	if err != nil {
		t.Fatal(err)
	}
	if n := server.PubSubNumSub(channel(build))[channel(build)]; n != 1 {
		t.Errorf("%d subscriptions once Subscribe came back", n)
	}
	var got []int64
	for range 20 {
		writing.hub.Publish(log.append(t, build, 3, 100))
		records, err := cursor.Next(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, seqs(records)...)
	}
	if !slices.Equal(got, span64(1, 60)) {
		t.Errorf("got %v", got)
	}
	if log.pages != 0 {
		t.Errorf("%d pages were read from the store", log.pages)
	}
	cursor.Close()
	reading.hub.sweep(time.Now().Add(linger))
	waitFor(t, func() bool { return server.PubSubNumSub(channel(build))[channel(build)] == 0 })
}

func TestForeignPublicationsAreIgnored(t *testing.T) {
	t.Parallel()
	server, log, build := miniredis.RunT(t), newSimLog(), uuid.New()
	n := newRedisNode(t, server, log)
	cursor, err := n.hub.Subscribe(t.Context(), build, 0, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer cursor.Close()
	for _, payload := range []string{"", "\x00", "hello", string(EncodeFrame(newTextRecords(t, 1, 2)))[:9]} {
		if err := n.client.Publish(t.Context(), channel(build), payload).Err(); err != nil {
			t.Fatal(err)
		}
	}
	batch := log.append(t, build, 1, 4)
	NewRedisBus(n.client, nil, slog.New(slog.DiscardHandler)).Publish(batch)
	if records, err := cursor.Next(t.Context()); err != nil || !slices.Equal(seqs(records), []int64{1}) {
		t.Errorf("%v, %v", seqs(records), err)
	}
}

func TestEventsComeWithoutRedis(t *testing.T) {
	t.Parallel()
	server, log, build := miniredis.RunT(t), newSimLog(), uuid.New()
	writing, reading := newRedisNode(t, server, log), newRedisNode(t, server, log)
	early, err := reading.hub.Subscribe(t.Context(), build, 0, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer early.Close()
	server.Close()
	late, err := reading.hub.Subscribe(t.Context(), build, 0, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer late.Close()
	writing.hub.Publish(log.append(t, build, 2, 4))
	for name, cursor := range map[string]*Cursor{"early": early, "late": late} {
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		if records, err := cursor.Next(ctx); err != nil || !slices.Equal(seqs(records), []int64{1, 2}) {
			t.Errorf("%s: %v, %v", name, seqs(records), err)
		}
		cancel()
	}
}

// waitFor asks until the answer is yes, for ten seconds at most.
func waitFor(t *testing.T, done func() bool) {
	t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	deadline := time.After(10 * time.Second)
	for !done() {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatal("it did not happen within ten seconds")
		}
	}
}
