package faults

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// binary builds the command.
func binary(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "sheen")
	if out, err := exec.Command("go", "build", "-ldflags", "-s -w", "-o", path, "..").CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	return path
}

// node is a running `sheen serve` between wires to its stores.
type node struct {
	daemon

	dir string
	log bytes.Buffer
	// database and redis are the wires to the stores.
	database, redis *wire
	lost            *lostPublications
	address         atomic.Pointer[string]
	// ready is what a load balancer believes.
	ready atomic.Bool
}

func newNode(t *testing.T, program, dir string, db *postgres, cache *redisServer) *node {
	t.Helper()
	n := &node{dir: dir, database: lay(t, "postgres", db.port), redis: lay(t, "redis", cache.port)}
	var ok bool
	if n.lost, ok = n.redis.add(t, `{"name":"lost","type":"lost_publications","stream":"upstream"}`).(*lostPublications); !ok {
		t.Fatal("the toxic is another one")
	}
	databaseURL, redisURL := db.url(n.database.port(t)), "redis://127.0.0.1:"+n.redis.port(t)
	n.command = func() *exec.Cmd {
		cmd := exec.Command(program, "serve", "--role", "api,worker", "--offline-pace", pace, "--log-level", "warn")
		cmd.Env = append(os.Environ(), "SHEEN_DATA_DIR="+dir, "SHEEN_DATABASE_URL="+databaseURL, "SHEEN_REDIS_URL="+redisURL,
			"SHEEN_LISTEN=127.0.0.1:0", "SHEEN_PREVIEW_LISTEN=127.0.0.1:0")
		cmd.Stderr = &n.log // read only when the process is gone
		return cmd
	}
	n.up(t)
	t.Cleanup(func() {
		n.clear()
		if t.Failed() {
			t.Logf("end of what node %s logged:\n%s", filepath.Base(dir), tail(n.log.Bytes(), 4<<10))
		}
	})
	return n
}

func tail(data []byte, size int) []byte { return data[max(0, len(data)-size):] }

// up starts the node and waits until it is ready.
func (n *node) up(t *testing.T) {
	t.Helper()
	file := filepath.Join(n.dir, "server.json")
	_ = os.Remove(file) // of one that was killed
	n.start(t)
	eventually(t, "the node is ready", func() bool {
		data, err := os.ReadFile(file)
		if err != nil {
			return false
		}
		var at struct{ Listen string }
		if err := json.Unmarshal(data, &at); err != nil {
			t.Fatal(err)
		}
		n.address.Store(&at.Listen)
		n.ready.Store(n.isReady(t.Context()))
		return n.ready.Load()
	})
}

// kill ends the node without a word.
func (n *node) kill(t *testing.T) (killed bool) {
	t.Helper()
	return n.end(t, syscall.SIGKILL).Signal() == syscall.SIGKILL
}

// isReady asks the readiness probe, which asks Postgres.
func (n *node) isReady(ctx context.Context) bool {
	status, _ := n.probe(ctx)
	return status == http.StatusOK
}

// missesRedis asks it whether the node is ready without Redis.
func (n *node) missesRedis(ctx context.Context) bool {
	_, said := n.probe(ctx)
	return strings.Contains(said, "without Redis")
}

func (n *node) probe(ctx context.Context) (status int, said string) {
	ctx, cancel := context.WithTimeout(ctx, probeLimit)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+*n.address.Load()+"/readyz", http.NoBody)
	if err != nil {
		return 0, ""
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, ""
	}
	defer func() { _ = res.Body.Close() }()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		return 0, ""
	}
	return res.StatusCode, string(body)
}

// balancer spreads connections over nodes as a load balancer does: by what their
// readiness probes said last.
type balancer []*node

// probe asks the nodes until ctx ends.
func (b balancer) probe(ctx context.Context) {
	for pause(ctx, 200*time.Millisecond) == nil {
		for _, n := range b {
			n.ready.Store(n.isReady(ctx))
		}
	}
}

// dial connects to a node, or to another one when that is not ready.
func (b balancer) dial(preferred int) func(ctx context.Context, network, address string) (net.Conn, error) {
	return func(ctx context.Context, network, _ string) (conn net.Conn, err error) {
		order := make([]*node, 0, 2*len(b))
		var unready []*node
		for i := range b {
			if n := b[(preferred+i)%len(b)]; n.ready.Load() {
				order = append(order, n)
			} else {
				unready = append(unready, n)
			}
		}
		for _, n := range append(order, unready...) {
			var dialer net.Dialer
			if conn, err = dialer.DialContext(ctx, network, *n.address.Load()); err == nil {
				return conn, nil
			}
		}
		return nil, err
	}
}
