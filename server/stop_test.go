package server_test

import (
	"context"
	"testing"
	"time"

	"connectrpc.com/connect"

	billingv1 "github.com/sheenapps/sheen/gen/sheen/billing/v1"
	buildv1 "github.com/sheenapps/sheen/gen/sheen/build/v1"
	eventv1 "github.com/sheenapps/sheen/gen/sheen/event/v1"
	"github.com/sheenapps/sheen/server"
	"github.com/sheenapps/sheen/server/servertest"
)

// withHeader sets a header on every call.
func withHeader(name, value string) connect.Interceptor {
	return connect.UnaryInterceptorFunc(func(next connect.UnaryFunc) connect.UnaryFunc {
		return func(ctx context.Context, req connect.AnyRequest) (connect.AnyResponse, error) {
			req.Header().Set(name, value)
			return next(ctx, req)
		}
	})
}

// A node stops in the middle of CODING: the stream ends with RECONNECT, the build
// goes back into the queue, and another node completes it. Its user sees one log
// and one charge.
func TestAStopGivesBuildsBack(t *testing.T) {
	t.Parallel()
	slow, dir := 3.0, t.TempDir()
	shared := func(c *server.Config) { c.DataDir = dir }
	first := servertest.Start(t, shared, func(c *server.Config) { c.OfflinePace = &slow })
	user := first.User(t)
	started, err := user.Builds.StartBuild(t.Context(), &buildv1.StartBuildRequest{Prompt: "A site for my café"})
	if err != nil {
		t.Fatal(err)
	}
	stream, err := user.Events.StreamEvents(t.Context(), &eventv1.StreamEventsRequest{BuildId: started.GetBuild().GetId()})
	if err != nil {
		t.Fatal(err)
	}
	var seen int64
	var token string
	var end *eventv1.StreamEnd
	stopped := make(chan error, 1)
	for stopping := false; stream.Receive(); {
		for _, e := range stream.Msg().GetEvents() {
			seen++
			if e.GetSeq() != seen {
				t.Fatalf("event %d came as number %d", e.GetSeq(), seen)
			}
			if e.GetFileChanged() != nil && !stopping {
				stopping = true
				go func() { stopped <- first.Stop(context.WithoutCancel(t.Context())) }()
			}
		}
		token, end = stream.Msg().GetResumeToken(), stream.Msg().GetEnd()
	}
	if end.GetReason() != eventv1.StreamEndReason_STREAM_END_REASON_RECONNECT || stream.Err() != nil {
		t.Fatalf("the stream ended with %v, %v", end, stream.Err())
	}
	select {
	case err := <-stopped:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(10 * time.Second):
		t.Fatal("the node does not stop")
	}
	second := servertest.Join(t, first, shared)
	after := second.As(t, user.UserID, "user")
	rest, err := after.Events.StreamEvents(t.Context(), &eventv1.StreamEventsRequest{
		BuildId: started.GetBuild().GetId(), Start: &eventv1.StreamEventsRequest_ResumeToken{ResumeToken: token},
	})
	if err != nil {
		t.Fatal(err)
	}
	for rest.Receive() {
		for _, e := range rest.Msg().GetEvents() {
			seen++
			if e.GetSeq() != seen {
				t.Fatalf("event %d came as number %d", e.GetSeq(), seen)
			}
		}
	}
	if err := rest.Err(); err != nil {
		t.Fatal(err)
	}
	got, err := after.Builds.GetBuild(t.Context(), &buildv1.GetBuildRequest{BuildId: started.GetBuild().GetId()})
	if err != nil || got.GetBuild().GetState() != buildv1.BuildState_BUILD_STATE_COMPLETE || got.GetBuild().GetAttempt() != 1 || got.GetBuild().GetHeadSeq() != seen {
		t.Errorf("ended as %v, %v after %d events", got, err, seen)
	}
	written := map[string]int{}
	for _, e := range watch(t, after, started.GetBuild().GetId()) {
		if f := e.GetFileChanged(); f != nil {
			written[f.GetPath()]++
		}
	}
	for path, n := range written {
		if n != 1 {
			t.Errorf("%s was written %d times", path, n)
		}
	}
	receipt, err := after.Billing.GetReceipt(t.Context(), &billingv1.GetReceiptRequest{BuildId: started.GetBuild().GetId()})
	if err != nil || receipt.GetReceipt().GetChargedSeconds() != got.GetBuild().GetChargedSeconds() {
		t.Errorf("the receipt is %v, %v", receipt, err)
	}
}
