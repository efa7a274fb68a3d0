package server

import (
	"log/slog"
	"net/http"

	"connectrpc.com/connect"

	"github.com/sheenapps/sheen/server/auth"
	"github.com/sheenapps/sheen/server/event"
)

// Conformance is a service of another contract that is to be served as Sheen's
// own are.
type Conformance struct {
	// Service makes its handler, as a generated constructor does.
	Service func(connect.HandlerOption) (path string, handler http.Handler)
	// Procedures are its RPCs' paths; users may call them.
	Procedures []string
	// Key signs the tokens that are accepted.
	Key *auth.Key
	// CORSOrigins are the origins whose pages may call it.
	CORSOrigins []string
	// BareErrors leaves errors as the handlers and the RPC library raise them:
	// without what Sheen adds to each.
	BareErrors bool
}

// NewConformanceServer is an HTTP server like the API's, with the same middleware
// and codecs, for the Connect conformance suite. The caller listens, serves and closes.
func NewConformanceServer(c Conformance, log *slog.Logger) *http.Server {
	table := make(map[string]access)
	for _, procedure := range c.Procedures {
		table[procedure] = write
	}
	behind := &chain{
		access: &accessInterceptor{table: table}, verifier: auth.NewVerifier(c.Key), log: log, bare: c.BareErrors,
	}
	path, service := c.Service(connect.WithHandlerOptions(behind.options(), event.Codecs()))
	known := http.NewServeMux()
	known.Handle(path, behind.guard(service))
	return newHTTPServer(logged(log, crossOrigin(c.CORSOrigins, known)), log)
}
