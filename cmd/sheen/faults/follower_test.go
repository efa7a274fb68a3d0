package faults

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"sync"
	"time"

	"connectrpc.com/connect"
	"google.golang.org/protobuf/proto"

	"github.com/sheenapps/sheen/client"
	eventv1 "github.com/sheenapps/sheen/gen/sheen/event/v1"
)

// build is what the followers of one build share.
type build struct {
	id string
	// token is where the answer to the start says that the first event comes next.
	token string
	// clients prefer one node each.
	clients []*client.Client

	mu      sync.Mutex
	digests [][sha256.Size]byte
	end     *eventv1.BuildEvent
}

// agree compares an event with what the build's other followers got as that seq.
func (b *build) agree(e *eventv1.BuildEvent) (first, same bool) {
	data, err := proto.MarshalOptions{Deterministic: true}.Marshal(e)
	if err != nil {
		return false, false
	}
	digest, at := sha256.Sum256(data), int(e.GetSeq())-1
	b.mu.Lock()
	defer b.mu.Unlock()
	if isTerminal(e) {
		b.end = e
	}
	if at >= 0 && at < len(b.digests) {
		return false, b.digests[at] == digest
	}
	if at == len(b.digests) {
		b.digests = append(b.digests, digest)
	}
	return true, true
}

// heard is how many events the build has and what it ended with.
func (b *build) heard() (int, *eventv1.BuildEvent) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.digests), b.end
}

// follower reads a build from its first event to its last and checks all of it.
type follower struct {
	name  string
	build *build
	table *table
	// node is the one that it prefers.
	node int
	seen sequence
	// since is when it began, or came back: before that it waited for nothing.
	since time.Time
	// trail is how its streams ended, if it reads them itself.
	trail []string
}

// take checks one event.
func (f *follower) take(e *eventv1.BuildEvent) {
	before := f.seen
	if wrong := f.seen.take(e); wrong != "" {
		f.table.violation("%s of build %s: %s: %d after %d", f.name, f.build.id, wrong, e.GetSeq(), before.last)
	}
	first, same := f.build.agree(e)
	if !same {
		f.table.violation("%s of build %s: event %d is not what others got", f.name, f.build.id, e.GetSeq())
	}
	change := sequence{
		gaps: f.seen.gaps - before.gaps, duplicates: f.seen.duplicates - before.duplicates, reorders: f.seen.reorders - before.reorders,
	}
	f.table.delivered(f, later(e.GetCreateTime().AsTime(), f.since), e.GetSeq(), first, change)
}

// finished checks how the follower's loop ended.
func (f *follower) finished(err error) {
	switch {
	case err != nil:
		f.table.violation("%s of build %s ended after event %d: %v", f.name, f.build.id, f.seen.last, err)
	case !f.seen.ended:
		f.table.violation("%s of build %s ended after event %d, which is no last one", f.name, f.build.id, f.seen.last)
	}
}

// follow uses the client's Follow from a position to the end.
func (f *follower) follow(ctx context.Context, from client.FollowOption) {
	f.since = time.Now()
	for e, err := range f.client().Follow(ctx, f.build.id, from) {
		if err != nil {
			f.finished(err)
			return
		}
		f.take(e)
	}
	f.finished(nil)
}

func (f *follower) client() *client.Client { return f.build.clients[f.node] }

// hop is how many events a hopping follower handles before it goes elsewhere.
const hop = 15

// hopping leaves again and again, and goes on from the saved position at
// another node.
func (f *follower) hopping(ctx context.Context) {
	var saved client.Position
	save := client.OnProgress(func(p client.Position) { saved = p })
	for !f.seen.ended {
		f.since = time.Now()
		handled := 0
		for e, err := range f.client().Follow(ctx, f.build.id, client.At(saved), save) {
			if err != nil {
				f.finished(err)
				return
			}
			if handled == hop {
				break // this one is not handled: it comes again
			}
			f.take(e)
			handled++
		}
		if handled == 0 {
			break
		}
		f.node = (f.node + 1) % len(f.build.clients)
	}
	f.finished(nil)
}

// raw reads streams as they are, without the client that hides what is wrong
// with them, by resume token and by seq in turn.
func (f *follower) raw(ctx context.Context) {
	f.since = time.Now()
	token := ""
	for try := 0; ; try++ {
		req := &eventv1.StreamEventsRequest{BuildId: f.build.id, Start: &eventv1.StreamEventsRequest_AfterSeq{AfterSeq: f.seen.last}}
		if token != "" && try%2 == 1 {
			req.Start = &eventv1.StreamEventsRequest_ResumeToken{ResumeToken: token}
		}
		wait := 100 * time.Millisecond
		end, err := f.stream(ctx, req, &token)
		f.trail = append(f.trail, fmt.Sprintf("%s %v %v %v", time.Now().Format("05.000"), end.GetReason(), end.GetReconnectAfter().AsDuration(), err))
		switch {
		case ctx.Err() != nil:
			f.finished(context.Cause(ctx))
			return
		case err != nil:
			f.table.refused("raw stream " + connect.CodeOf(err).String())
		case end.GetReason() == eventv1.StreamEndReason_STREAM_END_REASON_RECONNECT:
			wait = end.GetReconnectAfter().AsDuration()
		case end.GetReason() == eventv1.StreamEndReason_STREAM_END_REASON_COMPLETE:
			f.finished(nil)
			return
		}
		if pause(ctx, wait) != nil {
			f.finished(context.Cause(ctx))
			return
		}
	}
}

// errUnsaid is a stream's end without a reason.
var errUnsaid = errors.New("the stream ended without a word")

// stream reads one stream to its end.
func (f *follower) stream(ctx context.Context, req *eventv1.StreamEventsRequest, token *string) (*eventv1.StreamEnd, error) {
	stream, err := f.client().Events.StreamEvents(ctx, req)
	if err != nil {
		return nil, err
	}
	defer stream.Close()
	for stream.Receive() {
		m := stream.Msg()
		for _, e := range m.GetEvents() {
			f.take(e)
		}
		if m.GetResumeToken() != "" {
			*token = m.GetResumeToken()
		}
		if m.GetEnd() != nil {
			return m.GetEnd(), nil
		}
	}
	if err := stream.Err(); err != nil {
		return nil, err
	}
	return nil, errUnsaid
}
