// Package faults breaks a running Sheen of two nodes, one Postgres and one Redis
// in every way that its promises name, under a load of builds, while followers
// check that each event of each build reaches each of them: once, in order,
// unchanged, in time, up to the last one.
//
// All parts are processes; a fault is a signal to one of them, or something that
// happens on the wire between two. Every fault proves that it took place.
package faults

import (
	"context"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/Shopify/toxiproxy/v2/toxics"

	"github.com/sheenapps/sheen/server/auth"
)

const (
	// warmUp is how long the load runs before the first fault.
	warmUp = 4 * time.Second
	// aftermath is how long the short test watches what follows a fault: longer
	// than the longest silence that is allowed.
	aftermath = 2200 * time.Millisecond
)

// world is everything that runs.
type world struct {
	postgres *postgres
	redis    *redisServer
	nodes    balancer
	load     *load
	table    *table
	random   *rand.Rand
}

// newWorld starts the stores and two nodes. The nodes have data folders of their
// own with the same key and the same files, as on two machines.
func newWorld(t *testing.T, seed uint64) *world {
	t.Helper()
	began := time.Now()
	toxics.Register("lost_publications", new(lostPublications))
	owner := unprivileged(t)
	stores := storesDir(t, owner)
	w := &world{table: &table{}, random: rand.New(rand.NewPCG(seed, 0))}
	w.postgres, w.redis = startPostgres(t, stores, owner), startRedis(t, stores)
	first, second := t.TempDir(), t.TempDir()
	key, err := auth.LoadOrCreateKey(first)
	if err != nil {
		t.Fatal(err)
	}
	for _, shared := range []string{"jwt.key", "blobs"} {
		if err := os.Symlink(filepath.Join(first, shared), filepath.Join(second, shared)); err != nil {
			t.Fatal(err)
		}
	}
	program := binary(t)
	for _, dir := range []string{first, second} {
		w.nodes = append(w.nodes, newNode(t, program, dir, w.postgres, w.redis))
	}
	t.Logf("everything is up %v after the start", time.Since(began).Round(time.Millisecond))
	w.load = &load{nodes: w.nodes, key: key, table: w.table, started: make(chan struct{})}
	return w
}

// pick is one of the nodes.
func (w *world) pick() *node { return w.nodes[w.random.IntN(len(w.nodes))] }

func (*world) wait(t *testing.T, d time.Duration) {
	t.Helper()
	if err := pause(t.Context(), d); err != nil {
		t.Fatal(err)
	}
}

// under runs faults under load, lets all builds end and checks everything.
func (w *world) under(t *testing.T, faults func()) {
	t.Helper()
	w.table.begin("none")
	w.table.set(0, 1, "before the faults")
	ctx, abort := context.WithCancel(t.Context())
	starting, enough := context.WithCancel(ctx)
	var group sync.WaitGroup
	group.Go(func() { w.nodes.probe(ctx) })
	group.Go(func() { w.load.run(starting, ctx) })
	defer func() {
		abort()
		group.Wait()
		w.load.await()
	}()
	w.wait(t, warmUp)
	faults()
	enough()
	rest := time.Now()
	w.load.await()
	for _, n := range w.nodes {
		if n.hasEnded() {
			t.Error("a node ended by itself")
		}
	}
	t.Logf("%d builds; the last ones ended %v after the last fault", len(w.load.builds), time.Since(rest).Round(time.Millisecond))
	w.table.check(t)
	audit(t, w.postgres, w.load.builds)
}

// strike injects one fault and watches what follows.
func (w *world) strike(t *testing.T, fault injection, after time.Duration) {
	t.Helper()
	row := w.table.begin(fault.name)
	from := time.Now()
	fired, note := fault.inject(t, w)
	if fault.outage {
		w.table.outage(from, time.Now())
	}
	w.table.set(row, fired, note)
	w.wait(t, after)
}

func TestFaultsShort(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("takes more than a minute")
	}
	w := newWorld(t, 1)
	w.under(t, func() {
		for _, fault := range injections(false) {
			w.strike(t, fault, aftermath)
		}
	})
}
