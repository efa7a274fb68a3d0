package faults

import (
	"context"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// startLimit bounds every wait for a process: to come up, to end, to stand still.
const startLimit = 30 * time.Second

// daemon is a process that can be killed, paused and started again.
type daemon struct {
	// command makes what to run, anew for every start.
	command func() *exec.Cmd

	cmd   *exec.Cmd
	ended chan struct{}
}

func (d *daemon) start(t *testing.T) {
	t.Helper()
	d.cmd = d.command()
	d.ended = make(chan struct{})
	if err := d.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func(cmd *exec.Cmd, ended chan struct{}) {
		_ = cmd.Wait() // its state says how it went
		close(ended)
	}(d.cmd, d.ended)
}

// end sends a signal and waits until the process is gone.
func (d *daemon) end(t *testing.T, s syscall.Signal) syscall.WaitStatus {
	t.Helper()
	if err := d.cmd.Process.Signal(s); err != nil {
		t.Fatalf("signal %v: %v", s, err)
	}
	select {
	case <-d.ended:
	case <-time.After(startLimit):
		t.Fatalf("%s does not end after signal %v", d.cmd.Path, s)
	}
	status, ok := d.cmd.ProcessState.Sys().(syscall.WaitStatus)
	if !ok {
		t.Fatal("this system does not say how a process ended")
	}
	return status
}

// hasEnded reports whether the process is gone.
func (d *daemon) hasEnded() bool {
	select {
	case <-d.ended:
		return true
	default:
		return false
	}
}

// clear ends the process for good, if it lives, be it paused or not.
func (d *daemon) clear() {
	if d.cmd == nil {
		return
	}
	_ = d.cmd.Process.Kill()
	<-d.ended
}

func (d *daemon) pid() int { return d.cmd.Process.Pid }

// stop pauses a process and reports whether it stands still.
func stop(t *testing.T, pid int) bool {
	t.Helper()
	if err := syscall.Kill(pid, syscall.SIGSTOP); err != nil {
		return false // it has ended meanwhile
	}
	eventually(t, "a process stands still", func() bool {
		state, _ := stateOf(pid)
		return state == "T" || state == "Z" || state == ""
	})
	state, _ := stateOf(pid)
	return state == "T"
}

// stateOf reads a process's state and parent; empty if there is no such process.
func stateOf(pid int) (state string, parent int) {
	data, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "stat"))
	if err != nil {
		return "", 0
	}
	_, rest, _ := strings.Cut(string(data), ") ")
	fields := strings.Fields(rest)
	if len(fields) < 2 {
		return "", 0
	}
	parent, _ = strconv.Atoi(fields[1])
	return fields[0], parent
}

// childrenOf lists the processes that a process has forked.
func childrenOf(t *testing.T, pid int) []int {
	t.Helper()
	entries, err := os.ReadDir("/proc")
	if err != nil {
		t.Fatal(err)
	}
	var children []int
	for _, entry := range entries {
		child, err := strconv.Atoi(entry.Name())
		if err != nil {
			continue
		}
		if _, parent := stateOf(child); parent == pid {
			children = append(children, child)
		}
	}
	return children
}

// eventually waits until something holds, for [startLimit] at most.
func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), startLimit)
	defer cancel()
	for !holds() {
		if pause(ctx, 10*time.Millisecond) != nil {
			t.Fatalf("in vain: %s", what)
		}
	}
}

// pause waits, or returns the cause of ctx.
func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// freePort finds a port that nobody listens on. A store needs the same one after
// a restart.
func freePort(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	_, port, err := net.SplitHostPort(listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	return port
}
