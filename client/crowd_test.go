package client_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"connectrpc.com/connect"
	"go.uber.org/goleak"

	"github.com/sheenapps/sheen/client"
	eventv1 "github.com/sheenapps/sheen/gen/sheen/event/v1"
	"github.com/sheenapps/sheen/gen/sheen/event/v1/eventv1connect"
)

// crowd is a server of any number of builds, each with nine events. The first
// stream of a build is cut after the fourth.
type crowd struct {
	eventv1connect.UnimplementedEventServiceHandler

	mu      sync.Mutex
	streams map[string]int
}

func startCrowd() (url string, stop func()) {
	_, handler := eventv1connect.NewEventServiceHandler(&crowd{streams: make(map[string]int)})
	server := httptest.NewUnstartedServer(handler)
	server.Config.Protocols = new(http.Protocols)
	server.Config.Protocols.SetUnencryptedHTTP2(true)
	server.Start()
	return server.URL, server.Close
}

func (c *crowd) StreamEvents(ctx context.Context, req *eventv1.StreamEventsRequest, stream *connect.ServerStream[eventv1.StreamEventsResponse]) error {
	build := req.GetBuildId()
	if strings.HasPrefix(build, "unknown") {
		return sheenError(connect.CodeNotFound, "NOT_FOUND")
	}
	c.mu.Lock()
	c.streams[build]++
	first := c.streams[build] == 1
	c.mu.Unlock()
	after := req.GetAfterSeq()
	if token := req.GetResumeToken(); token != "" {
		if _, err := fmt.Sscanf(token, "token %d", &after); err != nil {
			return err
		}
	}
	for seq := after + 1; seq <= lastSeq; seq++ {
		msg := message(seq)
		msg.Events[0].BuildId = build
		if err := stream.Send(msg); err != nil || first && seq == 4 {
			return err
		}
	}
	if strings.HasPrefix(build, "endless") {
		<-ctx.Done()
	}
	return end(endDone, 0, lastSeq)(ctx, nil, stream)
}

// beginnings are the positions of so many builds before their first events.
func beginnings(n int, kind string) map[string]client.Position {
	positions := make(map[string]client.Position)
	for i := range n {
		positions[fmt.Sprintf("%s-%02d", kind, i)] = client.Position{}
	}
	return positions
}

// TestFollowAllResumesExactly leaves the loop at each of its events in turn. What
// was not handled comes again, what was does not.
func TestFollowAllResumesExactly(t *testing.T) {
	t.Parallel()
	url, stop := startCrowd()
	defer stop()
	c := client.New(url, client.WithSleep(noWait))
	defer c.CloseIdleConnections()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	const n = 3
	want := []int64{1, 2, 3, 4, 5, 6, 7, 8, 9}
	for leaveAt := range n * lastSeq {
		positions := beginnings(n, fmt.Sprintf("run-%d", leaveAt))
		seen := make(map[string][]int64)
		handled := 0
		for range 2 {
			for event, err := range c.FollowAll(ctx, positions) {
				if err != nil {
					t.Fatal(err)
				}
				if handled == leaveAt {
					handled++ // Only the first time.
					break
				}
				handled++
				seen[event.GetBuildId()] = append(seen[event.GetBuildId()], event.GetSeq())
			}
		}
		for id := range positions {
			if !slices.Equal(seen[id], want) || positions[id].Seq != lastSeq {
				t.Fatalf("left at %d: %s had %v and stands at %v", leaveAt, id, seen[id], positions[id])
			}
		}
	}
}

func TestFollowAllGoesOnWithoutABuild(t *testing.T) {
	t.Parallel()
	url, stop := startCrowd()
	defer stop()
	c := client.New(url, client.WithSleep(noWait))
	defer c.CloseIdleConnections()
	positions := beginnings(20, "build")
	maps.Copy(positions, beginnings(2, "unknown"))
	events, lost := 0, 0
	for _, err := range c.FollowAll(t.Context(), positions) {
		if err == nil {
			events++
			continue
		}
		lost++
		var failed *client.BuildError
		if !errors.As(err, &failed) || !errors.Is(err, client.ErrNotFound) || !strings.HasPrefix(failed.BuildID, "unknown") {
			t.Errorf("got %v", err)
		}
	}
	if events != 20*lastSeq || lost != 2 {
		t.Errorf("%d events and %d errors", events, lost)
	}
	for event, err := range c.FollowAll(t.Context(), nil) {
		t.Errorf("no builds gave %v, %v", event, err)
	}
}

func TestFollowAllEndsWithTheContext(t *testing.T) { //nolint:paralleltest // counts goroutines
	before := goleak.IgnoreCurrent()
	url, stop := startCrowd()
	errEnough := errors.New("enough")
	ctx, cancel := context.WithCancelCause(t.Context())
	defer cancel(nil)
	c := client.New(url, client.WithSleep(noWait))
	positions := map[string]client.Position{"build": {}}
	for id := range beginnings(10, "endless") {
		positions[id] = client.Position{Seq: lastSeq} // They wait for what does not come.
	}
	var final []error
	for event, err := range c.FollowAll(ctx, positions) {
		if err != nil {
			final = append(final, err)
		}
		if event.GetSeq() == lastSeq {
			cancel(errEnough)
		}
	}
	if len(final) != 1 || !errors.Is(final[0], errEnough) {
		t.Errorf("ended with %v", final)
	}
	c.CloseIdleConnections()
	stop()
	if err := goleak.Find(before); err != nil {
		t.Error(err)
	}
}
