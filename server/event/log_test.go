package event

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	eventv1 "github.com/sheenapps/sheen/gen/sheen/event/v1"
	"github.com/sheenapps/sheen/store"
)

func TestConcurrentAppendersLeaveNoGap(t *testing.T) {
	t.Parallel()
	b := setup(t)
	p, other := b.build(t), b.build(t)
	const appenders, rounds = 8, 12
	var (
		group sync.WaitGroup
		mu    sync.Mutex
		all   []Record
	)
	for i := range appenders {
		group.Go(func() {
			for round := range rounds {
				var events []*eventv1.BuildEvent
				for n := range 1 + (i+round)%4 {
					events = append(events, textEvent(fmt.Sprint(i, round, n)))
				}
				batch, err := b.tryAppend(t, p, events...)
				if err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				all = append(all, batch.Records...)
				mu.Unlock()
			}
		})
	}
	group.Wait()
	b.append(t, other, textEvent("other"))
	slices.SortFunc(all, func(x, y Record) int { return int(x.Seq - y.Seq) })
	stored := b.page(t, p.BuildID)
	if !slices.Equal(seqs(stored), span64(1, int64(len(all)))) || len(all) < appenders*rounds {
		t.Fatalf("stored %v", seqs(stored))
	}
	// What was published and what is read later is the same, byte for byte.
	if !slices.EqualFunc(stored, all, sameRecord) {
		t.Error("a batch is not what was stored")
	}
	events := decodeAll(stored)
	for i := 1; i < len(events); i++ {
		if events[i].GetCreateTime().AsTime().Before(events[i-1].GetCreateTime().AsTime()) {
			t.Fatalf("event %d is older than the one before", i+1)
		}
	}
}

func TestAStaleLeaseWritesNothing(t *testing.T) {
	t.Parallel()
	b := setup(t)
	p := b.build(t)
	b.append(t, p, textEvent("mine"))
	row, err := b.queries.BuildLeaseTake(t.Context(), b.db, &store.BuildLeaseTakeParams{ID: p.BuildID, TtlMs: 60_000})
	if err != nil {
		t.Fatal(err)
	}
	for name, stale := range map[string]Producer{
		"before": p, "future": {p.BuildID, row.LeaseToken + 1}, "unknown build": {uuid.New(), 0},
	} {
		if batch, err := b.tryAppend(t, stale, textEvent("x"), textEvent("y")); !errors.Is(err, ErrLeaseLost) || batch.Records != nil {
			t.Errorf("%s: %v, %v", name, batch, err)
		}
		if _, err := b.tryAppend(t, stale); !errors.Is(err, ErrLeaseLost) {
			t.Errorf("%s, no events: %v", name, err)
		}
	}
	if got := seqs(b.page(t, p.BuildID)); !slices.Equal(got, []int64{1}) {
		t.Errorf("stored %v", got)
	}
	if batch := b.append(t, Producer{p.BuildID, row.LeaseToken}, textEvent("z")); batch.Head() != 2 {
		t.Errorf("the holder's event became %d", batch.Head())
	}
}

func TestARollbackLeavesNoGap(t *testing.T) {
	t.Parallel()
	b := setup(t)
	p := b.build(t)
	b.append(t, p, textEvent("1"))
	err := store.InTx(t.Context(), b.db, func(tx pgx.Tx) error {
		if _, err := b.log.Append(t.Context(), tx, p, textEvent("lost"), textEvent("lost")); err != nil {
			return err
		}
		return errWanted
	})
	if !errors.Is(err, errWanted) {
		t.Fatal(err)
	}
	if batch := b.append(t, p, textEvent("2")); batch.Head() != 2 || len(b.page(t, p.BuildID)) != 2 {
		t.Errorf("head %d, stored %v", batch.Head(), seqs(b.page(t, p.BuildID)))
	}
}

func TestAppendTwiceInOneTransaction(t *testing.T) {
	t.Parallel()
	b := setup(t)
	p := b.build(t)
	err := store.InTx(t.Context(), b.db, func(tx pgx.Tx) error {
		first, err := b.log.Append(t.Context(), tx, p, textEvent("1"), textEvent("2"))
		if err != nil {
			return err
		}
		second, err := b.log.Append(t.Context(), tx, p, lastEvent())
		if err == nil && (first.Head() != 2 || second.Head() != 3 || !second.Records[0].Last) {
			t.Errorf("%v, then %v", first, second)
		}
		return err
	})
	if err != nil || len(b.page(t, p.BuildID)) != 3 {
		t.Errorf("%v, stored %v", err, seqs(b.page(t, p.BuildID)))
	}
}

func TestAppendOfManyAndOfNone(t *testing.T) {
	t.Parallel()
	b := setup(t)
	p := b.build(t)
	events := make([]*eventv1.BuildEvent, 500)
	for i := range events {
		events[i] = textEvent(strings.Repeat("x", i))
	}
	b.append(t, p, events...)
	stored := decodeAll(b.page(t, p.BuildID))
	for i, e := range stored {
		if e.GetSeq() != int64(i+1) || len(e.GetAssistantText().GetDelta()) != i {
			t.Fatalf("event %d is %d with %d bytes", i+1, e.GetSeq(), len(e.GetAssistantText().GetDelta()))
		}
	}
	if batch := b.append(t, p); batch.Head() != 0 || len(stored) != 500 {
		t.Errorf("none: %v; %d stored", batch, len(stored))
	}
	if batch := b.append(t, p, textEvent("next")); batch.Head() != 501 {
		t.Errorf("the next one became %d", batch.Head())
	}
}

func TestAppendTakesThePayloadOnly(t *testing.T) {
	t.Parallel()
	b := setup(t)
	p := b.build(t)
	given := fileEvent("index.html")
	given.BuildId, given.Seq, given.EventClass = uuid.NewString(), 99, eventv1.EventClass_EVENT_CLASS_LOGS
	given.CreateTime = timestamppb.New(timestamppb.Now().AsTime().AddDate(-1, 0, 0))
	before := proto.Clone(given)
	b.append(t, p, given)
	if !proto.Equal(given, before) {
		t.Error("the caller's event was changed")
	}
	got := decodeAll(b.page(t, p.BuildID))[0]
	if got.GetBuildId() != p.BuildID.String() || got.GetSeq() != 1 || got.GetEventClass() != eventv1.EventClass_EVENT_CLASS_FILES ||
		!got.GetCreateTime().AsTime().After(given.GetCreateTime().AsTime()) || !proto.Equal(got.GetFileChanged(), given.GetFileChanged()) {
		t.Errorf("stored as %v", got)
	}
	if _, err := b.tryAppend(t, p, &eventv1.BuildEvent{}); !errors.Is(err, errNoPayload) {
		t.Errorf("no payload: %v", err)
	}
}

func TestTextOfAModel(t *testing.T) {
	t.Parallel()
	b := setup(t)
	p := b.build(t)
	const wild = "a\x00b\xff\xfe"
	b.append(t, p, textEvent(CleanText(wild)), textEvent(wild), textEvent("\x00\x00"), &eventv1.BuildEvent{
		Payload: &eventv1.BuildEvent_TestResult{TestResult: &eventv1.TestResult{Failures: []*eventv1.TestFailure{{Message: wild}}}},
	})
	stored := decodeAll(b.page(t, p.BuildID))
	for i, want := range []string{"ab\uFFFD", "ab\uFFFD", ""} {
		if got := stored[i].GetAssistantText().GetDelta(); got != want || stored[i].GetAssistantText() == nil {
			t.Errorf("event %d is stored as %q", i+1, got)
		}
	}
	if got := stored[3].GetTestResult().GetFailures()[0].GetMessage(); got != "ab\uFFFD" {
		t.Errorf("deep inside: %q", got)
	}
}

func TestPositionHeadsAndFloor(t *testing.T) {
	t.Parallel()
	b := setup(t)
	p, empty := b.build(t), b.build(t)
	b.append(t, p, textEvent("1"), textEvent("2"))
	position, err := b.log.Position(t.Context(), p.BuildID, b.user)
	if err != nil || position != (Position{Head: 2, Locale: "en"}) {
		t.Errorf("running: %+v, %v", position, err)
	}
	b.end(t, p)
	position, err = b.log.Position(t.Context(), p.BuildID, b.user)
	if err != nil || position != (Position{Head: 3, Final: true, Locale: "en"}) {
		t.Errorf("ended: %+v, %v", position, err)
	}
	for name, id := range map[string]uuid.UUID{"another's": p.BuildID, "nobody's": uuid.New()} {
		if _, err := b.log.Position(t.Context(), id, uuid.New()); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("%s: %v", name, err)
		}
	}
	heads, err := b.log.Heads(t.Context(), []uuid.UUID{p.BuildID, empty.BuildID, uuid.New()})
	if err != nil || len(heads) != 2 || heads[p.BuildID] != 3 || heads[empty.BuildID] != 0 {
		t.Errorf("heads %v, %v", heads, err)
	}
	for _, test := range []struct {
		id   uuid.UUID
		head int64
		want int64
	}{{p.BuildID, 3, 1}, {empty.BuildID, 0, 1}} {
		if floor, err := b.log.Floor(t.Context(), test.id, test.head); err != nil || floor != test.want {
			t.Errorf("floor %d, %v", floor, err)
		}
	}
	for _, test := range []struct {
		after int64
		limit int32
		want  []int64
	}{{0, 2, []int64{1, 2}}, {1, 10, []int64{2, 3}}, {3, 10, nil}, {99, 10, nil}} {
		records, err := b.log.Page(t.Context(), p.BuildID, test.after, test.limit)
		if err != nil || !slices.Equal(seqs(records), test.want) {
			t.Errorf("%d after %d: %v, %v", test.limit, test.after, seqs(records), err)
		}
	}
	if last := b.page(t, p.BuildID)[2]; !last.Last || bytes.Contains(last.Wire, []byte("salon")) {
		t.Errorf("the last record: %+v", last)
	}
}
