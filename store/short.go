package store

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
)

var errOver = errors.New("transaction is over")

// InShortTx is [InTx] for work that reads in one batch and writes in another: the
// transaction begins in the round trip of the first and is committed in that of
// [InLastBatch]. Without a last batch, fn has written nothing and the
// transaction is rolled back.
func InShortTx(ctx context.Context, db *DB, fn func(tx Tx) error) error {
	return retried(ctx, func() error { return runShortTx(ctx, db, fn) })
}

func runShortTx(ctx context.Context, db *DB, fn func(tx Tx) error) error {
	conn, err := db.pool.Acquire(ctx)
	if err != nil {
		return translate(err)
	}
	defer conn.Release()
	short := &shortTx{conn: conn}
	err = fn(short)
	if short.begun && !short.over {
		// It may fail only with the connection, which is then not used again. It
		// must happen even if ctx has ended.
		_, _ = conn.Exec(context.WithoutCancel(ctx), "rollback")
	}
	return err
}

// shortTx is a transaction that begins when it is first used.
type shortTx struct {
	conn  *pgxpool.Conn
	begun bool
	// last says that the next batch is the last.
	last bool
	// over says that the transaction was committed.
	over bool
}

// Exec implements [DBTX].
func (t *shortTx) Exec(ctx context.Context, sql string, args ...any) (pgconn.CommandTag, error) {
	if err := t.begin(ctx); err != nil {
		return pgconn.CommandTag{}, err
	}
	tag, err := t.conn.Exec(ctx, sql, args...)
	return tag, translate(err)
}

// Query implements [DBTX].
func (t *shortTx) Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error) {
	if err := t.begin(ctx); err != nil {
		return nil, err
	}
	rows, err := t.conn.Query(ctx, sql, args...)
	return translatedRows{rows}, translate(err)
}

// QueryRow implements [DBTX].
func (t *shortTx) QueryRow(ctx context.Context, sql string, args ...any) pgx.Row {
	if err := t.begin(ctx); err != nil {
		return failedRow{err}
	}
	return translatedRow{t.conn.QueryRow(ctx, sql, args...)}
}

func (t *shortTx) begin(ctx context.Context) error {
	if t.over {
		return errOver
	}
	if t.begun {
		return nil
	}
	t.begun = true
	if _, err := t.conn.Exec(ctx, "begin"); err != nil {
		return fmt.Errorf("begin: %w", translate(err))
	}
	return nil
}

// SendBatch implements [Tx].
func (t *shortTx) SendBatch(ctx context.Context, batch *pgx.Batch) pgx.BatchResults {
	framed := &pgx.Batch{}
	if !t.begun {
		framed.Queue("begin")
	}
	framed.QueuedQueries = append(framed.QueuedQueries, batch.QueuedQueries...)
	if t.last {
		framed.Queue("commit")
	}
	results := &framedBatch{BatchResults: translatedBatch{t.conn.SendBatch(ctx, framed)}, tx: t}
	if !t.begun {
		t.begun = true
		_, results.err = results.BatchResults.Exec()
	}
	return results
}

// framedBatch hides the begin and the commit of a batch.
type framedBatch struct {
	pgx.BatchResults

	tx  *shortTx // nil for a snapshot, which always commits
	err error    // of begin
}

// Close reads the commit, where there is one, before it closes.
func (b *framedBatch) Close() error {
	err := b.err
	if err == nil && (b.tx == nil || b.tx.last) {
		_, err = b.BatchResults.Exec()
	}
	if b.tx != nil {
		b.tx.over = b.tx.last && err == nil
	}
	return errors.Join(err, b.BatchResults.Close())
}

type failedRow struct{ err error }

// Scan implements [pgx.Row].
func (r failedRow) Scan(...any) error { return r.err }
