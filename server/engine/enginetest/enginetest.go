// Package enginetest holds what every engine must do, as tests. An engine's
// own package calls [Run]; what is special about it is tested there.
package enginetest

import (
	"context"
	"encoding/json"
	"errors"
	"reflect"
	"slices"
	"sync"
	"testing"

	"github.com/sheenapps/sheen/server/engine"
)

// Limits of a build, see GetLimits of the API.
const (
	maxFiles = 500
	maxBytes = 20 << 20
)

// ErrSink is what a [Recorder] that was told to fail returns.
var ErrSink = errors.New("the sink is full")

var errStopped = errors.New("stopped by the test")

// Recorder is a sink that keeps what it receives and checks the order of
// chunks. It is for one goroutine.
type Recorder struct {
	// Text is everything said, Deltas in how many pieces.
	Text   string
	Deltas int
	// Files are the complete files, Order their paths as they ended.
	Files map[string][]byte
	Order []string
	// Made are the model calls that were reported.
	Made []engine.Call
	// Faults are breaches of the rules of [engine.Chunk] and [engine.Sink].
	Faults []string
	// FailAfter makes the piece of text or file with that number and all later
	// ones fail with [ErrSink]; 0 is never. OnCall runs before each.
	FailAfter int
	OnCall    func(call int)
	// FailCalls makes each report of a model call fail with [ErrSink].
	FailCalls bool
	// FixAttempt is that of the requests whose files are recorded.
	FixAttempt int32

	calls int
	open  string
	part  []byte
}

// NewRecorder returns an empty recorder.
func NewRecorder() *Recorder { return &Recorder{Files: map[string][]byte{}} }

func (r *Recorder) called() error {
	r.calls++
	if r.OnCall != nil {
		r.OnCall(r.calls)
	}
	if r.FailAfter > 0 && r.calls >= r.FailAfter {
		return ErrSink
	}
	return nil
}

// Calls returns how many pieces of text and files the sink was given.
func (r *Recorder) Calls() int { return r.calls }

// sink is the recorder as an engine sees it.
type sink struct{ *Recorder }

// Sink returns the recorder as a sink.
func (r *Recorder) Sink() engine.Sink { return sink{r} }

func (s sink) Text(_ context.Context, delta string) error {
	s.Recorder.Text += delta
	s.Deltas++
	return s.called()
}

func (s sink) File(_ context.Context, chunk engine.Chunk) error {
	if s.open != "" && s.open != chunk.Path {
		s.Faults = append(s.Faults, "a chunk of "+chunk.Path+" inside of "+s.open)
	}
	if _, done := s.Files[chunk.Path]; done {
		s.Faults = append(s.Faults, "a chunk of "+chunk.Path+" after its last")
	}
	s.open = chunk.Path
	s.part = append(s.part, chunk.Data...)
	if chunk.Last {
		if !s.succeeded(engine.WriteKey(chunk.Path)) && !s.succeeded(engine.FixKey(s.FixAttempt, chunk.Path)) {
			s.Faults = append(s.Faults, chunk.Path+" is whole before its call is reported")
		}
		s.Files[chunk.Path] = s.part
		s.Order = append(s.Order, chunk.Path)
		s.open, s.part = "", nil
	}
	return s.called()
}

func (s sink) Called(_ context.Context, call engine.Call) error {
	if !call.Failed && s.succeeded(call.Key) {
		s.Faults = append(s.Faults, "the call "+call.Key+" succeeds twice")
	}
	s.Made = append(s.Made, call)
	if s.FailCalls {
		return ErrSink
	}
	return nil
}

func (sink) Idle(wait func() error) error { return wait() }

// succeeded reports whether a call was made that did not fail.
func (r *Recorder) succeeded(key string) bool {
	return slices.ContainsFunc(r.Made, func(c engine.Call) bool { return c.Key == key && !c.Failed })
}

// checkUsage compares what a method says that it used with its calls.
func (r *Recorder) checkUsage(t *testing.T, got engine.Usage) {
	t.Helper()
	var want engine.Usage
	for _, call := range r.Made {
		want.Add(call)
	}
	if got.Active = want.Active; got != want {
		t.Errorf("used %+v, its calls say %+v", got, want)
	}
	if len(r.Faults) > 0 {
		t.Errorf("broken rules: %v", r.Faults)
	}
}

// Request is the request of the suite.
func Request() engine.Request {
	return engine.Request{
		BuildID:   "0190c7f0-0000-7000-8000-000000000001",
		Operation: engine.MainBuild,
		Prompt:    "A booking site for my hair salon in Lyon",
	}
}

// Run checks what every engine must do. The engine of newEngine must not
// pause.
func Run(t *testing.T, newEngine func() engine.Engine) {
	t.Helper()
	t.Run("plan", func(t *testing.T) { t.Parallel(); testPlan(t, newEngine()) })
	t.Run("write", func(t *testing.T) { t.Parallel(); testWrite(t, newEngine()) })
	t.Run("resume", func(t *testing.T) { t.Parallel(); testResume(t, newEngine()) })
	t.Run("fix", func(t *testing.T) { t.Parallel(); testFix(t, newEngine()) })
	t.Run("update", func(t *testing.T) { t.Parallel(); testUpdate(t, newEngine()) })
	t.Run("recommend", func(t *testing.T) { t.Parallel(); testRecommend(t, newEngine()) })
	t.Run("cancel", func(t *testing.T) { t.Parallel(); testCancel(t, newEngine()) })
	t.Run("sink error", func(t *testing.T) { t.Parallel(); testSinkError(t, newEngine()) })
	t.Run("concurrent", func(t *testing.T) { t.Parallel(); testConcurrent(t, newEngine()) })
}

// planned plans, and reads the plan back from JSON as its storage does.
func planned(t *testing.T, e engine.Engine) *engine.Plan {
	t.Helper()
	plan, _, err := e.Plan(context.Background(), Request(), NewRecorder().Sink())
	if err != nil {
		t.Fatalf("Plan: %v", err)
	}
	raw, err := json.Marshal(plan)
	if err != nil {
		t.Fatalf("plan to JSON: %v", err)
	}
	stored := &engine.Plan{}
	if err := json.Unmarshal(raw, stored); err != nil {
		t.Fatalf("plan from JSON: %v", err)
	}
	return stored
}

func testPlan(t *testing.T, e engine.Engine) {
	rec := NewRecorder()
	plan, usage, err := e.Plan(context.Background(), Request(), rec.Sink())
	if err != nil {
		t.Fatalf("Plan: %v", err)
	}
	rec.checkUsage(t, usage)
	if !rec.succeeded(engine.PlanKey) {
		t.Errorf("the call of the plan is not among %+v", rec.Made)
	}
	if e.Name() == "" || plan.Title == "" || plan.Summary == "" || plan.BusinessType == "" || plan.Locale == "" {
		t.Errorf("engine %q: a field of the plan is empty: %+v", e.Name(), plan)
	}
	if rec.Text == "" || rec.Deltas < 2 {
		t.Errorf("text came in %d pieces, want several", rec.Deltas)
	}
	if len(rec.Order) != 0 {
		t.Errorf("Plan wrote files: %v", rec.Order)
	}
	if len(plan.Files) == 0 || len(plan.Files) > maxFiles {
		t.Errorf("%d files planned, want 1 to %d", len(plan.Files), maxFiles)
	}
	seen := map[string]bool{}
	for _, file := range plan.Files {
		if _, err := engine.CleanPath(file.Path); err != nil {
			t.Errorf("planned path: %v", err)
		}
		if seen[file.Path] || file.Purpose == "" {
			t.Errorf("%s is planned twice or without a purpose", file.Path)
		}
		seen[file.Path] = true
	}
	if !seen["index.html"] {
		t.Error("no index.html is planned")
	}
}

func testWrite(t *testing.T, e engine.Engine) {
	plan, rec := planned(t, e), NewRecorder()
	usage, err := e.Write(context.Background(), Request(), plan, nil, rec.Sink())
	if err != nil {
		t.Fatalf("Write: %v", err)
	}
	rec.checkUsage(t, usage)
	if want := paths(plan.Files); !reflect.DeepEqual(rec.Order, want) {
		t.Errorf("wrote %v, want %v", rec.Order, want)
	}
	if rec.open != "" {
		t.Errorf("left open: %q", rec.open)
	}
	total := 0
	for name, content := range rec.Files {
		total += len(content)
		if len(content) == 0 {
			t.Errorf("%s is empty", name)
		}
	}
	if total > maxBytes {
		t.Errorf("the site has %d bytes, want at most %d", total, maxBytes)
	}
}

func testResume(t *testing.T, e engine.Engine) {
	plan, rec := planned(t, e), NewRecorder()
	half := len(plan.Files) / 2
	done := paths(plan.Files[:half])
	if _, err := e.Write(context.Background(), Request(), plan, done, rec.Sink()); err != nil {
		t.Fatalf("Write: %v", err)
	}
	if want := paths(plan.Files[half:]); !reflect.DeepEqual(rec.Order, want) {
		t.Errorf("after %v wrote %v, want %v", done, rec.Order, want)
	}
	for _, path := range done {
		if rec.succeeded(engine.WriteKey(path)) {
			t.Errorf("the call for %s is made again", path)
		}
	}
}

func testFix(t *testing.T, e engine.Engine) {
	plan, rec := planned(t, e), NewRecorder()
	if _, err := e.Write(context.Background(), Request(), plan, nil, rec.Sink()); err != nil {
		t.Fatalf("Write: %v", err)
	}
	var files []engine.File
	for _, name := range rec.Order {
		files = append(files, engine.File{Path: name, Content: rec.Files[name]})
	}
	failures := []engine.Failure{{Check: "html", Path: "index.html", Message: "the page has no title"}}
	fixed, req := NewRecorder(), Request()
	fixed.FixAttempt, req.FixAttempt = 2, 2
	usage, err := e.Fix(context.Background(), req, plan, files, failures, fixed.Sink())
	if err != nil {
		t.Fatalf("Fix: %v", err)
	}
	fixed.checkUsage(t, usage)
	if !fixed.succeeded(engine.FixKey(2, "index.html")) {
		t.Errorf("the call of the fix is not among %+v", fixed.Made)
	}
	if len(fixed.Files["index.html"]) == 0 {
		t.Errorf("Fix changed %v, want index.html among them", fixed.Order)
	}
	for name := range fixed.Files {
		if _, err := engine.CleanPath(name); err != nil {
			t.Errorf("fixed path: %v", err)
		}
	}
}

// testCancel ends the context before each call, and in the middle of it.
func testCancel(t *testing.T, e engine.Engine) {
	plan := planned(t, e)
	for name, call := range calls(e, plan) {
		ctx, cancel := context.WithCancelCause(context.Background())
		cancel(errStopped)
		if err := call(ctx, NewRecorder().Sink()); !errors.Is(err, errStopped) {
			t.Errorf("%s with an ended context: %v, want its cause", name, err)
		}

		ctx, cancel = context.WithCancelCause(context.Background())
		rec := NewRecorder()
		rec.OnCall = func(n int) {
			if n == 2 {
				cancel(errStopped)
			}
		}
		err := call(ctx, rec.Sink())
		cancel(nil)
		if rec.Calls() >= 2 && !errors.Is(err, errStopped) {
			t.Errorf("%s with a context that ends midway: %v, want its cause", name, err)
		}
		if rec.Calls() > 3 {
			t.Errorf("%s went on for %d calls after the context had ended", name, rec.Calls()-2)
		}
	}
}

func testSinkError(t *testing.T, e engine.Engine) {
	plan := planned(t, e)
	for name, call := range calls(e, plan) {
		rec := NewRecorder()
		rec.FailAfter = 1
		if err := call(context.Background(), rec.Sink()); !errors.Is(err, ErrSink) || rec.Calls() != 1 {
			t.Errorf("%s with a failing sink: %v after %d calls, want its error after 1", name, err, rec.Calls())
		}
		rec = NewRecorder()
		rec.FailCalls = true
		if err := call(context.Background(), rec.Sink()); !errors.Is(err, ErrSink) || len(rec.Made) != 1 || len(rec.Order) != 0 {
			t.Errorf("%s whose call cannot be reported: %v after %d, wrote %v", name, err, len(rec.Made), rec.Order)
		}
	}
}

func calls(e engine.Engine, plan *engine.Plan) map[string]func(context.Context, engine.Sink) error {
	return map[string]func(context.Context, engine.Sink) error{
		"Plan": func(ctx context.Context, s engine.Sink) error {
			_, _, err := e.Plan(ctx, Request(), s)
			return err
		},
		"Write": func(ctx context.Context, s engine.Sink) error {
			_, err := e.Write(ctx, Request(), plan, nil, s)
			return err
		},
		"Fix": func(ctx context.Context, s engine.Sink) error {
			failures := []engine.Failure{{Check: "html", Path: "index.html", Message: "broken"}}
			_, err := e.Fix(ctx, Request(), plan, nil, failures, s)
			return err
		},
	}
}

func testConcurrent(t *testing.T, e engine.Engine) {
	var wg sync.WaitGroup
	const writers = 4
	errs := make([]error, writers)
	for i := range writers {
		wg.Go(func() {
			plan, _, err := e.Plan(context.Background(), Request(), NewRecorder().Sink())
			if err == nil {
				_, err = e.Write(context.Background(), Request(), plan, nil, NewRecorder().Sink())
			}
			errs[i] = err
		})
	}
	wg.Wait()
	if err := errors.Join(errs...); err != nil {
		t.Errorf("concurrent use: %v", err)
	}
}

func paths(files []engine.PlannedFile) []string {
	var out []string
	for _, file := range files {
		out = append(out, file.Path)
	}
	return out
}
