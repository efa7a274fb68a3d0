// Package stack starts the Postgres and the Redis that a benchmark's processes
// share, each a real server in a folder of its own, and stops them again.
package stack

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/redis/go-redis/v9"
)

// Stack is a running Postgres and Redis.
type Stack struct {
	DatabaseURL, RedisURL, RedisAddress string
	// DB is connected to Postgres as its owner.
	DB     *pgxpool.Pool
	socket string
	undo   []func() error
}

// Start starts both in dir. Postgres is as durable as in earnest: fsync
// and synchronous commit are on. Its log is large enough that no checkpoint
// falls into a run, which would hit one contender and not the next.
func Start(ctx context.Context, dir string) (*Stack, error) {
	s := &Stack{}
	if err := errors.Join(s.startPostgres(ctx, dir), s.startRedis(ctx, dir)); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// Close stops what was started, the last first.
func (s *Stack) Close() error {
	var errs []error
	for _, undo := range slices.Backward(s.undo) {
		errs = append(errs, undo())
	}
	return errors.Join(errs...)
}

func (s *Stack) startPostgres(ctx context.Context, base string) error {
	found, err := filepath.Glob("/usr/lib/postgresql/*/bin")
	if err != nil || len(found) == 0 {
		return fmt.Errorf("no Postgres in /usr/lib/postgresql: %w", os.ErrNotExist)
	}
	bin, dir := found[len(found)-1], filepath.Join(base, "postgres")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	if err := os.Chmod(base, 0o755); err != nil { // Postgres's account passes through it.
		return err
	}
	attr, err := Unprivileged(dir)
	if err != nil {
		return err
	}
	run := func(ctx context.Context, name string, args ...string) error {
		cmd := exec.CommandContext(ctx, filepath.Join(bin, name), append([]string{"-D", dir}, args...)...)
		cmd.Dir, cmd.SysProcAttr = dir, attr
		if err := cmd.Run(); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		return nil
	}
	if err := run(ctx, "initdb", "--no-sync", "--no-locale", "-E", "UTF8", "-U", "postgres"); err != nil {
		return err
	}
	settings := "-c listen_addresses='' -c unix_socket_directories=" + dir +
		" -c fsync=on -c synchronous_commit=on -c max_connections=200 -c shared_buffers=256MB" +
		" -c max_wal_size=8GB -c checkpoint_timeout=1h -c shared_preload_libraries=pg_stat_statements"
	if err := run(ctx, "pg_ctl", "-w", "-l", filepath.Join(dir, "log"), "-o", settings, "start"); err != nil {
		return err
	}
	s.undo = append(s.undo, func() error {
		return run(context.Background(), "pg_ctl", "-w", "-m", "immediate", "stop")
	})
	s.socket = filepath.Join(dir, ".s.PGSQL.5432")
	s.DatabaseURL = "postgres://postgres@/postgres?host=" + dir
	if s.DB, err = pgxpool.New(ctx, s.DatabaseURL); err != nil {
		return err
	}
	s.undo = append(s.undo, func() error { s.DB.Close(); return nil })
	_, err = s.DB.Exec(ctx, "CREATE EXTENSION pg_stat_statements")
	return err
}

// Unprivileged hands dir to the account that Postgres runs as, which may not be
// root.
func Unprivileged(dir string) (*syscall.SysProcAttr, error) {
	attr := &syscall.SysProcAttr{Setpgid: true}
	if os.Getuid() != 0 {
		return attr, nil
	}
	account, err := user.Lookup("postgres")
	if err != nil {
		return nil, err
	}
	uid, err := strconv.ParseUint(account.Uid, 10, 32)
	if err != nil {
		return nil, err
	}
	gid, err := strconv.ParseUint(account.Gid, 10, 32)
	if err != nil {
		return nil, err
	}
	attr.Credential = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
	return attr, os.Chown(dir, int(uid), int(gid))
}

func (s *Stack) startRedis(ctx context.Context, base string) error {
	port, err := FreePort(ctx)
	if err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, "redis-server", "--port", strconv.Itoa(port), "--bind", "127.0.0.1",
		"--save", "", "--appendonly", "no", "--dir", base, "--maxclients", "20000")
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start redis-server: %w", err)
	}
	s.undo = append(s.undo, func() error { return Terminate(cmd) })
	s.RedisAddress = net.JoinHostPort("127.0.0.1", strconv.Itoa(port))
	s.RedisURL = "redis://" + s.RedisAddress
	client := redis.NewClient(&redis.Options{Addr: s.RedisAddress})
	defer client.Close()
	return Eventually(ctx, "redis-server answers", 5*time.Second, func() bool { return client.Ping(ctx).Err() == nil })
}

// FlushRedis empties Redis, so that no contender pays for what another left.
func (s *Stack) FlushRedis(ctx context.Context) error {
	client := redis.NewClient(&redis.Options{Addr: s.RedisAddress})
	defer client.Close()
	return client.FlushAll(ctx).Err()
}

// FreePort is a port of the loopback that nobody listens on now.
func FreePort(ctx context.Context) (int, error) {
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	port := listener.Addr().(*net.TCPAddr).Port
	return port, listener.Close()
}

// Terminate ends a process as its own stop would, and by force after a while.
func Terminate(cmd *exec.Cmd) error {
	force := time.AfterFunc(15*time.Second, func() { _ = cmd.Process.Kill() })
	defer force.Stop()
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	var ended *exec.ExitError
	if err := cmd.Wait(); err != nil && !errors.As(err, &ended) {
		return err
	}
	return nil
}

// Eventually asks until the answer is yes, or fails after a bound.
func Eventually(ctx context.Context, what string, within time.Duration, ask func() bool) error {
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	for !ask() {
		select {
		case <-ctx.Done():
			return fmt.Errorf("waiting until %s: %w", what, context.Cause(ctx))
		case <-time.After(10 * time.Millisecond):
		}
	}
	return nil
}

// Socket is the path of Postgres's own socket.
func (s *Stack) Socket() string { return s.socket }
