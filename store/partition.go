package store

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

// partitionLock is the advisory lock under which partitions are made: "events"
// in ASCII.
const partitionLock = 0x6576656e7473

// CreateEventPartition makes the partition of the event log for the builds with
// from <= id < to, unless a table of that name exists. Two nodes that make the
// same one wait for each other. It is written by hand because DDL takes no
// parameters.
func CreateEventPartition(ctx context.Context, tx pgx.Tx, name string, from, to uuid.UUID) error {
	if _, err := tx.Exec(ctx, "SELECT pg_advisory_xact_lock($1)", int64(partitionLock)); err != nil {
		return fmt.Errorf("wait for the partition lock: %w", err)
	}
	table := pgx.Identifier{name}.Sanitize()
	_, err := tx.Exec(ctx, fmt.Sprintf(
		"CREATE TABLE IF NOT EXISTS %s PARTITION OF build_events FOR VALUES FROM ('%s') TO ('%s')", table, from, to))
	if err != nil {
		return fmt.Errorf("create the partition: %w", err)
	}
	return nil
}
