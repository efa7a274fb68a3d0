package fault

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"

	"connectrpc.com/connect"
)

// Interceptor maps the errors of every handler and recovers its panics. It
// belongs outermost. It is safe for concurrent use.
type Interceptor struct {
	log *slog.Logger
}

// NewInterceptor makes one that logs the causes of internal errors.
func NewInterceptor(log *slog.Logger) *Interceptor { return &Interceptor{log: log} }

// WrapUnary implements [connect.Interceptor].
func (i *Interceptor) WrapUnary(next connect.UnaryFunc) connect.UnaryFunc {
	return func(ctx context.Context, req connect.AnyRequest) (res connect.AnyResponse, err error) {
		defer func() {
			if err = i.mapped(ctx, req.Spec().Procedure, err, recover()); err != nil {
				err = WireFor(err, fieldOf(req.Any()), req.Header(), answerHeader(ctx))
			}
		}()
		return next(ctx, req)
	}
}

// WrapStreamingHandler implements [connect.Interceptor].
func (i *Interceptor) WrapStreamingHandler(next connect.StreamingHandlerFunc) connect.StreamingHandlerFunc {
	return func(ctx context.Context, conn connect.StreamingHandlerConn) (err error) {
		heard := &heardConn{StreamingHandlerConn: conn}
		defer func() {
			if err = i.mapped(ctx, conn.Spec().Procedure, err, recover()); err != nil {
				err = WireFor(err, heard.field, conn.RequestHeader(), conn.ResponseHeader())
			}
		}()
		return next(ctx, heard)
	}
}

// answerHeader is the header of a call's answer; without a server around the call,
// one that nobody sees.
func answerHeader(ctx context.Context) http.Header {
	if call, ok := connect.CallInfoForHandlerContext(ctx); ok {
		return call.ResponseHeader()
	}
	return http.Header{}
}

// WrapStreamingClient implements [connect.Interceptor]; clients are left alone.
func (*Interceptor) WrapStreamingClient(next connect.StreamingClientFunc) connect.StreamingClientFunc {
	return next
}

var errPanic = errors.New("panic")

// mapped is the error that the caller is told of, and logs it.
func (i *Interceptor) mapped(ctx context.Context, procedure string, err error, panicked any) error {
	if panicked != nil {
		err = fmt.Errorf("%w: %v\n%s", errPanic, panicked, debug.Stack())
	}
	if err == nil {
		return nil
	}
	f := Of(err)
	level := slog.LevelDebug
	if f.Code == connect.CodeInternal || f.Code == connect.CodeUnavailable {
		level = slog.LevelError
	}
	i.log.Log(ctx, level, "call failed", "procedure", procedure, "code", f.Code.String(),
		"reason", f.Reason.String(), "cause", f.Cause)
	return err
}
