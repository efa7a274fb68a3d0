package faults

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/redis/go-redis/v9"
)

// probeLimit is what a store that lives answers within.
const probeLimit = time.Second

// undertaker waits for the end of the test process, however it ends, and clears
// away the stores of a folder.
const undertaker = `trap '' INT TERM HUP; cat >/dev/null
for f in "$0"/data/postmaster.pid "$0"/redis.pid; do [ -s "$f" ] && kill -KILL "$(head -n 1 "$f")" 2>/dev/null; done
rm -rf "$0"`

// storesDir makes the folder of a Postgres and a Redis. It is removed with them
// when the test ends, or when the test process does.
func storesDir(t *testing.T, owner *syscall.Credential) string {
	t.Helper()
	dir, err := os.MkdirTemp("/tmp", "sheenfault") //nolint:usetesting // a socket's path must be short
	if err != nil {
		t.Fatal(err)
	}
	if owner != nil {
		if err := os.Chown(dir, int(owner.Uid), int(owner.Gid)); err != nil {
			t.Fatal(err)
		}
	}
	watch := exec.Command("/bin/sh", "-c", undertaker, dir)
	watch.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	lifeline, err := watch.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := watch.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = lifeline.Close()
		_ = watch.Wait()
	})
	return dir
}

// unprivileged says as whom Postgres runs, which refuses to be root; nil is
// whoever runs the test.
func unprivileged(t *testing.T) *syscall.Credential {
	t.Helper()
	if os.Getuid() != 0 {
		return nil
	}
	account, err := user.Lookup("postgres")
	if err != nil {
		account, err = user.Lookup("nobody")
	}
	if err != nil {
		t.Fatal(err)
	}
	uid, uidErr := strconv.ParseUint(account.Uid, 10, 32)
	gid, gidErr := strconv.ParseUint(account.Gid, 10, 32)
	if err := errors.Join(uidErr, gidErr); err != nil {
		t.Fatal(err)
	}
	return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
}

// postgres is a server of its own, on a port.
type postgres struct {
	daemon

	port string
}

func startPostgres(t *testing.T, dir string, owner *syscall.Credential) *postgres {
	t.Helper()
	bin := postgresBin(t)
	data := filepath.Join(dir, "data")
	account := &syscall.SysProcAttr{Setpgid: true, Credential: owner}
	initdb := exec.Command(filepath.Join(bin, "initdb"), "-D", data, "-U", "sheen", "-A", "trust", "-E", "UTF8", "--no-locale", "--no-sync")
	initdb.Dir, initdb.SysProcAttr = dir, account
	if out, err := initdb.CombinedOutput(); err != nil {
		t.Fatalf("initdb: %v\n%s", err, out)
	}
	p := &postgres{port: freePort(t)}
	p.command = func() *exec.Cmd {
		// Without fsync: processes are killed here, the machine is not.
		cmd := exec.Command(filepath.Join(bin, "postgres"), "-D", data, "-p", p.port,
			"-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories="+dir, "-c", "fsync=off",
			"-c", "full_page_writes=off", "-c", "max_connections=150", "-c", "shared_buffers=64MB",
			"-c", "log_min_messages=panic", "-c", "log_min_error_statement=panic")
		cmd.Dir, cmd.SysProcAttr = dir, account
		return cmd
	}
	p.start(t)
	t.Cleanup(func() {
		p.resume(t)
		p.clear()
	})
	p.awaitReady(t)
	return p
}

// postgresBin is the folder of the newest Postgres that the packages put here.
func postgresBin(t *testing.T) string {
	t.Helper()
	if dir := os.Getenv("SHEEN_POSTGRES_BIN"); dir != "" {
		return dir
	}
	found, err := filepath.Glob("/usr/lib/postgresql/*/bin/postgres")
	if err == nil && len(found) > 0 {
		return filepath.Dir(found[len(found)-1])
	}
	path, err := exec.LookPath("postgres")
	if err != nil {
		t.Fatal("no Postgres found: install Debian's package postgresql, or set SHEEN_POSTGRES_BIN")
	}
	return filepath.Dir(path)
}

func (p *postgres) url(port string) string {
	return "postgres://sheen@127.0.0.1:" + port + "/postgres?sslmode=disable"
}

// answers reports whether Postgres answers a query in time.
func (p *postgres) answers(ctx context.Context) bool {
	ctx, cancel := context.WithTimeout(ctx, probeLimit)
	defer cancel()
	conn, err := pgx.Connect(ctx, p.url(p.port))
	if err != nil {
		return false
	}
	defer conn.Close(context.WithoutCancel(ctx))
	return conn.Ping(ctx) == nil
}

// roundTrip measures a question to Postgres through a port.
func (p *postgres) roundTrip(t *testing.T, port string) time.Duration {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), p.url(port))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	began := time.Now()
	if err := conn.Ping(t.Context()); err != nil {
		t.Fatal(err)
	}
	return time.Since(began)
}

func (p *postgres) awaitReady(t *testing.T) {
	t.Helper()
	eventually(t, "Postgres answers", func() bool { return p.answers(t.Context()) })
}

// pause stops every process of the server and returns how many stand still.
func (p *postgres) pause(t *testing.T) (stopped int) {
	t.Helper()
	if !stop(t, p.pid()) { // the one that forks comes first
		return 0
	}
	for _, child := range childrenOf(t, p.pid()) {
		if stop(t, child) {
			stopped++
		}
	}
	return stopped
}

// resume lets every process go on.
func (p *postgres) resume(t *testing.T) {
	t.Helper()
	for _, pid := range append(childrenOf(t, p.pid()), p.pid()) {
		_ = syscall.Kill(pid, syscall.SIGCONT) // one that has ended needs nothing
	}
}

// redisServer is a redis-server that keeps nothing on disk, on a port.
type redisServer struct {
	daemon

	port   string
	client *redis.Client
}

func startRedis(t *testing.T, dir string) *redisServer {
	t.Helper()
	r := &redisServer{port: freePort(t)}
	r.command = func() *exec.Cmd {
		return exec.Command("redis-server", "--bind", "127.0.0.1", "--port", r.port, "--save", "",
			"--appendonly", "no", "--dir", dir, "--pidfile", filepath.Join(dir, "redis.pid"), "--daemonize", "no")
	}
	r.client = redis.NewClient(&redis.Options{
		Addr: "127.0.0.1:" + r.port, DialTimeout: probeLimit, ReadTimeout: probeLimit, MaxRetries: -1,
	})
	r.start(t)
	t.Cleanup(func() {
		_ = r.client.Close()
		r.clear()
	})
	r.awaitReady(t)
	return r
}

func (r *redisServer) answers(ctx context.Context) bool { return r.client.Ping(ctx).Err() == nil }

func (r *redisServer) awaitReady(t *testing.T) {
	t.Helper()
	eventually(t, "Redis answers", func() bool { return r.answers(t.Context()) })
}
