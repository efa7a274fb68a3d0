package event

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	eventv1 "github.com/sheenapps/sheen/gen/sheen/event/v1"
	"github.com/sheenapps/sheen/store"
)

// oneBuildStored is how Postgres says that an append for one build is done.
const oneBuildStored = "SELECT 1\x00"

// The commit took place and its answer was lost.
func TestALostAnswer(t *testing.T) {
	t.Parallel()
	b := setup(t)
	w, log := b.throughWire(t, oneBuildStored)
	a := startAppender(t, log)
	p, other := b.build(t), b.build(t)
	a.must(t, p, 0, textEvent("one"))
	a.must(t, other, 0, textEvent("one"))
	for name, test := range map[string]struct {
		p        Producer
		expected int64
		unknown  bool
	}{"expected": {p, 2, false}, "anywhere": {other, 0, true}} {
		w.armed.Add(1)
		batch, err := a.Append(t.Context(), test.p, test.expected, textEvent("two"), logEvent("three"))
		if errors.Is(err, ErrOutcomeUnknown) != test.unknown || (err == nil) == test.unknown || w.armed.Load() != 0 {
			t.Errorf("%s: %v, %d answers to lose", name, err, w.armed.Load())
		}
		stored := b.page(t, test.p.BuildID)
		if !slices.Equal(seqs(stored), []int64{1, 2, 3}) || (!test.unknown && !slices.EqualFunc(batch.Records, stored[1:], sameRecord)) {
			t.Errorf("%s: stored %v, told %v", name, seqs(stored), seqs(batch.Records))
		}
	}
	if w.lost.Load() != 2 {
		t.Errorf("%d answers were lost", w.lost.Load())
	}
}

// A caller that goes while a statement is under way cannot know.
func TestACallerThatGoesTooLate(t *testing.T) {
	t.Parallel()
	b := setup(t)
	a, p := b.appender(t), b.build(t)
	release := b.hold(t, p.BuildID)
	ctx, cancel := context.WithCancelCause(t.Context())
	gone := a.later(ctx, p, 1, textEvent("one"))
	eventually(t, "it is waited for", func() bool {
		a.Appender.mu.Lock()
		defer a.Appender.mu.Unlock()
		return a.alone == 1
	})
	cancel(errWanted)
	if err := <-gone; !errors.Is(err, ErrOutcomeUnknown) || !errors.Is(err, errWanted) {
		t.Errorf("heard %v", err)
	}
	release()
	// The repeat settles it.
	a.must(t, p, 1, textEvent("one"))
	if got := b.texts(t, p.BuildID); !slices.Equal(got, []string{"one"}) {
		t.Errorf("stored %q", got)
	}
}

// Connections are killed in the middle of what they do, all the time.
func TestKilledConnections(t *testing.T) {
	t.Parallel()
	b := setup(t)
	w, log := b.throughWire(t, "SELECT ")
	a := startAppender(t, log)
	// Each appends so often at least, and goes on until both faults have struck.
	const producers, appends, enough = 12, 20, 2000
	ctx, stop := context.WithCancel(t.Context())
	var killed atomic.Int64
	var killer, group sync.WaitGroup
	killer.Go(func() {
		for ctx.Err() == nil {
			var n int64
			err := b.db.QueryRow(t.Context(), `SELECT count(pg_terminate_backend(pid, 5000)) FROM pg_stat_activity
				WHERE datname = current_database() AND state = 'active' AND query LIKE '-- name: EventAppendMany%'`).Scan(&n)
			if err == nil {
				killed.Add(n)
			}
			w.armed.Store(int32(rand.N(4) / 3))
			wait(ctx, 8*time.Millisecond)
		}
	})
	all := make([]Producer, producers)
	stored := make([]int, producers)
	struck := func() bool { return killed.Load() > 0 && w.lost.Load() > 0 }
	for i := range all {
		all[i] = b.build(t)
		group.Go(func() {
			for n := 0; n < appends || !struck() && n < enough; n++ {
				if _, err := a.Append(t.Context(), all[i], int64(n+1), textEvent(strconv.Itoa(n))); err != nil {
					t.Errorf("append %d: %v", n, err)
					return
				}
				stored[i]++
			}
		})
	}
	group.Wait()
	stop()
	killer.Wait()
	b.db.Pool().Reset()
	for i, p := range all {
		var want []string
		for n := range stored[i] {
			want = append(want, strconv.Itoa(n))
		}
		if got := b.texts(t, p.BuildID); !slices.Equal(got, want) {
			t.Errorf("stored %q", got)
		}
	}
	if !struck() {
		t.Errorf("%d connections were killed, %d answers lost", killed.Load(), w.lost.Load())
	}
}

func wait(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}

// crowd is many producers on few builds that do all that producers do.
type crowd struct {
	*bundle

	a *appending

	mu sync.Mutex
	// acked are the texts that were acknowledged, by build and seq.
	acked map[uuid.UUID]map[int64]string
	count atomic.Int64
	// Each kind of thing must have happened.
	repeats, conflicts, lost, holds, txs atomic.Int64
}

// Whatever producers do at once, each build's log has no gap, and each append
// that was acknowledged is in it once, where it was said to be.
func TestACrowdOfProducers(t *testing.T) {
	t.Parallel()
	c := &crowd{bundle: setup(t), acked: make(map[uuid.UUID]map[int64]string)}
	c.a = c.appender(t, WithBatch(16), WithQueue(40, 1<<20))
	var builds []Producer
	for range 6 {
		p := c.lease(t, c.build(t))
		builds = append(builds, p)
		c.acked[p.BuildID] = make(map[int64]string)
	}
	var group sync.WaitGroup
	for i := range 24 {
		random := rand.New(rand.NewPCG(uint64(i), 1))
		group.Go(func() {
			for range 25 {
				c.act(t, random, builds[random.IntN(len(builds))])
			}
		})
	}
	group.Wait()
	for _, p := range builds {
		stored := decodeAll(c.page(t, p.BuildID))
		if len(stored) != len(c.acked[p.BuildID]) {
			t.Errorf("%d stored, %d acknowledged", len(stored), len(c.acked[p.BuildID]))
		}
		for i, e := range stored {
			if e.GetSeq() != int64(i+1) || c.acked[p.BuildID][e.GetSeq()] != e.GetAssistantText().GetDelta() {
				t.Fatalf("event %d is %d with %q, acknowledged was %q",
					i+1, e.GetSeq(), e.GetAssistantText().GetDelta(), c.acked[p.BuildID][e.GetSeq()])
			}
		}
	}
	for name, n := range map[string]*atomic.Int64{
		"repeats": &c.repeats, "conflicts": &c.conflicts, "lost leases": &c.lost, "holds": &c.holds, "transactions": &c.txs,
	} {
		if n.Load() == 0 {
			t.Errorf("there were no %s", name)
		}
	}
}

func (c *crowd) act(t *testing.T, random *rand.Rand, p Producer) {
	events := make([]*eventv1.BuildEvent, 1+random.IntN(3))
	for i := range events {
		events[i] = textEvent(strconv.FormatInt(c.count.Add(1), 10))
	}
	switch random.IntN(6) {
	case 0: // Somebody holds the build for a moment.
		c.holds.Add(1)
		_ = store.InTx(t.Context(), c.db, func(tx pgx.Tx) error {
			_, err := c.queries.EventLock(t.Context(), tx, &store.EventLockParams{BuildID: p.BuildID})
			wait(t.Context(), time.Duration(random.IntN(5))*time.Millisecond)
			return err
		})
	case 1: // A transition.
		c.txs.Add(1)
		batch, err := c.tryAppend(t, p, events...)
		c.check(t, batch, err, events)
	case 2: // Somebody whose lease is gone.
		c.lost.Add(1)
		if _, err := c.a.Append(t.Context(), Producer{p.BuildID, p.LeaseToken - 1}, 0, events...); !errors.Is(err, ErrLeaseLost) {
			t.Errorf("a stale token: %v", err)
		}
	case 3: // One that expects the seq that it knows of, and repeats itself.
		c.expecting(t, random, p, events)
	default:
		batch, err := c.a.Append(t.Context(), p, 0, events...)
		c.check(t, batch, err, events)
	}
}

func (c *crowd) expecting(t *testing.T, random *rand.Rand, p Producer, events []*eventv1.BuildEvent) {
	heads, err := c.log.Heads(t.Context(), []uuid.UUID{p.BuildID})
	if err != nil {
		t.Error(err)
		return
	}
	expected := heads[p.BuildID] + 1
	batch, err := c.a.Append(t.Context(), p, expected, events...)
	if conflict, ok := errors.AsType[*SeqConflictError](err); ok {
		c.conflicts.Add(1)
		if conflict.Head < expected {
			t.Errorf("expected %d, and the head is %d", expected, conflict.Head)
		}
		return
	}
	c.check(t, batch, err, events)
	for range random.IntN(3) {
		c.repeats.Add(1)
		again, err := c.a.Append(t.Context(), p, expected, events...)
		if err != nil || !slices.EqualFunc(again.Records, batch.Records, sameRecord) {
			t.Errorf("the repeat of %d: %v, %v", expected, seqs(again.Records), err)
		}
	}
}

// check notes what was acknowledged: no seq twice.
func (c *crowd) check(t *testing.T, batch Batch, err error, events []*eventv1.BuildEvent) {
	if err != nil || len(batch.Records) != len(events) {
		t.Errorf("%v, %v", seqs(batch.Records), err)
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for i, r := range batch.Records {
		if other, ok := c.acked[batch.BuildID][r.Seq]; ok {
			t.Errorf("seq %d is both %s and %v", r.Seq, other, events[i])
		}
		c.acked[batch.BuildID][r.Seq] = events[i].GetAssistantText().GetDelta()
	}
}
