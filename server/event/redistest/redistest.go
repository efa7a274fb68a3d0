// Package redistest runs real Redis servers for tests: they listen on free
// loopback ports, keep nothing on disk and end with the test, or with the process
// if that ends first. The binary redis-server must be installed; a test that does
// not find it fails.
package redistest

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
)

// startTimeout bounds how long a server takes until it answers.
const startTimeout = 10 * time.Second

// guard runs a server, says its process id and kills it at the end of its own
// standard input, which comes with the end of the test process at the latest.
const guard = `"$@" >&2 & echo $!; cat >/dev/null; kill -9 $!; wait`

// Server is a Redis server. Its methods fail the test when they cannot do what
// they say. They are not safe for concurrent use.
type Server struct {
	t        testing.TB
	port     int
	settings []string
	client   *redis.Client

	guard    *exec.Cmd
	lifeline io.Closer
	pid      int
	output   strings.Builder
}

// Start runs a server with additional arguments, such as "--maxmemory", "2mb". The
// first one may be a file of settings.
func Start(t testing.TB, settings ...string) *Server {
	t.Helper()
	s := &Server{t: t, settings: settings}
	var err error
	// Somebody else may take a free port before the server does.
	for range 3 {
		s.port = freePort(t)
		s.client = redis.NewClient(&redis.Options{
			Addr: s.Addr(), MaxRetries: -1, DialerRetries: 1, ContextTimeoutEnabled: true,
		})
		if err = s.start(); err == nil {
			break
		}
		s.Kill()
		_ = s.client.Close()
	}
	if err != nil {
		t.Fatalf("redis-server: %v\n%s", err, s.output.String())
	}
	t.Cleanup(func() {
		s.Kill()
		_ = s.client.Close()
	})
	return s
}

// Addr is where the server listens, host:port. It stays the same for good.
func (s *Server) Addr() string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(s.port)) }

// Client is a client that does not try again, for looking and for mischief.
func (s *Server) Client() *redis.Client { return s.client }

// Kill ends the server at once, as does a crash. It may be called twice.
func (s *Server) Kill() {
	if s.lifeline == nil {
		return
	}
	_ = s.lifeline.Close()
	_ = s.guard.Wait()
	s.lifeline = nil
}

// Restart runs an empty server where one was killed.
func (s *Server) Restart() {
	s.t.Helper()
	if err := s.start(); err != nil {
		s.t.Fatalf("redis-server again: %v\n%s", err, s.output.String())
	}
}

// Pause makes the server hang: it takes connections and bytes and does nothing.
func (s *Server) Pause() { s.signal(syscall.SIGSTOP) }

// Resume ends a pause.
func (s *Server) Resume() { s.signal(syscall.SIGCONT) }

func (s *Server) signal(signal syscall.Signal) {
	s.t.Helper()
	if err := syscall.Kill(s.pid, signal); err != nil {
		s.t.Fatalf("%v: %v", signal, err)
	}
}

func (s *Server) start() error {
	if _, err := exec.LookPath("redis-server"); err != nil {
		return err
	}
	args := append([]string{"-c", guard, "sh", "redis-server"}, s.settings...)
	s.guard = exec.Command("sh", append(args,
		"--bind", "127.0.0.1", "--port", strconv.Itoa(s.port), "--dir", s.t.TempDir(),
		"--save", "", "--appendonly", "no", "--loglevel", "warning")...)
	s.guard.Stderr = &s.output
	// Ctrl-C in a terminal must reach the test only.
	s.guard.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	lifeline, err := s.guard.StdinPipe()
	if err != nil {
		return err
	}
	said, err := s.guard.StdoutPipe()
	if err != nil {
		return err
	}
	if err := s.guard.Start(); err != nil {
		return err
	}
	s.lifeline = lifeline
	if _, err := fmt.Fscanln(bufio.NewReader(said), &s.pid); err != nil {
		return fmt.Errorf("read the process id: %w", err)
	}
	return s.await()
}

// await waits until it is this server that answers.
func (s *Server) await() error {
	return until(startTimeout, func(ctx context.Context) error {
		info, err := s.client.Info(ctx, "server").Result()
		if err != nil {
			return err
		}
		if !strings.Contains(info, fmt.Sprintf("process_id:%d\r\n", s.pid)) {
			return errors.New("another server answers")
		}
		return nil
	})
}

// until tries again until there is no error, and returns the last one.
func until(limit time.Duration, try func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	for {
		err := try(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(10 * time.Millisecond):
		}
	}
}

func freePort(t testing.TB) int {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = listener.Close() }()
	address, ok := listener.Addr().(*net.TCPAddr)
	if !ok {
		t.Fatalf("%v is no TCP address", listener.Addr())
	}
	return address.Port
}
