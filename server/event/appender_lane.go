package event

import (
	"slices"
	"time"

	"github.com/google/uuid"
)

// lane is what waits for one build, the oldest first. It is either among the
// appender's ready ones or away: in a statement, or pausing before the next.
type lane struct {
	buildID uuid.UUID
	entries []*entry
	away    bool
	// skips counts the batches that went without it, failures the statements of
	// which nobody knows the outcome, both in a row.
	skips, failures int
}

// group are entries of one lane that become one run of seqs: all of them are
// stored, or none.
type group struct {
	lane     *lane
	producer Producer
	expected int64
	entries  []*entry
	rows     []encoded
	bytes    int
}

// accept queues an append that has room.
func (a *Appender) accept(e *entry) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.stopping {
		a.room.leave(len(e.events), e.bytes)
		return errStopped
	}
	e.accepted = time.Now()
	l, known := a.lanes[e.producer.BuildID]
	if !known {
		l = &lane{buildID: e.producer.BuildID}
		a.lanes[l.buildID] = l
		a.ready = append(a.ready, l)
	}
	l.entries = append(l.entries, e)
	if l.away {
		return nil
	}
	before := a.readyEvents
	a.count(e, 1)
	if (!known && len(a.ready) == 1) || (before < a.batch && a.readyEvents >= a.batch) {
		a.nudge()
	}
	return nil
}

// count adds an entry to what is ready, or with -1 takes it away.
func (a *Appender) count(e *entry, sign int) {
	a.readyEvents += sign * len(e.events)
	a.readyBytes += sign * e.bytes
}

// withdraw takes back an entry that no statement has held.
func (a *Appender) withdraw(e *entry) {
	l := a.lanes[e.producer.BuildID]
	if l == nil {
		return
	}
	i := slices.Index(l.entries, e)
	if i < 0 {
		return
	}
	l.entries = slices.Delete(l.entries, i, i+1)
	if !l.away {
		a.count(e, -1)
	}
	a.room.leave(len(e.events), e.bytes)
}

// next takes a batch if one is due, and says how long to wait if not.
func (a *Appender) next() (batch []*group, wait time.Duration) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.dropEmpty()
	if a.flying >= a.commits || len(a.ready) == 0 {
		return nil, time.Hour
	}
	if a.readyEvents < a.batch && a.readyBytes < batchBytesMax && !a.stopping {
		if wait := a.window - time.Since(a.ready[0].entries[0].accepted); wait > 0 {
			return nil, wait
		}
	}
	var events, bytes int
	most := a.batch * crowdFactor
	for len(a.ready) > 0 && events < most && bytes < batchBytesMax {
		l := a.ready[0]
		a.ready = a.ready[1:]
		a.depart(l)
		g := l.take(most-events, batchBytesMax-bytes)
		batch, events, bytes = append(batch, g), events+len(g.rows), bytes+g.bytes
		a.dropEmpty()
	}
	a.flying++
	return batch, 0
}

// dropEmpty forgets lanes at the front whose callers have all gone.
func (a *Appender) dropEmpty() {
	for len(a.ready) > 0 && len(a.ready[0].entries) == 0 {
		delete(a.lanes, a.ready[0].buildID)
		a.ready = a.ready[1:]
	}
}

// depart marks a lane that was ready as away.
func (a *Appender) depart(l *lane) {
	l.away = true
	for _, e := range l.entries {
		a.count(e, -1)
	}
}

// comeBack makes a lane ready again, or forgets it if nothing waits in it. The
// caller holds the mutex, and nudges Run after.
func (a *Appender) comeBack(l *lane) {
	l.away = false
	if len(l.entries) == 0 {
		delete(a.lanes, l.buildID)
		return
	}
	for _, e := range l.entries {
		a.count(e, 1)
	}
	a.ready = append(a.ready, l)
}

// take removes the first entry of a lane and those behind it that can be stored
// with it, within the bounds if they are more than one.
func (l *lane) take(maxEvents, maxBytes int) *group {
	// The lane and the group share the array, each with a part of its own.
	g := &group{lane: l, entries: l.entries[:0]}
	for i, e := range l.entries {
		if i > 0 && (len(g.rows)+len(e.events) > maxEvents || g.bytes+e.bytes > maxBytes || !g.fits(e)) {
			break
		}
		g.add(e)
	}
	l.entries = l.entries[len(g.entries):]
	g.entries = slices.Clip(g.entries)
	return g
}

// fits reports whether an entry follows the group's others: of the same producer,
// and expecting the seq that it would get.
func (g *group) fits(e *entry) bool {
	return e.producer == g.producer &&
		(e.expected == 0 || (g.expected != 0 && e.expected == g.expected+int64(len(g.rows))))
}

func (g *group) add(e *entry) {
	if len(g.entries) == 0 {
		g.producer, g.expected, g.rows = e.producer, e.expected, e.events
	} else {
		g.rows = append(slices.Clip(g.rows), e.events...)
	}
	e.sent = true
	g.entries = append(g.entries, e)
	g.bytes += e.bytes
}
