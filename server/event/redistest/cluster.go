package redistest

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
)

// slots is how many there are in a Redis Cluster.
const slots = 16384

// Cluster is a Redis Cluster of masters without replicas. What one master has is
// unavailable while that is away; the others go on.
type Cluster struct {
	Masters []*Server
}

// StartCluster runs a cluster in which each master has an equal share of slots.
func StartCluster(t testing.TB, masters int) *Cluster {
	t.Helper()
	c := &Cluster{}
	var ports []int
	for range masters {
		ports = append(ports, freePort(t))
		c.Masters = append(c.Masters, Start(t, "--cluster-enabled", "yes",
			"--cluster-port", strconv.Itoa(ports[len(ports)-1]),
			"--cluster-require-full-coverage", "no", "--cluster-node-timeout", "1000"))
	}
	first := c.Masters[0]
	for i, master := range c.Masters {
		low, high := i*slots/masters, (i+1)*slots/masters-1
		err := errors.Join(
			master.client.Do(t.Context(), "cluster", "set-config-epoch", i+1).Err(),
			master.client.ClusterAddSlotsRange(t.Context(), low, high).Err(),
			first.client.Do(t.Context(), "cluster", "meet", "127.0.0.1", master.port, ports[i]).Err(),
		)
		if err != nil {
			t.Fatalf("make a cluster: %v", err)
		}
	}
	for _, master := range c.Masters {
		if err := until(30*time.Second, func(ctx context.Context) error { return complete(ctx, master, masters) }); err != nil {
			t.Fatalf("wait for the cluster: %v\n%s", err, master.output.String())
		}
	}
	return c
}

// complete is nil once a master knows of everybody and every slot.
func complete(ctx context.Context, master *Server, masters int) error {
	info, err := master.client.ClusterInfo(ctx).Result()
	if err != nil {
		return err
	}
	for _, line := range []string{"cluster_state:ok", "cluster_slots_ok:16384", "cluster_size:" + strconv.Itoa(masters)} {
		if !strings.Contains(info, line+"\r\n") {
			return errors.New("not yet " + line)
		}
	}
	return nil
}

// Addrs are the addresses of all masters.
func (c *Cluster) Addrs() []string {
	addrs := make([]string, len(c.Masters))
	for i, master := range c.Masters {
		addrs[i] = master.Addr()
	}
	return addrs
}

// Move gives a key's slot, which must hold no keys, from one master to another.
func (c *Cluster) Move(t testing.TB, key string, from, to *Server) {
	t.Helper()
	slot, err := from.client.ClusterKeySlot(t.Context(), key).Result()
	if err != nil {
		t.Fatal(err)
	}
	source, target := id(t, from.client), id(t, to.client)
	if err := to.client.Do(t.Context(), "cluster", "setslot", slot, "importing", source).Err(); err != nil {
		t.Fatal(err)
	}
	if err := from.client.Do(t.Context(), "cluster", "setslot", slot, "migrating", target).Err(); err != nil {
		t.Fatal(err)
	}
	// The new owner first, so that the slot is never without one.
	for _, master := range []*Server{to, from} {
		if err := master.client.Do(t.Context(), "cluster", "setslot", slot, "node", target).Err(); err != nil {
			t.Fatal(err)
		}
	}
}

func id(t testing.TB, client *redis.Client) string {
	t.Helper()
	own, err := client.Do(t.Context(), "cluster", "myid").Text()
	if err != nil {
		t.Fatal(err)
	}
	return own
}
