package billing_test

import (
	"bytes"
	"context"
	"net"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/sheenapps/sheen/store"
)

// commitDone is Postgres's message that a transaction is committed.
var commitDone = []byte("C\x00\x00\x00\x0bCOMMIT\x00")

// replyThief breaks the connections of a pool, now and then, when a commit has
// happened and its reply has not been read. It takes one of every so many.
type replyThief struct {
	every, commits, stolen atomic.Int64
}

// option makes the pool's connections pass the thief.
func (f *replyThief) option(cfg *pgxpool.Config) {
	dial := cfg.ConnConfig.DialFunc
	cfg.ConnConfig.DialFunc = func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := dial(ctx, network, address)
		if err != nil {
			return nil, err
		}
		return &robbedConn{Conn: conn, thief: f}, nil
	}
}

type robbedConn struct {
	net.Conn

	thief *replyThief
}

// Read hands on what Postgres says. A commit's reply that comes in two parts is
// not seen, and left alone.
func (c *robbedConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	f := c.thief
	if every := f.every.Load(); every > 0 && bytes.Contains(p[:n], commitDone) && f.commits.Add(1)%every == 0 {
		f.stolen.Add(1)
		_ = c.Conn.Close()
		return 0, &net.OpError{Op: "read", Net: "unix", Err: syscall.ECONNRESET}
	}
	return n, err
}

// killer terminates backends that are in the middle of a transaction.
type killer struct {
	db     *store.DB // of its own
	killed int
}

// strike ends at most one backend of the database that has begun something.
func (k *killer) strike(t *testing.T) {
	t.Helper()
	var ended int
	err := k.db.QueryRow(t.Context(), `
		select count(*) filter (where pg_terminate_backend(pid)) from (
			select pid from pg_stat_activity
			where datname = current_database() and pid <> pg_backend_pid() and xact_start is not null and backend_type = 'client backend'
			order by random() limit 1) as a`).Scan(&ended)
	if err != nil {
		t.Errorf("terminate a backend: %v", err)
	}
	k.killed += ended
}
