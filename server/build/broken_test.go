package build_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/uuid"

	billingv1 "github.com/sheenapps/sheen/gen/sheen/billing/v1"
	buildv1 "github.com/sheenapps/sheen/gen/sheen/build/v1"
	eventv1 "github.com/sheenapps/sheen/gen/sheen/event/v1"
	"github.com/sheenapps/sheen/server/build"
	"github.com/sheenapps/sheen/server/engine"
	"github.com/sheenapps/sheen/server/engine/offline"
	"github.com/sheenapps/sheen/server/preview"
	"github.com/sheenapps/sheen/server/preview/headless"
	"github.com/sheenapps/sheen/server/preview/sitecheck"
)

// author is an engine that writes a site and mends nothing.
func author(site files) *script {
	return &script{written: func(ctx context.Context, _ []string, s engine.Sink) error { return writeAll(ctx, s, site) }}
}

func writeAll(ctx context.Context, s engine.Sink, site files) error {
	for _, path := range slices.Sorted(maps.Keys(site)) {
		if err := write(ctx, s, path, site[path]); err != nil {
			return err
		}
	}
	return nil
}

// visited has a bundle's sites visited, and opened in browse if that is not nil.
func (b *testBundle) visited(browse preview.Browse) func(*build.WorkerPorts) {
	b.t.Helper()
	visitor, err := preview.NewVisitor(b.t.Context(), preview.VisitorOptions{Blobs: b.ports.Blobs, Browse: browse})
	must(b.t, err)
	b.t.Cleanup(func() { must(b.t, visitor.Close()) })
	return func(p *build.WorkerPorts) { p.Visit = visitor.Visit }
}

// checkRefused checks that a broken site is not online and its user can read why.
func (b *testBundle) checkRefused(done *buildv1.Build, rule string) {
	b.t.Helper()
	if done.GetState() != failed || done.GetError().GetReason() != buildv1.BuildErrorReason_BUILD_ERROR_REASON_TESTS_FAILED {
		b.t.Fatalf("ended as %v with %v", done.GetState(), done.GetError())
	}
	events := b.events(done.GetId())
	report := events[len(events)-1].GetBuildFailed().GetTestResult()
	named := slices.ContainsFunc(report.GetFailures(), func(f *eventv1.TestFailure) bool { return f.GetCheck() == rule })
	if report.GetPassed() || !named || int(report.GetFailureCount()) != len(report.GetFailures()) {
		b.t.Errorf("the report is %v, it should name %q", report, rule)
	}
	if n := b.number(`SELECT count(*) FROM versions WHERE build_id = $1`, uuid.MustParse(done.GetId())); n != 0 || done.GetPreviewUrl() != "" {
		b.t.Errorf("%d versions, preview %q", n, done.GetPreviewUrl())
	}
	b.checkPaid(done, 0, billingv1.Outcome_OUTCOME_FAILED_PLATFORM)
}

// None of the broken sites reaches COMPLETE.
func TestBrokenSitesAreRefused(t *testing.T) {
	t.Parallel()
	all := setup(t)
	visited := all.visited(nil)
	kinds := slices.Concat(brokenPages(), brokenReferences(), brokenFiles())
	if len(kinds) < 36 {
		t.Errorf("%d kinds", len(kinds))
	}
	for _, kind := range kinds {
		t.Run(kind.name, func(t *testing.T) {
			t.Parallel()
			b := all.other(t)
			b.checkRefused(b.run(author(kind.site), visited), kind.rule)
		})
	}
}

// All of the good ones do.
func TestGoodSitesComplete(t *testing.T) {
	t.Parallel()
	all := setup(t)
	visited := all.visited(nil)
	for name, site := range goodSites() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := all.other(t)
			b.checkComplete(b.run(author(site), visited))
		})
	}
}

func (b *testBundle) checkComplete(done *buildv1.Build) {
	b.t.Helper()
	if done.GetState() == complete {
		return
	}
	events := b.events(done.GetId())
	b.t.Errorf("ended as %v: %v", done.GetError(), events[len(events)-1].GetBuildFailed().GetTestResult())
}

// inBrowser has sites opened, where there is a browser.
func (b *testBundle) inBrowser() func(*build.WorkerPorts) {
	b.t.Helper()
	path, err := headless.Find(os.Getenv("SHEEN_CHROMIUM"))
	if err != nil {
		b.t.Skip("no Chromium on this machine")
	}
	return b.visited(headless.New(path).Open)
}

// What only a browser sees is found where there is one.
//
//nolint:paralleltest // a browser takes the processors that tests of timing need
func TestBrokenSitesAreRefusedByTheBrowser(t *testing.T) {
	all := setup(t)
	visited := all.inBrowser()
	for _, kind := range brokenInBrowser() {
		t.Run(kind.name, func(t *testing.T) {
			b := all.other(t)
			b.checkRefused(b.run(author(kind.site), visited), kind.rule)
		})
	}
	for _, name := range []string{"modules", "templates"} {
		t.Run(name, func(t *testing.T) {
			b := all.other(t)
			b.checkComplete(b.run(author(goodSites()[name]), visited))
		})
	}
}

// The templates of the offline engine are what a server does not open each time.
//
//nolint:paralleltest // as above
func TestOfflineSitesInABrowser(t *testing.T) {
	all := setup(t)
	visited := all.inBrowser()
	for _, prompt := range []string{
		"A booking site for my hair salon with prices and a gallery", "موقع لمطعم عائلي مع قائمة الطعام والحجز",
		"Une boutique en ligne de bijoux avec une foire aux questions",
	} {
		t.Run(prompt, func(t *testing.T) {
			b := all.other(t)
			res, err := b.StartBuild(b.ctx(), &buildv1.StartBuildRequest{Prompt: prompt})
			must(t, err)
			must(t, work(t.Context(), b.newWorker(offline.New(offline.Options{}), visited), res.GetBuild().GetId()))
			b.checkComplete(b.build(res.GetBuild().GetId()))
		})
	}
}

// What a visit finds is mended like what the checks find.
func TestAVisitLeadsToMending(t *testing.T) {
	t.Parallel()
	b := setup(t)
	var visits atomic.Int32
	e := author(front("", "first"))
	e.fixed = func(ctx context.Context, failures []engine.Failure, s engine.Sink) error {
		if want := []engine.Failure{{Check: "browser", Path: "index.html", Message: "uncaught error"}}; !slices.Equal(failures, want) {
			t.Errorf("the engine is told %v", failures)
		}
		return writeAll(ctx, s, front("", "second"))
	}
	done := b.run(e, func(p *build.WorkerPorts) {
		p.Visit = func(_ context.Context, site map[string]preview.Digest) (preview.Visit, error) {
			if site["index.html"] == (preview.Digest{}) {
				t.Errorf("asked to visit %v", site)
			}
			if visits.Add(1) > 1 {
				return preview.Visit{Checks: 1}, nil
			}
			return preview.Visit{Failures: []sitecheck.Failure{{Check: sitecheck.RuleBrowser, Path: "index.html", Message: "uncaught error"}}}, nil
		}
	})
	checkStates(t, b.events(done.GetId()), queued, planning, coding, inTesting, fixing, inTesting, deploying, complete)
	if visits.Load() != 2 {
		t.Errorf("%d visits", visits.Load())
	}
}

// A site is not to blame for a browser that does not start, nor for a platform
// that does not answer.
func TestAVisitThatCannotBeMade(t *testing.T) {
	t.Parallel()
	all := setup(t)
	t.Run("browser", func(t *testing.T) {
		t.Parallel()
		b := all.other(t)
		done := b.run(&script{}, b.visited(headless.New("/bin/false").Open))
		b.checkComplete(done)
		warned := slices.ContainsFunc(b.events(done.GetId()), func(e *eventv1.BuildEvent) bool {
			return strings.Contains(e.GetLogLine().GetText(), "browser") && e.GetLogLine().GetLevel() == eventv1.LogLevel_LOG_LEVEL_WARN
		})
		if !warned {
			t.Error("nobody is told that the browser was not available")
		}
	})
	t.Run("platform", func(t *testing.T) {
		t.Parallel()
		b := all.other(t)
		done := b.run(&script{}, func(p *build.WorkerPorts) {
			p.Visit = func(context.Context, map[string]preview.Digest) (preview.Visit, error) {
				return preview.Visit{}, preview.ErrUnreachable
			}
		})
		if done.GetError().GetReason() != buildv1.BuildErrorReason_BUILD_ERROR_REASON_DEPLOY_FAILED {
			t.Errorf("ended as %v", done)
		}
	})
}

// Mending that leads back to an earlier mistake ends the build, and so does
// mending that changes nothing while the failures differ.
func TestMendingInACircle(t *testing.T) {
	t.Parallel()
	all := setup(t)
	link := func(to string) files { return front("", `<a href="`+to+`.html">x</a>`) }
	t.Run("an earlier mistake", func(t *testing.T) {
		t.Parallel()
		b := all.other(t)
		e := author(link("a"))
		e.fixed = func(ctx context.Context, _ []engine.Failure, s engine.Sink) error {
			// The page is another one each time, what is wrong with it is not.
			n := e.fixes.Load()
			site := link(map[bool]string{true: "b", false: "a"}[n == 1])
			site["index.html"] = strings.Replace(site["index.html"], "</body>", fmt.Sprintf("<p>try %d</p></body>", n), 1)
			return writeAll(ctx, s, site)
		}
		done := b.run(e)
		b.checkRefused(done, "link")
		if e.fixes.Load() != 2 {
			t.Errorf("mended %d times, want 2", e.fixes.Load())
		}
	})
	t.Run("no change", func(t *testing.T) {
		t.Parallel()
		b := all.other(t)
		e := &script{}
		var visits atomic.Int32
		done := b.run(e, func(p *build.WorkerPorts) {
			p.Visit = func(context.Context, map[string]preview.Digest) (preview.Visit, error) {
				return preview.Visit{Failures: []sitecheck.Failure{{Check: sitecheck.RuleBrowser, Message: fmt.Sprintf("try %d", visits.Add(1))}}}, nil
			}
		})
		b.checkRefused(done, "browser")
		if e.fixes.Load() != 1 {
			t.Errorf("mended %d times, want 1", e.fixes.Load())
		}
	})
}

// A cancel reaches a visit.
func TestCancelDuringAVisit(t *testing.T) {
	t.Parallel()
	b := setup(t)
	id := b.queued().GetId()
	ctx, cancel := context.WithCancelCause(t.Context())
	began := make(chan struct{})
	w := b.newWorker(&script{}, func(p *build.WorkerPorts) {
		p.Visit = func(ctx context.Context, _ map[string]preview.Digest) (preview.Visit, error) {
			close(began)
			<-ctx.Done()
			return preview.Visit{}, context.Cause(ctx)
		}
	})
	go func() {
		<-began
		cancel(errors.New("the node stops"))
	}()
	must(t, work(ctx, w, id))
	if got := b.build(id); got.GetState() != inTesting {
		t.Errorf("the build is %v", got)
	}
}
