package server_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"connectrpc.com/connect"

	"github.com/sheenapps/sheen/client"
	buildv1 "github.com/sheenapps/sheen/gen/sheen/build/v1"
	eventv1 "github.com/sheenapps/sheen/gen/sheen/event/v1"
	"github.com/sheenapps/sheen/gen/sheen/event/v1/eventv1connect"
	"github.com/sheenapps/sheen/server"
	"github.com/sheenapps/sheen/server/servertest"
)

// follower reads a build over streams that somebody cuts, and keeps its place by
// the last resume token that it received.
type follower struct {
	events  eventv1connect.EventServiceClient
	bearer  string
	buildID string
	token   string
	seqs    []int64
	done    bool
	// attempts counts streams.
	attempts int
}

// stream reads one stream for as long as it lasts, or until as many messages as
// patience allows have come.
func (f *follower) stream(ctx context.Context, patience int) error {
	f.attempts++
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	ctx, call := connect.NewClientContext(ctx)
	call.RequestHeader().Set("Authorization", "Bearer "+f.bearer)
	req := &eventv1.StreamEventsRequest{BuildId: f.buildID}
	if f.token != "" {
		req.Start = &eventv1.StreamEventsRequest_ResumeToken{ResumeToken: f.token}
	}
	stream, err := f.events.StreamEvents(ctx, req)
	if err != nil {
		return err
	}
	defer func() {
		cancel()
		_ = stream.Close()
	}()
	for range patience {
		if !stream.Receive() {
			return stream.Err()
		}
		m := stream.Msg()
		for _, e := range m.GetEvents() {
			f.seqs = append(f.seqs, e.GetSeq())
		}
		f.token = m.GetResumeToken()
		f.done = m.GetEnd().GetReason() == eventv1.StreamEndReason_STREAM_END_REASON_COMPLETE
	}
	return nil
}

// crowd is a server, a proxy that cuts, and everybody who follows.
type crowd struct {
	t *testing.T
	// harsh cuts in the middle of headers, mild seldom before an event.
	harsh, mild *cuttingProxy
	// canceled counts streams that were left.
	canceled  atomic.Int64
	followers atomic.Int64
}

// check is the promise: 1 to N, each once, in order.
func (c *crowd) check(who string, user *servertest.Clients, buildID string, seqs []int64) {
	res, err := user.Builds.GetBuild(c.t.Context(), &buildv1.GetBuildRequest{BuildId: buildID})
	if err != nil {
		c.t.Error(err)
		return
	}
	want := make([]int64, res.GetBuild().GetHeadSeq())
	for i := range want {
		want[i] = int64(i + 1)
	}
	if res.GetBuild().GetState() != buildv1.BuildState_BUILD_STATE_COMPLETE || len(want) < 20 {
		c.t.Errorf("%s: the build is %v with %d events", who, res.GetBuild().GetState(), len(want))
	}
	if !slices.Equal(seqs, want) {
		c.t.Errorf("%s of %d saw %v", who, len(want), seqs)
	}
	c.followers.Add(1)
}

// leaver gives up its stream after a few messages, again and again.
func (c *crowd) leaver(user *servertest.Clients, buildID string) {
	f := &follower{events: user.Events, bearer: user.Token, buildID: buildID}
	for !f.done {
		if err := f.stream(c.t.Context(), 1+rand.IntN(6)); err != nil {
			c.t.Errorf("a stream that nobody cut: %v", err)
			return
		}
	}
	c.canceled.Add(int64(f.attempts - 1))
	c.check("who leaves", user, buildID, f.seqs)
}

// cutOff reads through the proxy and comes again at once.
func (c *crowd) cutOff(user *servertest.Clients, buildID string) {
	transport := servertest.Transport(c.t)
	events := eventv1connect.NewEventServiceClient(&http.Client{Transport: transport}, c.harsh.url())
	f := &follower{events: events, bearer: user.Token, buildID: buildID}
	for !f.done {
		// An error is what a cut looks like; the test's context ends the loop.
		if err := f.stream(c.t.Context(), 1<<30); err != nil && c.t.Context().Err() != nil {
			c.t.Error(err)
			return
		}
	}
	c.check("who is cut off", user, buildID, f.seqs)
}

// faithful uses the client's loop, which hides the proxy's cuts. It waits longer
// after each stream that brought nothing; hence the mild proxy.
func (c *crowd) faithful(user *servertest.Clients, buildID string) {
	follows := client.New(c.mild.url(), client.WithStaticToken(user.Token))
	defer follows.CloseIdleConnections()
	var seqs []int64
	for e, err := range follows.Follow(c.t.Context(), buildID) {
		if err != nil {
			c.t.Error(err)
			return
		}
		seqs = append(seqs, e.GetSeq())
	}
	c.check("who uses the client", user, buildID, seqs)
}

func TestFollowersThatAreCutSeeEveryEvent(t *testing.T) {
	t.Parallel()
	const builds = 50
	b := servertest.Start(t, func(cfg *server.Config) { cfg.OfflinePace = new(60.0) })
	target := strings.TrimPrefix(b.URL(), "http://")
	c := &crowd{t: t, harsh: newCuttingProxy(t, target, 200), mild: newCuttingProxy(t, target, 2000)}
	began := time.Now()
	var group sync.WaitGroup
	for i := range builds {
		group.Go(func() {
			user := b.User(t)
			res, err := user.Builds.StartBuild(t.Context(), &buildv1.StartBuildRequest{
				Prompt: fmt.Sprintf("A site for my bakery number %d in Lyon", i),
			})
			if err != nil {
				t.Error(err)
				return
			}
			id := res.GetBuild().GetId()
			for _, follow := range []func(*servertest.Clients, string){c.leaver, c.cutOff, c.faithful} {
				group.Go(func() { follow(user, id) })
			}
		})
	}
	group.Wait()
	t.Logf("%d followers of %d builds, %d left, %d and %d cut, in %v",
		c.followers.Load(), builds, c.canceled.Load(), c.harsh.cuts.Load(), c.mild.cuts.Load(), time.Since(began).Round(time.Millisecond))
	if c.followers.Load() != 3*builds {
		t.Errorf("%d followers came to the end", c.followers.Load())
	}
	// A fault that never came proves nothing.
	if c.canceled.Load() < builds || c.harsh.cuts.Load() < builds/3 || c.mild.cuts.Load() == 0 {
		t.Error("too few streams were left or cut")
	}
}
