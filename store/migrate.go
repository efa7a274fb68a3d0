package store

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/rivermigrate"

	"github.com/sheenapps/sheen/migrations"
)

// migrationLock is the advisory lock under which the schema changes: "sheen" in
// ASCII.
const migrationLock = 0x736865656e

// Migrate brings the schema up to date: ours, then River's. Nodes that start
// together wait for each other. It does nothing on a current schema.
func Migrate(ctx context.Context, db *DB) error {
	conn, err := db.pool.Acquire(ctx)
	if err != nil {
		return translate(err)
	}
	// The lock lives as long as its session, so it ends even if the unlock fails.
	defer conn.Release()
	if _, err := conn.Exec(ctx, "SELECT pg_advisory_lock($1)", int64(migrationLock)); err != nil {
		return fmt.Errorf("wait for the migration lock: %w", translate(err))
	}
	err = errors.Join(migrateOurs(ctx, db), migrateRiver(ctx, db))
	_, unlockErr := conn.Exec(context.WithoutCancel(ctx), "SELECT pg_advisory_unlock($1)", int64(migrationLock))
	return errors.Join(err, unlockErr)
}

func migrateOurs(ctx context.Context, db *DB) (err error) {
	sqlDB := stdlib.OpenDBFromPool(db.pool)
	defer func() { err = errors.Join(err, sqlDB.Close()) }()
	provider, err := goose.NewProvider(goose.DialectPostgres, sqlDB, migrations.Files)
	if err != nil {
		return fmt.Errorf("read the migrations: %w", err)
	}
	if _, err := provider.Up(ctx); err != nil {
		return fmt.Errorf("migrate: %w", translate(err))
	}
	return nil
}

func migrateRiver(ctx context.Context, db *DB) error {
	migrator, err := rivermigrate.New(riverpgxv5.New(db.pool), nil)
	if err != nil {
		return fmt.Errorf("set up the job system's migrations: %w", err)
	}
	if _, err := migrator.Migrate(ctx, rivermigrate.DirectionUp, nil); err != nil {
		return fmt.Errorf("migrate the job system's tables: %w", translate(err))
	}
	return nil
}
