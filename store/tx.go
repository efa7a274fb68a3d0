package store

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/jackc/pgx/v5"
)

// maxTries bounds how often [InTx] repeats a transaction that lost a race.
const maxTries = 5

// InTx runs fn in a transaction and commits it if fn returns nil.
//
// A transaction that lost a deadlock or a serialization race is repeated, at
// most five times in all, so fn must have no effect outside the transaction. A
// commit whose reply was lost is never repeated: it may have happened. That is
// [ErrUnavailable], and the caller's idempotency key decides what to do.
func InTx(ctx context.Context, db *DB, fn func(tx pgx.Tx) error) error {
	return retried(ctx, func() error { return runTx(ctx, db, fn) })
}

// InSnapshot runs fn in a transaction that only reads, and that sees the database
// as it is at its first statement, whatever is written meanwhile.
func InSnapshot(ctx context.Context, db *DB, fn func(snapshot DBTX) error) error {
	driverTx, err := db.pool.BeginTx(ctx, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly})
	if err != nil {
		return translate(err)
	}
	err = fn(tx{driverTx})
	// There is nothing to commit. The rollback may fail only with the connection,
	// which is then not used again; it must happen even if ctx has ended.
	_ = driverTx.Rollback(context.WithoutCancel(ctx))
	return err
}

// retried repeats run while it loses races.
func retried(ctx context.Context, run func() error) error {
	var err error
	for try := range maxTries {
		if err = run(); !errors.Is(err, errRetry) {
			return err
		}
		// Full jitter (Brooker, "Exponential Backoff And Jitter", 2015) from 5 ms.
		pause := time.Duration(rand.Int64N(int64(5*time.Millisecond) << try)) //nolint:gosec // no secret, a spread
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(pause):
		}
	}
	return fmt.Errorf("%w: %w", ErrUnavailable, err)
}

func runTx(ctx context.Context, db *DB, fn func(tx pgx.Tx) error) error {
	driverTx, err := db.pool.Begin(ctx)
	if err != nil {
		return translate(err)
	}
	if err := fn(tx{driverTx}); err != nil {
		// The rollback may fail only with the connection, and with that the
		// transaction is gone too. It must happen even if ctx has ended.
		_ = driverTx.Rollback(context.WithoutCancel(ctx))
		return err
	}
	if err := translate(driverTx.Commit(ctx)); err != nil {
		return fmt.Errorf("commit: %w", err)
	}
	return nil
}
