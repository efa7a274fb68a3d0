package server_test

import (
	"bytes"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"

	buildv1 "github.com/sheenapps/sheen/gen/sheen/build/v1"
	"github.com/sheenapps/sheen/server"
	"github.com/sheenapps/sheen/server/servertest"
)

// cable is a connection to Postgres that can be cut and mended.
type cable struct {
	t      *testing.T
	socket string // where clients connect
	target string // where Postgres listens

	mu       sync.Mutex
	listener net.Listener
	conns    map[net.Conn]bool
}

// through lays a cable to a database and returns its URL at this end.
func through(t *testing.T, database string) (*cable, string) {
	t.Helper()
	u, err := url.Parse(database)
	if err != nil {
		t.Fatal(err)
	}
	// Not t.TempDir: a socket's path may have 107 bytes at most.
	dir, err := os.MkdirTemp("/tmp", "cable") //nolint:usetesting // a socket's path must be short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	query := u.Query()
	name := ".s.PGSQL." + query.Get("port")
	c := &cable{
		t: t, socket: filepath.Join(dir, name), target: filepath.Join(query.Get("host"), name),
		conns: map[net.Conn]bool{},
	}
	c.mend()
	t.Cleanup(c.cut)
	query.Set("host", dir)
	u.RawQuery = query.Encode()
	return c, u.String()
}

func (c *cable) mend() {
	c.t.Helper()
	listener, err := new(net.ListenConfig).Listen(c.t.Context(), "unix", c.socket)
	if err != nil {
		c.t.Fatal(err)
	}
	c.mu.Lock()
	c.listener = listener
	c.mu.Unlock()
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go c.carry(conn)
		}
	}()
}

func (c *cable) carry(near net.Conn) {
	far, err := net.Dial("unix", c.target)
	if err != nil {
		_ = near.Close()
		return
	}
	c.mu.Lock()
	c.conns[near], c.conns[far] = true, true
	c.mu.Unlock()
	go func() { _, _ = io.Copy(far, near); _ = far.Close() }()
	_, _ = io.Copy(near, far)
	_ = near.Close()
}

func (c *cable) cut() {
	c.mu.Lock()
	defer c.mu.Unlock()
	_ = c.listener.Close()
	for conn := range c.conns {
		_ = conn.Close()
	}
	clear(c.conns)
}

// While Postgres is away every call says so, in our words, and readiness fails;
// when it is back, so is everything, and the build goes on.
func TestPostgresGoesAway(t *testing.T) {
	t.Parallel()
	var wire *cable
	pace := 4.0
	b := servertest.Start(t, func(c *server.Config) {
		var database string
		wire, database = through(t, c.DatabaseURL.Reveal())
		c.DatabaseURL = server.NewSecret(database)
		c.OfflinePace = &pace
	})
	user, client := b.User(t), servertest.Transport(t)
	started, err := user.Builds.StartBuild(t.Context(), &buildv1.StartBuildRequest{Prompt: "A site for my café"})
	if err != nil {
		t.Fatal(err)
	}
	probe(t, client, b.URL()+"/readyz", http.StatusOK, "ready")
	wire.cut()
	probe(t, client, b.URL()+"/readyz", http.StatusServiceUnavailable, "store unavailable")
	probe(t, client, b.URL()+"/livez", http.StatusOK, "alive")
	mine := ids{build: started.GetBuild().GetId(), project: started.GetBuild().GetProjectId(), version: started.GetBuild().GetId()}
	served := []string{
		"GetBuild", "ListBuilds", "CancelBuild", "StartBuild", "ListVersions", "ListFiles", "GetFile",
		"GetBalance", "EstimateUsage", "GetReceipt", "ListEvents", "StreamEvents",
	}
	for range 3 { // The pool has old connections to find dead.
		for _, name := range served {
			res := do(t, client, post(t, b.URL(), methodNamed(t, name), wellFormed(t, methodNamed(t, name), mine), user.Token))
			retry := &errdetails.RetryInfo{}
			if res.err.reason(t) != "STORE_UNAVAILABLE" || res.err.Code != "unavailable" || !res.err.detail(t, retry) || retry.GetRetryDelay().AsDuration() <= 0 {
				t.Errorf("%s: %+v", name, res.err)
			}
			for _, theirs := range []string{"PGSQL", "/tmp", "dial", "EOF", "connect:", "SQLSTATE"} {
				if bytes.Contains(res.body, []byte(theirs)) {
					t.Errorf("%s lets a driver speak: %s", name, res.body)
				}
			}
		}
	}
	wire.mend()
	probe(t, client, b.URL()+"/readyz", http.StatusOK, "ready")
	if got, err := user.Builds.GetBuild(t.Context(), &buildv1.GetBuildRequest{BuildId: mine.build}); err != nil {
		t.Errorf("afterwards: %v, %v", got, err)
	}
}

// probe waits until an address answers so.
func probe(t *testing.T, client http.RoundTripper, target string, status int, text string) {
	t.Helper()
	var got int
	var body []byte
	for range 100 {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, target, http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		res, err := client.RoundTrip(req)
		if err != nil {
			t.Fatal(err)
		}
		body, err = io.ReadAll(res.Body)
		if err != nil {
			t.Fatal(err)
		}
		_ = res.Body.Close()
		if got = res.StatusCode; got == status && strings.TrimSpace(string(body)) == text {
			return
		}
		time.Sleep(50 * time.Millisecond) //nolint:forbidigo // polls a server, bounded
	}
	t.Errorf("%s answers %d %s, want %d %s", target, got, body, status, text)
}
