package cli

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net/url"
	"os"

	"github.com/sheenapps/sheen/client"
	"github.com/sheenapps/sheen/server"
	"github.com/sheenapps/sheen/server/auth"
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

// find connects to the server that the flags name, or as a role to that of the
// data folder.
func (r *remoteFlags) find(p *Program, folder *server.ConfigFlags, role auth.Role) (connection, error) {
	if r.server != "" {
		return r.connect(), nil
	}
	dataDir, err := folder.DataDir(p.Getenv)
	if err != nil {
		return connection{}, err
	}
	here, err := runningServer(dataDir)
	if err != nil {
		return connection{}, fmt.Errorf("no Sheen runs on the data folder %s: start one with `sheen serve --embedded`, or pass --server", dataDir)
	}
	key, err := auth.LoadKey(dataDir)
	if errors.Is(err, os.ErrNotExist) {
		return connection{}, fmt.Errorf("the data folder %s has no key: pass --server and --token", dataDir)
	}
	if err != nil {
		return connection{}, err
	}
	user, err := localUser(dataDir)
	if err != nil {
		return connection{}, err
	}
	source := client.WithToken(func(context.Context) (string, error) { return key.Issue(user, role, ownTokenTTL) })
	return connection{client: client.New(here.url(), source), url: here.url()}, nil
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
