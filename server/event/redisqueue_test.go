package event

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/uuid"
)

func TestAFullQueueLosesTheOldest(t *testing.T) {
	t.Parallel()
	l, build := &outbox{}, uuid.New()
	const size = 1 << 20
	var dropped int64
	for seq := int64(1); seq <= 20; seq++ {
		dropped += l.push(Batch{BuildID: build, Records: []Record{newTextRecord(t, seq, size)}})
	}
	if l.bytes > queueBytes || dropped != 13 || len(l.queue) != 7 {
		t.Errorf("%d bytes wait in %d batches, %d were dropped", l.bytes, len(l.queue), dropped)
	}
	var sent []int64
	for batches := l.take(); len(batches) > 0; batches = l.take() {
		if len(batches) != 1 {
			t.Errorf("%d batches of %d bytes go together", len(batches), size)
		}
		sent = append(sent, batches[0].Head())
	}
	if !slices.Equal(sent, span64(14, 20)) || l.bytes != 0 {
		t.Errorf("%v are left, with %d bytes", sent, l.bytes)
	}
	if n := l.push(Batch{BuildID: build, Records: []Record{{Wire: make([]byte, queueBytes)}}}); n != 1 || l.bytes != 0 {
		t.Errorf("one that is too large leaves %d bytes", l.bytes)
	}
}

func TestSmallBatchesGoTogether(t *testing.T) {
	t.Parallel()
	l, build := &outbox{}, uuid.New()
	for seq := int64(1); seq <= sendBatches+10; seq++ {
		l.push(Batch{BuildID: build, Records: newTextRecords(t, seq, seq)})
	}
	if first, second := len(l.take()), len(l.take()); first != sendBatches || second != 10 {
		t.Errorf("%d, then %d", first, second)
	}
}

func TestABrokenServerIsAskedByOneAtATime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var b breaker
		const broken, whole = "a:1", "b:1"
		check := func(when string, want bool) {
			t.Helper()
			if got := b.allows(broken); got != want {
				t.Errorf("%s: %v", when, got)
			}
			if !b.allows(whole) {
				t.Errorf("%s: another server is not asked", when)
			}
		}
		check("at first", true)
		b.failed(broken)
		check("after a failure", false)
		time.Sleep(recentPause - time.Millisecond) //nolint:forbidigo // virtual time
		check("before the pause ends", false)
		time.Sleep(time.Millisecond) //nolint:forbidigo // virtual time
		check("after the pause", true)
		check("while the first one asks", false)
		b.works(broken)
		check("once that has worked", true)
		check("and for everybody", true)
	})
}
