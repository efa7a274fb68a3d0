package storetest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"syscall"
	"time"
)

// cluster is the Postgres of this test process. It listens on a Unix socket in
// its own folder only.
type cluster struct {
	mu  sync.Mutex
	dir string
	// lifeline is the watchdog's standard input. It is kept here, open, because
	// the garbage collector closes a file that nothing refers to.
	lifeline io.Closer
}

// watchdog waits for the end of its standard input, which comes with the end of
// the test process, and cleans up after it.
const watchdog = `trap '' INT TERM HUP; cat >/dev/null; "$1/pg_ctl" -D "$2" -m immediate stop >/dev/null 2>&1; rm -rf "$2"`

func start() (*cluster, error) {
	bin, err := binaries()
	if err != nil {
		return nil, err
	}
	attr, uid, gid, err := unprivileged()
	if err != nil {
		return nil, err
	}
	// Not t.TempDir: a socket's path may have 107 bytes at most.
	dir, err := os.MkdirTemp("/tmp", "sheentest")
	if err != nil {
		return nil, err
	}
	if err := os.Chown(dir, uid, gid); err != nil {
		return nil, err
	}
	lifeline, err := watch(bin, dir, attr)
	if err != nil {
		return nil, err
	}
	c := &cluster{dir: dir, lifeline: lifeline}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	steps := [][]string{
		{"initdb", "-D", dir, "-U", "sheen", "-A", "trust", "-E", "UTF8", "--no-locale", "--no-sync"},
		{
			"pg_ctl", "-D", dir, "-w", "-s", "-l", filepath.Join(dir, "log"), "-o",
			"-c listen_addresses='' -c unix_socket_directories=" + dir +
				" " + durability() + " -c max_connections=400 -c shared_buffers=64MB -c max_wal_size=4GB", "start",
		},
	}
	for _, step := range steps {
		cmd := exec.CommandContext(ctx, filepath.Join(bin, step[0]), step[1:]...)
		cmd.Dir = dir
		cmd.SysProcAttr = attr
		if out, err := cmd.CombinedOutput(); err != nil {
			return nil, fmt.Errorf("%s: %w\n%s", step[0], err, out)
		}
	}
	if err := c.makeTemplate(ctx); err != nil {
		return nil, err
	}
	return c, nil
}

// durability is off, as a test's database need not survive a power cut, unless
// SHEEN_TEST_DURABLE is set, as it is for figures.
func durability() string {
	if os.Getenv("SHEEN_TEST_DURABLE") != "" {
		return "-c fsync=on -c checkpoint_timeout=1h"
	}
	return "-c fsync=off -c full_page_writes=off"
}

// watch starts the watchdog and returns the end of the pipe that holds it back.
func watch(bin, dir string, attr *syscall.SysProcAttr) (io.Closer, error) {
	read, write, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	cmd := exec.Command("/bin/sh", "-c", watchdog, "watchdog", bin, dir)
	cmd.Dir = "/"
	cmd.Stdin = read
	cmd.SysProcAttr = attr
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	return write, read.Close()
}

// binaries finds the newest Postgres: SHEEN_POSTGRES_BIN, Debian's folders, PATH.
func binaries() (string, error) {
	if dir := os.Getenv("SHEEN_POSTGRES_BIN"); dir != "" {
		return dir, nil
	}
	found, err := filepath.Glob("/usr/lib/postgresql/*/bin/postgres")
	if err != nil {
		return "", err
	}
	if len(found) > 0 {
		newest := slices.MaxFunc(found, func(a, b string) int { return major(a) - major(b) })
		return filepath.Dir(newest), nil
	}
	if path, err := exec.LookPath("initdb"); err == nil {
		return filepath.Dir(path), nil
	}
	return "", errors.New("no Postgres binaries found: install Debian's package postgresql, or set SHEEN_POSTGRES_BIN")
}

func major(path string) int {
	n, _ := strconv.Atoi(filepath.Base(filepath.Dir(filepath.Dir(path))))
	return n
}

// unprivileged says as whom Postgres runs: it refuses to be root.
func unprivileged() (attr *syscall.SysProcAttr, uid, gid int, err error) {
	attr = &syscall.SysProcAttr{Setpgid: true}
	if os.Getuid() != 0 {
		return attr, os.Getuid(), os.Getgid(), nil
	}
	account, err := user.Lookup("postgres")
	if err != nil {
		account, err = user.Lookup("nobody")
	}
	if err != nil {
		return nil, 0, 0, fmt.Errorf("find a user for Postgres: %w", err)
	}
	if uid, err = strconv.Atoi(account.Uid); err != nil {
		return nil, 0, 0, err
	}
	if gid, err = strconv.Atoi(account.Gid); err != nil {
		return nil, 0, 0, err
	}
	attr.Credential = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
	return attr, uid, gid, nil
}
