package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"time"

	"github.com/sheenapps/sheen/client"
	"github.com/sheenapps/sheen/cmd/sheen/view"
	"github.com/sheenapps/sheen/server"
	"github.com/sheenapps/sheen/server/auth"
)

const (
	// ownTokenTTL is the life of a token that the program makes for itself; it
	// makes a new one for every request.
	ownTokenTTL = time.Hour
	// stopMargin is what a stop may take beyond draining: the embedded parts.
	stopMargin = 5 * time.Second
	// stopInHaste is what it may take after a second interrupt.
	stopInHaste = time.Second
)

// host is a server in this process.
type host struct {
	Server

	drain time.Duration
}

// start starts a server, unless the user asks to stop meanwhile.
func (p *Program) start(signals *interrupts, cfg server.Config, diagnostics io.Writer) (*host, error) {
	log := slog.New(slog.NewTextHandler(diagnostics, &slog.HandlerOptions{Level: cfg.LogLevel}))
	return p.startLogged(signals, cfg, log)
}

func (p *Program) startLogged(signals *interrupts, cfg server.Config, log *slog.Logger) (*host, error) {
	running, err := p.Start(signals.asked, cfg, log)
	if signals.pressed() && err != nil {
		return nil, errInterrupted
	}
	if err != nil {
		return nil, err
	}
	return &host{Server: running, drain: cfg.DrainTimeout}, nil
}

// localClient is a client of the host as the user of its data folder.
func (h *host) localClient(dataDir string) (*client.Client, error) {
	user, err := localUser(dataDir)
	if err != nil {
		return nil, err
	}
	return client.New(h.URL(), client.WithToken(func(context.Context) (string, error) {
		return h.Token(user, auth.RoleUser, ownTokenTTL)
	})), nil
}

// serve waits for the user to end it, or for a part to die.
func (h *host) serve(signals *interrupts) error {
	select {
	case <-signals.asked.Done():
		return nil
	case err := <-h.Failed():
		return fmt.Errorf("a part of Sheen stopped working (%w): start it again", err)
	}
}

// stop stops the server. A second interrupt does not wait for it.
func (h *host) stop(signals *interrupts) error {
	ctx, cancel := context.WithTimeout(signals.forced, h.drain+stopMargin)
	defer cancel()
	stopped := make(chan error, 1)
	go func() { stopped <- h.Stop(ctx) }()
	select {
	case err := <-stopped:
		return stopProblem(signals, err)
	case <-signals.forced.Done():
	}
	select {
	case err := <-stopped:
		return stopProblem(signals, err)
	case <-time.After(stopInHaste):
		return errInterrupted
	}
}

func stopProblem(signals *interrupts, err error) error {
	if signals.forced.Err() != nil {
		return errInterrupted
	}
	if err == nil || errors.Is(err, context.DeadlineExceeded) {
		return nil
	}
	return fmt.Errorf("Sheen did not stop cleanly (%w): its data is safe, and the next start clears up", err) //nolint:staticcheck // a name
}

func (p *Program) isTerminal() bool {
	return p.Columns() > 0 && p.Getenv("TERM") != "dumb"
}

// renderer chooses how a build is shown.
func (p *Program) renderer(asJSON bool) view.Renderer {
	switch {
	case asJSON:
		return view.NewJSONLines(p.Stdout, p.Stderr)
	case p.isTerminal():
		return view.NewTerminal(p.Stdout, view.TerminalOptions{Width: p.Columns, Color: p.Getenv("NO_COLOR") == ""})
	default:
		return view.NewPlain(p.Stdout, p.Stderr)
	}
}
