package client

import (
	"context"
	"errors"
	"time"

	"connectrpc.com/connect"
	"github.com/google/uuid"

	"github.com/sheenapps/sheen/gen/sheen/build/v1/buildv1connect"
	eventv1 "github.com/sheenapps/sheen/gen/sheen/event/v1"
)

const (
	// RequestIDHeader carries the id of a call, the same for all of its attempts.
	RequestIDHeader = "X-Request-Id"

	authorizationHeader = "Authorization"
	traceparentHeader   = "Traceparent"
)

const (
	unaryTimeout      = 10 * time.Second
	startBuildTimeout = 15 * time.Second
)

// callScope gives a unary call what holds for all of its attempts: a deadline
// where it has none, and a request id. Streams have no attempts of their own.
type callScope struct{}

func (callScope) WrapUnary(next connect.UnaryFunc) connect.UnaryFunc {
	return func(ctx context.Context, req connect.AnyRequest) (connect.AnyResponse, error) {
		if _, bounded := ctx.Deadline(); !bounded {
			var cancel context.CancelFunc
			ctx, cancel = context.WithTimeout(ctx, timeoutOf(req))
			defer cancel()
		}
		if req.Header().Get(RequestIDHeader) == "" {
			req.Header().Set(RequestIDHeader, uuid.NewString())
		}
		return next(ctx, req)
	}
}

func (callScope) WrapStreamingClient(next connect.StreamingClientFunc) connect.StreamingClientFunc {
	return next
}

func (callScope) WrapStreamingHandler(next connect.StreamingHandlerFunc) connect.StreamingHandlerFunc {
	return next
}

func timeoutOf(req connect.AnyRequest) time.Duration {
	if req.Spec().Procedure == buildv1connect.BuildServiceStartBuildProcedure {
		return startBuildTimeout
	}
	if list, ok := req.Any().(*eventv1.ListEventsRequest); ok {
		return unaryTimeout + list.GetWait().AsDuration()
	}
	return unaryTimeout
}

// attempts signs each attempt anew and types its error. It is the innermost
// interceptor: nobody above can overwrite the credentials.
type attempts struct {
	misuse      error
	token       TokenSource
	traceparent func(ctx context.Context) string
}

func (a *attempts) WrapUnary(next connect.UnaryFunc) connect.UnaryFunc {
	return func(ctx context.Context, req connect.AnyRequest) (connect.AnyResponse, error) {
		if err := a.prepare(ctx, req.Header()); err != nil {
			return nil, err
		}
		res, err := next(ctx, req)
		if err != nil {
			return nil, severed(ctx, typed(err, req.Header().Get(RequestIDHeader)))
		}
		return res, nil
	}
}

// severed calls an attempt unavailable whose connection the peer reset. connect
// calls it canceled, although nobody canceled anything.
func severed(ctx context.Context, err error) error {
	base, ok := errors.AsType[*Error](err)
	if ok && base.Code == connect.CodeCanceled && ctx.Err() == nil && !connect.IsWireError(base.cause) {
		base.Code = connect.CodeUnavailable
	}
	return err
}

func (a *attempts) WrapStreamingClient(next connect.StreamingClientFunc) connect.StreamingClientFunc {
	return func(ctx context.Context, spec connect.Spec) connect.StreamingClientConn {
		conn := next(ctx, spec)
		id := uuid.NewString()
		conn.RequestHeader().Set(RequestIDHeader, id)
		return &typedConn{StreamingClientConn: conn, refused: a.prepare(ctx, conn.RequestHeader()), requestID: id}
	}
}

func (a *attempts) WrapStreamingHandler(next connect.StreamingHandlerFunc) connect.StreamingHandlerFunc {
	return next
}

// prepare writes the headers of one attempt.
func (a *attempts) prepare(ctx context.Context, header interface{ Set(key, value string) }) error {
	if a.misuse != nil {
		return a.misuse
	}
	if a.traceparent != nil {
		if parent := a.traceparent(ctx); parent != "" {
			header.Set(traceparentHeader, parent)
		}
	}
	if a.token == nil {
		return nil
	}
	token, err := a.token(ctx)
	if err != nil {
		return tokenError(ctx, err)
	}
	header.Set(authorizationHeader, "Bearer "+token)
	return nil
}

// tokenError types what a token source returned. Only a typed error of another
// call, as that of a token service, keeps its own code.
func tokenError(ctx context.Context, err error) error {
	if ended := context.Cause(ctx); ended != nil {
		return &Error{Code: connect.CodeCanceled, Message: "the call ended before there was a token", cause: ended}
	}
	if _, done := errors.AsType[*Error](err); done {
		return err
	}
	return &Error{Code: connect.CodeUnauthenticated, Message: "no token: " + err.Error(), cause: err}
}

// typedConn types the errors of a stream. If the request was refused before it
// was sent, it never is.
type typedConn struct {
	connect.StreamingClientConn

	refused   error
	requestID string
}

func (c *typedConn) Send(msg any) error {
	if c.refused != nil {
		return c.refused
	}
	if err := c.StreamingClientConn.Send(msg); err != nil {
		return typed(err, c.requestID)
	}
	return nil
}

func (c *typedConn) Receive(msg any) error {
	if err := c.StreamingClientConn.Receive(msg); err != nil {
		return typed(err, c.requestID)
	}
	return nil
}
