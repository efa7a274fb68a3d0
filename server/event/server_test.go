package event_test

import (
	"context"
	"net/http"
	"sync"
	"testing"
	"time"

	"connectrpc.com/connect"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	buildv1 "github.com/sheenapps/sheen/gen/sheen/build/v1"
	eventv1 "github.com/sheenapps/sheen/gen/sheen/event/v1"
	"github.com/sheenapps/sheen/gen/sheen/event/v1/eventv1connect"
	"github.com/sheenapps/sheen/server"
	"github.com/sheenapps/sheen/server/event"
	"github.com/sheenapps/sheen/server/servertest"
	"github.com/sheenapps/sheen/store"
)

const (
	complete  = eventv1.StreamEndReason_STREAM_END_REASON_COMPLETE
	reconnect = eventv1.StreamEndReason_STREAM_END_REASON_RECONNECT
)

// slowly makes builds that take about a second.
func slowly(cfg *server.Config) { cfg.OfflinePace = new(20.0) }

// idle makes a server that accepts builds and works on none.
func idle(cfg *server.Config) { cfg.Roles = server.Roles{API: true} }

func startBuild(t *testing.T, c *servertest.Clients) *buildv1.Build {
	t.Helper()
	res, err := c.Builds.StartBuild(t.Context(), &buildv1.StartBuildRequest{Prompt: "A booking site for my hair salon in Lyon"})
	if err != nil {
		t.Fatal(err)
	}
	return res.GetBuild()
}

// read reads a stream to its end, which must come without an error, and checks
// that the events follow each other.
func read(t *testing.T, events eventv1connect.EventServiceClient, req *eventv1.StreamEventsRequest, each func(*eventv1.StreamEventsResponse)) []*eventv1.BuildEvent {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	stream, err := events.StreamEvents(ctx, req)
	if err != nil {
		t.Error(err)
		return nil
	}
	defer func() { _ = stream.Close() }()
	var got []*eventv1.BuildEvent
	for stream.Receive() {
		for _, e := range stream.Msg().GetEvents() {
			if len(got) > 0 && e.GetSeq() != got[len(got)-1].GetSeq()+1 {
				t.Errorf("event %d after %d", e.GetSeq(), got[len(got)-1].GetSeq())
			}
			got = append(got, e)
		}
		each(stream.Msg())
	}
	if stream.Err() != nil {
		t.Errorf("after %d events: %v", len(got), stream.Err())
	}
	return got
}

func TestAStreamOutlivesTheHeaderTimeout(t *testing.T) {
	t.Parallel()
	const hold = 5*time.Second + 500*time.Millisecond
	b := servertest.Start(t, idle)
	user := b.User(t)
	build := startBuild(t, user)
	http1 := &http.Transport{}
	t.Cleanup(http1.CloseIdleConnections)
	var group sync.WaitGroup
	for name, events := range map[string]eventv1connect.EventServiceClient{
		"h2c":      user.Events,
		"HTTP/1.1": eventv1connect.NewEventServiceClient(&http.Client{Transport: bearer{user.Token, http1}}, b.URL()),
	} {
		group.Go(func() {
			opened := time.Now()
			var held time.Duration
			got := read(t, events, &eventv1.StreamEventsRequest{BuildId: build.GetId()}, func(*eventv1.StreamEventsResponse) { held = time.Since(opened) })
			if len(got) < 3 || held < hold {
				t.Errorf("%s: %d events in %v", name, len(got), held)
			}
		})
	}
	select {
	case <-time.After(hold):
	case <-t.Context().Done():
	}
	if _, err := user.Builds.CancelBuild(t.Context(), &buildv1.CancelBuildRequest{BuildId: build.GetId(), Reason: "enough"}); err != nil {
		t.Error(err)
	}
	group.Wait()
}

// bearer signs requests.
type bearer struct {
	token string
	next  http.RoundTripper
}

// RoundTrip implements [http.RoundTripper].
func (b bearer) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Header.Set("Authorization", "Bearer "+b.token)
	return b.next.RoundTrip(r)
}

func TestAServerThatStopsAsksToReconnect(t *testing.T) {
	t.Parallel()
	first := servertest.Start(t, slowly)
	user := first.User(t)
	build := startBuild(t, user)
	var last *eventv1.StreamEventsResponse
	var once sync.Once
	stopped := make(chan error, 1)
	before := read(t, user.Events, &eventv1.StreamEventsRequest{BuildId: build.GetId()}, func(m *eventv1.StreamEventsResponse) {
		if last = m; m.GetHeadSeq() < 8 {
			return
		}
		once.Do(func() {
			go func() {
				ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), 20*time.Second)
				defer cancel()
				stopped <- first.Stop(ctx)
			}()
		})
	})
	if last.GetEnd().GetReason() != reconnect {
		t.Fatalf("the last message is %v", last)
	}
	if err := <-stopped; err != nil {
		t.Fatal(err)
	}
	second := servertest.Join(t, first)
	user = second.As(t, user.UserID, "user")
	rest := read(t, user.Events, &eventv1.StreamEventsRequest{
		BuildId: build.GetId(), Start: &eventv1.StreamEventsRequest_ResumeToken{ResumeToken: last.GetResumeToken()},
	}, func(m *eventv1.StreamEventsResponse) { last = m })
	if last.GetEnd().GetReason() != complete || len(before) == 0 || len(rest) == 0 || rest[0].GetSeq() != before[len(before)-1].GetSeq()+1 {
		t.Errorf("%d events, then %d that end with %v", len(before), len(rest), last.GetEnd())
	}
	if rest[len(rest)-1].GetBuildCompleted() == nil {
		t.Errorf("the build ended with %v", rest[len(rest)-1])
	}
}

func TestTheFoldOfARecordedBuildIsTheBuild(t *testing.T) {
	t.Parallel()
	b := servertest.Start(t)
	user := b.User(t)
	build := startBuild(t, user)
	events := read(t, user.Events, &eventv1.StreamEventsRequest{BuildId: build.GetId()}, func(*eventv1.StreamEventsResponse) {})
	res, err := user.Builds.GetBuild(t.Context(), &buildv1.GetBuildRequest{BuildId: build.GetId()})
	if err != nil {
		t.Fatal(err)
	}
	fold := event.NewFold(build)
	for i, e := range events {
		fold.Apply(e)
		if i%9 != 0 && i < len(events)-3 {
			continue
		}
		asOf, err := user.Builds.GetBuild(t.Context(), &buildv1.GetBuildRequest{BuildId: build.GetId(), AsOfSeq: e.GetSeq()})
		if err != nil {
			t.Fatal(err)
		}
		if i < len(events)-1 && !proto.Equal(asOf.GetBuild(), fold.Build()) {
			t.Errorf("as of %d:\n%v, folded\n%v", e.GetSeq(), asOf.GetBuild(), fold.Build())
		}
	}
	now, folded := res.GetBuild(), fold.Build()
	// The row is written a moment before the event.
	for name, pair := range map[string][2]*timestamppb.Timestamp{
		"start": {now.GetStartTime(), folded.GetStartTime()}, "end": {now.GetEndTime(), folded.GetEndTime()},
	} {
		if d := pair[1].AsTime().Sub(pair[0].AsTime()); d < 0 || d > 2*time.Second {
			t.Errorf("%s: %v apart", name, d)
		}
	}
	folded.StartTime, folded.EndTime = now.GetStartTime(), now.GetEndTime()
	if !proto.Equal(now, folded) {
		t.Errorf("the build is\n%v, folded\n%v", now, folded)
	}
	if unary, err := user.Events.ListEvents(t.Context(), &eventv1.ListEventsRequest{BuildId: build.GetId(), PageSize: 1000}); err != nil || len(unary.GetEvents()) != len(events) {
		t.Errorf("listed %d of %d, %v", len(unary.GetEvents()), len(events), err)
	}
}

// TestEventsOfAnotherProcessAreFound appends behind the server's back, as a node
// does whose Redis is away.
func TestEventsOfAnotherProcessAreFound(t *testing.T) {
	t.Parallel()
	b := servertest.Start(t, idle)
	user := b.User(t)
	build := startBuild(t, user)
	db, err := store.Open(t.Context(), b.DatabaseURL)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(db.Close)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	stream, err := user.Events.StreamEvents(ctx, &eventv1.StreamEventsRequest{BuildId: build.GetId()})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = stream.Close() }()
	seen := appendAndWait(t, db, build.GetId(), stream)
	if took := seen; took > 5*time.Second {
		t.Errorf("found after %v", took)
	}
}

// appendAndWait appends an event once a stream has all that was there, and says
// how long it took to come.
func appendAndWait(t *testing.T, db *store.DB, buildID string, stream *connect.ServerStreamForClient[eventv1.StreamEventsResponse]) time.Duration {
	t.Helper()
	var appended time.Time
	for stream.Receive() {
		for _, e := range stream.Msg().GetEvents() {
			if e.GetWarning() != nil {
				return time.Since(appended)
			}
		}
		if len(stream.Msg().GetEvents()) == 0 {
			continue
		}
		err := store.InTx(t.Context(), db, func(tx pgx.Tx) error {
			_, err := event.NewLog(db).Append(t.Context(), tx, event.Producer{BuildID: uuid.MustParse(buildID)},
				&eventv1.BuildEvent{Payload: &eventv1.BuildEvent_Warning{Warning: &eventv1.Warning{Message: "hello"}}})
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		appended = time.Now()
	}
	t.Fatalf("the stream ended: %v", stream.Err())
	return 0
}
