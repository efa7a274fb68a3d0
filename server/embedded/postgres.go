package embedded

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

const (
	// role is the superuser that initdb makes and Sheen connects as.
	role = "sheen"
	// database is one that every new cluster has: making another takes longer
	// than all the rest of a second start.
	database = "postgres"
	// startTimeout bounds the wait for a server that replays its log after a crash.
	startTimeout = time.Minute
	// pollInterval is how often a starting server is asked whether it is ready.
	pollInterval = 3 * time.Millisecond
	// statusLine is where a pid file tells the server's state, counted from 0.
	statusLine = 7
)

// postgres is a running server.
type postgres struct {
	process *process
	data    string
	socket  *socketPath
	url     string
	out     *output
	log     string
	logger  *slog.Logger
	// stopping keeps watch from reporting an end that was asked for.
	stopping atomic.Bool
	// watched is closed when watch has ended.
	watched chan struct{}
}

// start runs a server on the cluster and returns once it accepts connections.
func (c *cluster) start(ctx context.Context, logger *slog.Logger) (*postgres, error) {
	folder, err := claim(ctx, c.data)
	if err != nil {
		return nil, err
	}
	p, err := c.serve(folder, logger)
	// From here on the lock is the server's alone, and falls with it.
	if err := errors.Join(err, folder.Close()); err != nil {
		return nil, err
	}
	if err := p.awaitReady(ctx); err != nil {
		p.stop(context.WithoutCancel(ctx))
		return nil, err
	}
	return p, nil
}

func (c *cluster) serve(folder *os.File, logger *slog.Logger) (*postgres, error) {
	if err := errors.Join(removeStale(c.data), writeSettings(c.data)); err != nil {
		return nil, err
	}
	socket, err := shortSocketPath(c.data)
	if err != nil {
		return nil, err
	}
	c.out.forget()
	process, err := launch(c.command("postgres", folder, syscall.SIGINT))
	if err != nil {
		socket.remove()
		return nil, &PostgresError{Program: "postgres", Err: reason(err)}
	}
	p := &postgres{
		process: process,
		data:    c.data,
		socket:  socket,
		url:     databaseURL(socket.dir),
		out:     c.out,
		log:     c.log,
		logger:  logger,
		watched: make(chan struct{}),
	}
	go p.watch()
	return p, nil
}

// databaseURL says everything, so that no PG* variable of the reader's
// environment has a say.
func databaseURL(socketDir string) string {
	query := url.Values{"host": {socketDir}, "port": {"5432"}, "sslmode": {"disable"}}
	address := url.URL{Scheme: "postgres", User: url.User(role), Path: "/" + database, RawQuery: query.Encode()}
	return address.String()
}

// watch reports a server that ends by itself.
func (p *postgres) watch() {
	defer close(p.watched)
	<-p.process.done
	if !p.stopping.Load() {
		p.logger.Error("postgres has ended", "reason", p.out.reason(), "error", p.process.err)
	}
}

// awaitReady returns when the server has answered, and fails when it ends or
// does not answer in time.
func (p *postgres) awaitReady(ctx context.Context) error {
	ctx, cancel := context.WithTimeoutCause(ctx, startTimeout, errStartTimeout)
	defer cancel()
	config, err := pgconn.ParseConfig(p.url)
	if err != nil {
		return fmt.Errorf("address of postgres: %w", err)
	}
	ticker := time.NewTicker(pollInterval)
	defer ticker.Stop()
	for {
		select {
		case <-p.process.done:
			return &PostgresError{Program: "postgres", Reason: p.out.reason(), Log: p.log, Err: p.process.err}
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-ticker.C:
		}
		if !saysReady(p.data) {
			continue
		}
		if conn, err := pgconn.ConnectConfig(ctx, config); err == nil {
			return conn.Close(ctx) //nolint:wrapcheck // the caller says that it was starting
		}
	}
}

// saysReady reads the state that a server keeps in the eighth line of its pid
// file, as pg_ctl does. Asking it by connecting too early would cost it a
// process and its log a line each time.
func saysReady(data string) bool {
	text, err := os.ReadFile(filepath.Join(data, "postmaster.pid"))
	if err != nil {
		return false
	}
	lines := bytes.Split(text, []byte("\n"))
	return len(lines) > statusLine && bytes.HasPrefix(lines[statusLine], []byte("ready"))
}

// stop ends the server and returns once it is gone.
func (p *postgres) stop(ctx context.Context) {
	p.stopping.Store(true)
	p.process.stop(ctx)
	<-p.watched
	p.socket.remove()
}
