package server_test

import (
	"bytes"
	"net/http"
	"slices"
	"strings"
	"testing"

	"connectrpc.com/connect"
	"connectrpc.com/grpcreflect"
	"github.com/google/uuid"
	"google.golang.org/protobuf/reflect/protoreflect"

	buildv1 "github.com/sheenapps/sheen/gen/sheen/build/v1"
	"github.com/sheenapps/sheen/gen/sheen/build/v1/buildv1connect"
	eventv1 "github.com/sheenapps/sheen/gen/sheen/event/v1"
	"github.com/sheenapps/sheen/gen/sheen/event/v1/eventv1connect"
	"github.com/sheenapps/sheen/server"
	"github.com/sheenapps/sheen/server/servertest"
)

// signed adds a token to every request.
type signed struct {
	token string
	next  http.RoundTripper
}

// RoundTrip implements [http.RoundTripper].
func (s signed) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Header.Set("Authorization", "Bearer "+s.token)
	return s.next.RoundTrip(r)
}

// Every protocol over every version of HTTP that carries it, on one port: a unary
// call, a stream, and an error with its details.
func TestProtocolsOnOnePort(t *testing.T) { //nolint:tparallel // one server, one request at a time
	t.Parallel()
	b := servertest.Start(t)
	user := b.User(t)
	started, err := user.Builds.StartBuild(t.Context(), &buildv1.StartBuildRequest{Prompt: "A site for my café"})
	if err != nil {
		t.Fatal(err)
	}
	id := started.GetBuild().GetId()
	want := len(watch(t, user, id))
	h1 := &http.Transport{}
	t.Cleanup(h1.CloseIdleConnections)
	for name, test := range map[string]struct { //nolint:paralleltest // as above
		transport *http.Transport
		options   []connect.ClientOption
	}{
		"Connect, HTTP/1.1":       {h1, nil},
		"Connect, h2c":            {servertest.Transport(t), nil},
		"Connect GET, HTTP/1.1":   {h1, []connect.ClientOption{connect.WithHTTPGet()}},
		"Connect GET, h2c":        {servertest.Transport(t), []connect.ClientOption{connect.WithHTTPGet(), connect.WithProtoJSON()}},
		"Connect JSON, HTTP/1.1":  {h1, []connect.ClientOption{connect.WithProtoJSON()}},
		"gRPC, h2c":               {servertest.Transport(t), []connect.ClientOption{connect.WithGRPC()}},
		"gRPC-Web, HTTP/1.1":      {h1, []connect.ClientOption{connect.WithGRPCWeb()}},
		"gRPC-Web, h2c":           {servertest.Transport(t), []connect.ClientOption{connect.WithGRPCWeb()}},
		"gRPC-Web JSON, HTTP/1.1": {h1, []connect.ClientOption{connect.WithGRPCWeb(), connect.WithProtoJSON()}},
	} {
		t.Run(name, func(t *testing.T) {
			client := &http.Client{Transport: signed{user.Token, test.transport}}
			builds := buildv1connect.NewBuildServiceClient(client, b.URL(), test.options...)
			if got, err := builds.GetBuild(t.Context(), &buildv1.GetBuildRequest{BuildId: id}); err != nil || got.GetBuild().GetId() != id {
				t.Errorf("unary: %v, %v", got, err)
			}
			_, err := builds.GetBuild(t.Context(), &buildv1.GetBuildRequest{BuildId: uuid.NewString()})
			if connect.CodeOf(err) != connect.CodeNotFound || len(details(err)) != 1 || details(err)[0].Type() != "google.rpc.ErrorInfo" {
				t.Errorf("error: %v with %v", err, details(err))
			}
			events := eventv1connect.NewEventServiceClient(client, b.URL(), test.options...)
			stream, err := events.StreamEvents(t.Context(), &eventv1.StreamEventsRequest{BuildId: id})
			if err != nil {
				t.Fatal(err)
			}
			var count int
			for stream.Receive() {
				count += len(stream.Msg().GetEvents())
			}
			if err := stream.Err(); err != nil || count != want || stream.Close() != nil {
				t.Errorf("stream: %d events of %d, %v", count, want, err)
			}
		})
	}
}

func details(err error) []*connect.ErrorDetail {
	if wire, ok := err.(*connect.Error); ok { //nolint:errorlint // clients return it as it is
		return wire.Details()
	}
	return nil
}

// The schema is there for everybody.
func TestReflection(t *testing.T) {
	t.Parallel()
	b := servertest.Start(t, func(c *server.Config) { c.Roles.Worker = false })
	client := grpcreflect.NewClient(&http.Client{Transport: servertest.Transport(t)}, b.URL(), connect.WithGRPC())
	stream := client.NewStream(t.Context())
	defer func() { _, _ = stream.Close() }()
	names, err := stream.ListServices()
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"build", "event", "billing", "recommendation"} {
		if !slices.ContainsFunc(names, func(n protoreflect.FullName) bool { return strings.HasPrefix(string(n), "sheen."+want+".v1.") }) {
			t.Errorf("%s is not among %v", want, names)
		}
	}
	files, err := stream.FileContainingSymbol("sheen.build.v1.BuildService")
	if err != nil || len(files) == 0 {
		t.Errorf("the schema: %d files, %v", len(files), err)
	}
}

func TestHealthOfServices(t *testing.T) {
	t.Parallel()
	b := servertest.Start(t, func(c *server.Config) { c.Roles.Worker = false })
	client := servertest.Transport(t)
	for service, want := range map[string]string{
		"": "SERVING", "sheen.build.v1.BuildService": "SERVING", "sheen.event.v1.EventService": "SERVING",
		"sheen.billing.v1.BillingService": "SERVING", "sheen.recommendation.v1.RecommendationService": "SERVING",
		"sheen.Nothing": "not_found",
	} {
		body := `{"service": "` + service + `"}`
		res := do(t, client, request(t, b.URL()+"/grpc.health.v1.Health/Check", "application/json", []byte(body), ""))
		if !bytes.Contains(res.body, []byte(want)) {
			t.Errorf("%q: %d, %s", service, res.status, res.body)
		}
	}
}

// The language of a build's texts: the one that was asked for, else the prompt's,
// else the browser's.
func TestLocaleOfABuild(t *testing.T) {
	t.Parallel()
	b := servertest.Start(t, func(c *server.Config) { c.Roles.Worker = false })
	for _, test := range []struct{ prompt, asked, header, want string }{
		{"A booking site for my hair salon", "", "", "en"},
		{"Un site pour mon salon de coiffure à Lyon avec réservation en ligne", "", "", "fr"},
		{"Un site pour mon salon de coiffure à Lyon avec réservation en ligne", "", "de-DE,de;q=0.9", "fr"},
		{"موقع حجز لصالون تجميل في دبي", "", "", "ar"},
		{"Un site pour mon salon de coiffure à Lyon", "de", "es", "de"},
		{"A booking site for my hair salon", "fr-MA", "", "fr-MA"},
		{"A booking site for my hair salon", "fr_CA", "", "fr"},
		{"Un site pour mon salon de coiffure à Lyon", "xx-unknown", "de", "en"},
		{"Un site pour mon salon de coiffure à Lyon", "zh-CN", "de", "en"},
		{"12345", "", "", "en"},
		{"12345", "", "de-AT,fr;q=0.5", "de"},
	} {
		user := b.User(t, connect.WithInterceptors(withHeader("Accept-Language", test.header)))
		res, err := user.Builds.StartBuild(t.Context(), &buildv1.StartBuildRequest{Prompt: test.prompt, Locale: test.asked})
		if err != nil {
			t.Fatal(err)
		}
		if got := res.GetBuild().GetLocale(); got != test.want {
			t.Errorf("%+v: got %s", test, got)
		}
	}
}
