package server

import (
	"log/slog"
	"net/http"

	"connectrpc.com/connect"
	"connectrpc.com/validate"

	"github.com/sheenapps/sheen/server/auth"
	"github.com/sheenapps/sheen/server/fault"
)

// chain is what every service stands behind. From the outside in, after the
// request's id and log and CORS: errors of the RPC library itself, size and
// header syntax, authentication; then, inside the RPC library, errors of
// handlers, access and validation.
type chain struct {
	access   *accessInterceptor
	verifier *auth.Verifier
	log      *slog.Logger
	// bare leaves errors as they are raised: without ErrorInfo.
	bare bool
}

// options is the part of the chain inside the RPC library.
func (c *chain) options() connect.HandlerOption {
	interceptors := []connect.Interceptor{c.access, validate.NewInterceptor()}
	if !c.bare {
		interceptors = append([]connect.Interceptor{fault.NewInterceptor(c.log)}, interceptors...)
	}
	return connect.WithHandlerOptions(
		connect.WithInterceptors(interceptors...),
		connect.WithReadMaxBytes(fault.MaxRequestBytes),
		// A compressed request could inflate far beyond the limit.
		connect.WithCompression("gzip", nil, nil),
	)
}

// guard is the part of the chain before the RPC library.
func (c *chain) guard(services http.Handler) http.Handler {
	refuse := newRefusal(c.options())
	guarded := refuse.unreadable(auth.Middleware(c.verifier, c.log, refuse.unauthenticated)(services))
	if !c.bare {
		guarded = refuse.completed(guarded)
	}
	return unstored(guarded)
}

// guardSource is the chain before a plain HTTP handler that streams to those who
// may not be able to set a header.
func (c *chain) guardSource(source func(refuse func(http.ResponseWriter, *http.Request, error)) http.Handler) http.Handler {
	refuse := newRefusal(c.options())
	signedIn := auth.Middleware(c.verifier, c.log, refuse.unauthenticated)
	return unstored(auth.QueryToken(signedIn(source(refuse.failed))))
}
