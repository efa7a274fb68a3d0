package store

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
)

// DB is a pool of connections whose errors are this package's. It is safe for
// concurrent use and serves the generated queries outside transactions.
type DB struct {
	pool *pgxpool.Pool
}

// Option changes how [Open] sets up the pool.
type Option func(*pgxpool.Config)

// WithMaxConns bounds the pool; the default is 16.
func WithMaxConns(n int32) Option {
	return func(c *pgxpool.Config) { c.MaxConns = n }
}

// WithTimeZone sets the sessions' time zone. Nothing may depend on it; tests
// use an odd one to show that nothing does.
func WithTimeZone(name string) Option {
	return func(c *pgxpool.Config) { c.ConnConfig.RuntimeParams["timezone"] = name }
}

// Open connects to url and checks that Postgres answers. It returns
// [ErrUnavailable] when that fails.
func Open(ctx context.Context, url string, opts ...Option) (*DB, error) {
	cfg, err := pgxpool.ParseConfig(url)
	if err != nil {
		return nil, fmt.Errorf("parse the database URL: %w", err)
	}
	cfg.MaxConns = 16
	cfg.MaxConnIdleTime = 5 * time.Minute
	cfg.ConnConfig.RuntimeParams["application_name"] = "sheen"
	// A node that was stopped inside a transaction must not hold its locks for longer
	// than its leases last.
	cfg.ConnConfig.RuntimeParams["idle_in_transaction_session_timeout"] = "15000"
	cfg.AfterConnect = func(_ context.Context, conn *pgx.Conn) error {
		registerUUID(conn.TypeMap())
		return nil
	}
	for _, opt := range opts {
		opt(cfg)
	}
	pool, err := pgxpool.NewWithConfig(ctx, cfg)
	if err != nil {
		return nil, fmt.Errorf("open the pool: %w", err)
	}
	if err := pool.Ping(ctx); err != nil {
		pool.Close()
		return nil, fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	return &DB{pool: pool}, nil
}

// Close waits for borrowed connections and closes the pool.
func (db *DB) Close() { db.pool.Close() }

// Pool is the driver's own pool, for River, which brings its own SQL.
func (db *DB) Pool() *pgxpool.Pool { return db.pool }

// Ping reports whether Postgres answers.
func (db *DB) Ping(ctx context.Context) error { return translate(db.pool.Ping(ctx)) }

// Exec implements [DBTX].
func (db *DB) Exec(ctx context.Context, sql string, args ...any) (pgconn.CommandTag, error) {
	tag, err := db.pool.Exec(ctx, sql, args...)
	return tag, translate(err)
}

// Query implements [DBTX].
func (db *DB) Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error) {
	rows, err := db.pool.Query(ctx, sql, args...)
	return translatedRows{rows}, translate(err)
}

// QueryRow implements [DBTX].
func (db *DB) QueryRow(ctx context.Context, sql string, args ...any) pgx.Row {
	return translatedRow{db.pool.QueryRow(ctx, sql, args...)}
}

// SendBatch sends several statements in one round trip. The results' errors are
// translated.
func (db *DB) SendBatch(ctx context.Context, batch *pgx.Batch) pgx.BatchResults {
	return translatedBatch{db.pool.SendBatch(ctx, batch)}
}

// tx is a transaction whose errors are this package's.
type tx struct {
	pgx.Tx
}

func (t tx) Exec(ctx context.Context, sql string, args ...any) (pgconn.CommandTag, error) {
	tag, err := t.Tx.Exec(ctx, sql, args...)
	return tag, translate(err)
}

func (t tx) Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error) {
	rows, err := t.Tx.Query(ctx, sql, args...)
	return translatedRows{rows}, translate(err)
}

func (t tx) QueryRow(ctx context.Context, sql string, args ...any) pgx.Row {
	return translatedRow{t.Tx.QueryRow(ctx, sql, args...)}
}

func (t tx) SendBatch(ctx context.Context, batch *pgx.Batch) pgx.BatchResults {
	return translatedBatch{t.Tx.SendBatch(ctx, batch)}
}

type translatedRow struct{ pgx.Row }

func (r translatedRow) Scan(dest ...any) error { return translate(r.Row.Scan(dest...)) }

type translatedRows struct{ pgx.Rows }

func (r translatedRows) Err() error { return translate(r.Rows.Err()) }

func (r translatedRows) Scan(dest ...any) error { return translate(r.Rows.Scan(dest...)) }

type translatedBatch struct{ pgx.BatchResults }

func (b translatedBatch) Exec() (pgconn.CommandTag, error) {
	tag, err := b.BatchResults.Exec()
	return tag, translate(err)
}

func (b translatedBatch) Query() (pgx.Rows, error) {
	rows, err := b.BatchResults.Query()
	return translatedRows{rows}, translate(err)
}

func (b translatedBatch) QueryRow() pgx.Row { return translatedRow{b.BatchResults.QueryRow()} }
