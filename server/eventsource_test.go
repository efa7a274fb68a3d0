package server_test

import (
	"io"
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	buildv1 "github.com/sheenapps/sheen/gen/sheen/build/v1"
	"github.com/sheenapps/sheen/server"
	"github.com/sheenapps/sheen/server/servertest"
)

// plainGet gets an address as plain HTTP does.
func plainGet(t *testing.T, address string, header http.Header) (status int, body string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	maps.Copy(req.Header, header)
	transport := &http.Transport{DisableKeepAlives: true}
	res, err := transport.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	all, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	if res.StatusCode == http.StatusOK && strings.Contains(address, "/events") {
		for name, want := range map[string]string{"X-Accel-Buffering": "no", "Cache-Control": "no-store, no-transform"} {
			if got := res.Header.Get(name); got != want {
				t.Errorf("%s: %s", name, got)
			}
		}
	}
	return res.StatusCode, string(all)
}

func cafe(t *testing.T, user *servertest.Clients) *buildv1.Build {
	t.Helper()
	started, err := user.Builds.StartBuild(t.Context(), &buildv1.StartBuildRequest{Prompt: "A site for my café"})
	if err != nil {
		t.Fatal(err)
	}
	return started.GetBuild()
}

// TestServerSentEvents follows a build as curl does, with a header, and as a
// browser's EventSource does, with the token in the address.
func TestServerSentEvents(t *testing.T) {
	t.Parallel()
	b, kept := logged(t)
	user, other := b.User(t), b.User(t)
	build := cafe(t, user)
	events := b.URL() + "/v1/builds/" + build.GetId() + "/events"
	bearer := func(token string) http.Header { return http.Header{"Authorization": {"Bearer " + token}} }
	for _, test := range []struct {
		name, address string
		header        http.Header
		status        int
	}{
		{"a header", events, bearer(user.Token), http.StatusOK},
		{"the address", events + "?access_token=" + url.QueryEscape(user.Token), nil, http.StatusOK},
		{"both", events + "?access_token=" + url.QueryEscape(user.Token), bearer(user.Token), http.StatusUnauthorized},
		{"nobody", events, nil, http.StatusUnauthorized},
		{"a bad token", events + "?access_token=x", nil, http.StatusUnauthorized},
		{"somebody else", events, bearer(other.Token), http.StatusNotFound},
		{"a token in the address of a procedure", b.URL() + getBuild + "?access_token=" + url.QueryEscape(user.Token), nil, http.StatusUnauthorized},
	} {
		status, body := plainGet(t, test.address, test.header)
		if status != test.status {
			t.Errorf("%s: %d %s", test.name, status, body)
		}
		if whole := strings.Contains(body, "\nevent: end\n") && strings.Contains(body, "buildCompleted"); whole != (test.status == http.StatusOK) {
			t.Errorf("%s: the build's end is there: %v", test.name, whole)
		}
	}
	if kept.contains(user.Token) || kept.contains("access_token") {
		t.Error("the log holds a token")
	}
}

func TestMetrics(t *testing.T) {
	t.Parallel()
	b := servertest.Start(t, func(cfg *server.Config) { cfg.MetricsListen = "127.0.0.1:0" })
	user := b.User(t)
	build := cafe(t, user)
	status, _ := plainGet(t, b.URL()+"/v1/builds/"+build.GetId()+"/events", http.Header{"Authorization": {"Bearer " + user.Token}})
	if status != http.StatusOK {
		t.Fatal(status)
	}
	status, page := plainGet(t, "http://"+b.MetricsAddr()+"/metrics", nil)
	if status != http.StatusOK {
		t.Fatalf("%d %s", status, page)
	}
	for _, line := range []string{
		`sheen_events_appended_total [1-9]`,
		`sheen_event_batch_size_count [1-9]`,
		`sheen_event_delivery_seconds_count\{hop="send"\} [1-9]`,
		`sheen_event_subscriber_lag_events_count [1-9]`,
		`sheen_event_catchup_pages_total\{source="(ring|redis|postgres)"\} [1-9]`,
		`sheen_event_streams 0`,
		`sheen_event_streams_ended_total\{reason="complete"\} 1`,
		`go_goroutines [1-9]`,
	} {
		if !regexp.MustCompile(`(?m)^` + line).MatchString(page) {
			t.Errorf("no %s in\n%s", line, page)
		}
	}
	if status, _ := plainGet(t, b.URL()+"/metrics", nil); status == http.StatusOK {
		t.Error("users see the metrics")
	}
}
