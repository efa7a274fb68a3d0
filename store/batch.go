package store

import (
	"context"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// Tx is a transaction as the ledger needs it: the generated queries, and many of
// them in one round trip. A [pgx.Tx] of [InTx] is one, and so is that of
// [InShortTx].
type Tx interface {
	DBTX
	SendBatch(ctx context.Context, batch *pgx.Batch) pgx.BatchResults
}

// InBatch runs fn's statements in one round trip. It calls fn twice: first to
// learn the statements, which all seem to succeed with one row of zero values,
// then to hand out their results. So fn issues the same statements both times,
// whatever they return.
func InBatch(ctx context.Context, tx Tx, fn func(db DBTX) error) error {
	batch := &pgx.Batch{}
	if err := fn(recorder{batch}); err != nil {
		return err
	}
	if batch.Len() == 0 {
		return nil
	}
	results := tx.SendBatch(ctx, batch)
	if err := fn(replies{results}); err != nil {
		// What is left of the results says the same, or nothing more.
		_ = results.Close()
		return err
	}
	return translate(results.Close())
}

// InLastBatch is InBatch for the statements that end the work on a transaction:
// one of [InShortTx] is committed in the same round trip.
func InLastBatch(ctx context.Context, tx Tx, fn func(db DBTX) error) error {
	if short, ok := tx.(*shortTx); ok {
		short.last = true
	}
	return InBatch(ctx, tx, fn)
}

// InReadBatch is InBatch for reads that must agree with each other: outside of a
// transaction it gives them one of their own, in the same round trip, that sees
// one state of the database. In the caller's transaction they agree if that is
// isolated, or has locked what they read.
func InReadBatch(ctx context.Context, db Tx, fn func(db DBTX) error) error {
	if pool, ok := db.(*DB); ok {
		db = snapshot{pool}
	}
	return InBatch(ctx, db, fn)
}

// snapshot sends each batch as a transaction.
type snapshot struct{ *DB }

// SendBatch implements [Tx].
func (s snapshot) SendBatch(ctx context.Context, batch *pgx.Batch) pgx.BatchResults {
	framed := &pgx.Batch{}
	framed.Queue("begin isolation level repeatable read, read only")
	framed.QueuedQueries = append(framed.QueuedQueries, batch.QueuedQueries...)
	framed.Queue("commit")
	results := &framedBatch{BatchResults: s.DB.SendBatch(ctx, framed)}
	_, results.err = results.Exec()
	return results
}

// recorder queues statements instead of running them.
type recorder struct{ batch *pgx.Batch }

func (r recorder) Exec(_ context.Context, sql string, args ...any) (pgconn.CommandTag, error) {
	r.batch.Queue(sql, args...)
	return pgconn.NewCommandTag("UPDATE 1"), nil
}

func (r recorder) QueryRow(_ context.Context, sql string, args ...any) pgx.Row {
	r.batch.Queue(sql, args...)
	return zeroRow{}
}

func (r recorder) Query(_ context.Context, sql string, args ...any) (pgx.Rows, error) {
	r.batch.Queue(sql, args...)
	return noRows{}, nil
}

// zeroRow leaves what is scanned into as it is.
type zeroRow struct{}

func (zeroRow) Scan(...any) error { return nil }

// replies hands the results of a batch out in the order of its statements.
type replies struct{ results pgx.BatchResults }

func (r replies) Exec(context.Context, string, ...any) (pgconn.CommandTag, error) {
	return r.results.Exec() //nolint:wrapcheck // a result of ours, translated
}

func (r replies) QueryRow(context.Context, string, ...any) pgx.Row { return r.results.QueryRow() }

func (r replies) Query(context.Context, string, ...any) (pgx.Rows, error) {
	return r.results.Query() //nolint:wrapcheck // a result of ours, translated
}

// noRows is an empty result.
type noRows struct{ pgx.Rows }

func (noRows) Next() bool { return false }

func (noRows) Err() error { return nil }

func (noRows) Close() {}
