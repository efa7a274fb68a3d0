package event

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/redis/go-redis/v9"
)

const (
	// timingWindow is how old a build may be whose timings count. What takes an hour
	// at most is reported long before that.
	timingWindow = 24 * time.Hour
	// timingMemory outlives the window by more than the clocks of nodes differ, so
	// that what is forgotten is too late to count.
	timingMemory = timingWindow + time.Hour
	// timingTimeout bounds the question what was reported: a browser waits for it.
	timingTimeout = time.Second
	// timingPrefix begins the key of the names that were reported of a build.
	timingPrefix = "sheen:timings:{"
)

// remember stores which names are reported of a build, and returns those that were
// not before. Of any number that ask at once, on whichever nodes, one is told so of a
// name. After an error, or a crash of the caller, a name may be
// stored that nobody counted: it is lost rather than counted twice.
func (t *Timings) remember(ctx context.Context, buildID uuid.UUID, names []string) ([]string, error) {
	ctx, cancel := context.WithTimeout(ctx, timingTimeout)
	defer cancel()
	key := timingPrefix + buildID.String() + "}"
	added := make([]*redis.IntCmd, len(names))
	_, err := t.redis.TxPipelined(ctx, func(p redis.Pipeliner) error {
		for i, name := range names {
			added[i] = p.SAdd(ctx, key, name)
		}
		p.Expire(ctx, key, timingMemory)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("remember the timings of a build: %w", err)
	}
	var fresh []string
	for i, name := range names {
		if added[i].Val() == 1 {
			fresh = append(fresh, name)
		}
	}
	return fresh, nil
}
