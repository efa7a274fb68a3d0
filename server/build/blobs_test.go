package build_test

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"connectrpc.com/connect"

	billingv1 "github.com/sheenapps/sheen/gen/sheen/billing/v1"
	buildv1 "github.com/sheenapps/sheen/gen/sheen/build/v1"
	"github.com/sheenapps/sheen/server/build"
	"github.com/sheenapps/sheen/server/engine"
	"github.com/sheenapps/sheen/server/fault"
	"github.com/sheenapps/sheen/server/preview"
)

// disk is a folder of blobs that can go away and come back.
type disk struct {
	t    *testing.T
	path string
	// missed is called each time that a build finds it away.
	missed func()
	misses atomic.Int32
}

// withDisk keeps the blobs of a bundle on a disk.
func withDisk(t *testing.T) (*disk, func(*build.Ports)) {
	t.Helper()
	d := &disk{t: t, path: filepath.Join(t.TempDir(), "blobs")}
	blobs, err := preview.OpenBlobs(d.path)
	must(t, err)
	t.Cleanup(func() { must(t, blobs.Close()) })
	return d, func(p *build.Ports) {
		p.Blobs, p.Logger = blobs, slog.New(listener{slog.DiscardHandler, d})
	}
}

func (d *disk) away() {
	must(d.t, os.Rename(d.path, d.path+".away"))
	must(d.t, os.WriteFile(d.path, nil, 0o600))
}

func (d *disk) back() {
	must(d.t, os.Remove(d.path))
	must(d.t, os.Rename(d.path+".away", d.path))
}

// listener hears when a build finds its disk away.
type listener struct {
	slog.Handler

	disk *disk
}

func (listener) Enabled(context.Context, slog.Level) bool { return true }

func (l listener) Handle(_ context.Context, r slog.Record) error {
	if strings.Contains(r.Message, "blobs is away") {
		l.disk.misses.Add(1)
		if l.disk.missed != nil {
			l.disk.missed()
		}
	}
	return nil
}

// lose makes an engine that finds the disk away when it has written one of two
// files.
func (d *disk) lose() *script {
	return &script{written: func(ctx context.Context, _ []string, s engine.Sink) error {
		if err := write(ctx, s, "index.html", page("index")); err != nil {
			return err
		}
		d.away()
		return write(ctx, s, "about.html", page("about"))
	}}
}

// A store of blobs that is away for a moment costs a build that moment, and its
// user nothing.
func TestBlobsAwayForAMoment(t *testing.T) {
	t.Parallel()
	d, port := withDisk(t)
	b, c := setup(t, port), &workClock{}
	d.missed = func() {
		c.work(100 * time.Second)
		d.back()
	}
	done := b.run(d.lose(), c.port)
	if done.GetState() != buildv1.BuildState_BUILD_STATE_COMPLETE || d.misses.Load() != 1 {
		t.Fatalf("the build is %v, away %d times", done.GetState(), d.misses.Load())
	}
	if done.GetAttempt() != 1 {
		t.Errorf("attempt %d", done.GetAttempt())
	}
	d2, port2 := withDisk(t)
	d2.missed = func() { t.Error("a disk that is there was found away") }
	other := setup(t, port2)
	if control := other.run(&script{}, (&workClock{}).port); control.GetChargedSeconds() != done.GetChargedSeconds() {
		t.Errorf("charged %d s, without the outage %d s", done.GetChargedSeconds(), control.GetChargedSeconds())
	}
}

// One that stays away fails the build for the platform's sake.
func TestBlobsAway(t *testing.T) {
	t.Parallel()
	d, port := withDisk(t)
	b := setup(t, port)
	done := b.run(d.lose(), func(p *build.WorkerPorts) { p.BlobPatience = 30 * time.Millisecond })
	if d.misses.Load() == 0 {
		t.Fatal("the disk was never missed")
	}
	failed := done.GetError()
	if done.GetState() != buildv1.BuildState_BUILD_STATE_FAILED || failed.GetClass() != buildv1.ErrorClass_ERROR_CLASS_PLATFORM || !failed.GetRetryable() {
		t.Errorf("the build is %v: %v", done.GetState(), failed)
	}
	b.checkPaid(done, 0, billingv1.Outcome_OUTCOME_FAILED_PLATFORM)
	d.back()
}

// Who asks for a file meanwhile is told to come again.
func TestGetFileWithoutBlobs(t *testing.T) {
	t.Parallel()
	d, port := withDisk(t)
	b := setup(t, port)
	done := b.run(&script{})
	req := &buildv1.GetFileRequest{VersionId: done.GetVersionId(), Path: "index.html"}
	_, err := b.GetFile(b.ctx(), req)
	must(t, err)
	d.away()
	_, err = b.GetFile(b.ctx(), req)
	if got := fault.Of(err); got.Code != connect.CodeUnavailable || got.RetryAfter == 0 {
		t.Errorf("%v, try again after %s", got, got.RetryAfter)
	}
	d.back()
	_, err = b.GetFile(b.ctx(), req)
	must(t, err)
}
