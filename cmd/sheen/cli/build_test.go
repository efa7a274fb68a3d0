package cli_test

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"connectrpc.com/connect"
	"github.com/google/uuid"

	billingv1 "github.com/sheenapps/sheen/gen/sheen/billing/v1"
	buildv1 "github.com/sheenapps/sheen/gen/sheen/build/v1"
	errorv1 "github.com/sheenapps/sheen/gen/sheen/error/v1"
)

const completed = `Building: A bakery
Build     ` + buildID + `

Planning
    A warm site.

Your site is ready (TIME)
Preview  http://label.preview.localhost:8081/
AI time  10 s charged, 1 min 30 s left
Next
  1. Introduce your team: Put faces to the names.
`

// untimed takes out how long it took.
func untimed(text string) string {
	before, rest, found := strings.Cut(text, "(0.")
	if !found {
		return text
	}
	_, after, _ := strings.Cut(rest, ")")
	return before + "(TIME)" + after
}

func TestBuildExit(t *testing.T) {
	t.Parallel()
	host := newAPI(t)
	r := newRun(t, host, nil, "build", "--exit", " A bakery ", "--locale=fr")
	if code := r.program.Run(t.Context()); code != 0 {
		t.Fatalf("exit status %d: %s", code, r.stderr)
	}
	if got := untimed(r.stdout.String()); got != completed {
		t.Errorf("shows\n%s\nwant\n%s", got, completed)
	}
	if r.stderr.String() != "" || host.stops.Load() != 1 {
		t.Errorf("stderr %q, %d stops", r.stderr, host.stops.Load())
	}
	req := host.prompts[0]
	if req.GetPrompt() != "A bakery" || req.GetLocale() != "fr" || req.GetBuildSessionId() == "" {
		t.Errorf("asked for %v", req)
	}
	if !host.config.Embedded || host.config.OfflinePace == nil || *host.config.OfflinePace != 0 {
		t.Errorf("started with %+v", host.config)
	}
	stored, err := os.ReadFile(filepath.Join(host.config.DataDir, "user"))
	if err != nil {
		t.Fatal(err)
	}
	user, err := uuid.Parse(strings.TrimSpace(string(stored)))
	if err != nil {
		t.Fatal(err)
	}
	for _, token := range host.tokens {
		if token != "Bearer "+user.String()+" user" {
			t.Errorf("called with %q", token)
		}
	}
}

func TestBuildServesUntilInterrupted(t *testing.T) {
	t.Parallel()
	host := newAPI(t)
	r := newRun(t, host, nil, "build", "A bakery")
	code := make(chan int, 1)
	go func() { code <- r.program.Run(t.Context()) }()
	await(t, r.stdout, "Serving the preview until Ctrl-C\n")
	if host.stops.Load() != 0 {
		t.Error("it does not serve any more")
	}
	r.interrupt()
	if got := <-code; got != 0 || host.stops.Load() != 1 {
		t.Errorf("exit status %d, %d stops: %s", got, host.stops.Load(), r.stderr)
	}
}

// await waits until the output has a text.
func await(t *testing.T, out *output, text string) {
	t.Helper()
	for range 500 {
		if strings.Contains(out.String(), text) {
			return
		}
		time.Sleep(10 * time.Millisecond) //nolint:forbidigo // polls, bounded
	}
	t.Fatalf("%q never came, only\n%s", text, out)
}

func TestBuildJSON(t *testing.T) {
	t.Parallel()
	host := newAPI(t)
	r := newRun(t, host, nil, "build", "A bakery", "--json", "--exit")
	r.program.Columns = func() int { return 80 } // a terminal changes nothing
	if code := r.program.Run(t.Context()); code != 0 {
		t.Fatalf("exit status %d: %s", code, r.stderr)
	}
	lines := strings.Split(strings.TrimSuffix(r.stdout.String(), "\n"), "\n")
	if len(lines) != 4 {
		t.Fatalf("%d lines:\n%s", len(lines), r.stdout)
	}
	for i, line := range lines[:3] {
		var event struct {
			Seq string `json:"seq"`
		}
		if err := json.Unmarshal([]byte(line), &event); err != nil || event.Seq != string(rune('1'+i)) {
			t.Errorf("line %d is %s", i, line)
		}
	}
	want := `{"result":{"buildId":"` + buildID + `","projectId":"","state":"complete","previewUrl":"http://label.preview.localhost:8081/","chargedSeconds":10,"spendableSeconds":90,` +
		`"suggestions":[{"id":"qs-team","title":"Introduce your team","description":"Put faces to the names.","prompt":""}]}}`
	if lines[3] != want {
		t.Errorf("result %s\nwant   %s", lines[3], want)
	}
}

func TestBuildOnATerminal(t *testing.T) {
	t.Parallel()
	host := newAPI(t)
	r := newRun(t, host, nil, "build", "A bakery", "--exit")
	r.program.Columns = func() int { return 80 }
	if code := r.program.Run(t.Context()); code != 0 {
		t.Fatalf("exit status %d: %s", code, r.stderr)
	}
	if got := r.stdout.String(); !strings.Contains(got, "\x1b[") || !strings.HasSuffix(got, "\x1b[?25h") {
		t.Errorf("writes %q", got)
	}
	if *host.config.OfflinePace != 1 {
		t.Errorf("the pace is %v", *host.config.OfflinePace)
	}
	dumb := newRun(t, host, map[string]string{"TERM": "dumb"}, "build", "A bakery", "--exit", "--offline-pace", "10")
	dumb.program.Columns = func() int { return 80 }
	if code := dumb.program.Run(t.Context()); code != 0 || strings.Contains(dumb.stdout.String(), "\x1b") || *host.config.OfflinePace != 10 {
		t.Errorf("exit status %d, writes %q", code, dumb.stdout)
	}
}

func TestBuildFailed(t *testing.T) {
	t.Parallel()
	host := newAPI(t)
	host.outcome = buildv1.BuildState_BUILD_STATE_FAILED
	r := newRun(t, host, nil, "build", "A bakery")
	if code := r.program.Run(t.Context()); code != 1 || host.stops.Load() != 1 || r.stderr.String() != "" {
		t.Errorf("exit status %d, %d stops: %s", code, host.stops.Load(), r.stderr)
	}
	for _, want := range []string{"The build failed (", "  The site did not pass our tests.\n", "10 s charged"} {
		if !strings.Contains(r.stdout.String(), want) {
			t.Errorf("%q is missing in\n%s", want, r.stdout)
		}
	}
	if strings.Contains(r.stdout.String(), "Next") || strings.Contains(r.stdout.String(), "Serving") {
		t.Errorf("goes on after the failure:\n%s", r.stdout)
	}
}

func TestInterruptCancelsTheBuild(t *testing.T) {
	t.Parallel()
	host := newAPI(t)
	host.outcome = 0
	r := newRun(t, host, nil, "build", "A bakery")
	go func() {
		<-host.following
		r.interrupt()
	}()
	if code := r.program.Run(t.Context()); code != 130 || host.stops.Load() != 1 || r.stderr.String() != "" {
		t.Errorf("exit status %d, %d stops: %s", code, host.stops.Load(), r.stderr)
	}
	for _, want := range []string{"Cancelling; press Ctrl-C again to leave at once\n", "The build was cancelled (", "AI time  10 s charged, 1 min 30 s left"} {
		if !strings.Contains(r.stdout.String(), want) {
			t.Errorf("%q is missing in\n%s", want, r.stdout)
		}
	}
}

func TestSecondInterruptDoesNotWait(t *testing.T) {
	t.Parallel()
	host := newAPI(t)
	host.outcome, host.deaf = 0, true
	r := newRun(t, host, nil, "build", "A bakery")
	go func() {
		<-host.following
		r.interrupt()
		await(t, r.stdout, "Cancelling")
		r.interrupt()
	}()
	began := time.Now()
	if code := r.program.Run(t.Context()); code != 130 || host.stops.Load() != 1 || r.stderr.String() != "" {
		t.Errorf("exit status %d, %d stops: %s", code, host.stops.Load(), r.stderr)
	}
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("it took %v", took)
	}
}

func TestInterruptWhileStarting(t *testing.T) {
	t.Parallel()
	r := newRun(t, nil, nil, "build", "A bakery")
	r.interrupt()
	r.program.Start = startThatWaits
	if code := r.program.Run(t.Context()); code != 130 || r.stderr.String() != "" {
		t.Errorf("exit status %d: %s", code, r.stderr)
	}
}

func TestPartDies(t *testing.T) {
	t.Parallel()
	for name, outcome := range map[string]buildv1.BuildState{"building": 0, "serving": buildv1.BuildState_BUILD_STATE_COMPLETE} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			host := newAPI(t)
			host.outcome = outcome
			r := newRun(t, host, nil, "build", "A bakery")
			if outcome == 0 {
				go func() {
					<-host.following
					host.died <- errors.New("postgres is gone")
				}()
			} else {
				go func() {
					await(t, r.stdout, "Serving")
					host.died <- errors.New("postgres is gone")
				}()
			}
			code := r.program.Run(t.Context())
			if code != 1 || host.stops.Load() != 1 || !strings.HasPrefix(r.stderr.String(), "sheen: a part of Sheen stopped working (postgres is gone): start it again") {
				t.Errorf("exit status %d, %d stops: %s", code, host.stops.Load(), r.stderr)
			}
		})
	}
}

func TestBuildRefused(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		refuse error
		want   string
	}{
		"no time": {
			refusal(t, connect.CodeFailedPrecondition, "INSUFFICIENT_AI_TIME", &billingv1.InsufficientAiTime{RequiredSeconds: 300, SpendableSeconds: 90, PurchaseUrl: "https://buy"}),
			"not enough AI time: the build needs 5 min and the account has 1 min 30 s: buy more at https://buy",
		},
		"busy": {
			refusal(t, connect.CodeFailedPrecondition, "BUILD_IN_PROGRESS", &errorv1.BuildInProgress{BuildId: "b1"}),
			"the project already builds: watch it with `sheen watch b1`",
		},
		"internal": {refusal(t, connect.CodeInternal, "INTERNAL"), "the words of the server (request r1 in the server's log)"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			host := newAPI(t)
			host.refuse = test.refuse
			r := newRun(t, host, nil, "build", "A bakery")
			if code := r.program.Run(t.Context()); code != 1 || host.stops.Load() != 1 || r.stdout.String() != "" {
				t.Errorf("exit status %d, %d stops, shows %q", code, host.stops.Load(), r.stdout)
			}
			if got := r.stderr.String(); got != "sheen: "+test.want+"\n" {
				t.Errorf("says %s", got)
			}
		})
	}
}

func TestRemoteBuild(t *testing.T) {
	t.Parallel()
	host := newAPI(t)
	r := newRun(t, nil, map[string]string{"SHEEN_TOKEN": "from-env"}, "build", "A bakery", "--server", host.url)
	if code := r.program.Run(t.Context()); code != 0 || r.started.Load() != 0 {
		t.Fatalf("exit status %d, %d starts: %s", code, r.started.Load(), r.stderr)
	}
	if got := untimed(r.stdout.String()); got != completed {
		t.Errorf("shows\n%s", got)
	}
	flagged := newRun(t, nil, map[string]string{"SHEEN_TOKEN": "from-env"}, "build", "A bakery", "--server", host.url, "--token", "from-flag")
	if code := flagged.program.Run(t.Context()); code != 0 {
		t.Fatalf("exit status %d: %s", code, flagged.stderr)
	}
	if first, last := host.tokens[0], host.tokens[len(host.tokens)-1]; first != "Bearer from-env" || last != "Bearer from-flag" {
		t.Errorf("called with %q and %q", first, last)
	}
}
