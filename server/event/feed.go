package event

import "sync"

// ringBytes bounds what a feed keeps: about two seconds of a busy build, so that
// a subscriber that keeps up never reads the store.
const ringBytes = 256 << 10

// feed is what a node knows of one build: its newest records, its head and a
// wake-up for those who wait.
type feed struct {
	mu sync.Mutex
	// ring holds consecutive records; it may be empty.
	ring  []Record
	bytes int
	// head is the highest seq heard of. It may be beyond the ring: then the
	// store has what is missing.
	head int64
	// wake is closed and replaced whenever head moves.
	wake chan struct{}
	// subscribers counts cursors; the hub changes it under its own lock.
	subscribers int
}

func newFeed() *feed { return &feed{wake: make(chan struct{})} }

// add takes records that may be known already, or leave a gap behind the ring.
func (f *feed) add(records []Record) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, r := range records {
		f.push(r)
	}
	for f.bytes > ringBytes && len(f.ring) > 1 {
		f.bytes -= len(f.ring[0].Wire)
		f.ring[0] = Record{}
		f.ring = f.ring[1:]
	}
}

func (f *feed) push(r Record) {
	if len(f.ring) > 0 {
		switch next := f.ring[len(f.ring)-1].Seq + 1; {
		case r.Seq < next:
			return // A repeat.
		case r.Seq > next:
			f.ring, f.bytes = nil, 0 // A gap: the store has what came before.
		}
	}
	f.ring = append(f.ring, r)
	f.bytes += len(r.Wire)
	f.raiseLocked(r.Seq)
}

// raise notes that the build's head is at least seq.
func (f *feed) raise(seq int64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.raiseLocked(seq)
}

func (f *feed) raiseLocked(seq int64) {
	if seq <= f.head {
		return
	}
	f.head = seq
	close(f.wake)
	f.wake = make(chan struct{})
}

// highest is the highest seq heard of.
func (f *feed) highest() int64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.head
}

// look is what a feed can tell a cursor.
type look struct {
	// records follow the cursor's position; empty if the ring does not have them.
	records []Record
	head    int64
	wake    <-chan struct{}
}

// after returns what the ring has after a position, at most about maxBytes.
func (f *feed) after(position int64, maxBytes int) look {
	f.mu.Lock()
	defer f.mu.Unlock()
	l := look{head: f.head, wake: f.wake}
	if len(f.ring) == 0 || f.ring[0].Seq > position+1 {
		return l
	}
	from := int(position + 1 - f.ring[0].Seq)
	if from >= len(f.ring) {
		return l
	}
	// A copy: the ring's own array is overwritten as it moves on.
	l.records = append(l.records, cut(f.ring[from:], maxBytes)...)
	return l
}

// cut is the longest prefix of records whose bytes stay within a bound, and one
// record at least.
func cut(records []Record, maxBytes int) []Record {
	bytes := 0
	for i, r := range records {
		bytes += len(r.Wire)
		if bytes > maxBytes && i > 0 {
			return records[:i]
		}
	}
	return records
}
