package cli_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"connectrpc.com/connect"
	"github.com/google/uuid"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/protobuf/proto"

	"github.com/sheenapps/sheen/cmd/sheen/cli"
	billingv1 "github.com/sheenapps/sheen/gen/sheen/billing/v1"
	"github.com/sheenapps/sheen/gen/sheen/billing/v1/billingv1connect"
	buildv1 "github.com/sheenapps/sheen/gen/sheen/build/v1"
	"github.com/sheenapps/sheen/gen/sheen/build/v1/buildv1connect"
	eventv1 "github.com/sheenapps/sheen/gen/sheen/event/v1"
	"github.com/sheenapps/sheen/gen/sheen/event/v1/eventv1connect"
	recommendationv1 "github.com/sheenapps/sheen/gen/sheen/recommendation/v1"
	"github.com/sheenapps/sheen/gen/sheen/recommendation/v1/recommendationv1connect"
	"github.com/sheenapps/sheen/server"
	"github.com/sheenapps/sheen/server/auth"
)

const buildID = "0199c0de-0000-7000-8000-000000000001"

// api is a Sheen with one build. It is a real HTTP server, and as the host of a
// command it is the process's own server too.
type api struct {
	buildv1connect.UnimplementedBuildServiceHandler
	eventv1connect.UnimplementedEventServiceHandler
	billingv1connect.UnimplementedBillingServiceHandler
	recommendationv1connect.UnimplementedRecommendationServiceHandler

	url string
	// refuse is what StartBuild and GetBuild answer, if not nil.
	refuse error
	// outcome is how the build ends by itself; 0 means that it goes on until it
	// is cancelled.
	outcome buildv1.BuildState
	// deaf ignores the wish to cancel.
	deaf bool
	// violations are what VerifyLedger finds.
	violations []*billingv1.LedgerViolation

	mu        sync.Mutex
	prompts   []*buildv1.StartBuildRequest
	audits    []*billingv1.VerifyLedgerRequest
	tokens    []string
	after     []int64
	cancelled chan struct{}
	following chan struct{}
	died      chan error
	stops     atomic.Int32
	config    server.Config
}

func newAPI(t *testing.T) *api {
	t.Helper()
	a := &api{outcome: buildv1.BuildState_BUILD_STATE_COMPLETE, cancelled: make(chan struct{}, 1), following: make(chan struct{}, 1), died: make(chan error, 1)}
	mux := http.NewServeMux()
	mux.Handle(buildv1connect.NewBuildServiceHandler(a))
	mux.Handle(eventv1connect.NewEventServiceHandler(a))
	mux.Handle(billingv1connect.NewBillingServiceHandler(a))
	mux.Handle(recommendationv1connect.NewRecommendationServiceHandler(a))
	mux.HandleFunc("/livez", func(http.ResponseWriter, *http.Request) {})
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		a.mu.Lock()
		a.tokens = append(a.tokens, r.Header.Get("Authorization"))
		a.mu.Unlock()
		mux.ServeHTTP(w, r)
	}))
	s.Config.Protocols = new(http.Protocols)
	s.Config.Protocols.SetHTTP1(true)
	s.Config.Protocols.SetUnencryptedHTTP2(true)
	s.Start()
	t.Cleanup(func() {
		s.CloseClientConnections()
		s.Close()
	})
	a.url = s.URL
	return a
}

func (a *api) StartBuild(_ context.Context, req *buildv1.StartBuildRequest) (*buildv1.StartBuildResponse, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.prompts = append(a.prompts, req)
	if a.refuse != nil {
		return nil, a.refuse
	}
	return &buildv1.StartBuildResponse{
		Build: &buildv1.Build{Id: buildID, Prompt: req.GetPrompt()}, ResumeToken: "start",
		QuickSuggestions: []*recommendationv1.QuickSuggestion{{Title: "Open a blog", Description: "Already there by the end."}},
	}, nil
}

func (a *api) GetBuild(context.Context, *buildv1.GetBuildRequest) (*buildv1.GetBuildResponse, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.refuse != nil {
		return nil, a.refuse
	}
	b := &buildv1.Build{Id: buildID, Prompt: "A bakery", State: a.outcome, ChargedSeconds: 10}
	if a.outcome == buildv1.BuildState_BUILD_STATE_COMPLETE {
		b.PreviewUrl = "http://label.preview.localhost:8081/"
	}
	if a.outcome == buildv1.BuildState_BUILD_STATE_FAILED {
		b.Error = &buildv1.BuildError{Message: "The site did not pass our tests."}
	}
	return &buildv1.GetBuildResponse{Build: b}, nil
}

func (a *api) CancelBuild(context.Context, *buildv1.CancelBuildRequest) (*buildv1.CancelBuildResponse, error) {
	if !a.deaf {
		a.mu.Lock()
		a.outcome = buildv1.BuildState_BUILD_STATE_CANCELLED
		a.mu.Unlock()
	}
	a.cancelled <- struct{}{}
	return &buildv1.CancelBuildResponse{}, nil
}

func (a *api) StreamEvents(ctx context.Context, req *eventv1.StreamEventsRequest, stream *connect.ServerStream[eventv1.StreamEventsResponse]) error {
	a.mu.Lock()
	a.after = append(a.after, req.GetAfterSeq())
	outcome := a.outcome
	a.mu.Unlock()
	var events []*eventv1.BuildEvent
	for _, e := range log(outcome) {
		if e.GetSeq() > req.GetAfterSeq() {
			events = append(events, e)
		}
	}
	if err := stream.Send(&eventv1.StreamEventsResponse{Events: events}); err != nil || outcome != 0 {
		return err
	}
	a.following <- struct{}{}
	select {
	case <-a.cancelled:
		if a.deaf {
			<-ctx.Done()
		}
		all := log(buildv1.BuildState_BUILD_STATE_CANCELLED)
		return stream.Send(&eventv1.StreamEventsResponse{Events: all[len(all)-1:]})
	case <-ctx.Done():
		return ctx.Err()
	}
}

// log is the log of a build: two events and, unless it still runs, its last.
func log(outcome buildv1.BuildState) []*eventv1.BuildEvent {
	events := []*eventv1.BuildEvent{
		{BuildId: buildID, Seq: 1, Payload: &eventv1.BuildEvent_PhaseChanged{PhaseChanged: &eventv1.PhaseChanged{To: buildv1.BuildState_BUILD_STATE_PLANNING, Title: "Planning"}}},
		{BuildId: buildID, Seq: 2, Payload: &eventv1.BuildEvent_AssistantText{AssistantText: &eventv1.AssistantText{Delta: "A warm site.\n"}}},
	}
	last := &eventv1.BuildEvent{BuildId: buildID, Seq: 3}
	switch outcome {
	case buildv1.BuildState_BUILD_STATE_COMPLETE:
		last.Payload = &eventv1.BuildEvent_BuildCompleted{BuildCompleted: &eventv1.BuildCompleted{}}
	case buildv1.BuildState_BUILD_STATE_FAILED:
		last.Payload = &eventv1.BuildEvent_BuildFailed{BuildFailed: &eventv1.BuildFailed{}}
	case buildv1.BuildState_BUILD_STATE_CANCELLED:
		last.Payload = &eventv1.BuildEvent_BuildCancelled{BuildCancelled: &eventv1.BuildCancelled{}}
	default:
		return events
	}
	return append(events, last)
}

func (a *api) GetBalance(context.Context, *billingv1.GetBalanceRequest) (*billingv1.GetBalanceResponse, error) {
	return &billingv1.GetBalanceResponse{Balance: &billingv1.Balance{SpendableSeconds: 90}}, nil
}

func (a *api) VerifyLedger(_ context.Context, req *billingv1.VerifyLedgerRequest) (*billingv1.VerifyLedgerResponse, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.audits = append(a.audits, req)
	if a.refuse != nil {
		return nil, a.refuse
	}
	return &billingv1.VerifyLedgerResponse{Ok: len(a.violations) == 0, Violations: a.violations}, nil
}

func (a *api) GetQuickSuggestions(context.Context, *recommendationv1.GetQuickSuggestionsRequest) (*recommendationv1.GetQuickSuggestionsResponse, error) {
	return &recommendationv1.GetQuickSuggestionsResponse{QuickSuggestions: []*recommendationv1.QuickSuggestion{{Id: "qs-team", Title: "Introduce your team", Description: "Put faces to the names."}}}, nil
}

// URL, PreviewURL, Token, Failed and Stop make it a [cli.Server].
func (a *api) URL() string { return a.url }

func (a *api) PreviewURL() string { return "http://preview.localhost:8081" }

func (a *api) Token(user uuid.UUID, role auth.Role, _ time.Duration) (string, error) {
	return user.String() + " " + string(role), nil
}

func (a *api) Failed() <-chan error { return a.died }

func (a *api) Stop(context.Context) error {
	a.stops.Add(1)
	return nil
}

// refusal is an error as Sheen sends it.
func refusal(t *testing.T, code connect.Code, reason string, details ...proto.Message) error {
	t.Helper()
	err := connect.NewError(code, errors.New("the words of the server"))
	for _, d := range append([]proto.Message{&errdetails.ErrorInfo{Domain: "sheen", Reason: reason}}, details...) {
		detail, detailErr := connect.NewErrorDetail(d)
		if detailErr != nil {
			t.Fatal(detailErr)
		}
		err.AddDetail(detail)
	}
	err.Meta().Set("X-Request-Id", "r1")
	return err
}

// run is one run of the program.
type run struct {
	program *cli.Program
	stdout  *output
	stderr  *output
	signals chan os.Signal
	started atomic.Int32
}

// output is a buffer for two goroutines.
type output struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

// newRun prepares a run whose own server is host, or cannot be started if nil.
func newRun(t *testing.T, host *api, env map[string]string, args ...string) *run {
	t.Helper()
	r := &run{stdout: new(output), stderr: new(output), signals: make(chan os.Signal, 2)}
	dataDir := t.TempDir()
	r.program = &cli.Program{
		Args: args, Stdout: r.stdout, Stderr: r.stderr, Columns: func() int { return 0 }, Signals: r.signals,
		Getenv: func(name string) string {
			if value, ok := env[name]; ok {
				return value
			}
			if name == "SHEEN_DATA_DIR" {
				return dataDir
			}
			return ""
		},
		Start: func(_ context.Context, cfg server.Config, _ *slog.Logger) (cli.Server, error) {
			r.started.Add(1)
			if host == nil {
				return nil, errors.New("the data folder cannot be used: choose another with --data-dir")
			}
			host.config = cfg
			return host, nil
		},
	}
	return r
}

func (r *run) interrupt() { r.signals <- syscall.SIGINT }
