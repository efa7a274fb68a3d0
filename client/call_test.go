package client_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"connectrpc.com/connect"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/sheenapps/sheen/client"
	billingv1 "github.com/sheenapps/sheen/gen/sheen/billing/v1"
	buildv1 "github.com/sheenapps/sheen/gen/sheen/build/v1"
	"github.com/sheenapps/sheen/gen/sheen/build/v1/buildv1connect"
	errorv1 "github.com/sheenapps/sheen/gen/sheen/error/v1"
	eventv1 "github.com/sheenapps/sheen/gen/sheen/event/v1"
	"github.com/sheenapps/sheen/gen/sheen/event/v1/eventv1connect"
)

// call is what a server saw of one attempt.
type call struct {
	token, requestID, traceparent, session string
	timeout                                time.Duration
}

// builds is a BuildService and EventService whose calls fail with the given
// errors, one after the other, and then succeed.
type builds struct {
	buildv1connect.UnimplementedBuildServiceHandler
	eventv1connect.UnimplementedEventServiceHandler

	mu    sync.Mutex
	fails []error
	calls []call
}

func (b *builds) attempt(ctx context.Context, session string) error {
	info, _ := connect.CallInfoForHandlerContext(ctx)
	deadline, _ := ctx.Deadline()
	b.mu.Lock()
	defer b.mu.Unlock()
	b.calls = append(b.calls, call{
		token: info.RequestHeader().Get("Authorization"), requestID: info.RequestHeader().Get("X-Request-Id"),
		traceparent: info.RequestHeader().Get("Traceparent"), session: session, timeout: time.Until(deadline),
	})
	if n := len(b.calls); n <= len(b.fails) {
		return b.fails[n-1]
	}
	return nil
}

func (b *builds) StartBuild(ctx context.Context, req *buildv1.StartBuildRequest) (*buildv1.StartBuildResponse, error) {
	return &buildv1.StartBuildResponse{}, b.attempt(ctx, req.GetBuildSessionId())
}

func (b *builds) RetryBuild(ctx context.Context, req *buildv1.RetryBuildRequest) (*buildv1.RetryBuildResponse, error) {
	return &buildv1.RetryBuildResponse{}, b.attempt(ctx, req.GetBuildSessionId())
}

func (b *builds) GetBuild(ctx context.Context, _ *buildv1.GetBuildRequest) (*buildv1.GetBuildResponse, error) {
	return &buildv1.GetBuildResponse{}, b.attempt(ctx, "")
}

func (b *builds) ListEvents(ctx context.Context, _ *eventv1.ListEventsRequest) (*eventv1.ListEventsResponse, error) {
	return &eventv1.ListEventsResponse{}, b.attempt(ctx, "")
}

func startBuilds(t *testing.T, fails ...error) (*builds, string) {
	t.Helper()
	b := &builds{fails: fails}
	mux := http.NewServeMux()
	mux.Handle(buildv1connect.NewBuildServiceHandler(b))
	mux.Handle(eventv1connect.NewEventServiceHandler(b))
	server := httptest.NewUnstartedServer(mux)
	server.Config.Protocols = new(http.Protocols)
	server.Config.Protocols.SetUnencryptedHTTP2(true)
	server.Start()
	t.Cleanup(server.Close)
	return b, server.URL
}

func TestRetries(t *testing.T) {
	t.Parallel()
	unavailable := sheenError(connect.CodeUnavailable, "STORE_UNAVAILABLE")
	asked := sheenError(connect.CodeResourceExhausted, "RATE_LIMITED", &errdetails.RetryInfo{RetryDelay: durationpb.New(2 * time.Second)})
	late := sheenError(connect.CodeUnavailable, "SHUTTING_DOWN", &errdetails.RetryInfo{RetryDelay: durationpb.New(time.Minute)})
	tests := map[string]struct {
		fails []error
		calls int
		waits []time.Duration
		err   error
	}{
		"at once":               {calls: 1},
		"unavailable":           {fails: []error{unavailable}, calls: 2, waits: []time.Duration{100 * ms}},
		"four attempts":         {fails: slices.Repeat([]error{unavailable}, 9), calls: 4, waits: []time.Duration{100 * ms, 200 * ms, 400 * ms}, err: client.ErrUnavailable},
		"asked to wait":         {fails: []error{asked}, calls: 2, waits: []time.Duration{2*time.Second + 100*ms}},
		"asked beyond deadline": {fails: []error{late}, calls: 1, err: client.ErrUnavailable},
		"exhausted for good":    {fails: []error{sheenError(connect.CodeResourceExhausted, "PAYLOAD_TOO_LARGE")}, calls: 1, err: client.ErrResourceExhausted},
		"replayed":              {fails: []error{sheenError(connect.CodeAborted, "REQUEST_REPLAYED")}, calls: 2, waits: []time.Duration{100 * ms}},
		"lease lost":            {fails: []error{sheenError(connect.CodeAborted, "LEASE_LOST")}, calls: 1, err: new(client.Error)},
		"not found":             {fails: []error{sheenError(connect.CodeNotFound, "NOT_FOUND")}, calls: 1, err: client.ErrNotFound},
		"internal":              {fails: []error{sheenError(connect.CodeInternal, "INTERNAL")}, calls: 1, err: new(client.Error)},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b, url := startBuilds(t, test.fails...)
			var waits []time.Duration
			c := client.New(url, client.WithSleep(func(_ context.Context, d time.Duration) error {
				waits = append(waits, d)
				return nil
			}))
			_, err := c.Builds.GetBuild(t.Context(), &buildv1.GetBuildRequest{})
			if len(b.calls) != test.calls || !slices.Equal(waits, test.waits) {
				t.Errorf("%d calls after %v, want %d after %v", len(b.calls), waits, test.calls, test.waits)
			}
			checkError(t, err, test.err, test.calls)
			for _, attempt := range b.calls {
				if attempt.requestID == "" || attempt.requestID != b.calls[0].requestID {
					t.Errorf("request id %q, first was %q", attempt.requestID, b.calls[0].requestID)
				}
			}
		})
	}
}

func checkError(t *testing.T, err, want error, attempts int) {
	t.Helper()
	base, ok := errors.AsType[*client.Error](err)
	if (want != nil) != ok {
		t.Fatalf("got %v, want %v", err, want)
	}
	if !ok {
		return
	}
	if _, anyCode := want.(*client.Error); !anyCode && !errors.Is(err, want) { //nolint:errorlint // want is the table's
		t.Errorf("got %v, want %v", err, want)
	}
	if base.Attempts != attempts || base.RequestID != "request-1" || base.Message != "refused by the script" {
		t.Errorf("got %+v", base)
	}
}

func TestDeadlines(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		call func(ctx context.Context, c *client.Client) error
		want time.Duration
	}{
		"unary": {func(ctx context.Context, c *client.Client) error {
			_, err := c.Builds.GetBuild(ctx, &buildv1.GetBuildRequest{})
			return err
		}, 10 * time.Second},
		"start": {func(ctx context.Context, c *client.Client) error {
			_, err := c.Builds.StartBuild(ctx, &buildv1.StartBuildRequest{})
			return err
		}, 15 * time.Second},
		"long poll": {func(ctx context.Context, c *client.Client) error {
			_, err := c.Events.ListEvents(ctx, &eventv1.ListEventsRequest{Wait: durationpb.New(20 * time.Second)})
			return err
		}, 30 * time.Second},
		"the caller's": {func(ctx context.Context, c *client.Client) error {
			ctx, cancel := context.WithTimeout(ctx, time.Hour)
			defer cancel()
			_, err := c.Builds.GetBuild(ctx, &buildv1.GetBuildRequest{})
			return err
		}, time.Hour},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b, url := startBuilds(t)
			if err := test.call(t.Context(), client.New(url)); err != nil {
				t.Fatal(err)
			}
			if got := b.calls[0].timeout; got > test.want || got < test.want-5*time.Second {
				t.Errorf("the server had %v, want %v", got, test.want)
			}
		})
	}
}

func TestSessionIsMadeOncePerCall(t *testing.T) {
	t.Parallel()
	unavailable := sheenError(connect.CodeUnavailable, "STORE_UNAVAILABLE")
	pattern := regexp.MustCompile(`^bs_[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$`)
	b, url := startBuilds(t, unavailable, unavailable)
	c := client.New(url, client.WithSleep(noWait))
	start, retry := &buildv1.StartBuildRequest{}, &buildv1.RetryBuildRequest{}
	if _, err := c.Builds.StartBuild(t.Context(), start); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Builds.StartBuild(t.Context(), start); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Builds.RetryBuild(t.Context(), retry); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Builds.StartBuild(t.Context(), &buildv1.StartBuildRequest{BuildSessionId: "mine"}); err != nil {
		t.Fatal(err)
	}
	got := make([]string, 0, len(b.calls))
	for _, attempt := range b.calls {
		got = append(got, attempt.session)
	}
	if !pattern.MatchString(got[0]) || got[1] != got[0] || got[2] != got[0] {
		t.Errorf("the attempts of one call had %q", got[:3])
	}
	if !pattern.MatchString(got[3]) || got[3] == got[0] || !pattern.MatchString(got[4]) || got[5] != "mine" {
		t.Errorf("other calls had %q", got[3:])
	}
	if start.GetBuildSessionId() != "" || retry.GetBuildSessionId() != "" {
		t.Error("the caller's message was changed")
	}
}

func TestTokenIsAskedForEachAttempt(t *testing.T) {
	t.Parallel()
	refused := sheenError(connect.CodeUnauthenticated, "UNAUTHENTICATED")
	b, url := startBuilds(t, refused, nil, refused, refused)
	n := 0
	c := client.New(url, client.WithTraceparent(func(context.Context) string { return "00-trace" }), client.WithToken(func(context.Context) (string, error) {
		n++
		return strings.Repeat("t", n), nil
	}))
	if _, err := c.Builds.GetBuild(t.Context(), &buildv1.GetBuildRequest{}); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Builds.GetBuild(t.Context(), &buildv1.GetBuildRequest{}); !errors.Is(err, client.ErrUnauthenticated) {
		t.Errorf("got %v", err)
	}
	for i, attempt := range b.calls {
		if want := "Bearer " + strings.Repeat("t", i+1); attempt.token != want || attempt.traceparent != "00-trace" {
			t.Errorf("attempt %d had %+v", i, attempt)
		}
	}
	if len(b.calls) != 4 {
		t.Errorf("%d calls, want 4", len(b.calls))
	}
}

func TestStaticTokenIsNotTriedAgain(t *testing.T) {
	t.Parallel()
	refused := sheenError(connect.CodeUnauthenticated, "UNAUTHENTICATED")
	b, url := startBuilds(t, refused, refused)
	if _, err := client.New(url, client.WithStaticToken("t")).Builds.GetBuild(t.Context(), &buildv1.GetBuildRequest{}); !errors.Is(err, client.ErrUnauthenticated) {
		t.Errorf("got %v", err)
	}
	if len(b.calls) != 1 {
		t.Errorf("%d calls, want 1", len(b.calls))
	}
}

func TestTypedErrors(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		code   connect.Code
		reason string
		detail proto.Message
		check  func(err error) bool
	}{
		"insufficient": {connect.CodeFailedPrecondition, "INSUFFICIENT_AI_TIME", &billingv1.InsufficientAiTime{RequiredSeconds: 7}, func(err error) bool {
			typed, ok := errors.AsType[*client.InsufficientAITime](err)
			return ok && typed.Detail.GetRequiredSeconds() == 7
		}},
		"rate": {connect.CodeFailedPrecondition, "RATE_LIMITED", &errorv1.RateLimit{Limit: 7}, func(err error) bool {
			typed, ok := errors.AsType[*client.RateLimited](err)
			return ok && typed.Detail.GetLimit() == 7
		}},
		"payload": {connect.CodeInvalidArgument, "PAYLOAD_TOO_LARGE", &errorv1.PayloadLimit{LimitBytes: 7}, func(err error) bool {
			typed, ok := errors.AsType[*client.PayloadTooLarge](err)
			return ok && typed.Detail.GetLimitBytes() == 7
		}},
		"in progress": {connect.CodeFailedPrecondition, "BUILD_IN_PROGRESS", &errorv1.BuildInProgress{BuildId: "7"}, func(err error) bool {
			typed, ok := errors.AsType[*client.BuildInProgress](err)
			return ok && typed.Detail.GetBuildId() == "7"
		}},
		"transition": {connect.CodeFailedPrecondition, "INVALID_TRANSITION", &errorv1.InvalidTransition{From: "7"}, func(err error) bool {
			typed, ok := errors.AsType[*client.InvalidTransition](err)
			return ok && typed.Detail.GetFrom() == "7"
		}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, url := startBuilds(t, sheenError(test.code, test.reason, test.detail))
			_, err := client.New(url).Builds.GetBuild(t.Context(), &buildv1.GetBuildRequest{})
			base, ok := errors.AsType[*client.Error](err)
			if !test.check(err) || !ok || base.Reason != test.reason || base.Code != test.code {
				t.Errorf("got %#v", err)
			}
			if want := test.code.String() + ": refused by the script (request request-1)"; err.Error() != want {
				t.Errorf("says %q, want %q", err, want)
			}
		})
	}
}

func TestForeignReasonsAreNoReasons(t *testing.T) {
	t.Parallel()
	foreign := connect.NewError(connect.CodeNotFound, errors.New("elsewhere"))
	detail, err := connect.NewErrorDetail(&errdetails.ErrorInfo{Domain: "other", Reason: "X"})
	if err != nil {
		t.Fatal(err)
	}
	foreign.AddDetail(detail)
	_, url := startBuilds(t, foreign)
	_, err = client.New(url).Builds.GetBuild(t.Context(), &buildv1.GetBuildRequest{})
	if base, ok := errors.AsType[*client.Error](err); !ok || base.Reason != "" || base.RequestID == "" {
		t.Errorf("got %#v", err)
	}
}

func TestUnreachableAndMisused(t *testing.T) {
	t.Parallel()
	_, err := client.New("http://127.0.0.1:1", client.WithSleep(noWait)).Builds.GetBuild(t.Context(), &buildv1.GetBuildRequest{})
	if base, ok := errors.AsType[*client.Error](err); !errors.Is(err, client.ErrUnavailable) || !ok || base.Attempts != 4 {
		t.Errorf("got %#v", err)
	}
	misused := client.New("sheen.example.com")
	_, err = misused.Builds.GetBuild(t.Context(), &buildv1.GetBuildRequest{})
	if !errors.Is(err, client.ErrInvalidArgument) || !strings.Contains(err.Error(), `"sheen.example.com" is not an http or https address`) {
		t.Errorf("got %v", err)
	}
	for _, err := range misused.Follow(t.Context(), buildID) {
		if !errors.Is(err, client.ErrInvalidArgument) {
			t.Errorf("got %v", err)
		}
	}
	errKey := errors.New("the key is gone")
	_, err = client.New("http://127.0.0.1:1", client.WithToken(func(context.Context) (string, error) { return "", errKey })).
		Builds.GetBuild(t.Context(), &buildv1.GetBuildRequest{})
	if !errors.Is(err, client.ErrUnauthenticated) || !errors.Is(err, errKey) {
		t.Errorf("got %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := client.New("http://127.0.0.1:1").Builds.GetBuild(ctx, &buildv1.GetBuildRequest{}); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func TestJitterFillsItsRange(t *testing.T) {
	t.Parallel()
	var low, high bool
	for range 1000 {
		d := client.Jitter(time.Second)
		if d < 0 || d >= time.Second {
			t.Fatalf("%v is out of range", d)
		}
		low = low || d < 100*ms
		high = high || d > 900*ms
	}
	if !low || !high || client.Jitter(0) != 0 {
		t.Error("the jitter is not full")
	}
}
