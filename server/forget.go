package server

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/google/uuid"

	"github.com/sheenapps/sheen/store"
)

const (
	// keepWork is for how long after its end a build keeps its steps and files,
	// from which a retry goes on. What is in a version stays.
	keepWork = 30 * 24 * time.Hour
	// forgetBatch is how many builds are forgotten about in one statement.
	forgetBatch = 200
)

// forgetWork drops the steps and files of builds that ended long before now.
func forgetWork(ctx context.Context, db *store.DB, now time.Time, log *slog.Logger) error {
	queries, before := store.New(), now.Add(-keepWork)
	first := firstID(before)
	files, filesErr := drained(func() (int64, error) {
		return queries.BuildFileDropEnded(ctx, db, &store.BuildFileDropEndedParams{Before: &before, BeforeID: first, BatchSize: forgetBatch})
	})
	steps, stepsErr := drained(func() (int64, error) {
		return queries.BuildStepDropEnded(ctx, db, &store.BuildStepDropEndedParams{Before: &before, BeforeID: first, BatchSize: forgetBatch})
	})
	if files > 0 || steps > 0 {
		log.InfoContext(ctx, "work of old builds is gone", "files", files, "steps", steps)
	}
	return errors.Join(filesErr, stepsErr)
}

// drained repeats a deletion until there is nothing left, and adds up.
func drained(drop func() (int64, error)) (rows int64, err error) {
	for {
		n, err := drop()
		rows += n
		if err != nil || n == 0 {
			return rows, err
		}
	}
}

// firstID is the smallest UUIDv7 of an instant.
func firstID(at time.Time) (id uuid.UUID) {
	ms := at.UnixMilli()
	for i := range 6 {
		id[i] = byte(ms >> (8 * (5 - i))) //nolint:gosec // one byte of it is meant
	}
	return id
}
