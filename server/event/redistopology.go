package event

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"
)

// learnTimeout bounds the first question for a cluster's layout.
const learnTimeout = time.Second

// topology knows which server has a build's channel and stream. What is not a
// cluster is one server without a name. It is safe for concurrent use.
type topology struct {
	client  redis.UniversalClient
	cluster *redis.ClusterClient
	// known says that the client has a layout, so that asking it for a server
	// needs no network.
	known atomic.Bool
}

func newTopology(client redis.UniversalClient) *topology {
	t := &topology{client: client}
	t.cluster, _ = client.(*redis.ClusterClient)
	t.known.Store(t.cluster == nil)
	return t
}

// sharded reports whether channels belong to slots.
func (t *topology) sharded() bool { return t.cluster != nil }

// learn gets a cluster's layout if there is none yet, and reports whether there
// is one then.
func (t *topology) learn(ctx context.Context) bool {
	if t.known.Load() {
		return true
	}
	ctx, cancel := context.WithTimeout(ctx, learnTimeout)
	defer cancel()
	if _, err := t.cluster.MasterForKey(ctx, channelPrefix); err != nil {
		return false
	}
	t.known.Store(true)
	return true
}

// suspect has a cluster's layout read again, in the background and not too often.
func (t *topology) suspect() {
	if t.cluster != nil && t.known.Load() {
		t.cluster.ReloadState(context.Background())
	}
}

// server names the server of a channel; empty if there is no cluster or it is not
// known yet. It never blocks.
func (t *topology) server(name string) string {
	if t.cluster == nil || !t.known.Load() {
		return ""
	}
	master, err := t.cluster.MasterForKey(context.Background(), name)
	if err != nil {
		return ""
	}
	return master.Options().Addr
}

// listen returns the name of a channel's server and how to open a connection that
// listens there.
func (t *topology) listen(ctx context.Context, name string) (string, listenFunc, error) {
	if t.cluster == nil {
		return "", t.client.Subscribe, nil
	}
	master, err := t.cluster.MasterForKey(ctx, name)
	if err != nil {
		return "", nil, fmt.Errorf("find the server of a channel: %w", err)
	}
	return master.Options().Addr, master.SSubscribe, nil
}

type listenFunc func(ctx context.Context, channels ...string) *redis.PubSub
