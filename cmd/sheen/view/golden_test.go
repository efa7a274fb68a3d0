package view_test

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/sheenapps/sheen/cmd/sheen/view"
	buildv1 "github.com/sheenapps/sheen/gen/sheen/build/v1"
	eventv1 "github.com/sheenapps/sheen/gen/sheen/event/v1"
	recommendationv1 "github.com/sheenapps/sheen/gen/sheen/recommendation/v1"
)

var update = flag.Bool("update", false, "write the golden files anew") //nolint:gochecknoglobals // a test switch

const (
	build = "0199c0de-0000-7000-8000-000000000001"
	state = buildv1.BuildState_BUILD_STATE_UNSPECIFIED
)

// film is a build to show: the prompt, its events and its end.
type film struct {
	prompt  string
	events  []*eventv1.BuildEvent
	closing view.Closing
}

func script(payloads ...any) []*eventv1.BuildEvent {
	var events []*eventv1.BuildEvent
	for i, payload := range payloads {
		e := &eventv1.BuildEvent{BuildId: build, Seq: int64(i + 1), CreateTime: &timestamppb.Timestamp{Seconds: int64(i)}, EventClass: eventv1.EventClass_EVENT_CLASS_LIFECYCLE}
		switch p := payload.(type) {
		case *eventv1.PhaseChanged:
			e.Payload = &eventv1.BuildEvent_PhaseChanged{PhaseChanged: p}
		case *eventv1.Progress:
			e.Payload = &eventv1.BuildEvent_Progress{Progress: p}
		case string:
			e.Payload = &eventv1.BuildEvent_AssistantText{AssistantText: &eventv1.AssistantText{Delta: p}}
		case *eventv1.FileChanged:
			e.Payload = &eventv1.BuildEvent_FileChanged{FileChanged: p}
		case *eventv1.TestResult:
			e.Payload = &eventv1.BuildEvent_TestResult{TestResult: p}
		case *eventv1.Warning:
			e.Payload = &eventv1.BuildEvent_Warning{Warning: p}
		case *eventv1.LogLine:
			e.Payload = &eventv1.BuildEvent_LogLine{LogLine: p}
		case *eventv1.HoldChanged:
			e.Payload = &eventv1.BuildEvent_HoldChanged{HoldChanged: p}
		case *eventv1.BuildCompleted:
			e.Payload = &eventv1.BuildEvent_BuildCompleted{BuildCompleted: p}
		case *eventv1.BuildFailed:
			e.Payload = &eventv1.BuildEvent_BuildFailed{BuildFailed: p}
		case *eventv1.BuildCancelled:
			e.Payload = &eventv1.BuildEvent_BuildCancelled{BuildCancelled: p}
		}
		events = append(events, e)
	}
	return events
}

func phase(to buildv1.BuildState, title string) *eventv1.PhaseChanged {
	return &eventv1.PhaseChanged{To: to, Title: title}
}

func step(permille, index, count int32, title string) *eventv1.Progress {
	return &eventv1.Progress{ProgressPermille: permille, StepIndex: index, StepCount: count, Title: title}
}

func salon() film {
	return film{
		prompt: "A booking site for my hair salon in Lyon",
		events: script(
			phase(state+1, "Waiting for a free place"),
			phase(state+2, "Planning your site"),
			step(50, 1, 5, "Reading your request"),
			"I will build a calm, bright site for your salon in Lyon. ", "Visitors find ", "your services and prices at once, see the salon before they ", "come, and book a time ",
			"in two steps, also at night.\n\nPages:\n- Home\n- Services ", "and prices\n- Booking",
			step(200, 2, 5, "Drawing up the plan"),
			phase(state+3, "Writing your site"),
			step(250, 3, 5, "Writing index.html"),
			&eventv1.FileChanged{Path: "index.html", SizeBytes: 12431, Purpose: "Home page"},
			&eventv1.FileChanged{Path: "css/site.css", SizeBytes: 812, Purpose: "Colors, type and layout of every page of the whole site"},
			&eventv1.FileChanged{Path: "images/a-very-long-name-for-a-picture-of-the-salon.svg", SizeBytes: 2345678},
			&eventv1.FileChanged{Path: "draft.html", Removed: true},
			step(500, 4, 5, "Writing booking.html"),
			&eventv1.LogLine{Level: eventv1.LogLevel_LOG_LEVEL_DEBUG, Text: "never shown"},
			phase(state+4, "Testing your site"),
			&eventv1.TestResult{CheckCount: 42, FailureCount: 1, Failures: []*eventv1.TestFailure{{Check: "link", Path: "index.html", Message: "the link to menu.html leads nowhere"}}},
			phase(state+5, "Fixing what the tests found"),
			phase(state+4, "Testing your site"),
			&eventv1.TestResult{Passed: true, CheckCount: 42},
			&eventv1.HoldChanged{RunningLow: true, UsedSeconds: 130},
			&eventv1.Warning{Code: "worker_lost", Message: "Another worker took over."},
			phase(state+6, "Putting your site online"),
			step(950, 5, 5, "Visiting the preview"),
			phase(state+7, "Your site is ready"),
			&eventv1.BuildCompleted{PreviewUrl: "http://aghj7tqaaabqbaaaaaaaaaaaae.preview.localhost:8081/"},
		),
		closing: view.Closing{
			Build: &buildv1.Build{
				Id: build, ProjectId: "0199c0de-0000-7000-8000-000000000002", VersionId: "0199c0de-0000-7000-8000-000000000003",
				State: state + 7, PreviewUrl: "http://aghj7tqaaabqbaaaaaaaaaaaae.preview.localhost:8081/", ChargedSeconds: 40,
			},
			SpendableSeconds: 3860, Took: 14200 * time.Millisecond, Serving: true,
			Suggestions: []*recommendationv1.QuickSuggestion{
				{Id: "qs-payment", Title: "Accept online payments", Description: "Get paid on the site instead of chasing invoices.", Prompt: "Add a checkout page."},
				{Id: "qs-team", Title: "Introduce your team", Description: "Put faces to the names your customers will meet.", Prompt: "Add a team section."},
				{Id: "qs-gallery", Title: "Add a photo gallery", Description: "Give a feeling for the place before the first visit.", Prompt: "Add a gallery."},
			},
		},
	}
}

func clinic() film {
	return film{
		prompt: "موقع لعيادة أسنان في القاهرة",
		events: script(
			phase(state+2, "جارٍ التخطيط لموقعك"),
			step(50, 1, 5, "قراءة طلبك"),
			"سأبني موقعًا هادئًا لعيادتك في القاهرة يجد فيه المرضى الخدمات والأسعار ومواعيد العمل ويحجزون موعدًا في خطوتين.",
			phase(state+3, "جارٍ كتابة موقعك"),
			&eventv1.FileChanged{Path: "index.html", SizeBytes: 9001, Purpose: "الصفحة الرئيسية"},
			&eventv1.BuildFailed{},
		),
		closing: view.Closing{
			Build: &buildv1.Build{
				Id: build, State: state + 8,
				Error: &buildv1.BuildError{Reason: buildv1.BuildErrorReason_BUILD_ERROR_REASON_TESTS_FAILED, Message: "لم يجتز الموقع اختباراتنا.", Retryable: true},
			},
			SpendableSeconds: -1, Took: 2340 * time.Millisecond,
		},
	}
}

// hostile is a build that tries to take the terminal over.
func hostile() film {
	return film{
		prompt: "red\x1b[31m",
		events: script(
			phase(state+2, "title\x1b]0;owned\x07"),
			"text \x1b[2J\u009b31m and \u202eback\u202c\r\n\x00tab\there\x7f",
			&eventv1.FileChanged{Path: "a\nb\x1b[0m.html", SizeBytes: 1, Purpose: "\x1b[8mhidden"},
			&eventv1.Warning{Message: "w\x1b[5m"},
			step(10, 1, 2, "s\x1b[7m"),
			&eventv1.BuildCancelled{Reason: "r\x1b"},
		),
		closing: view.Closing{
			Build: &buildv1.Build{Id: build, State: state + 9, PreviewUrl: "http://x/\x1b[1m", ChargedSeconds: 10, Error: &buildv1.BuildError{Message: "m\x1b[1m"}},
			Took:  time.Minute + 5*time.Second, SpendableSeconds: 7500,
			Suggestions: []*recommendationv1.QuickSuggestion{{Title: "t\x1b[1m", Description: "d\x1b[1m"}},
		},
	}
}

func films() map[string]film {
	return map[string]film{"salon": salon(), "clinic": clinic(), "hostile": hostile()}
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name+".golden")
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s differs; look at the diff after -update\n%s", path, got)
	}
}

// play shows a film with a renderer, calling between after every event.
func play(f film, r view.Renderer, between func(i int)) {
	r.Begin(&buildv1.Build{Id: build, Prompt: f.prompt})
	for i, event := range f.events {
		r.Event(event)
		between(i)
	}
	r.End(f.closing)
	r.Stop()
}

func TestPlain(t *testing.T) {
	t.Parallel()
	for name, f := range films() {
		var out bytes.Buffer
		play(f, view.NewPlain(&out, &out), func(int) {})
		if i := strings.IndexFunc(out.String(), func(r rune) bool { return r < ' ' && r != '\n' || r == 0x7f || r == 0x9b }); i >= 0 {
			t.Errorf("%s has a control character: %q", name, out.String()[i:])
		}
		golden(t, name+".plain", out.String())
	}
}

func TestJSONLines(t *testing.T) {
	t.Parallel()
	for name, f := range films() {
		var out, diagnostics bytes.Buffer
		r := view.NewJSONLines(&out, &diagnostics)
		play(f, r, func(i int) {
			if i == 0 {
				r.Note("a note")
			}
		})
		golden(t, name+".json", out.String())
		if diagnostics.String() != "a note\n" {
			t.Errorf("diagnostics are %q", diagnostics.String())
		}
	}
}
