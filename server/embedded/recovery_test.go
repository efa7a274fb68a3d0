package embedded

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
)

func TestStart_AfterKill(t *testing.T) {
	t.Parallel()
	dir := cloneDataDir(t, filepath.Join(t.TempDir(), "data"))
	h := startHolder(t, 0, holdEnv+"="+dir)
	held := h.report(t)
	remember(t, held.DatabaseURL, 11)
	old := postmasterPID(t, dir)
	h.kill()

	e := start(t, Options{DataDir: dir}) // at once, while the old server may still be stopping
	if got := recall(t, e.DatabaseURL()); got != 11 {
		t.Errorf("recalled %d, want 11", got)
	}
	if pid := postmasterPID(t, dir); pid == old || isAlive(old) {
		t.Errorf("old server %d, new %d, old alive: %v", old, pid, isAlive(old))
	}
}

func TestStart_AfterKillOfBoth(t *testing.T) {
	t.Parallel()
	dir := cloneDataDir(t, filepath.Join(t.TempDir(), "data"))
	h := startHolder(t, 0, holdEnv+"="+dir)
	remember(t, h.report(t).DatabaseURL, 12)
	must(t, syscall.Kill(postmasterPID(t, dir), syscall.SIGKILL))
	h.kill()
	if got := recall(t, start(t, Options{DataDir: dir}).DatabaseURL()); got != 12 {
		t.Errorf("recalled %d, want 12", got)
	}
}

func TestKill_LeavesNothingRunning(t *testing.T) {
	t.Parallel()
	if !lendsFolders {
		t.Skip("only Linux tells a child of its parent's death")
	}
	dir := cloneDataDir(t, filepath.Join(t.TempDir(), "data"))
	h := startHolder(t, 0, holdEnv+"="+dir)
	h.report(t)
	pid := postmasterPID(t, dir)
	h.kill()
	eventually(t, "end of postgres", func() bool { return !isAlive(pid) })
}

// A server that did not notice its Sheen's death, as is usual outside Linux.
func TestStart_StopsOrphan(t *testing.T) {
	t.Parallel()
	dir := cloneDataDir(t, filepath.Join(t.TempDir(), "data"))
	orphan := launchOn(t, dir)

	e := start(t, Options{DataDir: dir})
	<-orphan.done
	if orphan.err != nil {
		t.Errorf("the orphan was not stopped gently: %v", orphan.err)
	}
	remember(t, e.DatabaseURL(), 1)
}

// launchOn runs a server of nobody's on the data folder's cluster.
func launchOn(t *testing.T, dir string) *process {
	t.Helper()
	data := filepath.Join(dir, "postgres", "data")
	account, err := accountFor(data)
	must(t, err)
	found, err := newFinder(Options{Logger: slog.New(slog.DiscardHandler)}).find(t.Context(), 0)
	must(t, err)
	out, err := openOutput(filepath.Join(t.TempDir(), "log"))
	must(t, err)
	c := &cluster{data: data, programs: found, account: account, out: out}
	folder, err := claim(t.Context(), data)
	must(t, err)
	p, err := launch(c.command("postgres", folder, 0))
	must(t, err)
	must(t, folder.Close())
	t.Cleanup(func() { p.stop(context.Background()); must(t, out.close()) })
	eventually(t, "start of the orphan", func() bool { return saysReady(data) })
	return p
}

// After a restart of the machine a pid file may name any process, even one of
// the same user.
func TestStart_PIDOfAnotherProcess(t *testing.T) {
	t.Parallel()
	dir := cloneDataDir(t, filepath.Join(t.TempDir(), "data"))
	data := filepath.Join(dir, "postgres", "data")
	account, err := accountFor(data)
	must(t, err)
	bystander := exec.Command("sleep", "60")
	bystander.SysProcAttr = &syscall.SysProcAttr{Credential: account, Setpgid: true}
	must(t, bystander.Start())
	t.Cleanup(func() { _ = bystander.Process.Kill(); _ = bystander.Wait() })
	for _, name := range []string{"postmaster.pid", ".s.PGSQL.5432.lock"} {
		text := strconv.Itoa(bystander.Process.Pid) + "\n/proc/self/fd/3\n1\n5432\n.\n\n"
		must(t, os.WriteFile(filepath.Join(data, name), []byte(text), 0o644))
	}

	start(t, Options{DataDir: dir})
	if !isAlive(bystander.Process.Pid) {
		t.Error("the bystander was killed")
	}
}

// slowInitdb makes a folder with an initdb that writes a little and hangs.
func slowInitdb(t *testing.T) string {
	t.Helper()
	installed, err := newFinder(Options{}).find(t.Context(), 0)
	must(t, err)
	bin := openFolder(t)
	must(t, os.Symlink(filepath.Join(installed.dir, "postgres"), filepath.Join(bin, "postgres")))
	script := "#!/bin/sh\necho half > \"$2/half\"\nexec sleep 600\n"
	must(t, os.WriteFile(filepath.Join(bin, "initdb"), []byte(script), 0o755))
	return bin
}

func awaitHalf(t *testing.T, dir string) {
	t.Helper()
	eventually(t, "half of initdb", func() bool {
		_, err := os.Stat(filepath.Join(dir, "postgres", "data.new", "half"))
		return err == nil
	})
}

func TestStart_AfterKillInInitdb(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "data")
	h := startHolder(t, 0, holdEnv+"="+dir, binEnv+"="+slowInitdb(t))
	awaitHalf(t, dir)
	h.kill()

	e := start(t, Options{DataDir: dir})
	remember(t, e.DatabaseURL(), 1)
	left, err := filepath.Glob(filepath.Join(dir, "postgres", "*"))
	must(t, err)
	if got := strings.Join(left, " "); strings.Contains(got, "data.new") {
		t.Errorf("left on disk: %s", got)
	}
}

func TestStart_CanceledInInitdb(t *testing.T) {
	t.Parallel()
	parent := t.TempDir()
	dir := filepath.Join(parent, "a", "b")
	enough := errors.New("enough")
	ctx, cancel := context.WithCancelCause(t.Context())
	bin := slowInitdb(t)
	ended := make(chan error, 1)
	go func() {
		_, err := Start(ctx, Options{DataDir: dir, PostgresBin: bin})
		ended <- err
	}()
	awaitHalf(t, dir)
	folder, err := os.Open(filepath.Join(dir, "postgres", "data.new"))
	must(t, err)
	cancel(enough)
	if err := <-ended; !errors.Is(err, enough) {
		t.Errorf("got %v, want the cause", err)
	}
	if err := tryLock(folder); err != nil {
		t.Errorf("a process of initdb is left: %v", err)
	}
	must(t, folder.Close())
	wantEmpty(t, parent)
}

func TestStart_FailsWithNewCluster(t *testing.T) {
	t.Parallel()
	parent := t.TempDir()
	bin := slowInitdb(t)
	installed, err := newFinder(Options{}).find(t.Context(), 0)
	must(t, err)
	for name, script := range map[string]string{
		"initdb":   `exec "` + installed.dir + `/initdb" "$@"`,
		"postgres": `[ "$1" = --version ] && exec "` + installed.dir + `/postgres" "$@"; echo "x FATAL:  no luck"; exit 1`,
	} {
		must(t, os.RemoveAll(filepath.Join(bin, name)))
		must(t, os.WriteFile(filepath.Join(bin, name), []byte("#!/bin/sh\n"+script+"\n"), 0o755))
	}

	_, err = Start(t.Context(), Options{DataDir: filepath.Join(parent, "data"), PostgresBin: bin})
	want := "start embedded postgres: postgres ended (exit status 1): no luck"
	if err == nil || err.Error() != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
	wantEmpty(t, parent)
}

func TestStart_BrokenCluster(t *testing.T) {
	t.Parallel()
	dir := cloneDataDir(t, filepath.Join(t.TempDir(), "data"))
	data := filepath.Join(dir, "postgres", "data")
	must(t, os.WriteFile(filepath.Join(data, "global", "pg_control"), []byte("broken"), 0o600))

	_, err := Start(t.Context(), Options{DataDir: dir})
	ended, ok := errors.AsType[*PostgresError](err)
	if !ok || !strings.Contains(ended.Reason, "pg_control") {
		t.Fatalf("got %v, want a PostgresError that names pg_control", err)
	}
	log, err := os.ReadFile(ended.Log)
	must(t, err)
	if !strings.Contains(string(log), ended.Reason) {
		t.Errorf("the log does not have the reason: %s", log)
	}
	if _, err := os.Stat(filepath.Join(data, "PG_VERSION")); err != nil {
		t.Errorf("the data is gone: %v", err)
	}
	folder, err := os.Open(data)
	must(t, err)
	defer func() { must(t, folder.Close()) }()
	must(t, tryLock(folder)) // nothing runs on it
}

func TestStart_ReportsLostPostgres(t *testing.T) {
	t.Parallel()
	dir := cloneDataDir(t, filepath.Join(t.TempDir(), "data"))
	var log lockedBuffer
	e := start(t, Options{DataDir: dir, Logger: slog.New(slog.NewTextHandler(&log, nil))})
	must(t, syscall.Kill(postmasterPID(t, dir), syscall.SIGKILL))
	<-e.postgres.watched
	if !strings.Contains(log.String(), "postgres has ended") {
		t.Errorf("log: %s", log.String())
	}
	must(t, e.Close(t.Context()))
}

// lockedBuffer is a buffer that a logger may write while it is read.
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

func wantEmpty(t *testing.T, dir string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	must(t, err)
	if len(entries) > 0 {
		t.Errorf("left in %s: %v", dir, entries)
	}
}
