package event

import (
	"slices"
	"testing"
)

func seqs(records []Record) []int64 {
	var all []int64
	for _, r := range records {
		all = append(all, r.Seq)
	}
	return all
}

func span64(first, last int64) []int64 {
	var all []int64
	for seq := first; seq <= last; seq++ {
		all = append(all, seq)
	}
	return all
}

func TestFeedKeepsConsecutiveRecords(t *testing.T) {
	t.Parallel()
	type batch struct{ first, last int64 }
	for _, test := range []struct {
		name    string
		batches []batch
		ring    []int64
		head    int64
	}{
		{"in order", []batch{{1, 2}, {3, 5}}, span64(1, 5), 5},
		{"repeated", []batch{{1, 3}, {1, 3}, {2, 4}}, span64(1, 4), 4},
		{"gap", []batch{{1, 3}, {6, 7}}, span64(6, 7), 7},
		{"late after a gap", []batch{{1, 3}, {6, 7}, {4, 5}, {8, 8}}, span64(6, 8), 8},
		{"from the middle", []batch{{40, 41}}, span64(40, 41), 41},
		{"reversed", []batch{{3, 3}, {2, 2}, {1, 1}}, span64(3, 3), 3},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			f := newFeed()
			for _, b := range test.batches {
				f.add(newTextRecords(t, b.first, b.last))
			}
			if got := seqs(f.ring); !slices.Equal(got, test.ring) || f.highest() != test.head {
				t.Errorf("ring %v, head %d", got, f.highest())
			}
		})
	}
}

func TestFeedStaysWithinItsBytes(t *testing.T) {
	t.Parallel()
	f := newFeed()
	for seq := range int64(300) {
		f.add([]Record{newTextRecord(t, seq+1, 4<<10)})
	}
	bytes := 0
	for _, r := range f.ring {
		bytes += len(r.Wire)
	}
	if bytes > ringBytes || bytes < ringBytes-8<<10 || f.bytes != bytes {
		t.Errorf("the ring has %d bytes and counts %d", bytes, f.bytes)
	}
	if f.ring[len(f.ring)-1].Seq != 300 {
		t.Errorf("the newest is %d", f.ring[len(f.ring)-1].Seq)
	}
	f.add([]Record{newTextRecord(t, 301, 2*ringBytes)})
	if got := seqs(f.ring); !slices.Equal(got, []int64{301}) {
		t.Errorf("one record beyond the bound: %v", got)
	}
	f.add([]Record{newTextRecord(t, 400, 10)})
	if len(f.ring) != 1 || f.bytes != len(f.ring[0].Wire) {
		t.Errorf("after a gap %d records and %d bytes", len(f.ring), f.bytes)
	}
}

func TestFeedTellsWhatFollowsAPosition(t *testing.T) {
	t.Parallel()
	f := newFeed()
	f.add(newTextRecords(t, 5, 9))
	for position, want := range map[int64][]int64{
		3: nil, 4: span64(5, 9), 7: span64(8, 9), 8: {9}, 9: nil, 100: nil, 1<<63 - 1: nil,
	} {
		if got := f.after(position, batchBytes); !slices.Equal(seqs(got.records), want) || got.shown != 9 {
			t.Errorf("after %d: %v, head %d", position, seqs(got.records), got.shown)
		}
	}
	size := len(f.ring[0].Wire)
	if got := seqs(f.after(4, 2*size).records); !slices.Equal(got, []int64{5, 6}) {
		t.Errorf("within the bytes of two: %v", got)
	}
	// What a cursor was given must stay what it is while the ring moves on.
	given := f.after(4, batchBytes).records
	f.add([]Record{newTextRecord(t, 10, ringBytes)})
	if !slices.Equal(seqs(given), span64(5, 9)) {
		t.Errorf("records changed in a cursor's hand: %v", seqs(given))
	}
}

func TestFeedWakesOnlyForNews(t *testing.T) {
	t.Parallel()
	f := newFeed()
	woken := func(change func()) bool {
		wake := f.after(0, 1).wake
		change()
		select {
		case <-wake:
			return true
		default:
			return false
		}
	}
	for _, test := range []struct {
		name   string
		change func()
		want   bool
	}{
		{"a record", func() { f.add(newTextRecords(t, 1, 1)) }, true},
		{"a repeat", func() { f.add(newTextRecords(t, 1, 1)) }, false},
		{"a higher head", func() { f.raise(5) }, true},
		{"the same head", func() { f.raise(5) }, false},
		{"a lower head", func() { f.raise(2) }, false},
		{"a record below the head", func() { f.add(newTextRecords(t, 2, 2)) }, false},
	} {
		if got := woken(test.change); got != test.want {
			t.Errorf("%s: woken %v", test.name, got)
		}
	}
}

func TestCut(t *testing.T) {
	t.Parallel()
	records := newTextRecords(t, 1, 4)
	size := len(records[0].Wire)
	for bound, want := range map[int]int{0: 1, size - 1: 1, size: 1, 2*size - 1: 1, 2 * size: 2, 4 * size: 4, 100 * size: 4} {
		if got := len(cut(records, bound)); got != want {
			t.Errorf("%d bytes: %d records, want %d", bound, got, want)
		}
	}
	if got := cut(nil, 10); len(got) != 0 {
		t.Errorf("nothing became %v", got)
	}
}
