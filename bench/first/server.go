package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/sheenapps/sheen/bench/stack"
	"github.com/sheenapps/sheen/client"
	buildv1 "github.com/sheenapps/sheen/gen/sheen/build/v1"
	eventv1 "github.com/sheenapps/sheen/gen/sheen/event/v1"
)

type served struct {
	builds []time.Duration
	idleMB float64
}

// errNotComplete says that a measured build did not succeed.
var errNotComplete = errors.New("a build did not complete")

// settle is how long the server is left alone before its memory is read.
const settle = 5 * time.Second

// measureServer runs a server, reads its memory while it is idle, and then
// measures builds one after the other.
func measureServer(ctx context.Context, sheen string, builds int) (_ *served, err error) {
	dir, err := os.MkdirTemp("", "sheen-bench")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	env := append(os.Environ(), "SHEEN_DATA_DIR="+dir, "SHEEN_LISTEN=127.0.0.1:0", "SHEEN_PREVIEW_LISTEN=127.0.0.1:0", "SHEEN_LOG_LEVEL=warn")
	cmd := exec.CommandContext(ctx, sheen, "serve", "--embedded")
	cmd.Env, cmd.Stderr = env, os.Stderr
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, cmd.Process.Signal(syscall.SIGTERM), cmd.Wait()) }()
	address, err := stack.Listening(ctx, dir)
	if err != nil {
		return nil, err
	}
	s := &served{}
	time.Sleep(settle)
	if s.idleMB, err = residentMB(cmd.Process.Pid); err != nil {
		return nil, err
	}
	for i := range builds {
		// A user each, so that the gift lasts.
		token, err := stack.Token(ctx, sheen, env, fmt.Sprintf("00000000-0000-4000-8000-%012d", i), "user")
		if err != nil {
			return nil, err
		}
		took, err := timeBuild(ctx, client.New("http://"+address, client.WithStaticToken(token)))
		if err != nil {
			return nil, err
		}
		s.builds = append(s.builds, took)
	}
	return s, nil
}

// timeBuild runs one build from the call to its last event.
func timeBuild(ctx context.Context, c *client.Client) (time.Duration, error) {
	defer c.CloseIdleConnections()
	began := time.Now()
	started, err := c.Builds.StartBuild(ctx, &buildv1.StartBuildRequest{Prompt: prompt})
	if err != nil {
		return 0, err
	}
	var last *eventv1.BuildEvent
	for e, err := range c.Follow(ctx, started.GetBuild().GetId(), client.From(started.GetResumeToken())) {
		if err != nil {
			return 0, err
		}
		last = e
	}
	if last.GetBuildCompleted() == nil {
		return 0, errNotComplete
	}
	return time.Since(began), nil
}

// residentMB reads what Linux counts as the process's resident memory.
func residentMB(pid int) (float64, error) {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(data)) {
		if rest, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			kb, err := strconv.ParseFloat(strings.Fields(rest)[0], 64)
			return kb / 1024, err
		}
	}
	return 0, errors.New("no VmRSS in the process's status")
}
