package client

import (
	"context"
	"errors"
	"iter"
	"slices"
	"time"

	"connectrpc.com/connect"

	eventv1 "github.com/sheenapps/sheen/gen/sheen/event/v1"
)

const (
	// heartbeatInterval is after how much silence the server sends a heartbeat.
	heartbeatInterval = 15 * time.Second
	// patience is for how long a stream may be silent: three missed heartbeats.
	patience = 3 * heartbeatInterval
	// maxReconnectDelay bounds what a server may ask for with RECONNECT.
	maxReconnectDelay = time.Minute
)

// Position is a place in a build's log that can be saved and resumed from with
// [At], also by another process. Its zero value is the beginning.
type Position struct {
	// Token is the server's resume token; the events after it include those
	// after Seq. Empty means that Seq stands alone.
	Token string `json:"token,omitempty"`
	// Seq is the seq of the last event that was handled; 0 if none was.
	Seq int64 `json:"seq"`
}

// FollowOption says where [Client.Follow] begins and what it leaves out.
type FollowOption func(*following)

// From begins after the position of a resume token, such as the one that
// StartBuild returns; "" begins with the first event.
func From(token string) FollowOption {
	return func(f *following) { f.position, f.anchored = Position{Token: token}, token == "" }
}

// AfterSeq begins with the event after seq; 0 begins with the first.
func AfterSeq(seq int64) FollowOption { return At(Position{Seq: seq}) }

// At begins after a saved position. The classes must be those with which it was
// saved: a token knows its filter.
func At(p Position) FollowOption {
	return func(f *following) { f.position, f.anchored = p, p.Token == "" || p.Seq > 0 }
}

// Classes leaves out all events of other classes, and with them the check that
// no seq is missing.
func Classes(classes ...eventv1.EventClass) FollowOption {
	return func(f *following) { f.classes = slices.Clone(classes) }
}

// ReadIn has the server word the events in the language of a BCP 47 tag; without it,
// or with "", they are in the build's own. A saved position is good for all languages.
func ReadIn(tag string) FollowOption {
	return func(f *following) { f.locale = tag }
}

// OnProgress calls save, from the goroutine of the loop, with the position after
// each event whose loop body ran to its end, and when the position moves without
// an event.
// Resuming at the last position saved hands on exactly what was not yet handled.
func OnProgress(save func(Position)) FollowOption {
	return func(f *following) { f.save = save }
}

// Follow returns the events of a build, from the first one or from where an
// option says, until its last one:
//
//	for event, err := range c.Follow(ctx, buildID, client.From(token)) {
//
// Cut connections, restarting servers and dead streams are hidden: it resumes
// from its position, without limit, waiting with full jitter up to 30 s while
// nothing new comes. Three missed heartbeats are a dead stream.
//
// A final error ends the loop as its last pair, with a nil event: the context's
// cause, [ErrNotFound], [ErrUnauthenticated] (after the token source was asked
// once more), [ErrPermissionDenied], [ErrInvalidArgument] (a resume token that
// is not good among others), [*HistoryExpired], [ErrUnimplemented] or
// [ErrResync].
//
// Each range over the result begins anew. The result is for one goroutine at a
// time; a build can be followed by any number of them.
func (c *Client) Follow(ctx context.Context, buildID string, opts ...FollowOption) iter.Seq2[*eventv1.BuildEvent, error] {
	return func(yield func(*eventv1.BuildEvent, error) bool) {
		f := &following{client: c, buildID: buildID, anchored: true, yield: yield}
		for _, opt := range opts {
			opt(f)
		}
		f.run(ctx)
	}
}

// following is one loop over a build's events.
type following struct {
	client  *Client
	buildID string
	classes []eventv1.EventClass
	locale  string
	save    func(Position)
	yield   func(*eventv1.BuildEvent, error) bool

	position Position
	// anchored says that position.Seq is known: the next event must follow it.
	// It is not before the first event after a bare token.
	anchored bool
	// failures counts attempts in a row that brought nothing new.
	failures int
	// refused says that the credentials failed since the last message.
	refused bool
}

// run makes one attempt after the other until one of them is the last.
func (f *following) run(ctx context.Context) {
	for {
		began := time.Now()
		end := f.attempt(ctx)
		if end.progressed || time.Since(began) > heartbeatInterval {
			f.failures = 0
		}
		again, wait, err := f.judge(ctx, end)
		if again {
			err = f.client.timing.sleep(ctx, wait)
			again = err == nil
		}
		if again {
			continue
		}
		if err != nil {
			f.yield(nil, err)
		}
		return
	}
}

// judge decides what follows an attempt: another one after a wait, or the end,
// with an error or without.
func (f *following) judge(ctx context.Context, end ending) (again bool, wait time.Duration, err error) {
	switch end.kind {
	case endLeft, endComplete:
		return false, 0, nil
	case endResync:
		return false, 0, ErrResync
	case endReconnect:
		return true, min(max(end.after, 0), maxReconnectDelay) + f.slowDown(end), nil
	case endCut:
	}
	if cause := context.Cause(ctx); cause != nil {
		return false, 0, cause
	}
	base, _ := errors.AsType[*Error](end.err)
	if base == nil { // no error of a call: an end without a word, a gap, silence
		base = &Error{Code: connect.CodeUnavailable}
	}
	if base.Code == connect.CodeUnauthenticated && f.client.refreshable && !f.refused {
		f.refused = true
		return true, 0, nil
	}
	if isFinal(base.Code) {
		return false, 0, end.err
	}
	f.failures++
	return true, base.RetryAfter + f.client.timing.backoff(f.failures), nil
}

// slowDown keeps a server that says RECONNECT again and again from being asked
// in a tight loop. The first time costs nothing.
func (f *following) slowDown(end ending) time.Duration {
	if end.progressed {
		return 0
	}
	f.failures++
	if f.failures == 1 {
		return 0
	}
	return f.client.timing.backoff(f.failures - 1)
}

// isFinal says that the same request would fail again.
func isFinal(code connect.Code) bool {
	switch code {
	case connect.CodeInvalidArgument, connect.CodeNotFound, connect.CodeOutOfRange, connect.CodeUnauthenticated,
		connect.CodePermissionDenied, connect.CodeFailedPrecondition, connect.CodeUnimplemented:
		return true
	default:
		return false
	}
}
