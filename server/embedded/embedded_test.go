package embedded

import (
	"context"
	"errors"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
)

func TestStart_FreshThenAgain(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "not", "there", "yet")

	first, err := Start(t.Context(), Options{DataDir: dir})
	must(t, err)
	remember(t, first.DatabaseURL(), 7)
	pid := postmasterPID(t, dir)
	if group, err := syscall.Getpgid(pid); err != nil || group != pid {
		t.Errorf("postgres is in group %d, %v: Ctrl-C would reach it", group, err)
	}
	must(t, first.Close(t.Context()))
	must(t, first.Close(t.Context()))
	if isAlive(pid) {
		t.Error("postgres lives on after Close")
	}

	second := start(t, Options{DataDir: dir})
	if got := recall(t, second.DatabaseURL()); got != 7 {
		t.Errorf("recalled %d, want 7", got)
	}
	for _, path := range []string{dir, filepath.Dir(dir), filepath.Join(dir, "postgres")} {
		info, err := os.Stat(path)
		must(t, err)
		if info.Mode().Perm() != 0o700 {
			t.Errorf("%s has mode %v, want 0700", path, info.Mode().Perm())
		}
	}
}

func TestStart_Settings(t *testing.T) {
	t.Parallel()
	dir := cloneDataDir(t, filepath.Join(t.TempDir(), "data"))
	e := start(t, Options{DataDir: dir})
	for name, want := range map[string]string{
		"listen_addresses":   "",
		"fsync":              "on",
		"synchronous_commit": "on",
		"full_page_writes":   "on",
		"max_connections":    "100",
		"shared_buffers":     "64MB",
		"TimeZone":           "UTC",
		"server_encoding":    "UTF8",
		"logging_collector":  "off",
	} {
		if got := query[string](t, e.DatabaseURL(), "SHOW "+name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	if got := query[string](t, e.DatabaseURL(), "SELECT datcollate FROM pg_database WHERE datname = current_database()"); got != "C" {
		t.Errorf("collation is %q, want C", got)
	}
}

func TestStart_KeepsSecretsFromPostgres(t *testing.T) {
	t.Parallel()
	dir := cloneDataDir(t, filepath.Join(t.TempDir(), "data"))
	h := startHolder(t, 0, holdEnv+"="+dir, "SHEEN_TEST_KEY=hunter2", "PGPORT=1", "PGHOST=nowhere")
	if r := h.report(t); r.Error != "" {
		t.Fatal(r.Error)
	}
	env, err := os.ReadFile("/proc/" + strconv.Itoa(postmasterPID(t, dir)) + "/environ")
	must(t, err)
	if strings.Contains(string(env), "hunter2") || !strings.Contains(string(env), "TZ=UTC") {
		t.Errorf("environment of postgres: %q", env)
	}
}

func TestStart_SideBySide(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	var urls [2]string
	var group sync.WaitGroup
	for i := range urls {
		dir := cloneDataDir(t, filepath.Join(root, strconv.Itoa(i)))
		group.Go(func() {
			e := start(t, Options{DataDir: dir})
			remember(t, e.DatabaseURL(), i)
			urls[i] = e.DatabaseURL()
		})
	}
	group.Wait()
	for i, address := range urls {
		if got := recall(t, address); got != i {
			t.Errorf("number %d recalled %d", i, got)
		}
	}
}

func TestStart_SecondIsRefused(t *testing.T) {
	t.Parallel()
	dir := cloneDataDir(t, filepath.Join(t.TempDir(), "data"))
	h := startHolder(t, 0, holdEnv+"="+dir)
	held := h.report(t)

	_, err := Start(t.Context(), Options{DataDir: dir})
	locked, ok := errors.AsType[*LockedError](err)
	if !ok || locked.PID != h.cmd.Process.Pid || locked.Dir != dir {
		t.Fatalf("got %v, want a LockedError of %d on %s", err, h.cmd.Process.Pid, dir)
	}
	remember(t, held.DatabaseURL, 1) // the first is none the worse

	must(t, h.stdin.Close())
	must(t, h.cmd.Wait())
	e := start(t, Options{DataDir: dir})
	if got := recall(t, e.DatabaseURL()); got != 1 {
		t.Errorf("recalled %d, want 1", got)
	}
}

func TestStart_OrdinaryUser(t *testing.T) {
	t.Parallel()
	needRoot(t)
	root := openFolder(t)
	dir := filepath.Join(root, "data")
	h := startHolder(t, nobody, holdEnv+"="+dir)
	held := h.report(t)
	if held.Error != "" {
		t.Fatal(held.Error)
	}
	remember(t, held.DatabaseURL, 3)
	must(t, h.stdin.Close())
	must(t, h.cmd.Wait())

	// Root may take the folder over: Postgres then still runs as its owner.
	e := start(t, Options{DataDir: dir})
	if got := recall(t, e.DatabaseURL()); got != 3 {
		t.Errorf("recalled %d, want 3", got)
	}
}

func TestStart_StrictUmask(t *testing.T) {
	t.Parallel()
	dir := cloneDataDir(t, filepath.Join(t.TempDir(), "data"))
	must(t, os.Remove(filepath.Join(dir, "postgres", "data", settingsFile)))
	h := startHolder(t, 0, holdEnv+"="+dir)
	if r := h.report(t); r.Error != "" {
		t.Error(r.Error)
	}
}

func TestStart_LongPath(t *testing.T) {
	t.Parallel()
	dir := cloneDataDir(t, filepath.Join(t.TempDir(), strings.Repeat("deep/", 30), "data"))
	for range 2 { // again, because the first must have left nothing in the way
		e, err := Start(t.Context(), Options{DataDir: dir})
		must(t, err)
		address, err := url.Parse(e.DatabaseURL())
		must(t, err)
		link := address.Query().Get("host")
		if !fits(link) {
			t.Errorf("%s is too long", link)
		}
		remember(t, e.DatabaseURL(), 1)
		must(t, e.Close(t.Context()))
		if _, err := os.Lstat(link); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("link after Close: %v", err)
		}
	}
}

func TestShortSocketPath_OwnLinkOnly(t *testing.T) {
	t.Parallel()
	data := filepath.Join(t.TempDir(), strings.Repeat("deep/", 30))
	first, err := shortSocketPath(data)
	must(t, err)
	again, err := shortSocketPath(data) // of a Sheen that was killed
	must(t, err)
	if *again != *first {
		t.Errorf("got %v, want %v", again, first)
	}
	again.remove()

	must(t, os.Symlink("/elsewhere", first.link))
	t.Cleanup(func() { must(t, os.Remove(first.link)) })
	if got, err := shortSocketPath(data); !errors.Is(err, os.ErrExist) {
		t.Errorf("took %v, %v", got, err)
	}
}

func TestClose_InAHurry(t *testing.T) {
	t.Parallel()
	dir := cloneDataDir(t, filepath.Join(t.TempDir(), "data"))
	e := start(t, Options{DataDir: dir})
	remember(t, e.DatabaseURL(), 5)
	pid := postmasterPID(t, dir)

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	must(t, e.Close(ctx))
	if isAlive(pid) {
		t.Error("postgres lives on after Close")
	}
	if got := recall(t, start(t, Options{DataDir: dir}).DatabaseURL()); got != 5 {
		t.Errorf("recalled %d, want 5", got)
	}
}

// openFolder makes a folder that everybody may walk to and write into.
func openFolder(t *testing.T) string {
	t.Helper()
	root, err := os.MkdirTemp("/tmp", "sheen-open-") //nolint:usetesting // the parents of t.TempDir are closed
	must(t, err)
	t.Cleanup(func() { must(t, os.RemoveAll(root)) })
	must(t, os.Chmod(root, 0o777))
	return root
}

// BenchmarkStart measures what stands between a command and its first query.
func BenchmarkStart(b *testing.B) {
	run := func(b *testing.B, dir string) {
		b.Helper()
		e, err := Start(b.Context(), Options{DataDir: dir})
		if err != nil {
			b.Fatal(err)
		}
		b.StopTimer()
		if err := e.Close(b.Context()); err != nil {
			b.Fatal(err)
		}
		b.StartTimer()
	}
	b.Run("fresh", func(b *testing.B) {
		root := b.TempDir()
		for n := 0; b.Loop(); n++ {
			run(b, filepath.Join(root, strconv.Itoa(n)))
		}
	})
	b.Run("again", func(b *testing.B) {
		dir := b.TempDir()
		run(b, dir)
		for b.Loop() {
			run(b, dir)
		}
	})
}
