package crashes

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// startLimit bounds every wait for a process.
const startLimit = 60 * time.Second

// binary builds the command with the moments at which it can be made to crash,
// once per test process.
var binary = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "sheen-chaos")
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, "sheen")
	out, err := exec.Command("go", "build", "-tags", "chaos", "-ldflags", "-s -w", "-o", path, "..").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("go build: %w\n%s", err, out)
	}
	return path, nil
})

// node is one running `sheen serve`.
type node struct {
	cmd   *exec.Cmd
	dir   string
	log   lockedBuffer
	ended chan struct{}
}

// lockedBuffer is a buffer that is read while a process writes to it.
type lockedBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *lockedBuffer) Write(data []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(data)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

// start runs a node of a world in a data folder. It is killed when the test ends,
// if it still lives. More are settings of its own.
func (w *world) start(t *testing.T, dir, role string, more ...string) *node {
	t.Helper()
	program, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	n := &node{dir: dir, ended: make(chan struct{}), cmd: exec.Command(program, "serve", "--role", role, "--log-level", "info")}
	n.cmd.Env = append(os.Environ(), "SHEEN_DATA_DIR="+dir, "SHEEN_BLOBS=file://"+w.blobs,
		"SHEEN_DATABASE_URL="+w.databaseURL, "SHEEN_REDIS_URL="+w.redisURL,
		"SHEEN_LISTEN=127.0.0.1:0", "SHEEN_PREVIEW_LISTEN=127.0.0.1:0")
	n.cmd.Env = append(append(n.cmd.Env, w.settings...), more...)
	n.cmd.Stderr = &n.log
	if err := n.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		_ = n.cmd.Wait() // Its state says how it went.
		close(n.ended)
	}()
	t.Cleanup(func() {
		_ = n.cmd.Process.Kill()
		<-n.ended
		if t.Failed() {
			t.Logf("a node logged:\n%s", n.log.String())
		}
	})
	return n
}

// address waits until the node serves, and returns where.
func (n *node) address(t *testing.T) string {
	t.Helper()
	var at struct{ Listen string }
	eventually(t, "the node serves", func() bool {
		data, err := os.ReadFile(filepath.Join(n.dir, "server.json"))
		return err == nil && json.Unmarshal(data, &at) == nil
	})
	return "http://" + at.Listen
}

// died waits for the node's end and fails unless it was killed.
func (n *node) died(t *testing.T) {
	t.Helper()
	select {
	case <-n.ended:
	case <-time.After(startLimit):
		t.Fatal("the node lives: the moment of its crash never came")
	}
	status, ok := n.cmd.ProcessState.Sys().(syscall.WaitStatus)
	if !ok || status.Signal() != syscall.SIGKILL {
		t.Fatalf("the node ended by itself: %v\n%s", n.cmd.ProcessState, n.log.String())
	}
	// What it wrote of its address is of no use any more.
	_ = os.Remove(filepath.Join(n.dir, "server.json"))
}

// standsStill waits until the node is stopped.
func (n *node) standsStill(t *testing.T) {
	t.Helper()
	eventually(t, "the node stands still", func() bool {
		data, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", n.cmd.Process.Pid))
		if err != nil {
			return false
		}
		_, rest, _ := strings.Cut(string(data), ") ")
		return strings.HasPrefix(rest, "T")
	})
}

func (n *node) signal(t *testing.T, s syscall.Signal) {
	t.Helper()
	if err := n.cmd.Process.Signal(s); err != nil {
		t.Fatal(err)
	}
}

// eventually waits until something holds, for [startLimit] at most.
func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for began := time.Now(); !holds(); {
		if time.Since(began) > startLimit {
			t.Fatalf("in vain: %s", what)
		}
		<-time.After(20 * time.Millisecond)
	}
}
