package event

import (
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/sheenapps/sheen/server/event/redistest"
)

func TestSubscriptionsComeBackAfterARestart(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	writing, reading := newSingleNode(t, server.Addr()), newSingleNode(t, server.Addr())
	builds := newBuilds(100)
	reading.attachAll(t, builds)
	reading.hears(t, writing, builds[0], 1)
	server.Kill()
	// One comes and one goes while there is no Redis.
	coming, going := uuid.New(), builds[99]
	begun := time.Now()
	reading.Attach(t.Context(), coming)
	if took := time.Since(begun); took < ackWait || took > 4*ackWait {
		t.Errorf("without Redis, Attach takes %v", took)
	}
	reading.Detach(going)
	for seq := int64(1); seq <= 50; seq++ {
		writing.Publish(Batch{BuildID: going, Records: newTextRecords(t, seq, seq)})
	}
	waitFor(t, func() bool { return writing.Stats().Dropped.Load() == 50 })
	server.Restart()
	waitFor(t, func() bool { return len(channels(t, server)) == len(builds) })
	if n := listening(t, server); n != 1 {
		t.Errorf("%d connections listen", n)
	}
	for _, id := range append(builds[:99:99], coming) {
		reading.hears(t, writing, id, 100)
	}
	if got := reading.got(going); got != nil {
		t.Errorf("who left while Redis was away hears %v", got)
	}
	for node, use := range map[*busNode]string{reading: "use=subscribe", writing: "use=publish"} {
		if away, back := node.logged("WARN", use), node.logged("INFO", use); away != 1 || back != 1 {
			t.Errorf("%s: it is logged %d times that Redis is away and %d times that it is back", use, away, back)
		}
	}
}

func TestAFullRedisStillCarriesPublications(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t, "--maxmemory", "1kb", "--maxmemory-policy", "noeviction")
	writing, reading := newSingleNode(t, server.Addr()), newSingleNode(t, server.Addr())
	builds := newBuilds(10)
	reading.attachAll(t, builds)
	for _, id := range builds {
		for seq := int64(1); seq <= 20; seq++ {
			writing.Publish(Batch{BuildID: id, Records: newTextRecords(t, seq, seq)})
		}
	}
	for _, id := range builds {
		waitFor(t, func() bool { return slices.Equal(reading.got(id), span64(1, 20)) })
	}
	waitFor(t, func() bool { return writing.Stats().Published.Load() == 200 })
	if n := writing.Stats().Errors.Load(); n != 200 {
		t.Errorf("%d refusals: is the server not full?", n)
	}
	if n := writing.Stats().Dropped.Load(); n != 0 {
		t.Errorf("%d dropped", n)
	}
	if got := reading.Recent(t.Context(), builds[0], 0, 10); got != nil {
		t.Errorf("the cache has %v", seqs(got))
	}
	if n := writing.logged("WARN", "use=cache", "OOM"); n != 1 {
		t.Errorf("it is logged %d times that the cache takes nothing", n)
	}
	if err := server.Client().ConfigSet(t.Context(), "maxmemory", "0").Err(); err != nil {
		t.Fatal(err)
	}
	writing.Publish(Batch{BuildID: builds[0], Records: newTextRecords(t, 21, 21)})
	waitFor(t, func() bool { return len(reading.Recent(t.Context(), builds[0], 20, 10)) == 1 })
	waitFor(t, func() bool { return writing.logged("INFO", "use=cache") == 1 })
}

func TestARedisThatHangsHoldsNobodyUp(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	writing, reading := newSingleNode(t, server.Addr()), newSingleNode(t, server.Addr())
	before := attached(t, reading)
	last := reading.hears(t, writing, before, 1)
	server.Pause()

	const size = 64 << 10
	batches := make([]Batch, 400)
	for i := range batches {
		batches[i] = Batch{BuildID: before, Records: []Record{newTextRecord(t, last+1+int64(i), size)}}
	}
	begun := time.Now()
	for _, batch := range batches {
		writing.Publish(batch)
	}
	if took := time.Since(begun); took > ackWait {
		t.Errorf("Publish takes %v for %d batches", took, len(batches))
	}
	writing.publisher.mu.Lock()
	waiting := writing.publisher.outboxes[""].bytes
	writing.publisher.mu.Unlock()
	if waiting > queueBytes || writing.Stats().Dropped.Load() == 0 {
		t.Errorf("%d bytes wait, %d batches were dropped", waiting, writing.Stats().Dropped.Load())
	}

	begun = time.Now()
	during := attached(t, reading)
	if took := time.Since(begun); took < ackWait || took > 2*ackWait {
		t.Errorf("Attach takes %v", took)
	}
	begun = time.Now()
	reading.Detach(during)
	reading.Attach(t.Context(), during)
	if took := time.Since(begun); took > 2*ackWait {
		t.Errorf("Detach and Attach take %v", took)
	}
	begun = time.Now()
	if got := reading.Recent(t.Context(), before, 0, 10); got != nil {
		t.Errorf("hanging, it has %v", seqs(got))
	}
	if took := time.Since(begun); took < recentTimeout || took > 4*recentTimeout {
		t.Errorf("Recent takes %v", took)
	}
	begun = time.Now()
	for range 100 {
		reading.Recent(t.Context(), before, 0, 10)
	}
	if took := time.Since(begun); took > recentTimeout {
		t.Errorf("Recent takes %v for 100 that come later", took)
	}

	// Long enough for the connection to be given up.
	waitFor(t, func() bool { return reading.logged("WARN", "use=subscribe") == 1 })
	server.Resume()
	for _, id := range []uuid.UUID{before, during} {
		last = reading.hears(t, writing, id, last+1000)
	}
	waitFor(t, func() bool { return len(reading.Recent(t.Context(), during, last-1, 10)) == 1 })
	if n := listening(t, server); n != 1 {
		t.Errorf("%d connections listen", n)
	}
}
