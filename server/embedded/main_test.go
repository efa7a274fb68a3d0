package embedded

import (
	"context"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"go.uber.org/goleak"
)

const (
	// holdEnv makes the test binary a Sheen that holds the data folder it names.
	holdEnv = "SHEEN_TEST_HOLD"
	// binEnv is the PostgresBin of such a Sheen.
	binEnv = "SHEEN_TEST_BIN"
	// patience bounds every wait for something that takes a moment.
	patience = 20 * time.Second
	// nobody is a user without rights.
	nobody = 65534
)

func TestMain(m *testing.M) {
	if dir := os.Getenv(holdEnv); dir != "" {
		os.Exit(hold(dir))
	}
	template, err := os.MkdirTemp("", "sheen-template-")
	if err != nil {
		panic(err)
	}
	templateDir = template
	code := m.Run()
	if err := os.RemoveAll(template); err != nil {
		panic(err)
	}
	if code == 0 {
		if err := goleak.Find(); err != nil {
			_, _ = os.Stderr.WriteString(err.Error())
			code = 1
		}
	}
	os.Exit(code)
}

// report is what a holder prints once it knows.
type report struct {
	DatabaseURL string
	Error       string
}

// hold runs on the data folder until its standard input ends.
func hold(dir string) int {
	syscall.Umask(0o077) // the strictest that people set
	ctx := context.Background()
	e, err := Start(ctx, Options{DataDir: dir, PostgresBin: os.Getenv(binEnv)})
	if err != nil {
		_ = json.NewEncoder(os.Stdout).Encode(report{Error: err.Error()})
		return 1
	}
	_ = json.NewEncoder(os.Stdout).Encode(report{DatabaseURL: e.DatabaseURL()})
	_, _ = io.Copy(io.Discard, os.Stdin)
	if e.Close(ctx) != nil {
		return 1
	}
	return 0
}

// holder is another process with a Sheen in it.
type holder struct {
	cmd    *exec.Cmd
	stdin  io.Closer
	stdout io.Reader
}

// startHolder runs one as uid, 0 for the test's own user.
func startHolder(t *testing.T, uid uint32, env ...string) *holder {
	t.Helper()
	cmd := exec.Command("/proc/self/exe") // go test keeps its binary where uid could not go
	cmd.Env = append(os.Environ(), env...)
	cmd.Stderr = os.Stderr
	if uid != 0 {
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uid, Gid: uid}}
	}
	stdin, err := cmd.StdinPipe()
	must(t, err)
	stdout, err := cmd.StdoutPipe()
	must(t, err)
	must(t, cmd.Start())
	h := &holder{cmd: cmd, stdin: stdin, stdout: stdout}
	t.Cleanup(h.kill)
	return h
}

func (h *holder) report(t *testing.T) report {
	t.Helper()
	var r report
	must(t, json.NewDecoder(h.stdout).Decode(&r))
	return r
}

// kill is kill -9. It may be repeated.
func (h *holder) kill() {
	_ = h.cmd.Process.Kill()
	_ = h.cmd.Wait()
}

// templateDir holds a data folder with a fresh cluster, made at first use.
var templateDir string //nolint:gochecknoglobals // set by TestMain

var makeTemplate = sync.OnceValue(func() error { //nolint:gochecknoglobals // making it takes most of a test's time
	e, err := Start(context.Background(), Options{DataDir: templateDir})
	if err != nil {
		return err
	}
	return e.Close(context.Background())
})

// cloneDataDir copies a data folder with a fresh cluster to path. At the end of
// the test it waits for servers that outlive a killed Sheen for a moment: they
// still write files, and the folder could not be removed under them.
func cloneDataDir(t *testing.T, path string) string {
	t.Helper()
	must(t, makeTemplate())
	must(t, os.MkdirAll(filepath.Dir(path), 0o700))
	out, err := exec.Command("cp", "-a", templateDir, path).CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	t.Cleanup(func() {
		folder, err := claim(context.Background(), filepath.Join(path, "postgres", "data"))
		must(t, err)
		must(t, folder.Close())
	})
	return path
}

// start starts on the folder and closes at the end of the test.
func start(t *testing.T, opts Options) *Embedded {
	t.Helper()
	e, err := Start(t.Context(), opts)
	must(t, err)
	t.Cleanup(func() {
		if err := e.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return e
}

// query returns the one value that a statement yields.
func query[T any](t *testing.T, databaseURL, sql string) T {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), databaseURL)
	must(t, err)
	defer func() { must(t, conn.Close(context.Background())) }()
	var value T
	must(t, conn.QueryRow(t.Context(), sql).Scan(&value))
	return value
}

// remember stores a number; recall gets the last one back.
func remember(t *testing.T, databaseURL string, n int) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), databaseURL)
	must(t, err)
	defer func() { must(t, conn.Close(context.Background())) }()
	_, err = conn.Exec(t.Context(), "CREATE TABLE IF NOT EXISTS kept (n int)")
	must(t, err)
	_, err = conn.Exec(t.Context(), "INSERT INTO kept VALUES ($1)", n)
	must(t, err)
}

func recall(t *testing.T, databaseURL string) int {
	t.Helper()
	return query[int](t, databaseURL, "SELECT max(n) FROM kept")
}

func postmasterPID(t *testing.T, dataDir string) int {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dataDir, "postgres", "data", "postmaster.pid"))
	must(t, err)
	line, _, _ := strings.Cut(string(text), "\n")
	pid, err := strconv.Atoi(line)
	must(t, err)
	return pid
}

// isAlive tells whether a process exists and is not merely waiting to be reaped.
func isAlive(pid int) bool {
	stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return syscall.Kill(pid, 0) == nil
	}
	_, rest, _ := strings.Cut(string(stat), ") ")
	return !strings.HasPrefix(rest, "Z")
}

// eventually waits until ok says so.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !ok(); time.Sleep(time.Millisecond) { //nolint:forbidigo // other processes tell nobody
		if time.Now().After(deadline) {
			t.Fatalf("%s did not happen", what)
		}
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func needRoot(t *testing.T) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("becoming another user takes root")
	}
}
