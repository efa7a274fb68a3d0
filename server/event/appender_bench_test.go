package event

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	eventv1 "github.com/sheenapps/sheen/gen/sheen/event/v1"
)

const (
	benchBuilds = 500
	// benchRound is how many events the appender and the floor store by turns.
	benchRound = 20_000
	// benchProducers append to each build.
	benchProducers = 2
)

// BenchmarkAppend measures the appender with two producers per build, which append
// one event at a time, and in the same run and on the same tables what the database
// does with nothing around it: heads and rows of as many builds and events per
// commit, in as many commits at a time. of-floor is the one's rate over the other's.
func BenchmarkAppend(b *testing.B) {
	for _, each := range []int{1, 5, 25} {
		for _, commits := range []int{1, 2, 3} {
			b.Run(fmt.Sprintf("events=%d/commits=%d", each, commits), func(b *testing.B) { benchAppend(b, each, WithCommits(commits)) })
		}
	}
}

// benchAppend appends so many events at once.
func benchAppend(b *testing.B, each int, opts ...AppenderOption) {
	b.Helper()
	all := setup(b)
	var commits, builds, events atomic.Int64
	a := NewAppender(all.log, func(published ...Batch) {
		commits.Add(1)
		builds.Add(int64(len(published)))
		for _, batch := range published {
			events.Add(int64(len(batch.Records)))
		}
	}, opts...)
	run(b, a)
	producers := make([]Producer, benchBuilds)
	floor := make([]uuid.UUID, benchBuilds)
	for i := range benchBuilds {
		producers[i], floor[i] = all.build(b), all.build(b).BuildID
	}
	heads := make([]int64, benchBuilds)
	payload := slices.Repeat([]*eventv1.BuildEvent{textEvent(strings.Repeat("x", 160))}, each)
	var appending, bare time.Duration
	b.ResetTimer()
	for done := 0; done < b.N; done += benchRound {
		n := min(benchRound, b.N-done)
		commits.Store(0)
		builds.Store(0)
		events.Store(0)
		appending += benchAppender(b, a, producers, payload, n)
		b.StopTimer()
		like := shape{
			events: max(1, int(events.Load()/max(1, commits.Load()))),
			builds: max(1, int(builds.Load()/max(1, commits.Load()))),
		}
		bare += benchFloor(b, all, floor, heads, payload[0], n, like, a.commits)
		b.StartTimer()
		b.ReportMetric(float64(like.events), "events/commit")
		b.ReportMetric(float64(like.builds), "builds/commit")
	}
	b.ReportMetric(float64(b.N)/appending.Seconds(), "events/s")
	b.ReportMetric(float64(b.N)/bare.Seconds(), "floor/s")
	b.ReportMetric(bare.Seconds()/appending.Seconds(), "of-floor")
}

// benchAppender stores n events, as many per append as are given.
func benchAppender(b *testing.B, a *Appender, producers []Producer, events []*eventv1.BuildEvent, n int) time.Duration {
	b.Helper()
	start := time.Now()
	var group sync.WaitGroup
	var left atomic.Int64
	left.Store(int64(n))
	for _, p := range producers {
		for range benchProducers {
			group.Go(func() {
				for left.Add(-int64(len(events))) >= 0 {
					if _, err := a.Append(b.Context(), p, 0, events...); err != nil {
						b.Error(err)
						return
					}
				}
			})
		}
	}
	group.Wait()
	return time.Since(start)
}

// shape is what a commit holds.
type shape struct{ events, builds int }

// benchFloor stores n events in batches of a size, in as many connections as the
// appender uses, each for builds of its own.
func benchFloor(
	b *testing.B, all *bundle, builds []uuid.UUID, heads []int64, e *eventv1.BuildEvent, n int, like shape, conns int,
) time.Duration {
	b.Helper()
	rows, err := encodeAll([]*eventv1.BuildEvent{e})
	if err != nil {
		b.Fatal(err)
	}
	start := time.Now()
	var group sync.WaitGroup
	for c := range conns {
		from, to := c*len(builds)/conns, (c+1)*len(builds)/conns
		share := n/conns + min(1, n%conns)
		group.Go(func() {
			f := &bareWriter{all: all, builds: builds[from:to], heads: heads[from:to], row: rows[0]}
			for done := 0; done < share; done += like.events {
				if err := f.write(b.Context(), like, min(like.events, share-done)); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	group.Wait()
	return time.Since(start)
}

// bareWriter knows the seqs and asks nothing of the database but to store rows.
type bareWriter struct {
	all    *bundle
	builds []uuid.UUID
	heads  []int64
	row    encoded
	at     int
}

// write stores n events for as many builds as a commit holds, in turn.
func (f *bareWriter) write(ctx context.Context, like shape, n int) error {
	var (
		ids, changed []uuid.UUID
		seqs, head   []int64
		class, kind  []int16
		payloads     [][]byte
	)
	builds := min(like.builds, n, len(f.builds))
	for i := range builds {
		for range n/builds + min(1, max(0, n%builds-i)) {
			f.heads[f.at]++
			ids, seqs = append(ids, f.builds[f.at]), append(seqs, f.heads[f.at])
			class, kind, payloads = append(class, f.row.class), append(kind, f.row.kind), append(payloads, f.row.payload)
		}
		changed, head = append(changed, f.builds[f.at]), append(head, f.heads[f.at])
		f.at = (f.at + 1) % len(f.builds)
	}
	batch := &pgx.Batch{}
	batch.Queue(`UPDATE builds b SET head_seq = u.head FROM unnest($1::uuid[], $2::bigint[]) AS u (id, head) WHERE b.id = u.id`, changed, head)
	batch.Queue(`INSERT INTO build_events (build_id, seq, class, kind, create_time, payload)
		SELECT u.id, u.seq, u.class, u.kind, clock_timestamp(), u.payload
		FROM unnest($1::uuid[], $2::bigint[], $3::smallint[], $4::smallint[], $5::bytea[]) AS u (id, seq, class, kind, payload)`,
		ids, seqs, class, kind, payloads)
	return f.all.db.SendBatch(ctx, batch).Close()
}

// run runs an appender until the test ends.
func run(t testing.TB, a *Appender) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	var group sync.WaitGroup
	group.Go(func() { a.Run(ctx) })
	t.Cleanup(func() {
		cancel()
		group.Wait()
	})
}
