package client

import (
	"context"
	"errors"
	"time"

	"connectrpc.com/connect"
)

const (
	maxAttempts = 4
	backoffBase = 100 * time.Millisecond
	backoffCap  = 30 * time.Second
)

// leaseLost is ABORTED for good: the lease is another worker's now.
const leaseLost = "LEASE_LOST"

// backoff returns a random wait before attempt n+1, after n ≥ 1 in a row have
// failed: full jitter over a span that doubles up to the cap. Spreading over the
// whole span keeps clients that were cut together from coming back together.
func (t timing) backoff(n int) time.Duration {
	limit := backoffBase
	for range n - 1 {
		limit = min(2*limit, backoffCap)
	}
	return t.jitter(limit)
}

// retries repeats unary calls where that is harmless.
type retries struct {
	timing timing
	// refreshable says that asking again may give another token.
	refreshable bool
}

func (r *retries) WrapUnary(next connect.UnaryFunc) connect.UnaryFunc {
	return func(ctx context.Context, req connect.AnyRequest) (connect.AnyResponse, error) {
		repeatable := req.Spec().IdempotencyLevel != connect.IdempotencyUnknown
		refreshed := !r.refreshable
		for attempt := 1; ; attempt++ {
			res, err := next(ctx, req)
			if err == nil {
				return res, nil
			}
			base, ok := errors.AsType[*Error](err)
			if !ok {
				return nil, err
			}
			base.Attempts = attempt
			if base.Code == connect.CodeUnauthenticated && !refreshed {
				refreshed = true // the source may have a fresh token
				continue
			}
			if !repeatable || attempt >= maxAttempts || !mayRepeat(base) {
				return nil, err
			}
			if r.wait(ctx, base.RetryAfter+r.timing.backoff(attempt)) != nil {
				return nil, err
			}
		}
	}
}

func (r *retries) WrapStreamingClient(next connect.StreamingClientFunc) connect.StreamingClientFunc {
	return next
}

func (r *retries) WrapStreamingHandler(next connect.StreamingHandlerFunc) connect.StreamingHandlerFunc {
	return next
}

// errTooLate stops retries that could not be sent before the deadline.
var errTooLate = errors.New("the deadline comes before the next attempt")

// wait waits, unless the deadline would pass meanwhile: then the caller learns
// at once what went wrong, instead of late that time is up.
func (r *retries) wait(ctx context.Context, d time.Duration) error {
	if deadline, ok := ctx.Deadline(); ok && time.Until(deadline) <= d {
		return errTooLate
	}
	return r.timing.sleep(ctx, d)
}

func mayRepeat(err *Error) bool {
	switch err.Code {
	case connect.CodeUnavailable:
		return true
	case connect.CodeAborted:
		return err.Reason != leaseLost
	case connect.CodeResourceExhausted:
		return err.RetryAfter > 0
	default:
		return false
	}
}
