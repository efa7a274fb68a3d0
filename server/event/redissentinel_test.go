package event

import (
	"slices"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/sheenapps/sheen/server/event/redistest"
)

// A replica that lacks the newest writes takes over: nobody is told so.
func TestAFailoverThatLosesWrites(t *testing.T) {
	t.Parallel()
	watched := redistest.StartWatched(t)
	node := func() *busNode {
		return newBusNode(t, redis.NewFailoverClient(&redis.FailoverOptions{
			MasterName: redistest.MasterName, SentinelAddrs: []string{watched.Sentinel.Addr()},
			DialTimeout: time.Second, ReadTimeout: time.Second, WriteTimeout: time.Second,
			DialerRetries: 1, ContextTimeoutEnabled: true,
		}))
	}
	writing, reading := node(), node()
	build := attached(t, reading)
	publish := func(first, last int64) {
		for seq := first; seq <= last; seq++ {
			writing.Publish(Batch{BuildID: build, Records: newTextRecords(t, seq, seq)})
		}
		waitFor(t, func() bool { return slices.Contains(reading.got(build), last) })
	}
	publish(1, 10)
	waitFor(t, func() bool { return watched.Replica.Client().XLen(t.Context(), channel(build)).Val() == 10 })
	watched.Replica.Pause()
	// What it was sent would otherwise wait for it.
	if n := watched.Master.Client().ClientKillByFilter(t.Context(), "type", "replica").Val(); n != 1 {
		t.Fatalf("%d replicas were cut off", n)
	}
	publish(11, 20)
	watched.Master.Kill()
	watched.Replica.Resume()

	last := reading.hears(t, writing, build, 30)
	waitFor(t, func() bool { return len(reading.Recent(t.Context(), build, last-1, 100)) == 1 })
	if got := reading.Recent(t.Context(), build, 10, 100); got != nil {
		t.Errorf("what was lost is made up by %v", seqs(got))
	}
	if got := seqs(reading.Recent(t.Context(), build, 4, 100)); !slices.Equal(got, span64(5, 10)) {
		t.Errorf("of what was kept, %v is there", got)
	}
}
