package offline_test

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sheenapps/sheen/server/engine"
	"github.com/sheenapps/sheen/server/engine/enginetest"
	"github.com/sheenapps/sheen/server/engine/offline"
)

func TestConformance(t *testing.T) {
	t.Parallel()
	enginetest.Run(t, func() engine.Engine { return offline.New(offline.Options{}) })
}

// build plans and writes, and returns everything.
func build(t *testing.T, req engine.Request) (*engine.Plan, *enginetest.Recorder) {
	t.Helper()
	e, rec := offline.New(offline.Options{}), enginetest.NewRecorder()
	plan, _, err := e.Plan(context.Background(), req, rec.Sink())
	if err != nil {
		t.Fatalf("Plan: %v", err)
	}
	if _, err := e.Write(context.Background(), req, plan, nil, rec.Sink()); err != nil {
		t.Fatalf("Write: %v", err)
	}
	return plan, rec
}

func prompt(text string) engine.Request {
	return engine.Request{Operation: engine.MainBuild, Prompt: text}
}

func TestSameRequestSameBytes(t *testing.T) {
	t.Parallel()
	req := prompt("A booking site for my hair salon in Lyon")
	_, first := build(t, req)
	_, second := build(t, req)
	if first.Text != second.Text || !slices.Equal(first.Order, second.Order) {
		t.Error("the text or the files of two builds differ")
	}
	for name, content := range first.Files {
		if !bytes.Equal(content, second.Files[name]) {
			t.Errorf("%s differs between two builds", name)
		}
	}
}

func TestPace(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		pace float64
		want time.Duration
	}{{0, 0}, {-1, 0}, {1, 15 * time.Second}, {10, 1500 * time.Millisecond}} {
		var total time.Duration
		e := offline.New(offline.Options{Pace: test.pace, Wait: func(_ context.Context, d time.Duration) error {
			total += d
			return nil
		}})
		rec, req := enginetest.NewRecorder(), prompt("A restaurant in Paris")
		plan, _, err := e.Plan(context.Background(), req, rec.Sink())
		if err != nil {
			t.Fatalf("Plan: %v", err)
		}
		if _, err := e.Write(context.Background(), req, plan, nil, rec.Sink()); err != nil {
			t.Fatalf("Write: %v", err)
		}
		if diff := (total - test.want).Abs(); diff > test.want/100 {
			t.Errorf("pace %v: waited %v, want %v", test.pace, total, test.want)
		}
		if test.pace == 1 && rec.Deltas < 40 {
			t.Errorf("text came in %d pieces, want small ones", rec.Deltas)
		}
	}
}

func TestWaitEndsWithTheContext(t *testing.T) {
	t.Parallel()
	stop := errors.New("stop")
	ctx, cancel := context.WithCancelCause(context.Background())
	e := offline.New(offline.Options{Pace: 0.0001})
	rec := enginetest.NewRecorder()
	time.AfterFunc(time.Millisecond, func() { cancel(stop) })
	if _, _, err := e.Plan(ctx, prompt("A gym"), rec.Sink()); !errors.Is(err, stop) {
		t.Errorf("Plan returned %v, want the cause", err)
	}
}

func TestWriteRefusesAForeignPlan(t *testing.T) {
	t.Parallel()
	e := offline.New(offline.Options{})
	for _, private := range []string{``, `{}`, `{"business":"salon","theme":99,"locale":"en","seed":"1"}`, `{"business":"salon","theme":0,"locale":"xx","seed":"1"}`} {
		plan := &engine.Plan{Private: []byte(private)}
		if _, err := e.Write(context.Background(), prompt("x"), plan, nil, enginetest.NewRecorder().Sink()); err == nil {
			t.Errorf("Write accepted the plan %q", private)
		}
	}
}

func TestAnswersAndLocale(t *testing.T) {
	t.Parallel()
	req := prompt("A site for my place")
	req.Locale = "fr-MA"
	req.Answers = []engine.Answer{
		{QuestionID: "business_type", ChoiceID: "restaurant"},
		{QuestionID: "brand_name", Text: "Dar <Zellij>"},
		{QuestionID: "color_theme", ChoiceID: "burgundy"},
	}
	plan, rec := build(t, req)
	if plan.BusinessType != "restaurant" || plan.Title != "Dar <Zellij>" || plan.Locale != "fr-MA" {
		t.Errorf("plan is %+v", plan)
	}
	menu := string(rec.Files["menu.html"])
	for _, want := range []string{`lang="fr-MA"`, "Dar &lt;Zellij&gt;", "DH"} {
		if !strings.Contains(menu, want) {
			t.Errorf("menu.html lacks %q", want)
		}
	}
	if !bytes.Contains(rec.Files["assets/site.css"], []byte("--accent:#98243a")) {
		t.Error("the stylesheet does not have the chosen theme")
	}
}

func TestFixWritesWhatFailedOrIsMissing(t *testing.T) {
	t.Parallel()
	req := prompt("A gym in New York")
	plan, rec := build(t, req)
	var files []engine.File
	for _, name := range rec.Order {
		if name != "pricing.html" {
			files = append(files, engine.File{Path: name, Content: rec.Files[name]})
		}
	}
	fixed := enginetest.NewRecorder()
	failures := []engine.Failure{{Check: "html", Path: "about.html"}, {Check: "html", Path: "../etc/passwd"}}
	if _, err := offline.New(offline.Options{}).Fix(context.Background(), req, plan, files, failures, fixed.Sink()); err != nil {
		t.Fatal(err)
	}
	if want := []string{"pricing.html", "about.html"}; !slices.Equal(fixed.Order, want) {
		t.Errorf("fixed %v, want %v", fixed.Order, want)
	}
	if !bytes.Equal(fixed.Files["about.html"], rec.Files["about.html"]) {
		t.Error("about.html was fixed into something else")
	}
}

func BenchmarkSite(b *testing.B) {
	e := offline.New(offline.Options{})
	req := prompt("A booking site for my hair salon in Lyon")
	for b.Loop() {
		rec := enginetest.NewRecorder()
		plan, _, err := e.Plan(context.Background(), req, rec.Sink())
		if err != nil {
			b.Fatal(err)
		}
		if _, err := e.Write(context.Background(), req, plan, nil, rec.Sink()); err != nil {
			b.Fatal(err)
		}
	}
}
