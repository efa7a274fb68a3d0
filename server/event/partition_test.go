package event

import (
	"bytes"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/sheenapps/sheen/store"
	"github.com/sheenapps/sheen/store/storetest"
)

func TestFirstIDIsBelowAllIDsOfItsInstant(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 3, 4, 5, 6, 7, 891_999_999, time.UTC)
	first := firstID(at)
	lowest := uuid.MustParse("00000000-0000-7000-8000-000000000000")
	copy(lowest[:6], first[:6])
	before := firstID(at.Add(-time.Millisecond))
	highest := before
	for i := 6; i < 16; i++ {
		highest[i] = 0xff
	}
	if bytes.Compare(first[:], lowest[:]) > 0 || bytes.Compare(highest[:], first[:]) >= 0 {
		t.Errorf("%s does not lie between %s and %s", first, highest, lowest)
	}
	if firstID(time.UnixMilli(1)) != uuid.MustParse("00000000-0001-0000-0000-000000000000") {
		t.Errorf("one millisecond after the epoch: %s", firstID(time.UnixMilli(1)))
	}
	now, id := time.Now(), uuid.Must(uuid.NewV7())
	low, high := firstID(now.Add(-time.Second)), firstID(now.Add(time.Minute))
	if bytes.Compare(low[:], id[:]) > 0 || bytes.Compare(id[:], high[:]) >= 0 {
		t.Errorf("%s, made now, does not lie between %s and %s", id, low, high)
	}
}

// partitions are the tables of the event log.
func (b *bundle) partitions(t *testing.T) []string {
	t.Helper()
	rows, err := b.db.Query(t.Context(), "SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = 'build_events'::regclass ORDER BY 1")
	if err != nil {
		t.Fatal(err)
	}
	names, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		t.Fatal(err)
	}
	return names
}

// table is where the events of a build lie.
func (b *bundle) table(t *testing.T, id uuid.UUID) string {
	t.Helper()
	var name string
	err := b.db.QueryRow(t.Context(), "SELECT DISTINCT tableoid::regclass::text FROM build_events WHERE build_id = $1", id).Scan(&name)
	if err != nil {
		t.Fatal(err)
	}
	return name
}

func TestPartitionsAreMadeOnce(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	b := &bundle{db: db, log: NewLog(db), queries: store.New(), user: uuid.New()}
	// A Wednesday; weeks begin on Monday.
	now := time.Date(2026, 4, 1, 23, 59, 0, 0, time.FixedZone("west", -10*3600))
	var group sync.WaitGroup
	for range 6 {
		group.Go(func() {
			if err := b.log.EnsurePartitions(t.Context(), now); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	want := []string{
		"build_events_20260330", "build_events_20260406", "build_events_20260413",
		"build_events_20260420", "build_events_20260427", "build_events_default",
	}
	if got := b.partitions(t); !slices.Equal(got, want) {
		t.Errorf("made %v", got)
	}
	if err := b.log.EnsurePartitions(t.Context(), now.Add(span)); err != nil {
		t.Fatal(err)
	}
	if got := b.partitions(t); len(got) != len(want)+1 || !slices.Contains(got, "build_events_20260504") {
		t.Errorf("a week later %v", got)
	}
}

// idAt is a UUIDv7 of an instant.
func idAt(at time.Time) uuid.UUID {
	id := uuid.Must(uuid.NewV7())
	first := firstID(at)
	copy(id[:6], first[:6])
	return id
}

func TestABuildsEventsLieInThePartitionOfItsWeek(t *testing.T) {
	t.Parallel()
	b := setup(t)
	week := time.Now().UTC().Truncate(span)
	for _, test := range []struct {
		name string
		id   uuid.UUID
		want string
	}{
		{"now", uuid.Must(uuid.NewV7()), named(week)},
		{"first millisecond", idAt(week), named(week)},
		{"last millisecond", idAt(week.Add(span - time.Millisecond)), named(week)},
		{"next week", idAt(week.Add(span)), named(week.Add(span))},
		{"last week ahead", idAt(week.Add((ahead+1)*span - time.Millisecond)), named(week.Add(ahead * span))},
		{"beyond", idAt(week.Add((ahead + 1) * span)), "build_events_default"},
		{"before", idAt(week.Add(-time.Millisecond)), "build_events_default"},
		{"random", uuid.MustParse("f47ac10b-58cc-4372-a567-0e02b2c3d479"), "build_events_default"},
	} {
		p := b.buildWithID(t, test.id)
		b.append(t, p, textEvent("1"), textEvent("2"))
		if got := b.table(t, p.BuildID); got != test.want {
			t.Errorf("%s: in %s, want %s", test.name, got, test.want)
		}
		if got := b.page(t, p.BuildID); len(got) != 2 {
			t.Errorf("%s: %v", test.name, seqs(got))
		}
	}
}

// What the default partition caught while maintenance was away moves into the
// partition once that is made, and the log stays whole.
func TestMaintenanceCatchesUp(t *testing.T) {
	t.Parallel()
	b := setup(t)
	later := time.Now().UTC().Truncate(span).Add((ahead + 1) * span)
	p := b.buildWithID(t, idAt(later.Add(time.Hour)))
	b.append(t, p, textEvent("1"), textEvent("2"))
	if got := b.table(t, p.BuildID); got != "build_events_default" {
		t.Fatalf("in %s before: nothing is to be caught up", got)
	}
	if err := b.log.EnsurePartitions(t.Context(), later); err != nil {
		t.Fatal(err)
	}
	if got, want := b.table(t, p.BuildID), named(later); got != want {
		t.Errorf("in %s after, want %s", got, want)
	}
	b.append(t, p, textEvent("3"))
	if got := seqs(b.page(t, p.BuildID)); !slices.Equal(got, []int64{1, 2, 3}) {
		t.Errorf("the log is %v", got)
	}
}
