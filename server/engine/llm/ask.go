package llm

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/sheenapps/sheen/server/engine"
)

const (
	// maxTries is how often a call is made.
	maxTries = 4
	// firstPause bounds the wait after the first try; each further one is twice
	// as long at most.
	firstPause = time.Second
	// longestWait is what a provider may ask to wait. Beyond it the build's user
	// had better try again than look on.
	longestWait = 30 * time.Second
)

// conversation is one method's work: it makes calls, reports them and sums up.
type conversation struct {
	*Engine

	sink  engine.Sink
	usage engine.Usage
}

func (e *Engine) converse(sink engine.Sink) *conversation {
	return &conversation{Engine: e, sink: sink, usage: engine.Usage{Model: e.wire.Model()}}
}

// ask makes the call of a key until there is an answer that accept takes. What
// the model says goes to say, which may be nil. An answer whose words were fine
// but whose tool call was not is asked for again in silence; any other failure
// after the first word is final.
func (c *conversation) ask(ctx context.Context, key string, query Query, say func(string) error, accept func(Reply) error) error {
	for try := 1; ; try++ {
		spoke := false
		err := c.once(ctx, key, query, heard(say, &spoke), accept)
		malformed := errors.Is(err, engine.ErrMalformed)
		fault, ok := errors.AsType[*engine.ProviderError](err)
		if !ok || !fault.Retryable || try == maxTries || fault.RetryAfter > longestWait || spoke && !malformed {
			return err
		}
		if spoke {
			say, query.Force = nil, true
		}
		err = c.sink.Idle(func() error { return c.wait(ctx, max(pause(try), fault.RetryAfter)) })
		if err != nil {
			return err
		}
	}
}

// heard notes that something was said.
func heard(say func(string) error, spoke *bool) func(string) error {
	if say == nil {
		return nil
	}
	return func(text string) error {
		*spoke = true
		return say(text)
	}
}

// once makes one try and reports it.
func (c *conversation) once(ctx context.Context, key string, query Query, say func(string) error, accept func(Reply) error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	call, err := c.call(ctx, key, query, say, accept)
	c.usage.Add(call)
	if told := c.sink.Called(ctx, call); told != nil && (err == nil || ctx.Err() == nil) {
		return told
	}
	return err
}

// call makes one try and hands the answer to accept. The call is what was used,
// also with an error.
func (e *Engine) call(ctx context.Context, key string, query Query, say func(string) error, accept func(Reply) error) (engine.Call, error) {
	reply, err := e.try(ctx, query, say)
	if err == nil {
		err = e.take(reply, query.Want, accept)
	}
	tokens := reply.Tokens.bounded()
	return engine.Call{
		Key: key, Model: e.wire.Model(), Failed: err != nil, CostMicros: e.price.Cost(tokens),
		InputTokens: tokens.Input, OutputTokens: tokens.Output,
		CacheReadTokens: tokens.CacheRead, CacheWriteTokens: tokens.CacheWrite,
	}, err
}

// take hands an answer on.
func (e *Engine) take(reply Reply, want string, accept func(Reply) error) error {
	if reply.Tool != want {
		return e.passing(fmt.Errorf("%w: no call of %s", engine.ErrMalformed, want))
	}
	if err := accept(reply); err != nil {
		return e.passing(fmt.Errorf("%w: %w", engine.ErrMalformed, err))
	}
	return nil
}

// pause is how long to wait after a try, at random: those that failed together
// do not come back together.
func pause(try int) time.Duration {
	return rand.N(firstPause << (try - 1)) //nolint:gosec // no secret, a spread
}
