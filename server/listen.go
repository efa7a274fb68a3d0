package server

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"syscall"

	"github.com/sheenapps/sheen/server/embedded"
)

// listeners are nil for what a process does not serve.
type listeners struct {
	api, preview, metrics net.Listener
	// probe is for the probes of a process without the API.
	probe net.Listener
}

func (s *Server) listen(ctx context.Context) (err error) {
	if s.cfg.MetricsListen != "" {
		if s.listeners.metrics, err = s.listenOn(ctx, s.cfg.MetricsListen, "metrics-listen"); err != nil {
			return err
		}
	}
	if !s.cfg.Roles.API {
		return s.listenForProbes(ctx)
	}
	if s.listeners.api, err = s.listenOn(ctx, s.cfg.Listen, "listen"); err != nil {
		return err
	}
	s.listeners.preview, err = s.listenOn(ctx, s.cfg.PreviewListen, "preview-listen")
	return err
}

func (s *Server) listenOn(ctx context.Context, address, flag string) (net.Listener, error) {
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", address)
	if errors.Is(err, syscall.EADDRINUSE) {
		return nil, fmt.Errorf("the address %s is in use: stop what listens there, or choose another with --%s (port 0 picks a free one)", address, flag)
	}
	if err != nil {
		return nil, fmt.Errorf("cannot listen on %s: choose another address with --%s: %w", address, flag, errors.Unwrap(err))
	}
	s.undo.push(func(context.Context) error {
		if err := listener.Close(); err != nil && !errors.Is(err, net.ErrClosed) {
			return fmt.Errorf("stop listening: %w", err)
		}
		return nil
	})
	return listener, nil
}

// openDataDir makes the data folder and, in embedded mode, starts Postgres and
// Redis in it.
func (s *Server) openDataDir(ctx context.Context) error {
	if !s.cfg.Embedded {
		if err := os.MkdirAll(s.cfg.DataDir, 0o700); err != nil {
			return &embedded.DataDirError{Dir: s.cfg.DataDir, Err: err}
		}
		return nil
	}
	running, err := embedded.Start(ctx, embedded.Options{
		DataDir: s.cfg.DataDir, PostgresBin: s.cfg.PostgresBin, Logger: s.log,
	})
	if err != nil {
		return err
	}
	s.undo.push(running.Close)
	if s.cfg.DatabaseURL.Reveal() == "" {
		s.cfg.DatabaseURL = NewSecret(running.DatabaseURL())
	}
	if s.cfg.RedisURL.Reveal() == "" {
		s.cfg.RedisURL = NewSecret(running.RedisURL())
	}
	return nil
}
