package event

import (
	"context"
	"errors"
	"runtime"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/uuid"
)

// subscribe follows a build until the test ends.
func subscribe(t *testing.T, hub *Hub, build uuid.UUID) *Cursor {
	t.Helper()
	cursor, err := hub.Subscribe(t.Context(), build, 0, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cursor.Close)
	return cursor
}

func TestManySubscribersAreWokenTogether(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		log, build := newSimLog(), uuid.New()
		hub := newNode(log).hub
		const crowd, events = 1000, 50
		cursors := make([]*Cursor, crowd)
		for i := range cursors {
			cursors[i] = subscribe(t, hub, build)
		}
		began := time.Now()
		hub.Publish(log.append(t, build, 1, 4))
		if records, err := cursors[0].Next(t.Context()); err != nil || len(records) != 1 || time.Since(began) != 0 {
			t.Errorf("the first event: %v, %v after %v", seqs(records), err, time.Since(began))
		}
		wakeups := 0
		done := make(chan struct{})
		go func() {
			defer close(done)
			for position := int64(1); position < events; wakeups++ {
				records, err := cursors[0].Next(t.Context())
				if err != nil {
					t.Error(err)
					return
				}
				position = records[len(records)-1].Seq
			}
		}()
		for range events - 1 {
			hub.Publish(log.append(t, build, 1, 4))
			<-time.After(time.Millisecond)
		}
		<-done
		if late := time.Since(began); late > events*time.Millisecond+maxCoalesce {
			t.Errorf("the last event came after %v", late)
		}
		if wakeups < 5 || wakeups > 12 {
			t.Errorf("%d wake-ups for %d events in 50 ms", wakeups, events-1)
		}
	})
}

func TestAFeedWaitsForItsSubscribersToComeBack(t *testing.T) {
	t.Parallel()
	log, build := newSimLog(), uuid.New()
	n := newNode(log)
	cursor, err := n.hub.Subscribe(t.Context(), build, 0, 0)
	if err != nil {
		t.Fatal(err)
	}
	cursor.Close()
	n.hub.sweep(time.Now().Add(linger - time.Second))
	n.hub.Publish(log.append(t, build, 3, 4))
	if cursor, err = n.hub.Subscribe(t.Context(), build, 0, 3); err != nil {
		t.Fatal(err)
	}
	if records, err := cursor.Next(t.Context()); err != nil || len(records) != 3 || log.pages != 0 {
		t.Errorf("%v, %v, %d pages read", seqs(records), err, log.pages)
	}
	cursor.Close()
	n.hub.sweep(time.Now().Add(linger))
	if len(n.hub.feeds) != 0 || n.bus.follows(build) {
		t.Error("it waits for ever")
	}
}

func TestAFinishedBuildsFeedDoesNotWait(t *testing.T) {
	t.Parallel()
	log, build := newSimLog(), uuid.New()
	n := newNode(log)
	cursor, err := n.hub.Subscribe(t.Context(), build, 0, 0)
	if err != nil {
		t.Fatal(err)
	}
	batch := log.append(t, build, 1, 4)
	batch.Records[0].Last = true
	n.hub.Publish(batch)
	n.hub.sweep(time.Now().Add(linger))
	if len(n.hub.feeds) != 1 {
		t.Error("it does not wait for a subscriber who is still there")
	}
	cursor.Close()
	n.hub.sweep(time.Now())
	if len(n.hub.feeds) != 0 {
		t.Error("it waits")
	}
}

// absentLog is a store that is away.
type absentLog struct{ *simLog }

// Heads implements [Reader].
func (absentLog) Heads(context.Context, []uuid.UUID) (map[uuid.UUID]int64, error) {
	return nil, errWanted
}

func TestSubscribingWithoutAStoreLeavesNothing(t *testing.T) {
	t.Parallel()
	n := newNode(absentLog{newSimLog()})
	build := uuid.New()
	var group sync.WaitGroup
	for range 20 {
		group.Go(func() {
			if _, err := n.hub.Subscribe(t.Context(), build, 0, 0); !errors.Is(err, errWanted) {
				t.Errorf("%v", err)
			}
		})
	}
	group.Wait()
	n.hub.sweep(time.Now().Add(linger))
	if len(n.hub.feeds) != 0 || n.bus.follows(build) {
		t.Errorf("%d feeds, attached: %v", len(n.hub.feeds), n.bus.follows(build))
	}
}

// TestThousandsComeAndGo wants the memory of the beginning back.
//
//nolint:paralleltest // it measures the memory of the whole process
func TestThousandsComeAndGo(t *testing.T) {
	log := newSimLog()
	n := newNode(log)
	visit := func() {
		for range 2000 {
			build := uuid.New()
			cursor, err := n.hub.Subscribe(t.Context(), build, 0, 0)
			if err != nil {
				t.Fatal(err)
			}
			n.hub.Publish(Batch{build, newTextRecords(t, 1, 5)})
			if records, err := cursor.Next(t.Context()); err != nil || len(records) != 5 {
				t.Fatal(seqs(records), err)
			}
			cursor.Close()
		}
		n.bus.inFlight = nil
		n.hub.sweep(time.Now())
		if len(n.hub.feeds) > maxLingering {
			t.Errorf("%d feeds linger", len(n.hub.feeds))
		}
		n.hub.sweep(time.Now().Add(linger))
		if len(n.hub.feeds) != 0 || len(n.bus.attached) != 0 {
			t.Errorf("left behind: %d feeds, %d subscriptions", len(n.hub.feeds), len(n.bus.attached))
		}
	}
	visit()
	before := heap()
	for range 4 {
		visit()
	}
	if after := heap(); after > before+1<<20 {
		t.Errorf("%d KiB became %d KiB", before>>10, after>>10)
	}
}

func heap() uint64 {
	runtime.GC()
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return stats.HeapAlloc
}

func TestDrainIsPaced(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		crowd    int
		window   time.Duration
		min, max time.Duration
	}{
		{0, time.Minute, 0, 0},
		{1, time.Minute, 0, 0},
		{500, time.Minute, 499 * drainPace, 499 * drainPace},
		{500, 100 * time.Millisecond, 90 * time.Millisecond, 100 * time.Millisecond},
		{500, 0, 0, time.Millisecond},
	} {
		synctest.Test(t, func(t *testing.T) {
			hub := newNode(newSimLog()).hub
			for range test.crowd {
				subscribe(t, hub, uuid.New())
			}
			began := time.Now()
			hub.Drain(test.window)
			if took := time.Since(began); took < test.min || took > test.max {
				t.Errorf("%d within %v: %v", test.crowd, test.window, took)
			}
			for _, f := range hub.feeds {
				for c := range f.cursors {
					if _, err := c.Next(t.Context()); !errors.Is(err, ErrDraining) {
						t.Errorf("one was not told: %v", err)
					}
				}
			}
		})
	}
}
