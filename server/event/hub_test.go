package event

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"
	"pgregory.net/rapid"
)

// node is a hub and its end of the bus.
type node struct {
	hub *Hub
	bus *simBus
}

func newNode(reader Reader) *node {
	n := &node{hub: NewHub(reader, slog.New(slog.DiscardHandler)), bus: newSimBus()}
	n.hub.Connect(n.bus)
	return n
}

// subscriber reads without waiting and keeps what it got.
type subscriber struct {
	build  uuid.UUID
	start  int64
	got    []int64
	cursor *Cursor
}

// read takes what is there now and reports whether it was something.
func (s *subscriber) read(rt *rapid.T) bool {
	if s.cursor.Head() <= s.position() {
		return false
	}
	records, err := s.cursor.Next(context.Background())
	if err != nil {
		rt.Fatalf("after %v: %v", s.got, err)
	}
	s.got = append(s.got, seqs(records)...)
	return len(records) > 0
}

func (s *subscriber) position() int64 { return s.start + int64(len(s.got)) }

// world is two nodes, one store, and everything that may go wrong between them.
type world struct {
	t           *testing.T
	log         *simLog
	nodes       []*node
	builds      []uuid.UUID
	unpublished []Batch
	subscribers []*subscriber
}

func newWorld(t *testing.T) *world {
	log := newSimLog()
	return &world{t: t, log: log, nodes: []*node{newNode(log), newNode(log)}, builds: []uuid.UUID{{1}, {2}}}
}

func (w *world) actions() map[string]func(*rapid.T) {
	return map[string]func(*rapid.T){
		"":          w.check,
		"append":    w.append,
		"publish":   w.publish,
		"deliver":   w.deliver,
		"lose":      w.lose,
		"repair":    w.repair,
		"subscribe": w.subscribe,
		"read":      w.read,
		"resume":    w.resume,
		"leave":     w.leave,
		"sweep":     w.sweep,
	}
}

func (w *world) append(rt *rapid.T) {
	build := rapid.SampledFrom(w.builds).Draw(rt, "build")
	n := rapid.IntRange(1, 6).Draw(rt, "n")
	size := rapid.SampledFrom([]int{4, 4, 4, 90 << 10}).Draw(rt, "size")
	w.unpublished = append(w.unpublished, w.log.append(w.t, build, n, size))
}

// publish takes any of the committed batches: producers overtake each other
// between their commit and their publication.
func (w *world) publish(rt *rapid.T) {
	if batch, ok := take(rt, &w.unpublished); ok {
		rapid.SampledFrom(w.nodes).Draw(rt, "node").hub.Publish(batch)
	}
}

// deliver carries a batch from one node to the other; it may stay in flight, and
// so come again.
func (w *world) deliver(rt *rapid.T) {
	from := rapid.IntRange(0, 1).Draw(rt, "from")
	flight := &w.nodes[from].bus.inFlight
	batch, ok := take(rt, flight)
	if !ok {
		return
	}
	if rapid.Bool().Draw(rt, "again") {
		*flight = append(*flight, batch)
	}
	if to := w.nodes[1-from]; to.bus.follows(batch.BuildID) {
		to.hub.Receive(batch)
	}
}

func (w *world) lose(rt *rapid.T) {
	if rapid.Bool().Draw(rt, "before publication") {
		take(rt, &w.unpublished)
		return
	}
	take(rt, &rapid.SampledFrom(w.nodes).Draw(rt, "node").bus.inFlight)
}

func (w *world) repair(rt *rapid.T) {
	rapid.SampledFrom(w.nodes).Draw(rt, "node").hub.repair(context.Background())
}

func (w *world) subscribe(rt *rapid.T) {
	if len(w.subscribers) == 6 {
		rt.Skip("enough")
	}
	build := rapid.SampledFrom(w.builds).Draw(rt, "build")
	s := &subscriber{build: build, start: rapid.Int64Range(0, w.log.head(build)).Draw(rt, "start")}
	w.attach(rt, s)
	w.subscribers = append(w.subscribers, s)
}

func (w *world) attach(rt *rapid.T, s *subscriber) {
	hub := rapid.SampledFrom(w.nodes).Draw(rt, "node").hub
	head := rapid.SampledFrom([]int64{0, w.log.head(s.build)}).Draw(rt, "head")
	cursor, err := hub.Subscribe(context.Background(), s.build, s.position(), head)
	if err != nil {
		rt.Fatal(err)
	}
	s.cursor = cursor
}

func (w *world) read(rt *rapid.T) {
	if len(w.subscribers) > 0 {
		rapid.SampledFrom(w.subscribers).Draw(rt, "subscriber").read(rt)
	}
}

// resume is a cut and a new stream, perhaps to the other node.
func (w *world) resume(rt *rapid.T) {
	if len(w.subscribers) > 0 {
		s := rapid.SampledFrom(w.subscribers).Draw(rt, "subscriber")
		s.cursor.Close()
		w.attach(rt, s)
	}
}

func (w *world) leave(rt *rapid.T) {
	if s, ok := take(rt, &w.subscribers); ok {
		s.cursor.Close()
		s.cursor.Close()
	}
}

// sweep lets what nobody follows go, all of it or nothing yet.
func (w *world) sweep(rt *rapid.T) {
	later := rapid.SampledFrom([]time.Duration{0, linger}).Draw(rt, "later")
	rapid.SampledFrom(w.nodes).Draw(rt, "node").hub.sweep(time.Now().Add(later))
}

// check is what always holds.
func (w *world) check(rt *rapid.T) {
	for _, s := range w.subscribers {
		if !slices.Equal(s.got, span64(s.start+1, s.position())) {
			rt.Fatalf("from %d: %v", s.start, s.got)
		}
	}
	for _, n := range w.nodes {
		for id := range n.hub.feeds {
			if !n.bus.follows(id) {
				rt.Fatal("a feed that hears nothing")
			}
		}
	}
}

// settle is one repair and nothing but reading: everybody must have everything.
func (w *world) settle(rt *rapid.T) {
	for _, n := range w.nodes {
		n.hub.repair(context.Background())
	}
	for _, s := range w.subscribers {
		for s.read(rt) {
		}
		if head := w.log.head(s.build); !slices.Equal(s.got, span64(s.start+1, head)) {
			rt.Fatalf("from %d to %d: %v", s.start, head, s.got)
		}
		s.cursor.Close()
	}
	for _, n := range w.nodes {
		n.hub.sweep(time.Now().Add(linger))
		if len(n.hub.feeds) != 0 || len(n.bus.attached) != 0 {
			rt.Fatalf("left behind: %d feeds, %d subscriptions", len(n.hub.feeds), len(n.bus.attached))
		}
	}
}

// take removes any element.
func take[T any](rt *rapid.T, from *[]T) (taken T, ok bool) {
	if len(*from) == 0 {
		return taken, false
	}
	i := rapid.IntRange(0, len(*from)-1).Draw(rt, "which")
	taken = (*from)[i]
	*from = slices.Delete(*from, i, i+1)
	return taken, true
}

func TestEverySubscriberSeesEveryEventOnce(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		w := newWorld(t)
		rt.Repeat(w.actions())
		w.settle(rt)
	})
}

func TestACursorThatKeepsUpNeverReadsTheStore(t *testing.T) {
	t.Parallel()
	log, build := newSimLog(), uuid.New()
	n := newNode(log)
	cursor, err := n.hub.Subscribe(t.Context(), build, 0, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer cursor.Close()
	for range 50 {
		n.hub.Publish(log.append(t, build, 3, 100))
		if records, err := cursor.Next(t.Context()); err != nil || len(records) != 3 {
			t.Fatalf("%v, %v", seqs(records), err)
		}
	}
	if log.pages != 0 {
		t.Errorf("%d pages were read", log.pages)
	}
}

func TestACursorReturnsBoundedBatches(t *testing.T) {
	t.Parallel()
	log, build := newSimLog(), uuid.New()
	n := newNode(log)
	log.append(t, build, 40, 30<<10)
	cursor, err := n.hub.Subscribe(t.Context(), build, 0, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer cursor.Close()
	for position := int64(0); position < 40; {
		records, err := cursor.Next(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if size := len(EncodeFrame(records)); size > batchBytes+100 {
			t.Errorf("%d bytes at once", size)
		}
		position += int64(len(records))
	}
}

// gapReader is a log with a hole.
type gapReader struct{ *simLog }

// Page implements [Reader].
func (r gapReader) Page(ctx context.Context, build uuid.UUID, after int64, limit int32) ([]Record, error) {
	records, err := r.simLog.Page(ctx, build, after, limit)
	return slices.Delete(slices.Clone(records), 2, 3), err
}

func TestAGapIsNeverHandedOn(t *testing.T) {
	t.Parallel()
	log, build := newSimLog(), uuid.New()
	log.append(t, build, 5, 4)
	cursor, err := newNode(gapReader{log}).hub.Subscribe(t.Context(), build, 0, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer cursor.Close()
	if records, err := cursor.Next(t.Context()); !errors.Is(err, errGap) || records != nil {
		t.Errorf("%v, %v", seqs(records), err)
	}
}

var errWanted = errors.New("wanted end")

func TestNextReturnsTheCauseOfItsEnd(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name           string
		behind, hold   bool
		alreadyExpired bool
	}{
		{"waiting", false, false, false},
		{"in the middle of a read", true, true, false},
		{"never catching up", true, false, true},
	} {
		log, build := newSimLog(), uuid.New()
		log.hold = test.hold
		if test.behind {
			log.append(t, build, 1, 4)
		}
		cursor, err := newNode(log).hub.Subscribe(t.Context(), build, 0, 0)
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeoutCause(t.Context(), time.Millisecond, errWanted)
		if test.alreadyExpired {
			<-ctx.Done()
		}
		if records, err := cursor.Next(ctx); !errors.Is(err, errWanted) {
			t.Errorf("%s: %v, %v", test.name, seqs(records), err)
		}
		cancel()
		cursor.Close()
	}
}

func TestDrainEndsEveryWait(t *testing.T) {
	t.Parallel()
	log, build := newSimLog(), uuid.New()
	hub := newNode(log).hub
	cursor, err := hub.Subscribe(t.Context(), build, 0, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer cursor.Close()
	ended := make(chan error)
	go func() {
		_, err := cursor.Next(t.Context())
		ended <- err
	}()
	hub.Drain(0)
	hub.Drain(0)
	if err := <-ended; !errors.Is(err, ErrDraining) {
		t.Errorf("one that waited: %v", err)
	}
	hub.Publish(log.append(t, build, 1, 4))
	if _, err := cursor.Next(t.Context()); !errors.Is(err, ErrDraining) {
		t.Errorf("one that came later: %v", err)
	}
}
