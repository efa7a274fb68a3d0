package store

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

// partitionLock is the advisory lock under which partitions are made and
// dropped: "events" in ASCII.
const partitionLock = 0x6576656e7473

// A table's lock is waited for in short turns, because appends and reads queue
// up behind the one who waits. After all of them, for about five seconds, the
// change is left for later.
const (
	lockTurn  = "50ms"
	lockTurns = 20
	lockPause = 400 * time.Millisecond
)

// maxMoved bounds the rows that move out of the default partition while it is
// locked: about a second's work.
const maxMoved = 100_000

var (
	// ErrLocked says that somebody else holds a lock for longer than is waited.
	ErrLocked = errors.New("a lock is held by somebody else")
	// ErrRunning says that a build of a partition is not over.
	ErrRunning = errors.New("a build of the partition is not over")
)

// EventPartition is the part of the event log with the builds From <= id < To.
type EventPartition struct {
	Name     string
	From, To uuid.UUID
}

// table is the partition's name as SQL.
func (p EventPartition) table() string { return pgx.Identifier{p.Name}.Sanitize() }

// EventPartitionsBefore lists the partitions whose ids are all below one, the
// oldest first. Ones without two bounds are left out, such as the default one.
func EventPartitionsBefore(ctx context.Context, db *DB, before uuid.UUID) ([]EventPartition, error) {
	rows, err := db.Query(ctx, `
		SELECT c.relname, bounds[1]::uuid, bounds[2]::uuid
		FROM pg_inherits AS i
		JOIN pg_class AS c ON c.oid = i.inhrelid
		CROSS JOIN regexp_match(pg_get_expr(c.relpartbound, c.oid), 'FROM \(''(.{36})''\) TO \(''(.{36})''\)') AS bounds
		WHERE i.inhparent = 'build_events'::regclass AND bounds[2]::uuid <= $1
		ORDER BY 3`, before)
	if err != nil {
		return nil, fmt.Errorf("list the partitions: %w", err)
	}
	partitions, err := pgx.CollectRows(rows, pgx.RowToStructByPos[EventPartition])
	if err != nil {
		return nil, fmt.Errorf("list the partitions: %w", err)
	}
	return partitions, nil
}

// CreateEventPartition makes a partition unless there is one of its name. Rows
// that the default partition caught meanwhile move into it, unless they are so
// many that appends would feel it: then nothing is made, and they stay. It may run
// anywhere at once. It returns [ErrLocked] if it has to be tried again later.
func CreateEventPartition(ctx context.Context, db *DB, p EventPartition) error {
	// Nearly always it is there: then nobody is locked out to find out.
	if exists, err := isPartition(ctx, db, p.Name); err != nil || exists {
		return err
	}
	return changePartitions(ctx, db, func(tx pgx.Tx) error {
		if exists, err := isPartition(ctx, tx, p.Name); err != nil || exists {
			return err
		}
		// The parent too, against appends: one that has chosen the default partition
		// already and waits for it would be refused there after the attachment.
		_, err := tx.Exec(ctx, `LOCK TABLE ONLY build_events IN SHARE ROW EXCLUSIVE MODE;
			LOCK TABLE ONLY build_events_default IN ACCESS EXCLUSIVE MODE`)
		if err != nil {
			return fmt.Errorf("lock the default partition: %w", err)
		}
		if crowded, err := crowded(ctx, tx, p); err != nil || crowded {
			return err
		}
		return makePartition(ctx, tx, p)
	})
}

// isPartition asks the catalog's tables, not to_regclass: that remembers what was
// not there before a wait.
func isPartition(ctx context.Context, db DBTX, name string) (exists bool, err error) {
	err = db.QueryRow(ctx, `
		SELECT EXISTS (SELECT FROM pg_inherits AS i JOIN pg_class AS c ON c.oid = i.inhrelid
			WHERE i.inhparent = 'build_events'::regclass AND c.relname = $1)`, name).Scan(&exists)
	if err != nil {
		return false, fmt.Errorf("look for the partition: %w", err)
	}
	return exists, nil
}

// crowded reports whether too many rows would have to move.
func crowded(ctx context.Context, tx pgx.Tx, p EventPartition) (yes bool, err error) {
	err = tx.QueryRow(ctx, `
		SELECT EXISTS (SELECT FROM build_events_default WHERE build_id >= $1 AND build_id < $2 OFFSET $3)`,
		p.From, p.To, maxMoved).Scan(&yes)
	if err != nil {
		return false, fmt.Errorf("count what has to move: %w", err)
	}
	return yes, nil
}

func makePartition(ctx context.Context, tx pgx.Tx, p EventPartition) error {
	for _, statement := range []string{
		"CREATE TABLE %[1]s (LIKE build_events INCLUDING ALL)",
		`WITH moved AS (
			DELETE FROM build_events_default WHERE build_id >= '%[2]s' AND build_id < '%[3]s' RETURNING *
		) INSERT INTO %[1]s SELECT * FROM moved`,
		"ALTER TABLE build_events ATTACH PARTITION %[1]s FOR VALUES FROM ('%[2]s') TO ('%[3]s')",
	} {
		// By hand, because DDL takes no parameters.
		if _, err := tx.Exec(ctx, fmt.Sprintf(statement, p.table(), p.From, p.To)); err != nil {
			return fmt.Errorf("create the partition: %w", err)
		}
	}
	return nil
}

// DropEventPartition drops a partition and its events. It returns [ErrRunning]
// and leaves it alone while a build in it is not over, and [ErrLocked] if it has
// to be tried again later. One that is gone is no error.
//
// It is a plain drop under a short lock: to detach concurrently is not possible
// beside a default partition, and the files go after the lock.
func DropEventPartition(ctx context.Context, db *DB, p EventPartition) error {
	return changePartitions(ctx, db, func(tx pgx.Tx) error {
		// Before the lock: a build that is over stays over.
		var running bool
		err := tx.QueryRow(ctx, `
			SELECT EXISTS (SELECT FROM builds
				WHERE id >= $1 AND id < $2 AND state NOT IN ('complete', 'failed', 'cancelled'))`,
			p.From, p.To).Scan(&running)
		if err != nil {
			return fmt.Errorf("look for running builds: %w", err)
		}
		if running {
			return ErrRunning
		}
		if _, err := tx.Exec(ctx, "DROP TABLE IF EXISTS "+p.table()); err != nil {
			return fmt.Errorf("drop the partition: %w", err)
		}
		return nil
	})
}

// DeleteDefaultEvents deletes, from the default partition, all events of up to
// limit builds with an id below one, and returns how many that were. Builds that
// are not over keep theirs. It locks nobody out.
func DeleteDefaultEvents(ctx context.Context, db *DB, before uuid.UUID, limit int) (int64, error) {
	// Whole builds, so that no reader finds a hole.
	tag, err := db.Exec(ctx, `
		DELETE FROM build_events_default
		WHERE build_id IN (
			SELECT e.build_id FROM build_events_default AS e
			WHERE e.build_id < $1 AND NOT EXISTS (SELECT FROM builds AS b
				WHERE b.id = e.build_id AND b.state NOT IN ('complete', 'failed', 'cancelled'))
			GROUP BY e.build_id
			ORDER BY e.build_id
			LIMIT $2)`, before, limit)
	if err != nil {
		return 0, fmt.Errorf("delete from the default partition: %w", err)
	}
	return tag.RowsAffected(), nil
}

// changePartitions runs fn in a transaction that waits for a lock for one short
// turn, and repeats it for each turn. One node changes partitions at a time.
func changePartitions(ctx context.Context, db *DB, fn func(tx pgx.Tx) error) error {
	var err error
	for range lockTurns {
		err = InTx(ctx, db, func(tx pgx.Tx) error {
			// This lock is waited for as long as it takes: it is in nobody else's way.
			if _, err := tx.Exec(ctx, "SELECT pg_advisory_xact_lock($1)", int64(partitionLock)); err != nil {
				return fmt.Errorf("wait for the partition lock: %w", err)
			}
			if _, err := tx.Exec(ctx, "SET LOCAL lock_timeout = '"+lockTurn+"'"); err != nil {
				return fmt.Errorf("bound the wait for locks: %w", err)
			}
			return fn(tx)
		})
		if !errors.Is(err, ErrLocked) {
			return err
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(rand.N(lockPause)): //nolint:gosec // no secret, a spread
		}
	}
	return err
}
