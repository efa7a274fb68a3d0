package main_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// binary builds the command once per test process, as a user would.
var binary = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "sheen-bin")
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, "sheen")
	out, err := exec.Command("go", "build", "-o", path, ".").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("go build: %w\n%s", err, out)
	}
	return path, nil
})

// process is a running sheen.
type process struct {
	cmd    *exec.Cmd
	lines  chan string
	stderr *lockedBuffer
	exited chan error
}

// run starts the command on a data folder, with free ports. It is killed when the
// test ends, if it still lives.
func run(t *testing.T, dataDir string, args ...string) *process {
	t.Helper()
	return runIn(t, []string{"SHEEN_DATA_DIR=" + dataDir, "SHEEN_LISTEN=127.0.0.1:0", "SHEEN_PREVIEW_LISTEN=127.0.0.1:0"}, args...)
}

// runIn is run with what the environment has besides the test's own.
func runIn(t *testing.T, env []string, args ...string) *process {
	t.Helper()
	if raced {
		t.Skip("the detector would not see into the process")
	}
	path, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(path, args...)
	cmd.Env = append(os.Environ(), env...)
	p := &process{cmd: cmd, lines: make(chan string, 10_000), stderr: &lockedBuffer{}, exited: make(chan error, 1)}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stderr = p.stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		scanner := bufio.NewScanner(stdout)
		scanner.Buffer(nil, 1<<20)
		for scanner.Scan() {
			p.lines <- scanner.Text()
		}
		close(p.lines)
		p.exited <- cmd.Wait()
	}()
	t.Cleanup(func() {
		// Not kill -9: its Postgres would still write into a folder that is
		// removed next.
		_ = cmd.Process.Signal(syscall.SIGTERM)
		last := time.AfterFunc(time.Minute, func() { _ = cmd.Process.Kill() })
		for range p.lines {
		}
		last.Stop()
		if t.Failed() {
			t.Logf("stderr of sheen %s:\n%s", strings.Join(args, " "), p.stderr.String())
		}
	})
	return p
}

// await reads lines until one matches, and returns its first group.
func (p *process) await(t *testing.T, pattern string) string {
	t.Helper()
	form := regexp.MustCompile(pattern)
	timeout := time.After(time.Minute)
	for {
		select {
		case line, ok := <-p.lines:
			if !ok {
				t.Fatalf("the process ended before a line matched %q\n%s", pattern, p.stderr.String())
			}
			if match := form.FindStringSubmatch(line); match != nil {
				return match[len(match)-1]
			}
		case <-timeout:
			t.Fatalf("no line matched %q in time\n%s", pattern, p.stderr.String())
		}
	}
}

// signal sends a signal.
func (p *process) signal(t *testing.T, s syscall.Signal) {
	t.Helper()
	if err := p.cmd.Process.Signal(s); err != nil {
		t.Fatal(err)
	}
}

// exit waits for the end and returns the status and what was printed.
func (p *process) exit(t *testing.T) (status int, stdout string) {
	t.Helper()
	var out strings.Builder
	timeout := time.After(time.Minute)
	for open := true; open; {
		select {
		case line, ok := <-p.lines:
			if open = ok; ok {
				out.WriteString(line + "\n")
			}
		case <-timeout:
			t.Fatalf("the process does not end\n%s", p.stderr.String())
		}
	}
	err := <-p.exited
	if exitErr, ok := errors.AsType[*exec.ExitError](err); ok {
		return exitErr.ExitCode(), out.String()
	}
	if err != nil {
		t.Fatal(err)
	}
	return 0, out.String()
}

// addresses reads where a server listens, once it is ready.
func addresses(t *testing.T, dataDir string) (api, preview string) {
	t.Helper()
	deadline := time.Now().Add(time.Minute)
	for time.Now().Before(deadline) {
		data, err := os.ReadFile(filepath.Join(dataDir, "server.json"))
		if err == nil {
			var at struct{ Listen, Preview string }
			if err := json.Unmarshal(data, &at); err != nil {
				t.Fatal(err)
			}
			if alive(at.Listen) {
				return at.Listen, at.Preview
			}
		}
		time.Sleep(20 * time.Millisecond) //nolint:forbidigo // polls another process, bounded
	}
	t.Fatal("the server does not become ready")
	return "", ""
}

// alive tells a server from the file that a killed one left.
func alive(address string) bool {
	res, err := http.Get("http://" + address + "/readyz")
	if err != nil {
		return false
	}
	_ = res.Body.Close()
	return res.StatusCode == http.StatusOK
}

// get fetches from the preview server what a browser would at that address.
func get(t *testing.T, rawURL string) (status int, body string) {
	t.Helper()
	u, err := url.Parse(rawURL)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://127.0.0.1:"+u.Port()+u.RequestURI(), http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	req.Host = u.Host
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	data, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, string(data)
}

type lockedBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}
