package redistest

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// MasterName is under which a sentinel knows the master.
const MasterName = "sheen"

// Watched is a master with a replica, which takes its place when the sentinel has
// not heard of it for half a second.
type Watched struct {
	Master, Replica, Sentinel *Server
}

// StartWatched runs all three.
func StartWatched(t testing.TB) *Watched {
	t.Helper()
	// The sentinel writes down there what it learns.
	file := filepath.Join(t.TempDir(), "sentinel.conf")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	w := &Watched{Master: Start(t)}
	w.Replica = Start(t, "--replicaof", "127.0.0.1 "+strconv.Itoa(w.Master.port), "--repl-diskless-sync-delay", "0")
	w.Sentinel = Start(t, file, "--sentinel")
	err := w.Sentinel.client.Do(t.Context(), "sentinel", "monitor", MasterName, "127.0.0.1", w.Master.port, 1).Err()
	for _, setting := range [][]any{{"down-after-milliseconds", 500}, {"failover-timeout", 3000}} {
		args := append([]any{"sentinel", "set", MasterName}, setting...)
		err = errors.Join(err, w.Sentinel.client.Do(t.Context(), args...).Err())
	}
	if err != nil {
		t.Fatalf("set the sentinel up: %v", err)
	}
	if err := until(30*time.Second, w.complete); err != nil {
		t.Fatalf("wait for the replica: %v\n%s", err, w.Replica.output.String())
	}
	return w
}

// complete is nil once the replica follows and the sentinel knows it.
func (w *Watched) complete(ctx context.Context) error {
	info, err := w.Replica.client.Info(ctx, "replication").Result()
	if err != nil {
		return err
	}
	known, err := w.Sentinel.client.Info(ctx, "sentinel").Result()
	if err != nil {
		return err
	}
	if !strings.Contains(info, "master_link_status:up") || !strings.Contains(known, "status=ok") || !strings.Contains(known, "slaves=1") {
		return errors.New("the replica is not there yet")
	}
	return nil
}
