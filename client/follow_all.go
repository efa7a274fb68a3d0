package client

import (
	"context"
	"fmt"
	"iter"
	"maps"
	"sync"

	eventv1 "github.com/sheenapps/sheen/gen/sheen/event/v1"
)

// BuildError is the final error of one of the builds of [Client.FollowAll].
type BuildError struct {
	BuildID string
	// Err is as [Client.Follow] describes its final errors.
	Err error
}

// Error names the build.
func (e *BuildError) Error() string { return fmt.Sprintf("build %s: %v", e.BuildID, e.Err) }

// Unwrap returns the error itself.
func (e *BuildError) Unwrap() error { return e.Err }

// FollowAll returns the events of many builds in one loop, each build's in their
// order, until the last event of the last build. Each is followed as by
// [Client.Follow], all at once and over few connections, with one goroutine per
// build. While the loop's body runs no other event is taken, so a slow body
// slows all of them down and nothing piles up.
//
// positions names the builds and says after which event each begins; the zero
// value is the beginning. It is brought up to date from the loop's goroutine:
// during a body it holds what was handled before. Save it and give it to a later
// call, also in another process, and every event is handled once. An event whose
// body left the loop is not counted as handled.
//
// A build that cannot be followed gives a nil event with a [*BuildError]; the
// loop goes on with the others. The end of ctx ends it with its cause. Leaving
// the loop ends all requests and goroutines before the range statement is over.
//
// Each range over the result goes on where positions stand. The result is for
// one goroutine at a time.
func (c *Client) FollowAll(
	ctx context.Context, positions map[string]Position, classes ...eventv1.EventClass,
) iter.Seq2[*eventv1.BuildEvent, error] {
	return func(yield func(*eventv1.BuildEvent, error) bool) {
		inner, cancel := context.WithCancel(ctx)
		m := &merged{ctx: inner, turns: make(chan turn)}
		var group sync.WaitGroup
		for buildID, from := range maps.Clone(positions) {
			group.Go(func() { m.follow(c, buildID, from, classes) })
		}
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			group.Wait()
		}()
		defer func() {
			cancel()
			<-ended
		}()
		if m.loop(ended, positions, yield) && ctx.Err() != nil {
			yield(nil, context.Cause(ctx))
		}
	}
}

// merged joins many loops into one.
type merged struct {
	ctx   context.Context //nolint:containedctx // lives as long as the loop
	turns chan turn
}

// turn is what one build has for the loop: an event, an error or a new position.
type turn struct {
	buildID  string
	event    *eventv1.BuildEvent
	err      error
	position Position
	// handled tells the build's goroutine that its event was handled.
	handled chan struct{}
}

// follow follows one build.
func (m *merged) follow(c *Client, buildID string, from Position, classes []eventv1.EventClass) {
	handled := make(chan struct{}, 1)
	save := func(p Position) { m.hand(turn{buildID: buildID, position: p}) }
	for event, err := range c.Follow(m.ctx, buildID, At(from), Classes(classes...), OnProgress(save)) {
		if !m.hand(turn{buildID: buildID, event: event, err: err, handled: handled}) {
			return
		}
		select {
		case <-handled:
		case <-m.ctx.Done():
			return
		}
	}
}

// hand gives the loop a turn, unless the loop is over.
func (m *merged) hand(t turn) bool {
	select {
	case m.turns <- t:
		return true
	case <-m.ctx.Done():
		return false
	}
}

// loop runs the body for one turn after the other. It reports whether all builds
// have ended, or ctx, rather than the body left.
func (m *merged) loop(ended <-chan struct{}, positions map[string]Position, yield func(*eventv1.BuildEvent, error) bool) bool {
	for {
		select {
		case <-ended:
			return true
		case <-m.ctx.Done():
			return true
		case t := <-m.turns:
			if !m.take(t, positions, yield) {
				return false
			}
		}
	}
}

func (m *merged) take(t turn, positions map[string]Position, yield func(*eventv1.BuildEvent, error) bool) bool {
	switch {
	case t.event != nil:
		if !yield(t.event, nil) {
			return false
		}
		// At once, not with the build's next turn: another build's body may leave
		// the loop before. The token stays behind, which the seq makes up for.
		positions[t.buildID] = Position{Token: positions[t.buildID].Token, Seq: t.event.GetSeq()}
	case t.err == nil:
		positions[t.buildID] = t.position
		return true
	case m.ctx.Err() != nil:
		// Every build says so; the loop does it once.
	case !yield(nil, &BuildError{BuildID: t.buildID, Err: t.err}):
		return false
	}
	t.handled <- struct{}{}
	return true
}
