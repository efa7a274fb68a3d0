package llm

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"

	"github.com/sheenapps/sheen/server/engine"
)

const (
	// maxStream is the longest stream that is read, in bytes: a file of the size
	// that a site may have, in pieces of a few letters.
	maxStream = 256 << 20
	// maxProblem is how much is read of an answer that is no stream.
	maxProblem = 64 << 10
	// maxArguments is how long the arguments of a tool may get, in bytes: more than
	// the largest site, even where many of its letters are escaped.
	maxArguments = 32 << 20
)

var (
	errSilent = errors.New("the provider was silent for too long")
	errCut    = errors.New("the stream ended before the answer did")
)

// try asks once. Reply is what came until the error, if there is one. Text is
// given to say as it comes; its error ends the try and is returned as it is.
func (e *Engine) try(ctx context.Context, query Query, say func(text string) error) (Reply, error) {
	asking, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	watch := time.AfterFunc(e.silence, func() { cancel(errSilent) })
	defer watch.Stop()

	req, err := e.wire.Request(asking, query)
	if err != nil {
		return Reply{}, fmt.Errorf("make the request: %w", err)
	}
	res, err := e.http.Do(req)
	if err != nil {
		return Reply{}, e.broken(asking, err)
	}
	defer func() { _ = res.Body.Close() }()
	alive := &livelyReader{of: io.LimitReader(res.Body, maxStream), heard: func() { watch.Reset(e.silence) }}
	if res.StatusCode != http.StatusOK {
		return Reply{}, e.refused(asking, res, alive)
	}
	return e.read(asking, alive, say)
}

// read decodes a stream.
func (e *Engine) read(ctx context.Context, stream io.Reader, say func(text string) error) (Reply, error) {
	decoder := e.wire.Decoder()
	var told error
	err := events(stream, func(data []byte) error {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		text, err := decoder.Event(data)
		if err == nil && text != "" && say != nil {
			told = say(text)
			err = told
		}
		if err == nil && len(decoder.Reply().Arguments) > maxArguments {
			err = engine.ErrTooLong
		}
		return err
	})
	reply := decoder.Reply()
	problem, reported := errors.AsType[*Problem](err)
	switch {
	case told != nil:
		return reply, told
	case errors.Is(err, engine.ErrTooLong):
		return reply, engine.ErrTooLong
	case ctx.Err() != nil:
		return reply, e.broken(ctx, err)
	case reported:
		return reply, e.fault(problem, 0)
	case err != nil && !errors.Is(err, ErrDone):
		return reply, e.broken(ctx, err)
	}
	return reply, e.judge(reply)
}

// judge says what is wrong with an answer that has come to its end, if it has.
func (e *Engine) judge(reply Reply) error {
	switch reply.Stop {
	case StopRefused:
		return engine.ErrRefused
	case StopLength:
		return engine.ErrTooLong
	case StopNone:
		return e.passing(errCut)
	case StopDone:
	}
	return nil
}

// refused reads an answer that is no stream.
func (e *Engine) refused(ctx context.Context, res *http.Response, body io.Reader) error {
	raw, err := io.ReadAll(io.LimitReader(body, maxProblem))
	if err != nil && ctx.Err() != nil {
		return e.broken(ctx, err)
	}
	return e.fault(e.wire.Problem(res.StatusCode, raw), retryAfter(res.Header, time.Now()))
}

// fault is a provider's problem as the port knows it.
func (e *Engine) fault(problem *Problem, after time.Duration) error {
	switch problem.Fault {
	case FaultTooLong:
		return fmt.Errorf("%s: %w", problem.Name, engine.ErrTooLong)
	case FaultRefused:
		return fmt.Errorf("%s: %w", problem.Name, engine.ErrRefused)
	case FaultFinal, FaultPassing:
	}
	return &engine.ProviderError{
		Provider: e.wire.Name(), Retryable: problem.Fault == FaultPassing, RetryAfter: after, Err: problem,
	}
}

// broken is what became of a connection that failed: the cause of a context of
// the caller's that has ended, or a passing fault.
func (e *Engine) broken(ctx context.Context, err error) error {
	switch cause := context.Cause(ctx); {
	case errors.Is(cause, errSilent):
		return e.passing(errSilent)
	case cause != nil:
		return cause
	}
	return e.passing(err)
}

// passing is a fault that may be gone the next time.
func (e *Engine) passing(err error) error {
	return &engine.ProviderError{Provider: e.wire.Name(), Retryable: true, Err: err}
}

// retryAfter is what a provider asks to wait: seconds or a date, or milliseconds
// in a header of their own. Zero says that it did not.
func retryAfter(h http.Header, now time.Time) time.Duration {
	const longest = 24 * time.Hour
	bounded := func(n float64, unit time.Duration) time.Duration {
		return time.Duration(min(max(n, 0), float64(longest/unit)) * float64(unit))
	}
	if ms, err := strconv.ParseFloat(h.Get("Retry-After-Ms"), 64); err == nil && ms == ms {
		return bounded(ms, time.Millisecond)
	}
	value := h.Get("Retry-After")
	if seconds, err := strconv.ParseFloat(value, 64); err == nil && seconds == seconds {
		return bounded(seconds, time.Second)
	}
	if date, err := http.ParseTime(value); err == nil {
		return min(max(date.Sub(now), 0), longest)
	}
	return 0
}

// livelyReader tells when something was read.
type livelyReader struct {
	of    io.Reader
	heard func()
}

// Read implements [io.Reader].
func (r *livelyReader) Read(p []byte) (int, error) {
	n, err := r.of.Read(p)
	if n > 0 {
		r.heard()
	}
	return n, err //nolint:wrapcheck // it stands in for the reader below
}
