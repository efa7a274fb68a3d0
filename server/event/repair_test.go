package event

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/uuid"
)

// lossyBus carries batches between two hubs late, twice, or not at all.
type lossyBus struct {
	*simBus

	to    *Hub
	group *sync.WaitGroup
	lost  *int
}

// Publish implements [Bus]. One goroutine publishes.
func (b lossyBus) Publish(batches ...Batch) {
	batch := batches[0]
	if rand.IntN(3) == 0 {
		*b.lost++
		return
	}
	for range 1 + rand.IntN(2) {
		b.group.Go(func() {
			time.Sleep(rand.N(50 * time.Millisecond)) //nolint:forbidigo // virtual time
			b.to.Receive(batch)
		})
	}
}

func TestLostPublicationsAreFoundWithinASecond(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const records = 400
		log, build := newSimLog(), uuid.New()
		quiet := slog.New(slog.DiscardHandler)
		writing, reading := NewHub(log, quiet), NewHub(log, quiet)
		var group sync.WaitGroup
		lost := 0
		writing.Connect(lossyBus{simBus: newSimBus(), to: reading, group: &group, lost: &lost})
		ctx, cancel := context.WithCancel(t.Context())
		group.Go(func() { reading.Run(ctx) })

		commits := make([]time.Time, records+1)
		var mu sync.Mutex
		var readers sync.WaitGroup
		for i := range 20 {
			readers.Go(func() {
				readAll(t, reading, build, i%4 == 0, records, func(seq int64) {
					mu.Lock()
					defer mu.Unlock()
					if late := time.Since(commits[seq]); i%4 != 0 && late > repairEvery {
						t.Errorf("event %d came %v after its commit", seq, late)
					}
				})
			})
		}
		for seq := 1; seq <= records; seq++ {
			mu.Lock()
			batch := log.append(t, build, 1, 20)
			commits[seq] = time.Now()
			mu.Unlock()
			if seq < records { // The last publication is lost for certain.
				writing.Publish(batch)
			}
			time.Sleep(rand.N(30 * time.Millisecond)) //nolint:forbidigo // virtual time
		}
		readers.Wait()
		if lost == 0 {
			t.Error("nothing was lost: the bus is no test")
		}
		cancel()
		group.Wait()
	})
}

// readAll reads a build to its end over several cursors; a slow reader stalls.
func readAll(t *testing.T, hub *Hub, build uuid.UUID, slow bool, until int64, seen func(seq int64)) {
	for position := int64(0); position < until; {
		cursor, err := hub.Subscribe(t.Context(), build, position, 0)
		if err != nil {
			t.Error(err)
			return
		}
		for range 1 + rand.IntN(20) {
			if slow {
				time.Sleep(rand.N(time.Second)) //nolint:forbidigo // virtual time
			}
			records, err := cursor.Next(t.Context())
			if err != nil || records[0].Seq != position+1 {
				t.Errorf("after %d: %v, %v", position, seqs(records), err)
				return
			}
			for _, r := range records {
				seen(r.Seq)
			}
			if position = records[len(records)-1].Seq; position == until {
				break
			}
		}
		cursor.Close()
	}
}

func TestALostLastPublicationIsFoundByTheTicker(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		log, build := newSimLog(), uuid.New()
		hub := NewHub(log, slog.New(slog.DiscardHandler))
		ctx, cancel := context.WithCancel(t.Context())
		var group sync.WaitGroup
		group.Go(func() { hub.Run(ctx) })
		cursor, err := hub.Subscribe(ctx, build, 0, 0)
		if err != nil {
			t.Fatal(err)
		}
		for seq := int64(1); seq <= 3; seq++ {
			time.Sleep(repairEvery / 3) //nolint:forbidigo // virtual time
			committed := time.Now()
			log.append(t, build, 1, 4)
			wait, stop := context.WithTimeoutCause(ctx, time.Minute, errWanted)
			records, err := cursor.Next(wait)
			stop()
			if late := time.Since(committed); err != nil || records[0].Seq != seq || late > repairEvery {
				t.Errorf("event %d: %v, %v, after %v", seq, seqs(records), err, late)
			}
		}
		cursor.Close()
		cancel()
		group.Wait()
	})
}
