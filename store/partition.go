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
// from <= id < to, unless a table of that name exists. Rows that the default
// partition caught in the meantime move into it. Two nodes that make the same one
// wait for each other. It is written by hand because DDL takes no parameters.
func CreateEventPartition(ctx context.Context, tx pgx.Tx, name string, from, to uuid.UUID) error {
	if _, err := tx.Exec(ctx, "SELECT pg_advisory_xact_lock($1)", int64(partitionLock)); err != nil {
		return fmt.Errorf("wait for the partition lock: %w", err)
	}
	var exists bool
	if err := tx.QueryRow(ctx, "SELECT to_regclass($1) IS NOT NULL", name).Scan(&exists); err != nil || exists {
		return err //nolint:wrapcheck // a transaction of InTx translates its errors
	}
	table := pgx.Identifier{name}.Sanitize()
	for _, statement := range []string{
		"CREATE TABLE %[1]s (LIKE build_events INCLUDING ALL)",
		`WITH moved AS (
			DELETE FROM build_events_default WHERE build_id >= '%[2]s' AND build_id < '%[3]s' RETURNING *
		) INSERT INTO %[1]s SELECT * FROM moved`,
		"ALTER TABLE build_events ATTACH PARTITION %[1]s FOR VALUES FROM ('%[2]s') TO ('%[3]s')",
	} {
		if _, err := tx.Exec(ctx, fmt.Sprintf(statement, table, from, to)); err != nil {
			return fmt.Errorf("create the partition: %w", err)
		}
	}
	return nil
}
