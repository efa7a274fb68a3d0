package event

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/sheenapps/sheen/store"
)

// keep is the retention of the tests.
const keep = 30 * 24 * time.Hour

// ended makes a build from an instant, with a few events and an end.
func (b *bundle) ended(t testing.TB, at time.Time) uuid.UUID {
	t.Helper()
	p := b.buildWithID(t, idAt(at))
	b.append(t, p, textEvent("1"), textEvent("2"))
	b.end(t, p)
	return p.BuildID
}

func (b *bundle) expire(t testing.TB, now time.Time) Expiry {
	t.Helper()
	expiry, err := b.log.Expire(t.Context(), now, keep)
	if err != nil {
		t.Fatal(err)
	}
	return expiry
}

func named(start time.Time) string { return "build_events_" + start.Format("20060102") }

func TestOnlyWholeWeeksExpire(t *testing.T) {
	t.Parallel()
	b := setup(t)
	week := time.Now().UTC().Truncate(span)
	first, second := b.ended(t, week.Add(span-time.Millisecond)), b.ended(t, week.Add(span))
	for _, test := range []struct {
		name          string
		now           time.Time
		dropped       []string
		first, second int
	}{
		{"a millisecond too young", week.Add(span + keep - time.Millisecond), nil, 3, 3},
		{"old enough", week.Add(span + keep), []string{named(week)}, 0, 3},
		{"again", week.Add(span + keep), nil, 0, 3},
		{"maintenance was away", week.Add(3*span + keep), []string{named(week.Add(span)), named(week.Add(2 * span))}, 0, 0},
	} {
		expiry := b.expire(t, test.now)
		if !slices.Equal(expiry.Dropped, test.dropped) || expiry.Held != nil || expiry.Deleted != 0 {
			t.Errorf("%s: %+v", test.name, expiry)
		}
		if one, two := len(b.page(t, first)), len(b.page(t, second)); one != test.first || two != test.second {
			t.Errorf("%s: %d and %d events are left", test.name, one, two)
		}
	}
	if floor, err := b.log.Floor(t.Context(), first, 3); floor != 4 || err != nil {
		t.Errorf("the floor is %d, %v", floor, err)
	}
}

func TestZeroKeepsForEver(t *testing.T) {
	t.Parallel()
	b := setup(t)
	id := b.ended(t, time.Now())
	stray := b.ended(t, time.Now().Add(-10*span))
	expiry, err := b.log.Expire(t.Context(), time.Now().Add(1000*span), 0)
	if err != nil || expiry.Dropped != nil || expiry.Deleted != 0 || len(b.page(t, id)) != 3 || len(b.page(t, stray)) != 3 {
		t.Errorf("%+v, %v", expiry, err)
	}
}

func TestARunningBuildHoldsItsPartition(t *testing.T) {
	t.Parallel()
	b := setup(t)
	week := time.Now().UTC().Truncate(span)
	running := b.buildWithID(t, idAt(week.Add(time.Hour)))
	b.append(t, running, textEvent("1"))
	b.ended(t, week)
	later := week.Add(span + keep)
	if expiry := b.expire(t, later); !slices.Equal(expiry.Held, []string{named(week)}) || expiry.Dropped != nil {
		t.Errorf("%+v", expiry)
	}
	b.append(t, running, textEvent("2"))
	if got := seqs(b.page(t, running.BuildID)); !slices.Equal(got, []int64{1, 2}) {
		t.Errorf("the running build has %v", got)
	}
	b.end(t, running)
	if expiry := b.expire(t, later); !slices.Equal(expiry.Dropped, []string{named(week)}) || expiry.Held != nil {
		t.Errorf("after its end %+v", expiry)
	}
}

func TestStraysExpireToo(t *testing.T) {
	t.Parallel()
	b := setup(t)
	now := time.Now()
	const old = 2*deleteBuilds + 1
	for i := range old {
		b.ended(t, now.Add(-keep-time.Duration(i+1)*time.Second))
	}
	young := b.ended(t, now.Add(-keep+time.Second))
	running := b.buildWithID(t, idAt(now.Add(-2*keep)))
	b.append(t, running, textEvent("1"))
	for _, id := range []uuid.UUID{young, running.BuildID} {
		if got := b.table(t, id); got != "build_events_default" {
			t.Fatalf("in %s", got)
		}
	}
	if expiry := b.expire(t, now); expiry.Deleted != 3*old || expiry.Dropped != nil {
		t.Errorf("%+v", expiry)
	}
	if one, two := len(b.page(t, young)), len(b.page(t, running.BuildID)); one != 3 || two != 1 {
		t.Errorf("%d and %d events are left", one, two)
	}
}

// appendUntil appends to builds, which take turns, until stop is closed. No
// append may fail. It returns how many events each build has, and the longest
// time that an append took.
func (b *bundle) appendUntil(t *testing.T, builds []Producer, stop <-chan struct{}) (counts []int64, longest time.Duration) {
	counts = make([]int64, len(builds))
	for i := 0; ; i = (i + 1) % len(builds) {
		select {
		case <-stop:
			return counts, longest
		default:
		}
		began := time.Now()
		if _, err := b.tryAppend(t, builds[i], textEvent("1"), textEvent("2")); err != nil {
			t.Errorf("append: %v", err)
			return counts, longest
		}
		longest = max(longest, time.Since(began))
		counts[i] += 2
	}
}

// TestAppendsGoOnDuringMaintenance lets two maintainers catch up with weeks of
// work at once, while appends go to the partitions that they make and drop others.
func TestAppendsGoOnDuringMaintenance(t *testing.T) {
	t.Parallel()
	b := setup(t)
	week := time.Now().UTC().Truncate(span)
	later := week.Add((ahead + 1) * span)
	const appenders = 4
	var (
		producers [appenders][]Producer
		counts    [appenders][]int64
		longest   [appenders]time.Duration
		group     sync.WaitGroup
	)
	stop := make(chan struct{})
	for i := range appenders {
		// In the default partition at first, but for those of the last week ahead.
		for _, at := range []time.Time{later, later.Add(span), later.Add(2 * span), later.Add(-time.Hour)} {
			producers[i] = append(producers[i], b.buildWithID(t, idAt(at)))
		}
		group.Go(func() { counts[i], longest[i] = b.appendUntil(t, producers[i], stop) })
	}
	for i := range ahead {
		b.ended(t, week.Add(time.Duration(i)*span))
	}
	var dropped [2][]string
	var maintainers sync.WaitGroup
	for i := range dropped {
		maintainers.Go(func() {
			// As if the clock went on by a week each time.
			for n := range 3 {
				now := later.Add(time.Duration(n) * span)
				if err := b.log.EnsurePartitions(t.Context(), now); err != nil {
					t.Errorf("ensure: %v", err)
				}
				expiry, err := b.log.Expire(t.Context(), now, 2*span)
				if err != nil {
					t.Errorf("expire: %v", err)
				}
				dropped[i] = append(dropped[i], expiry.Dropped...)
			}
		})
	}
	maintainers.Wait()
	close(stop)
	group.Wait()
	b.checkMaintained(t, week, slices.Concat(dropped[0], dropped[1]))
	for i := range appenders {
		for j, p := range producers[i] {
			if got := b.page(t, p.BuildID); int64(len(got)) != counts[i][j] || counts[i][j] == 0 || got[len(got)-1].Seq != counts[i][j] {
				t.Errorf("%d events of %d", len(got), counts[i][j])
			}
			if table := b.table(t, p.BuildID); table == "build_events_default" {
				t.Errorf("build %d of appender %d is still in the default partition", j, i)
			}
		}
		if longest[i] > 5*time.Second {
			t.Errorf("an append took %v", longest[i])
		}
	}
}

func (b *bundle) checkMaintained(t *testing.T, week time.Time, dropped []string) {
	t.Helper()
	// The last week ahead has builds that are not over, so it stays.
	for i := range ahead {
		name := named(week.Add(time.Duration(i) * span))
		if !slices.Contains(dropped, name) || slices.Contains(b.partitions(t), name) {
			t.Errorf("%s was not dropped: %v", name, dropped)
		}
	}
	if name := named(week.Add(ahead * span)); slices.Contains(dropped, name) {
		t.Errorf("%s was dropped under running builds", name)
	}
}

// holdTable keeps a lock on a table, as a backup does, until release is called.
func (b *bundle) holdTable(t *testing.T, table string) (release func()) {
	t.Helper()
	held, done, ended := make(chan struct{}), make(chan struct{}), make(chan error, 1)
	go func() {
		ended <- store.InTx(context.WithoutCancel(t.Context()), b.db, func(tx pgx.Tx) error {
			_, err := tx.Exec(t.Context(), "LOCK TABLE ONLY "+table+" IN ACCESS SHARE MODE")
			close(held)
			<-done
			return err
		})
	}()
	<-held
	release = sync.OnceFunc(func() {
		close(done)
		if err := <-ended; err != nil {
			t.Errorf("hold %s: %v", table, err)
		}
	})
	t.Cleanup(release)
	return release
}

func TestATableInUseIsLeftForLater(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		table    string
		maintain func(context.Context, *Log, time.Time) error
	}{
		"drop": {"build_events", func(ctx context.Context, l *Log, week time.Time) error {
			_, err := l.Expire(ctx, week.Add(span+keep), keep)
			return err
		}},
		"make": {"build_events_default", func(ctx context.Context, l *Log, week time.Time) error {
			return l.EnsurePartitions(ctx, week.Add(span))
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			week := time.Now().UTC().Truncate(span)
			b.ended(t, week)
			running := b.buildWithID(t, idAt(week.Add(span)))
			release := b.holdTable(t, test.table)
			stop, done := make(chan struct{}), make(chan struct{})
			var (
				counts  []int64
				longest time.Duration
			)
			go func() {
				defer close(done)
				counts, longest = b.appendUntil(t, []Producer{running}, stop)
			}()
			if err := test.maintain(t.Context(), b.log, week); !errors.Is(err, store.ErrLocked) {
				t.Errorf("while the table is in use: %v", err)
			}
			close(stop)
			<-done
			// An append waits for a turn at most; the rest is the machine's.
			if counts[0] < 20 || longest > 2*time.Second {
				t.Errorf("%d events were appended meanwhile, one in %v", counts[0], longest)
			}
			release()
			if err := test.maintain(t.Context(), b.log, week); err != nil {
				t.Errorf("afterwards: %v", err)
			}
		})
	}
}

// So many rows in the default partition that to move them would be felt stay
// there, are read there and expire there. The other partitions are made.
func TestACrowdStaysInTheDefaultPartition(t *testing.T) {
	t.Parallel()
	b := setup(t)
	later := time.Now().UTC().Truncate(span).Add((ahead + 1) * span)
	p := b.buildWithID(t, idAt(later))
	const crowd = 100_001
	b.append(t, p, textEvent("1"))
	if _, err := b.db.Exec(t.Context(), `
		INSERT INTO build_events
		SELECT build_id, ordinal, class, kind, visibility, create_time, payload
		FROM build_events, generate_series(2, $1::bigint) AS ordinal`, crowd-1); err != nil {
		t.Fatal(err)
	}
	if _, err := b.db.Exec(t.Context(), "UPDATE builds SET head_seq = $1 WHERE id = $2", crowd-1, p.BuildID); err != nil {
		t.Fatal(err)
	}
	b.end(t, p)
	if err := b.log.EnsurePartitions(t.Context(), later); err != nil {
		t.Fatal(err)
	}
	if made := b.partitions(t); slices.Contains(made, named(later)) || !slices.Contains(made, named(later.Add(span))) {
		t.Errorf("made %v", made)
	}
	if records, err := b.log.Page(t.Context(), p.BuildID, crowd-2, 10); err != nil || !slices.Equal(seqs(records), []int64{crowd - 1, crowd}) {
		t.Errorf("the last records are %v, %v", seqs(records), err)
	}
	if expiry := b.expire(t, later.Add(span+keep)); expiry.Deleted != crowd {
		t.Errorf("%+v", expiry)
	}
	if err := b.log.EnsurePartitions(t.Context(), later); err != nil || !slices.Contains(b.partitions(t), named(later)) {
		t.Errorf("not made once there was room: %v", err)
	}
}
