package server_test

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"

	"connectrpc.com/connect"
	"github.com/google/uuid"
	"google.golang.org/genproto/googleapis/rpc/errdetails"

	billingv1 "github.com/sheenapps/sheen/gen/sheen/billing/v1"
	buildv1 "github.com/sheenapps/sheen/gen/sheen/build/v1"
	eventv1 "github.com/sheenapps/sheen/gen/sheen/event/v1"
	recommendationv1 "github.com/sheenapps/sheen/gen/sheen/recommendation/v1"
	"github.com/sheenapps/sheen/server"
	"github.com/sheenapps/sheen/server/auth"
	"github.com/sheenapps/sheen/server/locale"
	"github.com/sheenapps/sheen/server/servertest"
)

// asking is an RPC that answers with texts.
type asking struct {
	name string
	call func(ctx context.Context, c *servertest.Clients, field string) error
	// own is the locale of what it is asked about, which counts more than the header;
	// empty if that has none.
	own string
}

// askings are all of them, for a French build and for prompts that tell a language or
// none.
func askings(id, project string) []asking {
	quick := func(req *recommendationv1.GetQuickSuggestionsRequest) func(context.Context, *servertest.Clients, string) error {
		return func(ctx context.Context, c *servertest.Clients, field string) error {
			req.Locale = field
			_, err := c.Recommendations.GetQuickSuggestions(ctx, req)
			return err
		}
	}
	analyzing := func(prompt string) func(context.Context, *servertest.Clients, string) error {
		return func(ctx context.Context, c *servertest.Clients, field string) error {
			_, err := c.Builds.AnalyzePrompt(ctx, &buildv1.AnalyzePromptRequest{Prompt: prompt, Locale: field})
			return err
		}
	}
	starting := func(prompt string) func(context.Context, *servertest.Clients, string) error {
		return func(ctx context.Context, c *servertest.Clients, field string) error {
			_, err := c.Builds.StartBuild(ctx, &buildv1.StartBuildRequest{Prompt: prompt, Locale: field})
			return err
		}
	}
	type request = recommendationv1.GetQuickSuggestionsRequest
	return []asking{
		{"GetBuild", func(ctx context.Context, c *servertest.Clients, field string) error {
			_, err := c.Builds.GetBuild(ctx, &buildv1.GetBuildRequest{BuildId: id, Locale: field})
			return err
		}, "fr"},
		{"ListBuilds", func(ctx context.Context, c *servertest.Clients, field string) error {
			_, err := c.Builds.ListBuilds(ctx, &buildv1.ListBuildsRequest{ProjectId: project, Locale: field})
			return err
		}, "fr"},
		{"ListEvents", func(ctx context.Context, c *servertest.Clients, field string) error {
			_, err := c.Events.ListEvents(ctx, &eventv1.ListEventsRequest{BuildId: id, Locale: field})
			return err
		}, "fr"},
		{"GetQuickSuggestions of a build", quick(&request{Of: &recommendationv1.GetQuickSuggestionsRequest_BuildId{BuildId: id}}), "fr"},
		{"GetQuickSuggestions of a project", quick(&request{Of: &recommendationv1.GetQuickSuggestionsRequest_ProjectId{ProjectId: project}}), "fr"},
		{"GetQuickSuggestions of a French prompt", quick(&request{Of: &recommendationv1.GetQuickSuggestionsRequest_Prompt{Prompt: frenchPrompt}}), "fr"},
		{"GetQuickSuggestions of any prompt", quick(&request{Of: &recommendationv1.GetQuickSuggestionsRequest_Prompt{Prompt: "2049"}}), ""},
		{"AnalyzePrompt in French", analyzing(frenchPrompt), "fr"},
		{"AnalyzePrompt of any prompt", analyzing("2049"), ""},
		{"StartBuild in French", starting(frenchPrompt), "fr"},
		{"StartBuild of any prompt", starting("2049"), ""},
		{"ListPackages", func(ctx context.Context, c *servertest.Clients, field string) error {
			_, err := c.Billing.ListPackages(ctx, &billingv1.ListPackagesRequest{Locale: field})
			return err
		}, ""},
	}
}

// The field of the request, else the thing's own locale, else the browser's: the same
// rule for all, told in the answer's header.
func TestLanguageOfAnswers(t *testing.T) {
	t.Parallel()
	b := servertest.Start(t, func(c *server.Config) { c.Roles.Worker = false })
	user := b.User(t, connect.WithHTTPGet())
	started := french(t, user)
	for _, asked := range askings(started.GetId(), started.GetProjectId()) {
		for _, tag := range locale.Supported() {
			for _, test := range []struct {
				name, field, header, want string
				// varies says that the header decided, for caches.
				varies bool
			}{
				{"field", strings.ToLower(tag), "es, de;q=0.5", tag, false},
				{"header", "", tag + ", *;q=0.1", orElse(asked.own, tag), asked.own == ""},
				{"neither", "", "", orElse(asked.own, "en"), asked.own == ""},
				{"an unknown field", "tlh", tag, "en", false},
			} {
				// With nothing of this user's in the way.
				who := user
				if strings.HasPrefix(asked.name, "StartBuild") {
					who = b.User(t)
				}
				ctx, call := connect.NewClientContext(t.Context())
				call.RequestHeader().Set("Accept-Language", test.header)
				if err := asked.call(ctx, who, test.field); err != nil {
					t.Fatalf("%s, %s %s: %v", asked.name, test.name, tag, err)
				}
				wantLanguage(t, asked.name+" by "+test.name+" "+tag, call.ResponseHeader(), test.want)
				negotiable := !strings.HasPrefix(asked.name, "StartBuild")
				if varies := slices.Contains(call.ResponseHeader().Values("Vary"), "Accept-Language"); varies != (test.varies && negotiable) {
					t.Errorf("%s by %s %s: Vary %q", asked.name, test.name, tag, call.ResponseHeader().Values("Vary"))
				}
			}
		}
	}
}

func orElse(first, second string) string {
	if first != "" {
		return first
	}
	return second
}

// toldIn is the LocalizedMessage of an error; nil if there is none.
func toldIn(t *testing.T, err error) *errdetails.LocalizedMessage {
	t.Helper()
	var told *errdetails.LocalizedMessage
	for _, detail := range details(err) {
		value, valueErr := detail.Value()
		if valueErr != nil {
			t.Fatal(valueErr)
		}
		if message, ok := value.(*errdetails.LocalizedMessage); ok {
			if told != nil {
				t.Errorf("told twice: %v", details(err))
			}
			told = message
		}
	}
	return told
}

// An error is told in the language that was asked for, in every protocol; the message
// itself stays English, and without a wish nothing is added.
func TestErrorsInEveryLocale(t *testing.T) {
	t.Parallel()
	b := servertest.Start(t, func(c *server.Config) { c.Roles.Worker = false })
	for protocol, options := range map[string][]connect.ClientOption{
		"Connect": nil, "GET": {connect.WithHTTPGet()}, "gRPC": {connect.WithGRPC()}, "gRPC-Web": {connect.WithGRPCWeb()},
	} {
		user := b.User(t, options...)
		for _, test := range []struct{ field, header, want string }{
			{"", "", ""}, {"", "pt, *", ""}, {"", "ar_EG;q=0.9, en;q=0.1", "ar-EG"}, {"", "en", "en"}, {"de-AT", "es", "de"}, {"tlh", "es", ""},
		} {
			for name, call := range map[string]func(ctx context.Context) error{
				"unary": func(ctx context.Context) error {
					_, err := user.Builds.GetBuild(ctx, &buildv1.GetBuildRequest{BuildId: uuid.NewString(), Locale: test.field})
					return err
				},
				"stream": func(ctx context.Context) error {
					stream, err := user.Events.StreamEvents(ctx, &eventv1.StreamEventsRequest{BuildId: uuid.NewString(), Locale: test.field})
					if err != nil {
						return err
					}
					defer func() { _ = stream.Close() }()
					stream.Receive()
					return stream.Err()
				},
			} {
				ctx, info := connect.NewClientContext(t.Context())
				info.RequestHeader().Set("Accept-Language", test.header)
				err := call(ctx)
				told := toldIn(t, err)
				if connect.CodeOf(err) != connect.CodeNotFound || !strings.Contains(err.Error(), "There is no such thing") {
					t.Errorf("%s, %s, %+v: %v", protocol, name, test, err)
				}
				if told.GetLocale() != test.want || told != nil && told.GetMessage() != locale.Text(test.want, "error.NOT_FOUND", nil) {
					t.Errorf("%s, %s, %+v: told %v", protocol, name, test, told)
				}
				if wire, ok := errors.AsType[*connect.Error](err); !ok || wire.Meta().Get("Content-Language") != test.want {
					t.Errorf("%s, %s, %+v: the header tells %v", protocol, name, test, wire.Meta())
				}
			}
		}
	}
}

// What users meet has a sentence of its own where the reason says too little.
func TestErrorsSayWhatToDo(t *testing.T) {
	t.Parallel()
	b := servertest.Start(t, func(c *server.Config) { c.Roles.Worker = false })
	inMorocco := connect.WithInterceptors(withHeader("Accept-Language", "fr-MA"))
	user, poor := b.User(t, inMorocco), b.User(t, inMorocco)
	_, err := b.As(t, user.UserID, auth.RoleAdmin).Billing.GrantCredits(t.Context(), &billingv1.GrantCreditsRequest{
		IdempotencyKey: "many", Kind: billingv1.GrantKind_GRANT_KIND_PROMO, Seconds: 1 << 20, Reason: "a test",
	})
	if err != nil {
		t.Fatal(err)
	}
	build := french(t, user)
	update := func(policy buildv1.ConflictPolicy) error {
		_, err := user.Builds.StartBuild(t.Context(), &buildv1.StartBuildRequest{Prompt: frenchPrompt, ProjectId: build.GetProjectId(), OnConflict: policy})
		return err
	}
	for key, call := range map[string]func() error{
		"error.BUILD_IN_PROGRESS": func() error { return update(buildv1.ConflictPolicy_CONFLICT_POLICY_REJECT) },
		"error.detail.queueFull": func() error {
			for {
				if err := update(buildv1.ConflictPolicy_CONFLICT_POLICY_QUEUE); err != nil {
					return err
				}
			}
		},
		"error.detail.promptEmpty": func() error {
			_, err := user.Builds.StartBuild(t.Context(), &buildv1.StartBuildRequest{Prompt: "\x00"})
			return err
		},
		"error.detail.answersInvalid": func() error {
			_, err := user.Builds.StartBuild(t.Context(), &buildv1.StartBuildRequest{Prompt: frenchPrompt, Answers: []*buildv1.Answer{
				{QuestionId: "weather", Answer: &buildv1.Answer_Text{Text: "x"}},
			}})
			return err
		},
		"error.detail.retryEarly": func() error {
			_, err := user.Builds.RetryBuild(t.Context(), &buildv1.RetryBuildRequest{BuildId: build.GetId()})
			return err
		},
		"error.INSUFFICIENT_AI_TIME": func() error {
			for {
				if _, err := poor.Builds.StartBuild(t.Context(), &buildv1.StartBuildRequest{Prompt: frenchPrompt}); err != nil {
					return err
				}
			}
		},
		"error.PAYMENTS_OFF": func() error {
			_, err := user.Billing.CreateCheckout(t.Context(), &billingv1.CreateCheckoutRequest{
				IdempotencyKey: "k", PackageId: "mini", SuccessUrl: "https://example.com/a", CancelUrl: "https://example.com/b",
			})
			return err
		},
	} {
		if told := toldIn(t, call()); told.GetLocale() != "fr-MA" || told.GetMessage() != locale.Text("fr-MA", key, nil) || told.GetMessage() == key {
			t.Errorf("%s: told %v", key, told)
		}
	}
}

// Also those errors are told in the reader's language that no handler sees, and say so
// in their header; a page of another origin may read it.
func TestRefusalsInEveryLocale(t *testing.T) {
	t.Parallel()
	const origin = "https://app.example.com"
	b := servertest.Start(t, func(c *server.Config) { c.Roles.Worker, c.CORSOrigins = false, []string{origin} })
	token := b.User(t).Token
	source := b.URL() + "/v1/builds/" + uuid.NewString() + "/events"
	for name, test := range map[string]struct {
		req  *http.Request
		want string
	}{
		"nobody":               {request(t, b.URL()+getBuild, "application/json", []byte(`{}`), ""), "error.UNAUTHENTICATED"},
		"nobody by gRPC":       {request(t, b.URL()+getBuild, "application/grpc", enveloped(nil), ""), "error.UNAUTHENTICATED"},
		"undecodable":          {request(t, b.URL()+getBuild, "application/json", []byte(`{`), token), "error.MALFORMED_REQUEST"},
		"undecodable gRPC":     {request(t, b.URL()+getBuild, "application/grpc", enveloped([]byte{0xff}), token), "error.MALFORMED_REQUEST"},
		"undecodable gRPC-Web": {request(t, b.URL()+getBuild, "application/grpc-web", enveloped([]byte{0xff}), token), "error.MALFORMED_REQUEST"},
		"a field":              {request(t, b.URL()+getBuild, "application/json", []byte(`{"buildId":"7"}`), token), "error.INVALID_FIELD"},
		"unknown":              {request(t, b.URL()+"/sheen.build.v1.BuildService/Nothing", "application/json", []byte(`{}`), token), "error.UNIMPLEMENTED"},
		"server-sent events":   {get(t, source, token), "error.NOT_FOUND"},
		"events in a language": {get(t, source+"?locale=ar-AE", token), "error.NOT_FOUND"},
		"events of nobody":     {get(t, source+"?locale=ar-AE", ""), "error.UNAUTHENTICATED"},
	} {
		tag := "ar-AE"
		if strings.Contains(test.req.URL.RawQuery, "locale") {
			test.req.Header.Set("Accept-Language", "es")
		} else {
			test.req.Header.Set("Accept-Language", tag)
		}
		test.req.Header.Set("Origin", origin)
		got := do(t, servertest.Transport(t), test.req)
		told := &errdetails.LocalizedMessage{}
		if got.err == nil || got.err.reason(t) != strings.TrimPrefix(test.want, "error.") || !got.err.detail(t, told) {
			t.Errorf("%s: answered %d, %+v", name, got.status, got.err)
		}
		if told.GetLocale() != tag || told.GetMessage() != locale.Text(tag, test.want, nil) {
			t.Errorf("%s: told %v", name, told)
		}
		if name != "undecodable gRPC" { // Its header is sent before the RPC library reads the message.
			wantLanguage(t, name, got.header, tag)
		}
		exposed := strings.Join(got.header.Values("Access-Control-Expose-Headers"), ", ")
		if !strings.Contains(exposed, "Content-Language") || !strings.Contains(exposed, "Sheen-Locale-Path") {
			t.Errorf("%s: a page may read %q", name, exposed)
		}
	}
}
