package event

import (
	"sync"
	"time"
)

const (
	// ringBytes bounds what a feed keeps: about two seconds of a busy build, so
	// that a subscriber that keeps up never reads the store.
	ringBytes = 256 << 10
	// Waking subscribers at most every 5 µs for each of them leaves a core most of
	// its time for the sending, which costs about three times that.
	wakeCost = 5 * time.Microsecond
	// Below minCoalesce a wait gains nothing; beyond maxCoalesce neither: a
	// thousand subscribers were served as fast with 5 ms as with 40 ms, and sooner.
	minCoalesce = time.Millisecond
	maxCoalesce = 5 * time.Millisecond
)

// feed is what a node knows of one build: its newest records, its head and a
// wake-up for those who wait.
type feed struct {
	// opened is closed once the bus was asked for the build and the store for its
	// head; openErr, set before, says that this failed.
	opened  chan struct{}
	openErr error

	// cursors are the subscribers and idleSince when the last one left. The hub
	// changes both under its own lock.
	cursors   map[*Cursor]struct{}
	idleSince time.Time

	mu sync.Mutex
	// ring holds consecutive records; it may be empty. Its elements never change,
	// so that cursors read them without the lock.
	ring  []Record
	bytes int
	// head is the highest seq heard of. It may be beyond the ring: then the
	// store has what is missing.
	head int64
	// last says that the build's last record was here.
	last bool
	// shown is the head at the newest wake-up. Cursors see nothing beyond it, so
	// that all take the same steps and nobody is woken for each event.
	shown  int64
	wake   chan struct{}
	wokeAt time.Time
	// due says that a wake-up is on its way.
	due bool
	// audience is the number of cursors, as far as it matters for coalescing.
	audience int
	token    sealedPosition
}

func newFeed() *feed {
	return &feed{
		opened:  make(chan struct{}),
		cursors: make(map[*Cursor]struct{}),
		wake:    make(chan struct{}),
	}
}

// add takes records that may be known already, or leave a gap behind the ring.
// It returns how many records the gap hides; the store has them.
func (f *feed) add(records []Record) (hidden int64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, r := range records {
		hidden += f.push(r)
	}
	f.trim()
	f.showLocked()
	return hidden
}

func (f *feed) push(r Record) (hidden int64) {
	if len(f.ring) > 0 {
		switch next := f.ring[len(f.ring)-1].Seq + 1; {
		case r.Seq < next:
			return 0 // A repeat.
		case r.Seq > next:
			hidden = r.Seq - next
			f.ring, f.bytes = nil, 0
		}
	}
	f.ring = append(f.ring, r)
	f.bytes += len(r.Wire)
	f.head = max(f.head, r.Seq)
	f.last = f.last || r.Last
	return hidden
}

// trim lets the oldest records go. The array below is left as it is: cursors may
// be reading it, and it is replaced when it is full.
func (f *feed) trim() {
	from := 0
	for f.bytes > ringBytes && from < len(f.ring)-1 {
		f.bytes -= len(f.ring[from].Wire)
		from++
	}
	f.ring = f.ring[from:]
}

// raise notes that the build's head is at least seq, and reports whether that is
// news.
func (f *feed) raise(seq int64) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if seq <= f.head {
		return false
	}
	f.head = seq
	f.showLocked()
	return true
}

// showLocked wakes the cursors if there is something new: at once after a pause,
// and else the later the more they are.
func (f *feed) showLocked() {
	if f.head <= f.shown || f.due {
		return
	}
	pause := min(time.Duration(f.audience)*wakeCost, maxCoalesce)
	if pause < minCoalesce {
		f.wakeLocked()
		return
	}
	now := time.Now()
	if wait := pause - now.Sub(f.wokeAt); wait > 0 {
		f.due = true
		time.AfterFunc(wait, f.showNow)
		return
	}
	f.wokeAt = now
	f.wakeLocked()
}

func (f *feed) showNow() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.due, f.wokeAt = false, time.Now()
	f.wakeLocked()
}

func (f *feed) wakeLocked() {
	f.shown = f.head
	close(f.wake)
	f.wake = make(chan struct{})
}

// setAudience tells how many cursors there are.
func (f *feed) setAudience(n int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.audience = n
}

// highest is the highest seq heard of.
func (f *feed) highest() int64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.head
}

// over reports whether the build's last record was here.
func (f *feed) over() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.last
}

// look is what a feed can tell a cursor.
type look struct {
	// records follow the cursor's position; empty if the ring does not have them.
	records []Record
	// shown is how far a cursor may read.
	shown int64
	wake  <-chan struct{}
}

// after returns what the ring has after a position, at most about maxBytes.
func (f *feed) after(position int64, maxBytes int) look {
	f.mu.Lock()
	defer f.mu.Unlock()
	l := look{shown: f.shown, wake: f.wake}
	if len(f.ring) == 0 || f.ring[0].Seq > position+1 {
		return l
	}
	from := int(position + 1 - f.ring[0].Seq)
	to := min(len(f.ring), int(f.shown+1-f.ring[0].Seq))
	if from < to {
		l.records = cut(f.ring[from:to:to], maxBytes)
	}
	return l
}

// lost reports whether the ring no longer has what follows a position.
func (f *feed) lost(position int64) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.shown > position && (len(f.ring) == 0 || f.ring[0].Seq > position+1)
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

// sealedPosition is the newest position that was sealed: subscribers that keep
// up together have the same.
type sealedPosition struct {
	seq    int64
	filter filter
	token  string
}

// sealed returns the token of a position, sealing it if it is another one than
// the last.
func (f *feed) sealed(seq int64, classes filter, seal func() string) string {
	f.mu.Lock()
	defer f.mu.Unlock()
	if t := f.token; t.token != "" && t.seq == seq && t.filter == classes {
		return t.token
	}
	f.token = sealedPosition{seq, classes, seal()}
	return f.token.token
}
