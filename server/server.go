package server

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/sheenapps/sheen/server/auth"
	"github.com/sheenapps/sheen/server/preview"
)

// Server is one running process of Sheen.
type Server struct {
	cfg       Config
	log       *slog.Logger
	key       *auth.Key
	listeners listeners
	metrics   *prometheus.Registry
	parts     *parts
	failed    chan error

	// api is nil in a process without the API.
	api *http.Server

	stopOnce sync.Once
	stopErr  error
	// undo are what [Server.Stop] does last, in reverse order.
	undo undoStack
}

// Start brings up a process and returns once it is ready. Its errors are one
// clear sentence each; nothing is left running then.
func Start(ctx context.Context, cfg Config, log *slog.Logger) (*Server, error) {
	s := &Server{cfg: cfg, log: slog.New(requestLog{log.Handler()}), metrics: newMetrics(), failed: make(chan error, 3)}
	if err := s.start(ctx); err != nil {
		stopCtx, cancel := context.WithTimeout(context.WithoutCancel(ctx), cfg.DrainTimeout+time.Second)
		defer cancel()
		return nil, errors.Join(err, s.Stop(stopCtx))
	}
	return s, nil
}

func (s *Server) start(ctx context.Context) error {
	// Ports first: the commonest mistake is found before anything is made.
	if err := s.listen(ctx); err != nil {
		return err
	}
	if err := s.openDataDir(ctx); err != nil {
		return err
	}
	var err error
	if s.key, err = auth.LoadOrCreateKey(s.cfg.DataDir); err != nil {
		return err
	}
	if s.parts, err = s.assemble(ctx); err != nil {
		return err
	}
	if s.listeners.metrics != nil {
		s.serve("metrics", s.listeners.metrics, metricsHandler(s.metrics))
	}
	if s.cfg.Roles.API {
		s.api = s.serve("API", s.listeners.api, s.parts.api)
		s.serve("preview", s.listeners.preview, s.parts.previews)
	}
	if s.listeners.probe != nil {
		s.serve("probe", s.listeners.probe, s.parts.previews)
	}
	if err := s.work(ctx); err != nil || !s.cfg.Roles.API {
		return err
	}
	return s.writeAddresses()
}

// serve runs an HTTP server on a listener until the process stops.
func (s *Server) serve(name string, listener net.Listener, handler http.Handler) *http.Server {
	httpServer := newHTTPServer(handler, s.log)
	s.undo.push(func(ctx context.Context) error {
		if err := httpServer.Shutdown(ctx); err != nil {
			return errors.Join(httpServer.Close(), fmt.Errorf("connections of the %s server had to be cut: %w", name, err))
		}
		return nil
	})
	go func() {
		if err := httpServer.Serve(corkListener{listener}); !errors.Is(err, http.ErrServerClosed) {
			s.failed <- fmt.Errorf("the %s server stopped: %w", name, err)
		}
	}()
	return httpServer
}

const (
	// headerTimeout bounds the time for a request's header. Go 1.26.8 no longer
	// applies it to streams over HTTP/2 without TLS that are in flight.
	headerTimeout = 5 * time.Second
	idleTimeout   = 2 * time.Minute
	// pingAfter is the silence after which an HTTP/2 client is asked whether it
	// lives, and pingTimeout what it may take to answer.
	pingAfter   = 15 * time.Second
	pingTimeout = 15 * time.Second
	// maxStreams on one HTTP/2 connection: a tab's streams, or a gateway's.
	maxStreams = 1000
)

// newHTTPServer speaks HTTP/1.1 and HTTP/2, both without TLS: a proxy ends that.
// It has no read or write timeout, which would cut streams.
func newHTTPServer(handler http.Handler, log *slog.Logger) *http.Server {
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	protocols.SetUnencryptedHTTP2(true)
	return &http.Server{
		Handler:           unstalled(writeDeadline, handler),
		ConnContext:       withCork,
		Protocols:         protocols,
		ReadHeaderTimeout: headerTimeout,
		IdleTimeout:       idleTimeout,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelDebug),
		HTTP2: &http.HTTP2Config{
			MaxConcurrentStreams: maxStreams,
			SendPingTimeout:      pingAfter,
			PingTimeout:          pingTimeout,
		},
	}
}

// addressFile tells other programs of this machine where the server listens.
const addressFile = "server.json"

// writeAddresses says where the server listens, once it is ready.
func (s *Server) writeAddresses() error {
	addresses := map[string]string{
		"listen":  s.listeners.api.Addr().String(),
		"preview": s.listeners.preview.Addr().String(),
	}
	if address := s.MetricsAddr(); address != "" {
		addresses["metrics"] = address
	}
	data, err := json.Marshal(addresses)
	if err != nil {
		return fmt.Errorf("encode the addresses: %w", err)
	}
	path := filepath.Join(s.cfg.DataDir, addressFile)
	// Under another name first: a reader never sees half of it.
	if err := os.WriteFile(path+".new", append(data, '\n'), 0o600); err != nil {
		return fmt.Errorf("write the addresses: %w", err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		return fmt.Errorf("write the addresses: %w", err)
	}
	s.undo.push(func(context.Context) error { return os.Remove(path) })
	return nil
}

// URL is the address of the API.
func (s *Server) URL() string {
	if s.cfg.PublicURL != "" {
		return s.cfg.PublicURL
	}
	return "http://" + s.listeners.api.Addr().String()
}

// PreviewAddr is the host and port that previews are served on; empty in a process
// without the API.
func (s *Server) PreviewAddr() string {
	if s.listeners.preview == nil {
		return ""
	}
	return s.listeners.preview.Addr().String()
}

// MetricsAddr is the host and port that metrics are served on; empty if they are
// not.
func (s *Server) MetricsAddr() string {
	if s.listeners.metrics == nil {
		return ""
	}
	return s.listeners.metrics.Addr().String()
}

// PreviewURL is the parent of all previews' addresses.
func (s *Server) PreviewURL() string {
	origin := s.origin()
	return origin.Scheme + "://" + net.JoinHostPort(origin.Domain, strconv.Itoa(origin.Port))
}

func (s *Server) origin() preview.Origin {
	address := s.cfg.PreviewListen
	if s.listeners.preview != nil {
		address = s.listeners.preview.Addr().String()
	}
	origin := preview.Origin{Scheme: "http", Domain: s.cfg.PreviewDomain}
	if _, port, err := net.SplitHostPort(address); err == nil {
		// A configured address was checked; a listener's is always well formed.
		origin.Port, _ = strconv.Atoi(port)
	}
	return origin
}

// Token signs a token with the data folder's key.
func (s *Server) Token(user uuid.UUID, role auth.Role, ttl time.Duration) (string, error) {
	return s.key.Issue(user, role, ttl)
}

// Failed tells of a part that died; the process should stop then.
func (s *Server) Failed() <-chan error { return s.failed }

// Stop ends the process gracefully: not ready any more, running streams end with
// RECONNECT, running builds go back into the queue, requests are finished. What
// is not done when ctx ends is cut. Later calls return what the first did.
func (s *Server) Stop(ctx context.Context) error {
	s.stopOnce.Do(func() {
		if s.api != nil {
			// Before the streams end: who is asked to come back must not come back
			// here, over the connection that it has. What goes wrong is told by the
			// same call in its own turn.
			go func() { _ = s.api.Shutdown(ctx) }()
		}
		if s.parts != nil {
			// Half of the time is for what follows.
			s.parts.drain(s.cfg.DrainTimeout / 2)
		}
		s.stopErr = s.undo.run(ctx)
	})
	return s.stopErr
}

// undoStack is what has to be undone, the newest first.
type undoStack struct {
	steps []func(context.Context) error
}

func (u *undoStack) push(step func(context.Context) error) { u.steps = append(u.steps, step) }

// run undoes everything, also after an error.
func (u *undoStack) run(ctx context.Context) error {
	var errs []error
	for len(u.steps) > 0 {
		last := len(u.steps) - 1
		step := u.steps[last]
		u.steps = u.steps[:last]
		errs = append(errs, step(ctx))
	}
	return errors.Join(errs...)
}
