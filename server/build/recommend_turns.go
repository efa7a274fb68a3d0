package build

import (
	"maps"
	"sync"
	"time"

	"github.com/sheenapps/sheen/server/recommend"
)

// turns say when a node may begin another model call for recommendations: in no
// minute more than so many. A list that has to wait is promised a turn of its own, so
// that it comes back once and those that wait do not all come back together. It is
// safe for concurrent use.
type turns struct {
	clock     func() time.Time
	perMinute int
	minute    time.Duration

	mu sync.Mutex
	// given are the newest perMinute turns, the oldest first; those promised are among
	// them.
	given    []time.Time
	promised map[recommend.Revision]time.Time
}

// promiseSpare is how long a promise is kept for a list that does not come; another
// node may have it.
const promiseSpare = time.Minute

// newTurns allows so many calls a minute, without a limit if perMinute is 0.
func newTurns(perMinute int, minute time.Duration, clock func() time.Time) *turns {
	return &turns{clock: clock, perMinute: perMinute, minute: minute, promised: make(map[recommend.Revision]time.Time)}
}

// take gives a list its turn: now if wait is 0, else after that, when the list has to
// ask again. It is not ok if the turn would come after patience is over.
func (t *turns) take(list recommend.Revision, patience time.Duration) (wait time.Duration, ok bool) {
	if t.perMinute == 0 {
		return 0, true
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	now := t.clock()
	maps.DeleteFunc(t.promised, func(_ recommend.Revision, at time.Time) bool { return now.Sub(at) > promiseSpare })
	at, found := t.promised[list]
	if !found {
		at = t.next(now)
	}
	wait = max(at.Sub(now), 0)
	if wait > 0 && wait >= patience {
		delete(t.promised, list)
		return 0, false
	}
	if !found {
		t.given = append(t.given, at)
		t.given = t.given[max(len(t.given)-t.perMinute, 0):]
	}
	if wait == 0 {
		delete(t.promised, list)
	} else {
		t.promised[list] = at
	}
	return wait, true
}

// next is the first moment that has a turn left.
func (t *turns) next(now time.Time) time.Time {
	if len(t.given) < t.perMinute {
		return now
	}
	if at := t.given[0].Add(t.minute); at.After(now) {
		return at
	}
	return now
}
