package event

import (
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/uuid"
)

// countedLog is a log whose reads take a while and are counted.
type countedLog struct {
	*simLog

	reads   atomic.Int64
	running atomic.Int64
	most    atomic.Int64
}

// Page implements [Reader]; its time is virtual.
func (l *countedLog) Page(ctx context.Context, build uuid.UUID, after int64, limit int32) ([]Record, error) {
	l.reads.Add(1)
	l.most.Store(max(l.most.Load(), l.running.Add(1)))
	defer l.running.Add(-1)
	<-time.After(time.Millisecond)
	return l.simLog.Page(ctx, build, after, limit)
}

// TestACrowdThatCatchesUpReadsEachPageOnce has 600 subscribers of 10 builds come
// at once, at different places, while events go on.
func TestACrowdThatCatchesUpReadsEachPageOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const behind, builds, crowd = 1200, 10, 60
		log := &countedLog{simLog: newSimLog()}
		hub := newNode(log).hub
		var group sync.WaitGroup
		for range builds {
			build := uuid.New()
			log.append(t, build, behind, 20)
			for i := range crowd {
				group.Go(func() {
					cursor, err := hub.Subscribe(t.Context(), build, int64(i*7), behind)
					if err != nil {
						t.Error(err)
						return
					}
					defer cursor.Close()
					for position := int64(i * 7); position < behind; {
						records, err := cursor.Next(t.Context())
						if err != nil || records[0].Seq != position+1 {
							t.Errorf("after %d: %v, %v", position, seqs(records), err)
							return
						}
						position = records[len(records)-1].Seq
					}
				})
			}
		}
		group.Wait()
		pages := int64(builds * ((behind + pageSize - 1) / pageSize))
		if got := log.reads.Load(); got > pages {
			t.Errorf("%d reads of %d pages", got, pages)
		}
		if got := log.most.Load(); got > concurrentReads {
			t.Errorf("%d reads at once", got)
		}
	})
}

func TestPagesGoOnFromWhereTheyEnd(t *testing.T) {
	t.Parallel()
	log, build := newSimLog(), uuid.New()
	log.append(t, build, 10, 4)
	p := newPages(log.Page)
	for _, test := range []struct {
		name     string
		append   int
		position int64
		want     []int64
	}{
		{"from the middle of a page", 0, 4, span64(5, 10)},
		{"from the beginning", 0, 0, span64(1, 10)},
		{"the end", 0, 10, nil},
		{"the log has gone on", 3, 10, span64(11, 13)},
		{"the first page is what it was", 0, 9, []int64{10}},
		{"the next page", pageSize, pageSize, span64(pageSize+1, pageSize+13)},
	} {
		if test.append > 0 {
			log.append(t, build, test.append, 4)
		}
		got, err := p.after(t.Context(), build, test.position)
		if err != nil || !slices.Equal(seqs(got), test.want) {
			t.Errorf("%s: after %d %v, %v", test.name, test.position, seqs(got), err)
		}
	}
}

func TestPagesAreBoundedInBytes(t *testing.T) {
	t.Parallel()
	log, build := newSimLog(), uuid.New()
	log.append(t, build, 60, 30<<10)
	p := newPages(log.Page)
	var got []int64
	for position := int64(0); position < 60; {
		records, err := p.after(t.Context(), build, position)
		if err != nil || len(records) == 0 {
			t.Fatalf("after %d: %v, %v", position, records, err)
		}
		if size := len(EncodeFrame(records)); size > pageBytes {
			t.Errorf("%d bytes", size)
		}
		got = append(got, seqs(records)...)
		position = got[len(got)-1]
	}
	if !slices.Equal(got, span64(1, 60)) {
		t.Errorf("got %v", got)
	}
}

func TestPagesAreForgotten(t *testing.T) {
	t.Parallel()
	log := newSimLog()
	p := newPages(log.Page)
	for range 3 * keptPages {
		build := uuid.New()
		log.append(t, build, 1, 4)
		if _, err := p.after(t.Context(), build, 0); err != nil {
			t.Fatal(err)
		}
	}
	if len(p.known) > keptPages || len(p.order) > keptPages {
		t.Errorf("%d pages are known, %d in order", len(p.known), len(p.order))
	}
	p.expire(time.Now().Add(time.Hour))
	if len(p.known) != 0 || len(p.order) != 0 {
		t.Errorf("%d pages are left", len(p.known))
	}
}

func TestAReadThatFailsIsNotKept(t *testing.T) {
	t.Parallel()
	log, build := newSimLog(), uuid.New()
	log.append(t, build, 1, 4)
	broken := true
	p := newPages(func(ctx context.Context, id uuid.UUID, after int64, limit int32) ([]Record, error) {
		if broken {
			return nil, errWanted
		}
		return log.Page(ctx, id, after, limit)
	})
	if _, err := p.after(t.Context(), build, 0); !errors.Is(err, errWanted) {
		t.Errorf("a broken store: %v", err)
	}
	broken = false
	if got, err := p.after(t.Context(), build, 0); err != nil || len(got) != 1 {
		t.Errorf("a mended store: %v, %v", got, err)
	}
}

// TestWhoAskedFirstMayLeave ends the subscriber for whom a page is read: the read
// goes on for the others.
func TestWhoAskedFirstMayLeave(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		log, build := &countedLog{simLog: newSimLog()}, uuid.New()
		log.append(t, build, 1, 4)
		p := newPages(log.Page)
		ctx, cancel := context.WithCancelCause(t.Context())
		var group sync.WaitGroup
		group.Go(func() {
			if _, err := p.after(ctx, build, 0); !errors.Is(err, errWanted) {
				t.Errorf("the one who left: %v", err)
			}
		})
		synctest.Wait()
		group.Go(func() {
			if got, err := p.after(t.Context(), build, 0); err != nil || len(got) != 1 {
				t.Errorf("the one who stayed: %v, %v", got, err)
			}
		})
		synctest.Wait()
		cancel(errWanted)
		group.Wait()
		if got := log.reads.Load(); got != 1 {
			t.Errorf("%d reads", got)
		}
	})
}
