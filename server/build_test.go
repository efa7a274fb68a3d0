package server_test

import (
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"golang.org/x/net/html"

	buildv1 "github.com/sheenapps/sheen/gen/sheen/build/v1"
	eventv1 "github.com/sheenapps/sheen/gen/sheen/event/v1"
	"github.com/sheenapps/sheen/server/servertest"
)

// watch follows a build to its end over one stream and checks the promise of
// the log: 1, 2, 3 … and the end behind the last event.
func watch(t *testing.T, c *servertest.Clients, buildID string) []*eventv1.BuildEvent {
	t.Helper()
	stream, err := c.Events.StreamEvents(t.Context(), &eventv1.StreamEventsRequest{BuildId: buildID})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = stream.Close() }()
	var events []*eventv1.BuildEvent
	var end *eventv1.StreamEnd
	for stream.Receive() {
		for _, e := range stream.Msg().GetEvents() {
			if e.GetSeq() != int64(len(events)+1) {
				t.Fatalf("event %d came as number %d", e.GetSeq(), len(events)+1)
			}
			events = append(events, e)
		}
		end = stream.Msg().GetEnd()
	}
	if err := stream.Err(); err != nil {
		t.Fatal(err)
	}
	if end.GetReason() != eventv1.StreamEndReason_STREAM_END_REASON_COMPLETE {
		t.Fatalf("the stream ended with %v after %d events", end, len(events))
	}
	return events
}

func TestAPromptBecomesASite(t *testing.T) {
	t.Parallel()
	b := servertest.Start(t)
	user := b.User(t)
	const prompt = "A booking site for my hair salon in Lyon"
	started, err := user.Builds.StartBuild(t.Context(), &buildv1.StartBuildRequest{Prompt: prompt})
	if err != nil {
		t.Fatal(err)
	}
	events := watch(t, user, started.GetBuild().GetId())
	done := events[len(events)-1].GetBuildCompleted()
	if done == nil {
		t.Fatalf("the last event is %v", events[len(events)-1])
	}
	page := fetch(t, b.Preview, done.GetPreviewUrl())
	if _, err := html.Parse(strings.NewReader(page)); err != nil || !strings.Contains(page, "Lyon") {
		t.Errorf("the preview's page: %v\n%.500s", err, page)
	}
}

// fetch gets a preview through its own host name, which only browsers resolve.
func fetch(t *testing.T, address, rawURL string) string {
	t.Helper()
	u, err := url.Parse(rawURL)
	if err != nil {
		t.Fatal(err)
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+address+u.RequestURI(), http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	req.Host = u.Host
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	body, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != http.StatusOK {
		t.Fatalf("%s: %d, %v", rawURL, res.StatusCode, err)
	}
	return string(body)
}
