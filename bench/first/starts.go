package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/sheenapps/sheen/bench/stack"
)

const prompt = "A booking site for my hair salon in Lyon"

// errNoPreview says that a command ended without showing a preview.
var errNoPreview = errors.New("the command printed no preview address")

type starts struct {
	fresh, again, freshFloor, againFloor []time.Duration
}

// measureStarts alternates the command and its floor, so that a busy spell of the
// machine hits both.
func measureStarts(ctx context.Context, sheen string, runs int) (*starts, error) {
	s := &starts{}
	for range runs {
		dir, err := os.MkdirTemp("", "sheen-bench")
		if err != nil {
			return nil, err
		}
		defer os.RemoveAll(dir)
		for _, into := range []*[]time.Duration{&s.fresh, &s.again} {
			took, err := timeToPreview(ctx, sheen, filepath.Join(dir, "data"))
			if err != nil {
				return nil, err
			}
			*into = append(*into, took)
		}
		made, started, err := timePostgres(ctx)
		if err != nil {
			return nil, err
		}
		s.freshFloor = append(s.freshFloor, made+started)
		s.againFloor = append(s.againFloor, started)
	}
	return s, nil
}

// timeToPreview runs the main job and stops the clock at the preview's line.
func timeToPreview(ctx context.Context, sheen, dataDir string) (time.Duration, error) {
	cmd := exec.CommandContext(ctx, sheen, "build", "--exit", prompt)
	cmd.Env = append(os.Environ(), "SHEEN_DATA_DIR="+dataDir, "SHEEN_LISTEN=127.0.0.1:0", "SHEEN_PREVIEW_LISTEN=127.0.0.1:0")
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		return 0, err
	}
	began := time.Now()
	if err := cmd.Start(); err != nil {
		return 0, err
	}
	var took time.Duration
	scanner := bufio.NewScanner(out)
	for scanner.Scan() {
		if took == 0 && strings.HasPrefix(scanner.Text(), "Preview") {
			took = time.Since(began)
		}
	}
	if err := cmd.Wait(); err != nil {
		return 0, fmt.Errorf("sheen build: %w", err)
	}
	if took == 0 {
		return 0, errNoPreview
	}
	return took, nil
}

// timePostgres is the floor: a cluster made, and started until it answers.
func timePostgres(ctx context.Context) (made, started time.Duration, err error) {
	found, err := filepath.Glob("/usr/lib/postgresql/*/bin")
	if err != nil || len(found) == 0 {
		return 0, 0, fmt.Errorf("no Postgres for the floor: %w", err)
	}
	bin := found[len(found)-1]
	dir, err := os.MkdirTemp("/tmp", "floor")
	if err != nil {
		return 0, 0, err
	}
	defer os.RemoveAll(dir)
	attr, err := stack.Unprivileged(dir)
	if err != nil {
		return 0, 0, err
	}
	run := func(name string, args ...string) (time.Duration, error) {
		cmd := exec.CommandContext(ctx, filepath.Join(bin, name), append([]string{"-D", dir}, args...)...)
		cmd.Dir, cmd.SysProcAttr = dir, attr
		cmd.Stdout, cmd.Stderr = io.Discard, io.Discard
		began := time.Now()
		err := cmd.Run()
		return time.Since(began), err
	}
	if made, err = run("initdb", "--no-sync", "--no-locale", "-E", "UTF8"); err != nil {
		return 0, 0, fmt.Errorf("initdb: %w", err)
	}
	if started, err = run("pg_ctl", "-w", "-l", filepath.Join(dir, "log"), "-o", "-c listen_addresses='' -k "+dir, "start"); err != nil {
		return 0, 0, fmt.Errorf("pg_ctl start: %w", err)
	}
	_, err = run("pg_ctl", "-w", "-m", "immediate", "stop")
	return made, started, err
}
