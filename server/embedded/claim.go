package embedded

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// claim opens a cluster folder and locks it against every Postgres process. One
// that an earlier Sheen has left behind is stopped first, by the same steps as
// process.stop.
func claim(ctx context.Context, path string) (*os.File, error) {
	folder, err := os.Open(path)
	if err != nil {
		return nil, err //nolint:wrapcheck // os names the file
	}
	for _, step := range []struct {
		signal syscall.Signal
		limit  time.Duration
	}{
		{syscall.SIGINT, fastStop},
		{syscall.SIGQUIT, immediateStop},
		{syscall.SIGKILL, immediateStop},
	} {
		if err = tryLock(folder); err == nil {
			return folder, nil
		}
		if !errors.Is(err, errHeld) {
			break
		}
		signalPostmaster(path, step.signal)
		if err = lockWithin(ctx, folder, step.limit); err == nil {
			return folder, nil
		}
		if ctx.Err() != nil {
			err = context.Cause(ctx)
			break
		}
	}
	return nil, errors.Join(fmt.Errorf("claim %s: %w", path, err), folder.Close())
}

// lockWithin retries tryLock until it succeeds or the time is over.
func lockWithin(ctx context.Context, folder *os.File, limit time.Duration) error {
	ctx, cancel := context.WithTimeoutCause(ctx, limit, errHeld)
	defer cancel()
	ticker := time.NewTicker(pollInterval)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-ticker.C:
		}
		if err := tryLock(folder); !errors.Is(err, errHeld) {
			return err
		}
	}
}

// signalPostmaster signals the server whose pid the cluster's folder names. The
// folder is known to be locked, so the file is not a stale one; that the process
// leads a group, as every postmaster of ours does, is a second check.
func signalPostmaster(path string, sig syscall.Signal) {
	text, err := os.ReadFile(filepath.Join(path, "postmaster.pid"))
	if err != nil {
		return
	}
	line, _, _ := strings.Cut(string(text), "\n")
	pid, err := strconv.Atoi(line)
	if err != nil || pid <= 1 {
		return
	}
	if group, err := syscall.Getpgid(pid); err == nil && group == pid {
		_ = syscall.Kill(pid, sig) // it may have ended meanwhile, which the lock will tell
	}
}

// removeStale removes what a server that was killed has left in a cluster that
// is locked. Postgres would do the same, but refuses to when another process
// has got the old pid since.
func removeStale(data string) error {
	for _, name := range []string{"postmaster.pid", socketName, socketName + ".lock"} {
		if err := os.Remove(filepath.Join(data, name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err //nolint:wrapcheck // os names the file
		}
	}
	return nil
}
