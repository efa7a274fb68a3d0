package event

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	eventv1 "github.com/sheenapps/sheen/gen/sheen/event/v1"
	"github.com/sheenapps/sheen/store"
)

func TestAppendsOfManyBuildsShareACommit(t *testing.T) {
	t.Parallel()
	b := setup(t)
	a := b.appender(t, WithWindow(100*time.Millisecond))
	const builds, appends = 20, 5
	producers := make([]Producer, builds)
	for i := range producers {
		producers[i] = b.build(t)
	}
	var group sync.WaitGroup
	for _, p := range producers {
		for n := range appends {
			group.Go(func() {
				batch, err := a.Append(t.Context(), p, 0, textEvent(strconv.Itoa(n)), logEvent(strconv.Itoa(n)))
				if err != nil || len(batch.Records) != 2 || batch.Records[1].Seq != batch.Records[0].Seq+1 {
					t.Errorf("%v, %v", seqs(batch.Records), err)
				}
			})
		}
	}
	group.Wait()
	for _, p := range producers {
		stored := b.page(t, p.BuildID)
		if !slices.Equal(seqs(stored), span64(1, 2*appends)) {
			t.Errorf("stored %v", seqs(stored))
		}
		// What is published is what is read later, byte for byte and in order.
		if !slices.EqualFunc(stored, a.published(p.BuildID), sameRecord) {
			t.Error("published something else")
		}
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.calls) > 10 {
		t.Errorf("%d appends took %d commits", builds*appends, len(a.calls))
	}
}

func TestAppendsOfABuildKeepTheirOrder(t *testing.T) {
	t.Parallel()
	b := setup(t)
	a, p := b.appender(t), b.build(t)
	release := b.hold(t, p.BuildID)
	var all []<-chan error
	var want []string
	for i := range 50 {
		expected := int64(0)
		if i%3 == 0 {
			expected = int64(i + 1)
		}
		want = append(want, strconv.Itoa(i))
		all = append(all, a.later(t.Context(), p, expected, textEvent(want[i])))
		eventually(t, "it is queued", func() bool { return a.waiting() == i+1 })
	}
	release()
	for i, done := range all {
		if err := <-done; err != nil {
			t.Errorf("append %d: %v", i, err)
		}
	}
	if got := b.texts(t, p.BuildID); !slices.Equal(got, want) {
		t.Errorf("stored %v", got)
	}
}

// waiting is how many events are accepted and not answered.
func (a *appending) waiting() int {
	a.room.mu.Lock()
	defer a.room.mu.Unlock()
	return a.room.events
}

// inLine is how many wait for room.
func (a *appending) inLine() int {
	a.room.mu.Lock()
	defer a.room.mu.Unlock()
	return len(a.room.line)
}

func TestExpectedSeqs(t *testing.T) {
	t.Parallel()
	b := setup(t)
	a, stale := b.appender(t), b.build(t)
	p := b.lease(t, stale)
	first := a.must(t, p, 1, textEvent("one"), logEvent("two"))
	a.must(t, p, 3, textEvent("three"))
	published := len(a.published(p.BuildID))
	repeat := a.must(t, p, 1, textEvent("one"), logEvent("two"))
	if !slices.EqualFunc(first.Records, repeat.Records, sameRecord) {
		t.Errorf("acknowledged first %v, then %v", first, repeat)
	}
	for name, test := range map[string]struct {
		p        Producer
		expected int64
		events   []*eventv1.BuildEvent
		lost     bool
	}{
		"other text":          {p, 1, []*eventv1.BuildEvent{textEvent("uno"), logEvent("two")}, false},
		"other kind":          {p, 1, []*eventv1.BuildEvent{logEvent("one"), logEvent("two")}, false},
		"more than is stored": {p, 3, []*eventv1.BuildEvent{textEvent("three"), textEvent("four")}, false},
		"beyond the head":     {p, 5, []*eventv1.BuildEvent{textEvent("five")}, false},
		"stale":               {stale, 4, []*eventv1.BuildEvent{textEvent("four")}, true},
		"stale, anywhere":     {stale, 0, []*eventv1.BuildEvent{textEvent("four")}, true},
		"a stale repeat":      {stale, 1, []*eventv1.BuildEvent{textEvent("one"), logEvent("two")}, true},
	} {
		batch, err := a.Append(t.Context(), test.p, test.expected, test.events...)
		conflict, ok := errors.AsType[*SeqConflictError](err)
		if len(batch.Records) != 0 || ok == test.lost || errors.Is(err, ErrLeaseLost) != test.lost || (ok && conflict.Head != 3) {
			t.Errorf("%s: %v, %v", name, batch, err)
		}
	}
	if _, err := a.Append(t.Context(), Producer{uuid.New(), 0}, 0, textEvent("x")); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("unknown build: %v", err)
	}
	if batch, err := a.Append(t.Context(), p, 9); err != nil || len(batch.Records) != 0 {
		t.Errorf("nothing: %v, %v", batch, err)
	}
	if got := b.texts(t, p.BuildID); !slices.Equal(got, []string{"one", "", "three"}) || len(a.published(p.BuildID)) != published {
		t.Errorf("stored %q, published %d", got, len(a.published(p.BuildID)))
	}
}

func TestABuildThatIsOverTakesNothing(t *testing.T) {
	t.Parallel()
	b := setup(t)
	a, p := b.appender(t), b.build(t)
	a.must(t, p, 1, textEvent("one"))
	b.end(t, p)
	for _, token := range []int64{p.LeaseToken, p.LeaseToken + 1} {
		if _, err := a.Append(t.Context(), Producer{p.BuildID, token}, 0, textEvent("late")); !errors.Is(err, ErrLeaseLost) {
			t.Errorf("token %d: %v", token, err)
		}
	}
}

// One that the store refuses does no harm to those that came with it.
func TestAPoisonedAppend(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for _, sql := range []string{
		`CREATE FUNCTION poison() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
			IF position('poison'::bytea IN NEW.payload) > 0 THEN RAISE EXCEPTION 'injected'; END IF; RETURN NEW; END $$`,
		`CREATE TRIGGER poison BEFORE INSERT ON build_events FOR EACH ROW EXECUTE FUNCTION poison()`,
	} {
		if _, err := b.db.Exec(t.Context(), sql); err != nil {
			t.Fatal(err)
		}
	}
	a := b.appender(t, WithWindow(50*time.Millisecond))
	victim, other := b.build(t), b.build(t)
	var done []<-chan error
	for _, p := range []Producer{victim, other} {
		for _, text := range []string{"one", "poison", "two"} {
			if p == other && text == "poison" {
				continue
			}
			before := a.waiting()
			done = append(done, a.later(t.Context(), p, 0, textEvent(text)))
			eventually(t, "it is queued", func() bool { return a.waiting() > before })
		}
	}
	for i, answer := range done {
		if err := <-answer; (err != nil) != (i == 1) || errors.Is(err, ErrOutcomeUnknown) {
			t.Errorf("append %d: %v", i, err)
		}
	}
	for _, p := range []Producer{victim, other} {
		if got := b.texts(t, p.BuildID); !slices.Equal(got, []string{"one", "two"}) {
			t.Errorf("stored %q", got)
		}
	}
}

func TestAHeldBuildDelaysNobody(t *testing.T) {
	t.Parallel()
	b := setup(t)
	a := b.appender(t)
	held, other := b.build(t), b.build(t)
	release := b.hold(t, held.BuildID)
	waits := a.later(t.Context(), held, 1, textEvent("late"))
	for i := range 40 {
		a.must(t, other, int64(i+1), textEvent("prompt"))
	}
	// By now it is waited for alone, and is the first to go on.
	eventually(t, "it is waited for", func() bool {
		a.Appender.mu.Lock()
		defer a.Appender.mu.Unlock()
		return a.alone == 1
	})
	select {
	case err := <-waits:
		t.Fatalf("it did not wait: %v", err)
	default:
	}
	a.must(t, other, 41, textEvent("prompt"))
	release()
	if err := <-waits; err != nil || !slices.Equal(b.texts(t, held.BuildID), []string{"late"}) {
		t.Errorf("%v, stored %q", err, b.texts(t, held.BuildID))
	}
}

func TestAFullQueueBlocksItsProducers(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for name, queue := range map[string]AppenderOption{"events": WithQueue(2, 1<<20), "bytes": WithQueue(100, 2000)} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a, p, other := b.appender(t, queue), b.build(t), b.build(t)
			release := b.hold(t, p.BuildID)
			event := textEvent(strings.Repeat("x", 900))
			in := []<-chan error{a.later(t.Context(), p, 0, event), a.later(t.Context(), p, 0, event)}
			eventually(t, "the queue is full", func() bool { return a.waiting() == 2 })
			ctx, cancel := context.WithCancelCause(t.Context())
			gone := a.later(ctx, other, 0, event)
			eventually(t, "one waits", func() bool { return a.inLine() == 1 })
			patient := a.later(t.Context(), other, 0, event)
			eventually(t, "two wait", func() bool { return a.inLine() == 2 })
			cancel(errWanted)
			if err := <-gone; !errors.Is(err, errWanted) {
				t.Errorf("whoever goes hears %v", err)
			}
			release()
			for _, done := range append(in, patient) {
				if err := <-done; err != nil {
					t.Error(err)
				}
			}
			// Larger than the whole queue, it goes alone.
			if batch := a.must(t, other, 0, event, event, event); len(batch.Records) != 3 {
				t.Errorf("the large one: %v", seqs(batch.Records))
			}
			if got := seqs(b.page(t, other.BuildID)); !slices.Equal(got, span64(1, 4)) {
				t.Errorf("stored %v", got)
			}
			eventually(t, "the queue is empty", func() bool { return a.waiting() == 0 })
		})
	}
}

// A caller that goes before its append was sent leaves nothing behind.
func TestACallerThatGoes(t *testing.T) {
	t.Parallel()
	b := setup(t)
	a, p := b.appender(t, WithWindow(time.Hour)), b.build(t)
	ctx, cancel := context.WithCancelCause(t.Context())
	gone := a.later(ctx, p, 0, textEvent("gone"))
	eventually(t, "it is queued", func() bool { return a.waiting() == 1 })
	cancel(errWanted)
	if err := <-gone; !errors.Is(err, errWanted) || errors.Is(err, ErrOutcomeUnknown) || a.waiting() != 0 {
		t.Errorf("%v, %d waiting", err, a.waiting())
	}
	if got := b.page(t, p.BuildID); len(got) != 0 {
		t.Errorf("stored %v", seqs(got))
	}
}

func TestStoppingFinishesWhatWasAccepted(t *testing.T) {
	t.Parallel()
	b := setup(t)
	p := b.build(t)
	a := &appending{Appender: NewAppender(b.log, func(...Batch) {}, WithWindow(time.Hour), WithQueue(2, 1<<20))}
	ctx, stop := context.WithCancel(t.Context())
	var group sync.WaitGroup
	group.Go(func() { a.Run(ctx) })
	accepted := a.later(t.Context(), p, 1, textEvent("one"), textEvent("two"))
	eventually(t, "it is accepted", func() bool { return a.waiting() == 2 })
	waits := a.later(t.Context(), p, 3, textEvent("three"))
	eventually(t, "it waits", func() bool { return a.inLine() == 1 })
	stop()
	group.Wait()
	if err := <-accepted; err != nil || len(b.page(t, p.BuildID)) != 2 {
		t.Errorf("%v, %d stored", err, len(b.page(t, p.BuildID)))
	}
	for _, done := range []<-chan error{waits, a.later(t.Context(), p, 3, textEvent("three"))} {
		if err := <-done; !errors.Is(err, errStopped) || !errors.Is(err, store.ErrUnavailable) {
			t.Errorf("too late: %v", err)
		}
	}
}
