package build

import (
	"maps"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/sheenapps/sheen/server/recommend"
)

// turns say when a node may begin another model call for recommendations. A list that
// has to wait is promised a turn of its own, so that it comes back once and those that
// wait do not all come back together. It is safe for concurrent use.
type turns struct {
	clock func() time.Time
	// limiter is nil without a limit.
	limiter *rate.Limiter

	mu       sync.Mutex
	promised map[recommend.Revision]promise
}

// promise is a turn that is kept for a list.
type promise struct {
	at   time.Time
	turn *rate.Reservation
}

// promiseSpare is how long a promise is kept for a list that does not come; another
// node may have it.
const promiseSpare = time.Minute

// newTurns allows so many calls a minute, of which burst may begin at once; without a
// limit if perMinute is 0.
func newTurns(perMinute, burst int, clock func() time.Time) *turns {
	t := &turns{clock: clock, promised: make(map[recommend.Revision]promise)}
	if perMinute > 0 {
		t.limiter = rate.NewLimiter(rate.Limit(float64(perMinute)/time.Minute.Seconds()), burst)
	}
	return t
}

// take gives a list its turn: now if wait is 0, else after that, when the list has to
// ask again. It is not ok if the turn would come after patience is over.
func (t *turns) take(list recommend.Revision, patience time.Duration) (wait time.Duration, ok bool) {
	if t.limiter == nil {
		return 0, true
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	now := t.clock()
	maps.DeleteFunc(t.promised, func(_ recommend.Revision, p promise) bool { return now.Sub(p.at) > promiseSpare })
	p, found := t.promised[list]
	if !found {
		turn := t.limiter.ReserveN(now, 1)
		p = promise{now.Add(turn.DelayFrom(now)), turn}
	}
	wait = max(p.at.Sub(now), 0)
	switch {
	case wait == 0:
		delete(t.promised, list)
	case wait >= patience:
		p.turn.CancelAt(now)
		delete(t.promised, list)
		return 0, false
	default:
		t.promised[list] = p
	}
	return wait, true
}
