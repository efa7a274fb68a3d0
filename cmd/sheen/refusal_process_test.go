package main_test

import (
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/sheenapps/sheen/client"
	buildv1 "github.com/sheenapps/sheen/gen/sheen/build/v1"
)

// Ctrl-C during a build cancels it cleanly: the status is 130, nothing is left
// running, and the build is known as cancelled afterwards.
func TestCtrlCCancelsTheBuild(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	p := run(t, dir, "build", "--offline-pace", "1", demo)
	id := p.await(t, `^Build\s+(\S+)`)
	p.await(t, `\+ (\S+\.html)`)
	p.signal(t, syscall.SIGINT)
	if status, out := p.exit(t); status != 130 {
		t.Errorf("exit status %d\n%s", status, out)
	}
	if left := processesOf(t, dir); left != "" {
		t.Errorf("left running:\n%s", left)
	}

	run(t, dir, "serve", "--embedded")
	api, _ := addresses(t, dir)
	signed := run(t, dir, "token")
	_, token := signed.exit(t)
	c := client.New("http://"+api, client.WithStaticToken(strings.TrimSpace(token)))
	got, err := c.Builds.GetBuild(t.Context(), &buildv1.GetBuildRequest{BuildId: id})
	if err != nil {
		t.Fatal(err)
	}
	if state := got.GetBuild().GetState(); state != buildv1.BuildState_BUILD_STATE_CANCELLED {
		t.Errorf("the build is %v", state)
	}
	if got.GetBuild().GetHeldSeconds() != 0 {
		t.Errorf("%d s are still held", got.GetBuild().GetHeldSeconds())
	}
}

// A second Sheen on the same data folder is refused while the first one lives.
// Another folder works beside it.
func TestTwoSheens(t *testing.T) {
	t.Parallel()
	first, second := t.TempDir(), t.TempDir()
	run(t, first, "serve", "--embedded")
	addresses(t, first)
	if processesOf(t, first) == "" {
		t.Fatal("the processes of a running Sheen are not found: this test would see nothing")
	}
	refused := run(t, first, "serve", "--embedded")
	status, _ := refused.exit(t)
	if text := refused.stderr.String(); status != 1 || !strings.Contains(text, "in use") && !strings.Contains(text, "already") {
		t.Errorf("exit status %d: %s", status, text)
	}
	run(t, second, "serve", "--embedded")
	addresses(t, second)
	if api, _ := addresses(t, first); !alive(api) {
		t.Error("the first one died of the second")
	}
}

// Each mistake gets one clear sentence; nothing runs and nothing was made.
func TestMistakesGetOneSentence(t *testing.T) {
	t.Parallel()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = taken.Close() })
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		args []string
		want string
	}{
		"no prompt":     {[]string{"build"}, "prompt is empty"},
		"blank prompt":  {[]string{"build", "  "}, "prompt is empty"},
		"long prompt":   {[]string{"build", strings.Repeat("x", 16385)}, "16384"},
		"unknown flag":  {[]string{"build", "--colour", demo}, "colour"},
		"port in use":   {[]string{"build", "--listen", taken.Addr().String(), demo}, "in use"},
		"folder a file": {[]string{"build", "--data-dir", file, demo}, "data folder"},
		"no Postgres":   {[]string{"build", "--postgres-bin", t.TempDir(), demo}, "postgres"},
		"no server":     {[]string{"build", "--server", "http://127.0.0.1:1", "--token", "x", demo}, "127.0.0.1:1"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := filepath.Join(t.TempDir(), "data")
			p := run(t, dir, test.args...)
			status, out := p.exit(t)
			said := p.stderr.String()
			first, _, _ := strings.Cut(said, "\n")
			if status == 0 || out != "" || !strings.Contains(strings.ToLower(first), test.want) {
				t.Errorf("exit status %d, output %q, said: %s", status, out, said)
			}
			if strings.Contains(said, "goroutine") || strings.Contains(said, ".go:") {
				t.Errorf("a stack trace: %s", said)
			}
			if _, err := os.Stat(dir); !errors.Is(err, os.ErrNotExist) {
				t.Errorf("the data folder was made: %v", err)
			}
			if left := processesOf(t, dir); left != "" {
				t.Errorf("left running:\n%s", left)
			}
		})
	}
}

// processesOf lists processes that name a folder or work in it, as Postgres does.
func processesOf(t *testing.T, dir string) string {
	t.Helper()
	found, err := filepath.Glob("/proc/[0-9]*")
	if err != nil {
		t.Fatal(err)
	}
	var left strings.Builder
	for _, process := range found {
		// A process may end while it is looked at.
		cwd, _ := os.Readlink(filepath.Join(process, "cwd"))
		command, _ := os.ReadFile(filepath.Join(process, "cmdline"))
		if strings.HasPrefix(cwd, dir) || strings.Contains(string(command), dir) {
			left.WriteString(process + " " + strings.ReplaceAll(string(command), "\x00", " ") + "\n")
		}
	}
	return left.String()
}
