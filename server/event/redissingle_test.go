package event

import (
	"context"
	"log/slog"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/redis/go-redis/v9"

	"github.com/sheenapps/sheen/server/event/redistest"
)

// listening is how many connections of a server are subscribed to something.
func listening(t *testing.T, server *redistest.Server) int {
	t.Helper()
	list, err := server.Client().Do(t.Context(), "client", "list", "type", "pubsub").Text()
	if err != nil {
		t.Fatal(err)
	}
	return strings.Count(list, "\n")
}

// channels are the plain channels that somebody hears.
func channels(t *testing.T, server *redistest.Server) []string {
	t.Helper()
	names, err := server.Client().PubSubChannels(t.Context(), "*").Result()
	if err != nil {
		t.Fatal(err)
	}
	return names
}

func TestOneConnectionListensForAllBuilds(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	writing, reading := newSingleNode(t, server.Addr()), newSingleNode(t, server.Addr())
	builds := newBuilds(100)
	reading.attachAll(t, builds)
	if n := len(channels(t, server)); n != len(builds) {
		t.Errorf("%d channels once Attach came back", n)
	}
	if n := listening(t, server); n != 1 {
		t.Errorf("%d connections listen", n)
	}
	for _, id := range builds {
		writing.Publish(
			Batch{BuildID: id, Records: newTextRecords(t, 1, 3)}, Batch{BuildID: id},
			Batch{BuildID: id, Records: newTextRecords(t, 4, 4)},
		)
	}
	for _, id := range builds {
		waitFor(t, func() bool { return len(reading.got(id)) == 4 })
		if got := reading.got(id); !slices.Equal(got, span64(1, 4)) {
			t.Errorf("heard %v", got)
		}
	}
	if n := reading.Stats().Received.Load(); n != 400 {
		t.Errorf("%d records counted", n)
	}
	waitFor(t, func() bool { return writing.Stats().Published.Load() == 200 })
	for _, id := range builds {
		reading.Detach(id)
	}
	waitFor(t, func() bool { return len(channels(t, server)) == 0 && listening(t, server) == 0 })
	waitFor(t, func() bool { return reading.leftovers() == 0 })
	reading.hears(t, writing, attached(t, reading), 1)
}

func attached(t *testing.T, n *busNode) uuid.UUID {
	t.Helper()
	id := uuid.New()
	n.Attach(t.Context(), id)
	return id
}

func TestNothingIsLeftOfThousandsWhoComeAndGo(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	n := newSingleNode(t, server.Addr())
	staying := newBuilds(1)[0]
	n.Attach(t.Context(), staying)
	var group sync.WaitGroup
	for range 50 {
		group.Go(func() {
			for _, id := range newBuilds(40) {
				n.Attach(t.Context(), id)
				n.Detach(id)
			}
		})
	}
	group.Wait()
	waitFor(t, func() bool { return slices.Equal(channels(t, server), []string{channel(staying)}) })
	waitFor(t, func() bool { return n.leftovers() == 1 })
	n.listener.mu.Lock()
	l := n.listener.wanted[channel(staying)].link
	n.listener.mu.Unlock()
	waitFor(t, func() bool {
		l.mu.Lock()
		defer l.mu.Unlock()
		return len(l.ties.wanted) == 1 && len(l.ties.asked) == 1 && len(l.ties.changed) == 0
	})
}

func TestTheLastCallForABuildCounts(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	writing, reading := newSingleNode(t, server.Addr()), newSingleNode(t, server.Addr())
	builds := newBuilds(30)
	var group sync.WaitGroup
	for _, id := range builds {
		group.Go(func() {
			var early sync.WaitGroup
			for range 5 {
				early.Go(func() { reading.Attach(t.Context(), id) })
				reading.Detach(id)
			}
			reading.Attach(t.Context(), id)
			early.Wait()
		})
	}
	group.Wait()
	for _, id := range builds {
		writing.Publish(Batch{BuildID: id, Records: newTextRecords(t, 1, 2)})
	}
	for _, id := range builds {
		waitFor(t, func() bool { return slices.Equal(reading.got(id), span64(1, 2)) })
	}
	if n := len(channels(t, server)); n != len(builds) {
		t.Errorf("%d channels", n)
	}
}

func TestTheCacheHoldsBatchesByTheirLastSeq(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	n, build := newSingleNode(t, server.Addr()), uuid.New()
	publish := func(first, last int64) {
		sent := n.Stats().Published.Load()
		n.Publish(Batch{BuildID: build, Records: newTextRecords(t, first, last)})
		waitFor(t, func() bool { return n.Stats().Published.Load() > sent })
	}
	for _, span := range [][2]int64{{1, 3}, {4, 4}, {1, 3}, {6, 9}, {5, 5}, {10, 12}} {
		publish(span[0], span[1])
	}
	entries, err := server.Client().XRange(t.Context(), channel(build), "-", "+").Result()
	if err != nil {
		t.Fatal(err)
	}
	var ids []string
	for _, entry := range entries {
		ids = append(ids, entry.ID)
	}
	if want := []string{"3-0", "4-0", "9-0", "12-0"}; !slices.Equal(ids, want) {
		t.Errorf("entries %v, want %v: a second copy and one that was overtaken are not kept", ids, want)
	}
	if ttl := server.Client().TTL(t.Context(), channel(build)).Val(); ttl <= 0 || ttl > cacheExpiry {
		t.Errorf("it is kept for %v", ttl)
	}
	if n.Stats().Errors.Load() != 0 {
		t.Errorf("%d errors: a batch that the cache has already is none", n.Stats().Errors.Load())
	}
	for _, c := range []struct {
		after int64
		limit int
		want  []int64
	}{
		{0, 100, span64(1, 4)},
		{1, 100, span64(2, 4)},
		{2, 1, span64(3, 3)},
		{3, 100, span64(4, 4)},
		{4, 100, nil},
		{5, 100, span64(6, 12)},
		{7, 4, span64(8, 11)},
		{12, 100, nil},
		{99, 100, nil},
		{0, 0, nil},
		{-1, 100, nil},
		{1<<63 - 1, 100, nil},
	} {
		got := seqs(n.Recent(t.Context(), build, c.after, c.limit))
		// No answer in time is none, and the next question waits for a second.
		for deadline := time.Now().Add(10 * time.Second); got == nil && c.want != nil && time.Now().Before(deadline); {
			time.Sleep(50 * time.Millisecond) //nolint:forbidigo // waits for another process, bounded
			got = seqs(n.Recent(t.Context(), build, c.after, c.limit))
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%d after %d: %v, want %v", c.limit, c.after, got, c.want)
		}
	}
	if got := n.Recent(t.Context(), uuid.New(), 0, 10); got != nil {
		t.Errorf("an unknown build has %v", seqs(got))
	}
}

func TestTheCacheIsReadInPiecesAndBounded(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	n, build := newSingleNode(t, server.Addr()), uuid.New()
	const all = 3000
	for seq := int64(1); seq <= all; seq++ {
		n.Publish(Batch{BuildID: build, Records: newTextRecords(t, seq, seq)})
	}
	waitFor(t, func() bool { return n.Stats().Published.Load() == all })
	if length := server.Client().XLen(t.Context(), channel(build)).Val(); length < cachedBatches || length > cachedBatches+200 {
		t.Errorf("%d batches are kept", length)
	}
	if got := seqs(n.Recent(t.Context(), build, all-750, 500)); !slices.Equal(got, span64(all-749, all-250)) {
		t.Errorf("got %d records", len(got))
	}
	if got := seqs(n.Recent(t.Context(), build, all-750, 5000)); !slices.Equal(got, span64(all-749, all)) {
		t.Errorf("got %d records", len(got))
	}
	if got := n.Recent(t.Context(), build, 0, 500); got != nil {
		t.Errorf("got %d records that are gone", len(got))
	}
}

func TestACacheThatLosesItsRecordsHasTheNextOnes(t *testing.T) {
	t.Parallel()
	for name, lose := range map[string]func(t *testing.T, client *redis.Client, key string) error{
		"flushed": func(t *testing.T, c *redis.Client, _ string) error { return c.FlushAll(t.Context()).Err() },
		"deleted": func(t *testing.T, c *redis.Client, key string) error { return c.Del(t.Context(), key).Err() },
		"newest ones lost": func(t *testing.T, c *redis.Client, key string) error {
			return c.XDel(t.Context(), key, "3-0", "4-0").Err()
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := redistest.Start(t)
			writing, reading := newSingleNode(t, server.Addr()), newSingleNode(t, server.Addr())
			build := attached(t, reading)
			for seq := range int64(4) {
				writing.Publish(Batch{BuildID: build, Records: newTextRecords(t, seq+1, seq+1)})
			}
			waitFor(t, func() bool { return len(reading.Recent(t.Context(), build, 0, 10)) == 4 })
			if err := lose(t, server.Client(), channel(build)); err != nil {
				t.Fatal(err)
			}
			if got := reading.Recent(t.Context(), build, 2, 10); got != nil {
				t.Errorf("has %v", seqs(got))
			}
			writing.Publish(Batch{BuildID: build, Records: newTextRecords(t, 5, 6)})
			waitFor(t, func() bool { return len(reading.Recent(t.Context(), build, 4, 10)) == 2 })
			if got := reading.Recent(t.Context(), build, 2, 10); got != nil {
				t.Errorf("closes a gap with %v", seqs(got))
			}
			waitFor(t, func() bool { return slices.Equal(reading.got(build), span64(1, 6)) })
		})
	}
}

func TestWhatWasPublishedLastIsSentBeforeTheEnd(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	reading := newSingleNode(t, server.Addr())
	build := attached(t, reading)
	client := redis.NewClient(redisOptions(server.Addr()))
	defer client.Close()
	ending := NewRedisBus(client, nil, slog.New(slog.DiscardHandler))
	for seq := int64(1); seq <= 500; seq++ {
		ending.Publish(Batch{BuildID: build, Records: newTextRecords(t, seq, seq)})
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	ending.Run(ctx)
	if n := ending.Stats().Published.Load(); n != 500 {
		t.Errorf("%d batches were sent before the end", n)
	}
	waitFor(t, func() bool { return slices.Equal(reading.got(build), span64(1, 500)) })
	ending.Publish(Batch{BuildID: build, Records: newTextRecords(t, 501, 501)})
	if n := ending.Stats().Dropped.Load(); n != 1 {
		t.Errorf("%d batches were dropped after the end", n)
	}
}

func TestAForeignEntryEndsTheAnswer(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	n, build := newSingleNode(t, server.Addr()), uuid.New()
	n.Publish(Batch{BuildID: build, Records: newTextRecords(t, 1, 2)})
	waitFor(t, func() bool { return n.Stats().Published.Load() == 1 })
	for i, values := range [][]any{{"f", "nonsense"}, {"g", "x"}} {
		args := &redis.XAddArgs{Stream: channel(build), ID: strconv.Itoa(3+i) + "-0", Values: values}
		if err := server.Client().XAdd(t.Context(), args).Err(); err != nil {
			t.Fatal(err)
		}
	}
	if got := seqs(n.Recent(t.Context(), build, 0, 10)); !slices.Equal(got, span64(1, 2)) {
		t.Errorf("got %v", got)
	}
	if n.Stats().Errors.Load() != 1 {
		t.Errorf("%d errors", n.Stats().Errors.Load())
	}
	begun := time.Now()
	for range 100 {
		if got := n.Recent(t.Context(), build, 0, 10); got != nil && time.Since(begun) < recentPause {
			t.Errorf("asked again at once: %v", seqs(got))
		}
	}
}
