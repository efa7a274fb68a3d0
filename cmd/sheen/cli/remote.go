package cli

import (
	"context"
	"errors"
	"flag"
	"net/url"

	"github.com/sheenapps/sheen/client"
)

// tokenVariable keeps a token out of the list of processes.
const tokenVariable = "SHEEN_TOKEN"

// remoteFlags name a server that runs already.
type remoteFlags struct{ server, token string }

func (r *remoteFlags) bind(f *flag.FlagSet) {
	f.StringVar(&r.server, "server", "", "use the Sheen at `URL`")
	f.StringVar(&r.token, "token", "", "`TOKEN` for that Sheen, or set "+tokenVariable)
}

// check completes the flags from the environment.
func (r *remoteFlags) check(p *Program) error {
	if r.server == "" {
		if r.token != "" {
			return usagef("--token is for a Sheen that runs already: name it with --server")
		}
		return nil
	}
	u, err := url.Parse(r.server)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return usagef("--server is %q and must be an address like http://127.0.0.1:8080", r.server)
	}
	if r.token == "" {
		r.token = p.Getenv(tokenVariable)
	}
	if r.token == "" {
		return usagef("--server needs a token: pass --token or set %s; `sheen token` on the server's machine prints one", tokenVariable)
	}
	return nil
}

func (r *remoteFlags) connect() connection {
	return connection{client: client.New(r.server, client.WithStaticToken(r.token)), url: r.server}
}

// connection is a client and the address that errors are told about.
type connection struct {
	client *client.Client
	url    string
}

// problem puts an error of a call into the user's terms.
func (c connection) problem(signals *interrupts, err error) error {
	if signals.pressed() && (errors.Is(err, context.Canceled) || errors.Is(err, errInterrupted)) {
		return errInterrupted
	}
	return &addressed{url: c.url, err: err}
}
