package event

import (
	"context"
	"runtime"
	"sync"
	"time"
)

// turnTime is how long a turn lasts at most: beyond it the reader is slow, and
// waits for its own connection, not for a core.
const turnTime = 25 * time.Millisecond

// turns let those who are behind read and send a batch each in turn, on a quarter
// of the cores: half of them, half of the time. A crowd that catches up leaves the
// rest to those who keep up, and to its own reading.
type turns struct{ free chan struct{} }

func newTurns() *turns { return &turns{make(chan struct{}, max(1, runtime.GOMAXPROCS(0)/2))} }

// take waits for a turn, and returns what ends it. It returns at once when ctx
// ends; what follows will notice.
func (t *turns) take(ctx context.Context) (end func()) {
	select {
	case t.free <- struct{}{}:
	case <-ctx.Done():
		return func() {}
	}
	var once sync.Once
	release := func() { once.Do(func() { <-t.free }) }
	began := time.Now()
	limit := time.AfterFunc(turnTime, release)
	return func() {
		// The pause is as long as the turn was.
		if limit.Stop() {
			time.AfterFunc(time.Since(began), release)
		}
	}
}
