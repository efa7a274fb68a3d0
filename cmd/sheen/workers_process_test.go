package main_test

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/sheenapps/sheen/client"
	buildv1 "github.com/sheenapps/sheen/gen/sheen/build/v1"
	eventv1 "github.com/sheenapps/sheen/gen/sheen/event/v1"
	"github.com/sheenapps/sheen/server/event/redistest"
	"github.com/sheenapps/sheen/server/preview/s3test"
	"github.com/sheenapps/sheen/store"
	"github.com/sheenapps/sheen/store/storetest"
)

// fleet is one process with the API and any number of workers that share nothing
// with it but Postgres, Redis and a bucket.
type fleet struct {
	*client.Client

	t   *testing.T
	env []string
	api *process
	db  *store.DB
}

func startFleet(t *testing.T) *fleet {
	t.Helper()
	database, files := storetest.URL(t), s3test.Start(t)
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	f := &fleet{t: t, env: []string{
		"SHEEN_DATABASE_URL=" + database,
		"SHEEN_REDIS_URL=redis://" + redistest.Start(t).Addr(),
		"SHEEN_BLOBS=" + files.URL("sites"),
		"AWS_ACCESS_KEY_ID=key", "AWS_SECRET_ACCESS_KEY=secret",
		"SHEEN_LISTEN=127.0.0.1:0",
		// The same for all: the workers tell users where previews are.
		"SHEEN_PREVIEW_LISTEN=" + free.Addr().String(),
		"SHEEN_OFFLINE_PACE=4",
	}}
	if err := free.Close(); err != nil {
		t.Fatal(err)
	}
	if f.db, err = store.Open(t.Context(), database); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(f.db.Close)
	dir := t.TempDir()
	f.api = runIn(t, append(f.env, "SHEEN_DATA_DIR="+dir), "serve", "--role", "api")
	address, _ := addresses(t, dir)
	f.Client = client.New("http://"+address, client.WithStaticToken(token(t, dir, uuid.New())))
	return f
}

// worker starts a worker on an empty folder and waits until it works.
func (f *fleet) worker() *process {
	f.t.Helper()
	dir := f.t.TempDir()
	p := runIn(f.t, append(f.env, "SHEEN_DATA_DIR="+dir), "serve", "--role", "worker")
	p.await(f.t, "^Worker +ready")
	f.t.Cleanup(func() {
		if _, err := os.Stat(filepath.Join(dir, "blobs")); err == nil {
			f.t.Error("a worker keeps files in its data folder")
		}
	})
	return p
}

func (f *fleet) start() (buildID string) {
	f.t.Helper()
	started, err := f.Builds.StartBuild(f.t.Context(), &buildv1.StartBuildRequest{Prompt: demo})
	if err != nil {
		f.t.Fatal(err)
	}
	return started.GetBuild().GetId()
}

// state asks the database, since the API may stand still.
func (f *fleet) state(buildID string) (state string) {
	f.t.Helper()
	if err := f.db.QueryRow(f.t.Context(), `SELECT state FROM builds WHERE id = $1`, uuid.MustParse(buildID)).Scan(&state); err != nil {
		f.t.Fatal(err)
	}
	return state
}

// complete follows a build to its end and looks at its preview, which the process
// with the API serves. It returns the number of attempts.
func (f *fleet) complete(buildID string) int32 {
	f.t.Helper()
	events := followUntil(f.t, f.Client, buildID, func(*eventv1.BuildEvent) bool { return false })
	done := events[len(events)-1].GetBuildCompleted()
	if done == nil {
		f.t.Fatalf("the build ended with %v", events[len(events)-1])
	}
	if status, body := get(f.t, done.GetPreviewUrl()); status != 200 || !strings.Contains(body, "<html") {
		f.t.Errorf("the preview answers %d: %.100s", status, body)
	}
	return attempts(events)
}

func written(e *eventv1.BuildEvent) bool { return e.GetFileChanged() != nil }

// A worker needs nothing of the process with the API: while that stands still, it
// builds, tests and deploys.
func TestAWorkerNeedsNoAPI(t *testing.T) {
	t.Parallel()
	f := startFleet(t)
	f.worker()
	id := f.start()
	f.api.signal(t, syscall.SIGSTOP)
	deadline := time.Now().Add(time.Minute)
	for f.state(id) != "complete" && time.Now().Before(deadline) {
		time.Sleep(20 * time.Millisecond) //nolint:forbidigo // polls another process, bounded
	}
	state := f.state(id)
	f.api.signal(t, syscall.SIGCONT)
	if state != "complete" {
		t.Fatalf("the build is %s", state)
	}
	f.complete(id)
}

// One worker takes over from another one that is killed, and from one that stops:
// that costs the build no attempt.
func TestWorkersTakeOver(t *testing.T) {
	t.Parallel()
	f := startFleet(t)
	first := f.worker()
	id := f.start()
	followUntil(t, f.Client, id, written)
	second := f.worker()
	first.signal(t, syscall.SIGKILL)
	first.exit(t)
	if n := f.complete(id); n != 2 {
		t.Errorf("after a kill: %d attempts", n)
	}

	id = f.start()
	followUntil(t, f.Client, id, written)
	f.worker()
	second.signal(t, syscall.SIGTERM)
	if status, _ := second.exit(t); status != 0 {
		t.Errorf("the worker that was stopped ended with %d", status)
	}
	if state := f.state(id); state == "complete" {
		t.Fatal("the build was over too soon to test anything")
	}
	if n := f.complete(id); n != 1 {
		t.Errorf("after a stop: %d attempts", n)
	}
}

// A worker that would keep its files to itself does not start, nor one whose
// bucket is not there. Each says why.
func TestAWorkerWithoutBlobs(t *testing.T) {
	t.Parallel()
	database, files := storetest.URL(t), s3test.Start(t)
	for name, test := range map[string]struct{ role, blobs, want string }{
		"worker":        {"worker", "", "set SHEEN_BLOBS"},
		"API":           {"api", "", "set SHEEN_BLOBS"},
		"no bucket":     {"worker", strings.Replace(files.URL(""), "sheen?", "absent?", 1), "the bucket does not exist"},
		"nobody there":  {"worker", "s3://sheen?endpoint=http://127.0.0.1:1", "cannot be reached"},
		"not mounted":   {"worker", "file:///nowhere/at/all", "is not there"},
		"a key in it":   {"worker", "s3://me:hidden@sheen", "should be s3://bucket"},
		"no such thing": {"worker", "gs://sheen", "must be file://"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := runIn(t, []string{
				"SHEEN_DATABASE_URL=" + database, "SHEEN_REDIS_URL=redis://127.0.0.1:1", "SHEEN_BLOBS=" + test.blobs,
				"AWS_ACCESS_KEY_ID=key", "AWS_SECRET_ACCESS_KEY=hidden", "SHEEN_DATA_DIR=" + t.TempDir(),
				"SHEEN_LISTEN=127.0.0.1:0", "SHEEN_PREVIEW_LISTEN=127.0.0.1:0",
			}, "serve", "--role", test.role)
			status, _ := p.exit(t)
			said := p.stderr.String()
			if status == 0 || !strings.Contains(said, test.want) || strings.Contains(said, "hidden") {
				t.Errorf("status %d, said: %s", status, said)
			}
		})
	}
}
