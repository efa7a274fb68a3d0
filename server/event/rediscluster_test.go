package event

import (
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/redis/go-redis/v9"

	"github.com/sheenapps/sheen/server/event/redistest"
)

func newClusterNode(t *testing.T, cluster *redistest.Cluster) *busNode {
	t.Helper()
	return newBusNode(t, redis.NewClusterClient(&redis.ClusterOptions{
		Addrs: cluster.Addrs(), DialTimeout: time.Second, ReadTimeout: time.Second, WriteTimeout: time.Second,
		DialerRetries: 1, ContextTimeoutEnabled: true,
	}))
}

// owner is the index of the master that has a build.
func (n *busNode) owner(t *testing.T, cluster *redistest.Cluster, build uuid.UUID) int {
	t.Helper()
	return slices.Index(cluster.Addrs(), n.publisher.servers.server(channel(build)))
}

func shardChannels(t *testing.T, server *redistest.Server) []string {
	t.Helper()
	names, err := server.Client().PubSubShardChannels(t.Context(), "*").Result()
	if err != nil {
		t.Fatal(err)
	}
	return names
}

func TestBatchesTravelOverACluster(t *testing.T) {
	t.Parallel()
	cluster := redistest.StartCluster(t, 3)
	writing, reading := newClusterNode(t, cluster), newClusterNode(t, cluster)
	builds := newBuilds(50)
	reading.attachAll(t, builds)
	var batches []Batch
	for _, id := range builds {
		batches = append(batches, Batch{BuildID: id, Records: newTextRecords(t, 1, 4)}, Batch{BuildID: id, Records: newTextRecords(t, 5, 5)})
	}
	writing.Publish(batches...)
	masters := make(map[int][]uuid.UUID)
	for _, id := range builds {
		waitFor(t, func() bool { return len(reading.got(id)) == 5 })
		if got := reading.got(id); !slices.Equal(got, span64(1, 5)) {
			t.Errorf("heard %v", got)
		}
		waitFor(t, func() bool {
			return slices.Equal(seqs(reading.Recent(t.Context(), id, 1, 10)), span64(2, 5))
		})
		masters[reading.owner(t, cluster, id)] = append(masters[reading.owner(t, cluster, id)], id)
	}
	for i, master := range cluster.Masters {
		if n := listening(t, master); n != 1 || len(masters[i]) == 0 {
			t.Errorf("master %d has %d builds and %d connections listen there", i, len(masters[i]), n)
		}
	}
	if writing.Stats().Errors.Load()+reading.Stats().Errors.Load()+writing.Stats().Dropped.Load() != 0 {
		t.Errorf("%d and %d errors, %d dropped", writing.Stats().Errors.Load(), reading.Stats().Errors.Load(), writing.Stats().Dropped.Load())
	}

	// A master that has nothing to say any more is not listened to.
	for _, id := range masters[2] {
		reading.Detach(id)
	}
	waitFor(t, func() bool { return listening(t, cluster.Masters[2]) == 0 })
}

func TestASlotThatMovesTakesItsSubscribersAlong(t *testing.T) {
	t.Parallel()
	cluster := redistest.StartCluster(t, 3)
	writing, reading := newClusterNode(t, cluster), newClusterNode(t, cluster)
	builds := newBuilds(20)
	reading.attachAll(t, builds)
	from := reading.owner(t, cluster, builds[0])
	old, next := cluster.Masters[from], cluster.Masters[(from+1)%3]
	cluster.Move(t, channel(builds[0]), old, next)
	waitFor(t, func() bool { return slices.Contains(shardChannels(t, next), channel(builds[0])) })
	if slices.Contains(shardChannels(t, old), channel(builds[0])) {
		t.Error("it is heard at the old place as well")
	}
	for _, id := range builds {
		reading.hears(t, writing, id, 1)
	}

	// One that is asked for at the old place by a node that does not know yet.
	late, moved := newClusterNode(t, cluster), uuid.New()
	late.Attach(t.Context(), builds[0])
	from = late.owner(t, cluster, moved)
	cluster.Move(t, channel(moved), cluster.Masters[from], cluster.Masters[(from+1)%3])
	late.Attach(t.Context(), moved)
	waitFor(t, func() bool { return late.Stats().Errors.Load() > 0 })
	late.hears(t, writing, moved, 1)
}

func TestAMasterThatHangsAndDiesLeavesTheOthersGoing(t *testing.T) {
	t.Parallel()
	cluster := redistest.StartCluster(t, 3)
	writing, reading := newClusterNode(t, cluster), newClusterNode(t, cluster)
	builds := newBuilds(30)
	reading.attachAll(t, builds)
	var dead, alive []uuid.UUID
	for _, id := range builds {
		if reading.owner(t, cluster, id) == 1 {
			dead = append(dead, id)
		} else {
			alive = append(alive, id)
		}
	}
	if len(dead) == 0 || len(alive) == 0 {
		t.Fatalf("%d builds live on the master that dies, %d elsewhere", len(dead), len(alive))
	}
	cluster.Masters[1].Pause()
	for seq := int64(1); seq <= 20; seq++ {
		if seq == 10 {
			cluster.Masters[1].Kill()
		}
		for _, id := range builds {
			writing.Publish(Batch{BuildID: id, Records: newTextRecords(t, seq, seq)})
		}
		begun := time.Now()
		for _, id := range alive {
			waitFor(t, func() bool { return slices.Equal(reading.got(id), span64(1, seq)) })
		}
		if took := time.Since(begun); took > time.Second {
			t.Errorf("batch %d of the living takes %v", seq, took)
		}
	}
	if got := reading.Recent(t.Context(), dead[0], 0, 10); got != nil {
		t.Errorf("the dead have %v", seqs(got))
	}
	if got := seqs(reading.Recent(t.Context(), alive[0], 0, 10)); !slices.Equal(got, span64(1, 10)) {
		t.Errorf("the living have %v", got)
	}
	waitFor(t, func() bool { return writing.Stats().Dropped.Load() > 0 })

	coming := uuid.New()
	for reading.owner(t, cluster, coming) == 1 {
		coming = uuid.New()
	}
	reading.Attach(t.Context(), coming)
	reading.hears(t, writing, coming, 1)
}
