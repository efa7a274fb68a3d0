package build_test

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"

	billingv1 "github.com/sheenapps/sheen/gen/sheen/billing/v1"
	buildv1 "github.com/sheenapps/sheen/gen/sheen/build/v1"
	"github.com/sheenapps/sheen/server/build"
	"github.com/sheenapps/sheen/server/engine"
)

// What an engine writes under a path that is not one, or beyond the limits, fails
// the build; nothing of it is stored.
func TestOutputThatCannotBeStored(t *testing.T) {
	t.Parallel()
	all := setup(t)
	internal, limit := buildv1.BuildErrorReason_BUILD_ERROR_REASON_INTERNAL, buildv1.BuildErrorReason_BUILD_ERROR_REASON_LIMIT_EXCEEDED
	tests := map[string]struct {
		written func(context.Context, engine.Sink) error
		reason  buildv1.BuildErrorReason
	}{
		"501 files": {func(ctx context.Context, s engine.Sink) error {
			for i := range build.MaxFiles + 1 {
				if err := write(ctx, s, fmt.Sprintf("page%d.html", i), page("x")); err != nil {
					return err
				}
			}
			return nil
		}, limit},
		"one byte over 20 MiB": {func(ctx context.Context, s engine.Sink) error {
			return write(ctx, s, "big.txt", strings.Repeat("x", build.MaxSiteBytes+1))
		}, limit},
		"over 20 MiB in pieces": {func(ctx context.Context, s engine.Sink) error {
			piece := bytes.Repeat([]byte("x"), 1<<20)
			for {
				if err := s.File(ctx, engine.Chunk{Path: "big.txt", Data: piece}); err != nil {
					return err
				}
			}
		}, limit},
		"a file without its end": {func(ctx context.Context, s engine.Sink) error {
			return s.File(ctx, engine.Chunk{Path: "index.html", Data: []byte(page("x"))})
		}, internal},
		"a file inside another": {func(ctx context.Context, s engine.Sink) error {
			if err := s.File(ctx, engine.Chunk{Path: "a.html"}); err != nil {
				return err
			}
			return write(ctx, s, "b.html", page("x"))
		}, internal},
	}
	for _, path := range []string{
		"", "../index.html", "a/../../index.html", "/etc/index.html", ".env", "a/.git/config", "a//b", "./a", "a/", `a\b`, "a\x00b", "a\nb",
		"C:index.html", "\xff.html", strings.Repeat("x", 256),
	} {
		tests[fmt.Sprintf("path %q", path)] = struct {
			written func(context.Context, engine.Sink) error
			reason  buildv1.BuildErrorReason
		}{func(ctx context.Context, s engine.Sink) error { return write(ctx, s, path, page("x")) }, internal}
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := all.other(t)
			done := b.run(&script{written: func(ctx context.Context, _ []string, s engine.Sink) error { return test.written(ctx, s) }})
			if done.GetState() != failed || done.GetError().GetReason() != test.reason {
				t.Errorf("ended as %v with %v", done.GetState(), done.GetError())
			}
			b.checkPaid(done, 0, billingv1.Outcome_OUTCOME_FAILED_PLATFORM)
			if n := b.number(`SELECT count(*) FROM build_files WHERE build_id = $1`, uuid.MustParse(done.GetId())); n > build.MaxFiles || (n > 0 && test.reason == internal) {
				t.Errorf("%d files are stored", n)
			}
			if n := b.number(`SELECT count(*) FROM versions WHERE build_id = $1`, uuid.MustParse(done.GetId())); n != 0 || done.GetVersionId() != "" {
				t.Errorf("%d versions were made", n)
			}
		})
	}
}

// The limits hold over the calls of a build together.
func TestMendingKeepsToTheLimits(t *testing.T) {
	t.Parallel()
	b := setup(t)
	done := b.run(&script{
		written: func(ctx context.Context, _ []string, s engine.Sink) error {
			return write(ctx, s, "index.html", "<p>broken")
		},
		fixed: func(ctx context.Context, _ []engine.Failure, s engine.Sink) error {
			for i := range build.MaxFiles {
				if err := write(ctx, s, fmt.Sprintf("page%d.html", i), page("x")); err != nil {
					return err
				}
			}
			return nil
		},
	})
	if done.GetError().GetReason() != buildv1.BuildErrorReason_BUILD_ERROR_REASON_LIMIT_EXCEEDED {
		t.Errorf("ended as %v with %v", done.GetState(), done.GetError())
	}
}

// A file that is written anew takes the place of the first one.
func TestAFileWrittenTwiceCountsOnce(t *testing.T) {
	t.Parallel()
	b := setup(t)
	done := b.run(&script{written: func(ctx context.Context, _ []string, s engine.Sink) error {
		filler := strings.Repeat(" ", build.MaxSiteBytes*2/3)
		for _, content := range []string{"first", "second"} {
			if err := write(ctx, s, "notes.txt", content+filler); err != nil {
				return err
			}
		}
		return write(ctx, s, "index.html", page("x"))
	}})
	if done.GetState() != complete {
		t.Fatalf("ended as %v with %v", done.GetState(), done.GetError())
	}
	file, err := b.GetFile(b.ctx(), &buildv1.GetFileRequest{VersionId: done.GetVersionId(), Path: "notes.txt"})
	must(t, err)
	if !bytes.Contains(file.GetContent(), []byte("second")) {
		t.Error("the first content stayed")
	}
}

func TestMending(t *testing.T) {
	t.Parallel()
	const broken = "<p>broken"
	all := setup(t)
	step := func(ctx context.Context, s engine.Sink, content string) error {
		return write(ctx, s, "index.html", content)
	}
	// Each try leaves another failure: a link that leads nowhere.
	other := func(n int32) string {
		return strings.Replace(page("x"), "</h1>", fmt.Sprintf(`</h1><a href="missing%d.html">x</a>`, n), 1)
	}
	for _, test := range []struct {
		name  string
		fixed func(e *script) func(context.Context, []engine.Failure, engine.Sink) error
		fixes int32
		want  []buildv1.BuildState
	}{
		{"mended", func(*script) func(context.Context, []engine.Failure, engine.Sink) error {
			return func(ctx context.Context, failures []engine.Failure, s engine.Sink) error {
				if len(failures) == 0 || failures[0].Path != "index.html" || failures[0].Message == "" {
					t.Errorf("the engine is told %v", failures)
				}
				return step(ctx, s, page("good"))
			}
		}, 1, []buildv1.BuildState{queued, planning, coding, inTesting, fixing, inTesting, deploying, complete}},
		{"the same again", func(*script) func(context.Context, []engine.Failure, engine.Sink) error {
			return func(ctx context.Context, _ []engine.Failure, s engine.Sink) error { return step(ctx, s, broken) }
		}, 1, []buildv1.BuildState{queued, planning, coding, inTesting, fixing, inTesting, failed}},
		{
			"nothing changed", func(*script) func(context.Context, []engine.Failure, engine.Sink) error { return nil },
			1,
			[]buildv1.BuildState{queued, planning, coding, inTesting, fixing, inTesting, failed},
		},
		{"three in vain", func(e *script) func(context.Context, []engine.Failure, engine.Sink) error {
			return func(ctx context.Context, _ []engine.Failure, s engine.Sink) error {
				return step(ctx, s, other(e.fixes.Load()))
			}
		}, 3, []buildv1.BuildState{queued, planning, coding, inTesting, fixing, inTesting, fixing, inTesting, fixing, inTesting, failed}},
		{"the third time", func(e *script) func(context.Context, []engine.Failure, engine.Sink) error {
			return func(ctx context.Context, _ []engine.Failure, s engine.Sink) error {
				if n := e.fixes.Load(); n < 3 {
					return step(ctx, s, other(n))
				}
				return step(ctx, s, page("good"))
			}
		}, 3, []buildv1.BuildState{queued, planning, coding, inTesting, fixing, inTesting, fixing, inTesting, fixing, inTesting, deploying, complete}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			b := all.other(t)
			e := &script{written: func(ctx context.Context, _ []string, s engine.Sink) error { return step(ctx, s, broken) }}
			e.fixed = test.fixed(e)
			done := b.run(e)
			events := b.events(done.GetId())
			checkStates(t, events, test.want...)
			checkProgress(t, events)
			if e.fixes.Load() != test.fixes {
				t.Errorf("mended %d times, want %d", e.fixes.Load(), test.fixes)
			}
			if done.GetState() == failed {
				if done.GetError().GetReason() != buildv1.BuildErrorReason_BUILD_ERROR_REASON_TESTS_FAILED {
					t.Errorf("failed with %v", done.GetError())
				}
				b.checkPaid(done, 0, billingv1.Outcome_OUTCOME_FAILED_PLATFORM)
				return
			}
			b.checkPaid(done, 10, billingv1.Outcome_OUTCOME_SUCCEEDED)
		})
	}
}

// Many small pieces of text become few events, the first one at once, and
// together they are the text.
func TestTextIsCoalesced(t *testing.T) {
	t.Parallel()
	b := setup(t)
	const pieces = 2000
	var want strings.Builder
	id := b.queued().GetId()
	done := make(chan struct{})
	e := &script{planned: func(ctx context.Context, s engine.Sink) (*engine.Plan, error) {
		if err := s.Text(ctx, "First. "); err != nil {
			return nil, err
		}
		want.WriteString("First. ")
		if got := text(b.events(id)); got != "First. " {
			t.Errorf("at once there is %q", got)
		}
		for i := range pieces {
			piece := fmt.Sprintf("word%d ", i)
			want.WriteString(piece)
			if err := s.Text(ctx, piece); err != nil {
				return nil, err
			}
		}
		eventually(t, "the rest is stored without a further call", func() bool { return text(b.events(id)) == want.String() })
		close(done)
		return salonPlan(), nil
	}}
	must(t, work(t.Context(), b.newWorker(e), id))
	<-done
	events := b.events(id)
	var count int
	for _, event := range events {
		if event.GetAssistantText() != nil {
			count++
		}
	}
	if limit := 2 + want.Len()/1024; count > limit || count < 2 {
		t.Errorf("%d pieces became %d events, at most %d are due", pieces, count, limit)
	}
	if text(events) != want.String() {
		t.Error("the text is another one")
	}
}

// What a model says may be no text at all.
func TestBytesThatAreNoText(t *testing.T) {
	t.Parallel()
	b := setup(t)
	const odd = "a\x00b\xffc"
	plan := salonPlan()
	plan.Title, plan.Summary, plan.Files[0].Purpose = odd, odd, odd
	done := b.run(&script{planned: func(ctx context.Context, s engine.Sink) (*engine.Plan, error) {
		return plan, s.Text(ctx, odd)
	}})
	if done.GetState() != complete {
		t.Fatalf("ended as %v with %v", done.GetState(), done.GetError())
	}
	events := b.events(done.GetId())
	if got := text(events); got != "ab\uFFFDc" || !utf8.ValidString(got) {
		t.Errorf("said %q", got)
	}
	if got := paths(events); !slices.Equal(got, []string{"index.html", "about.html"}) {
		t.Errorf("wrote %q", got)
	}
	if n := b.number(`SELECT count(*) FROM projects WHERE title = $1`, "ab\uFFFDc"); n != 1 {
		t.Error("the project has another title")
	}
}

// Text that is pending when the engine fails is told before the end.
func TestPendingTextComesBeforeTheEnd(t *testing.T) {
	t.Parallel()
	b := setup(t)
	done := b.run(&script{planned: func(ctx context.Context, s engine.Sink) (*engine.Plan, error) {
		for _, piece := range []string{"one ", "two ", "three"} {
			if err := s.Text(ctx, piece); err != nil {
				return nil, err
			}
		}
		return nil, engine.ErrRefused
	}})
	if got := text(b.events(done.GetId())); got != "one two three" {
		t.Errorf("said %q", got)
	}
}

// A plan that the store cannot take ends the build rather than leaving it to the
// next worker, which could do no better.
func TestAPlanThatCannotBeStored(t *testing.T) {
	t.Parallel()
	all := setup(t)
	for _, private := range []string{`"\u0000"`, `{`} {
		b := all.other(t)
		plan := salonPlan()
		plan.Private = []byte(private)
		begin := time.Now()
		done := b.run(&script{planned: func(context.Context, engine.Sink) (*engine.Plan, error) { return plan, nil }})
		if done.GetError().GetReason() != buildv1.BuildErrorReason_BUILD_ERROR_REASON_INTERNAL || time.Since(begin) > 10*time.Second {
			t.Errorf("%s: ended as %v", private, done)
		}
	}
}
