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

// guard is the part of the chain before the RPC library. It is one handler, not
// one within the other: a stream keeps all of them on its stack, and there are
// thousands of streams.
func (c *chain) guard(services http.Handler) http.Handler {
	refuse := newRefusal(c.options())
	if c.bare {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { c.serve(refuse, w, r, services) })
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		held := &heldWriter{ResponseWriter: w, refuse: refuse, request: r}
		c.serve(refuse, held, r, services)
		held.finish()
	})
}

func (c *chain) serve(refuse *refusal, w http.ResponseWriter, r *http.Request, services http.Handler) {
	unstored(w.Header())
	if r = c.admit(refuse, w, r); r != nil {
		services.ServeHTTP(w, r)
	}
}

// admit returns the request as the services get it, or refuses it and returns nil.
func (c *chain) admit(refuse *refusal, w http.ResponseWriter, r *http.Request) *http.Request {
	if fault := unreadable(r); fault != nil {
		refuse.write(w, r, fault)
		return nil
	}
	r.Body = http.MaxBytesReader(w, r.Body, maxBody)
	signedIn, err := auth.SignIn(c.verifier, c.log, r)
	if err != nil {
		refuse.unauthenticated(w, r, err)
		return nil
	}
	return signedIn
}

// guardSource is the chain before a plain HTTP handler that streams to those who
// may not be able to set a header.
func (c *chain) guardSource(source func(refuse func(http.ResponseWriter, *http.Request, error)) http.Handler) http.Handler {
	refuse := newRefusal(c.options())
	signedIn := auth.Middleware(c.verifier, c.log, refuse.unauthenticated)
	guarded := auth.QueryToken(signedIn(source(refuse.failed)))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		unstored(w.Header())
		guarded.ServeHTTP(w, r)
	})
}
