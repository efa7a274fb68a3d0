package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

// written are the tables that a build writes, and how its rows are found.
func written() map[string]string {
	return map[string]string{
		"builds": "id = $1", "build_events": "build_id = $1", "build_steps": "build_id = $1", "build_files": "build_id = $1",
		"model_calls": "build_id = $1", "versions": "build_id = $1",
		"version_files": "version_id = (SELECT version_id FROM builds WHERE id = $1)",
		"projects":      "id = (SELECT project_id FROM builds WHERE id = $1)",
		"hold":          "build_id = $1",
		"journal":       "hold_id IN (SELECT id FROM hold WHERE build_id = $1)",
	}
}

// atOnce is how many builds a node works on at once.
const atOnce = 16

// floor writes the rows and the files of the build of a model again and again, a
// transaction and a folder each, and returns how many per second. Each contender's
// build also has to find out what to write.
func (b *bench) floor(ctx context.Context, model string) (float64, error) {
	files, err := b.prepareFloor(ctx, model)
	if err != nil {
		return 0, err
	}
	var next atomic.Int64
	errs := make([]error, atOnce)
	began := time.Now()
	var group sync.WaitGroup
	for i := range atOnce {
		group.Go(func() {
			for errs[i] == nil && int(next.Add(1)) <= b.builds {
				errs[i] = errors.Join(b.writeFiles(files), b.writeRows(ctx, model))
			}
		})
	}
	group.Wait()
	return float64(b.builds) / time.Since(began).Seconds(), errors.Join(errs...)
}

// prepareFloor makes empty tables without constraints beside the real ones, and
// reads how large the model's files are.
func (b *bench) prepareFloor(ctx context.Context, model string) (files []int64, err error) {
	for table := range written() {
		_, err := b.stack.DB.Exec(ctx, fmt.Sprintf(
			`DROP TABLE IF EXISTS floor_%[1]s; CREATE TABLE floor_%[1]s (LIKE %[1]s)`, table))
		if err != nil {
			return nil, fmt.Errorf("table %s: %w", table, err)
		}
	}
	rows, err := b.stack.DB.Query(ctx, `SELECT size_bytes FROM build_files WHERE build_id = $1`, model)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowTo[int64])
}

func (b *bench) writeRows(ctx context.Context, model string) error {
	batch := &pgx.Batch{}
	batch.Queue("BEGIN")
	for table, found := range written() {
		batch.Queue(fmt.Sprintf(`INSERT INTO floor_%[1]s SELECT * FROM %[1]s WHERE %[2]s`, table, found), model)
	}
	batch.Queue("COMMIT")
	return b.stack.DB.SendBatch(ctx, batch).Close()
}

// writeFiles writes files as a blob store does: under another name first.
func (b *bench) writeFiles(sizes []int64) error {
	dir := filepath.Join(b.dir, "floor", uuid.NewString())
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	for i, size := range sizes {
		name := filepath.Join(dir, fmt.Sprint(i))
		if err := os.WriteFile(name+".new", make([]byte, size), 0o600); err != nil {
			return err
		}
		if err := os.Rename(name+".new", name); err != nil {
			return err
		}
	}
	return nil
}
