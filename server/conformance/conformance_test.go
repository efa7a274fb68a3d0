package main

import (
	"context"
	"errors"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// root is the repository's, where the tools' versions are found.
const root = "../.."

// leastCases is far below what the suite has for this configuration, and far
// above what it would have for a part of it.
const leastCases = 900

// patience is far above what the suite takes: a server that never answers must
// not hold the tests for longer.
const patience = 90 * time.Second

// suite runs the whole suite against the server with some flags of its own and
// returns what it printed and whether it was content.
func suite(t *testing.T, flags []string, serverFlags ...string) (output string, passed bool) {
	t.Helper()
	binary := filepath.Join(t.TempDir(), "conformance")
	build(t, ".", "build", "-o", binary, ".")
	build(t, root, "build", "-modfile=tools/go.mod", "-o", binary+"-suite", "connectrpc.com/conformance/cmd/connectconformance")
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	args := append([]string{"--mode", "server", "--conf", "config.yaml"}, flags...)
	runner := exec.CommandContext(ctx, binary+"-suite", append(append(args, "--", binary), serverFlags...)...)
	// With the servers that it has started.
	runner.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	runner.Cancel = func() error { return syscall.Kill(-runner.Process.Pid, syscall.SIGKILL) }
	runner.WaitDelay = 5 * time.Second
	out, err := runner.CombinedOutput()
	if exit := new(exec.ExitError); ctx.Err() != nil || err != nil && !errors.As(err, &exit) {
		t.Fatalf("run the suite: %v, %v\n%s", err, context.Cause(ctx), out)
	}
	return string(out), err == nil
}

func build(t *testing.T, dir string, args ...string) {
	t.Helper()
	command := exec.CommandContext(t.Context(), "go", args...)
	command.Dir = dir
	if out, err := command.CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
}

var counts = regexp.MustCompile(`(?m)^Total cases: (\d+)\n(\d+) passed, (\d+) failed$`)

// tally reads the counts at the end of the output.
func tally(t *testing.T, output string) (total, passed, failed int) {
	t.Helper()
	found := counts.FindStringSubmatch(output)
	if found == nil {
		t.Fatalf("no counts in\n%s", output)
	}
	number := func(i int) int {
		n, err := strconv.Atoi(found[i])
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	return number(1), number(2), number(3)
}

// Behind the whole middleware but for the two parts that rewrite errors, every
// case passes, except for what known-failing.txt explains; that must fail.
func TestTheProtocolsAreSpoken(t *testing.T) {
	t.Parallel()
	output, ok := suite(t, []string{"--known-failing", "@known-failing.txt"}, "-bare-errors")
	total, passed, failed := tally(t, output)
	if !ok || failed != 0 || total < leastCases {
		t.Errorf("%d of %d cases failed:\n%s", failed, total, output)
	}
	t.Logf("%d of %d cases passed", passed, total)
}

// With all of the middleware errors carry more than the suite knows of. Then
// nothing but that may displease it.
func TestOnlyErrorsDiffer(t *testing.T) {
	t.Parallel()
	output, _ := suite(t, nil)
	total, passed, failed := tally(t, output)
	cases := failures(output)
	if len(cases) != failed || total < leastCases || passed+failed != total {
		t.Fatalf("%d of %d cases failed, %d are explained:\n%s", failed, total, len(cases), output)
	}
	explained := make([]int, len(deviations))
	for name, complaints := range cases {
		for _, complaint := range complaints {
			if i := deviation(name, complaint); i >= 0 {
				explained[i]++
			} else {
				t.Errorf("%s: %s", name, complaint)
			}
		}
	}
	for i, count := range explained {
		if count == 0 && !deviations[i].sometimes {
			t.Errorf("no case differs any more because %s", deviations[i].why)
		}
	}
	t.Logf("%d of %d cases passed, %d with more in their errors", passed, total, failed)
}

// failures are the complaints of each case that failed.
func failures(output string) map[string][]string {
	cases := make(map[string][]string)
	name := ""
	// Differences have one kind of space or the other, at random.
	for line := range strings.Lines(strings.ReplaceAll(output, "\u00a0", " ")) {
		line = strings.TrimRight(line, "\n")
		if header, ok := strings.CutPrefix(line, "FAILED: "); ok {
			name = strings.TrimSuffix(header, ":")
			cases[name] = nil
			continue
		}
		complaint, indented := strings.CutPrefix(line, "\t")
		if !indented {
			name = "" // The counts follow.
		}
		if name != "" && !isDiff(complaint) {
			cases[name] = append(cases[name], strings.TrimPrefix(complaint, "; "))
		}
	}
	return cases
}

// isDiff tells the lines of a difference between messages, which follow the
// complaint about it, and the empty ones between.
func isDiff(line string) bool {
	return line == "" || strings.HasPrefix(line, "  ") || strings.HasPrefix(line, "- ") || strings.HasPrefix(line, "+ ")
}
