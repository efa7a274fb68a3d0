package server

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/riverqueue/river"

	"github.com/sheenapps/sheen/server/preview"
	"github.com/sheenapps/sheen/store"
	"github.com/sheenapps/sheen/store/storetest"
)

// sweepBundle is a store of blobs and a database whose rows refer to them.
type sweepBundle struct {
	t     *testing.T
	db    *store.DB
	dir   string
	blobs *preview.Blobs
	job   *sweepWorker
	seen  *prometheus.Registry
}

func setupSweep(t *testing.T) *sweepBundle {
	t.Helper()
	b := &sweepBundle{t: t, db: storetest.New(t), dir: t.TempDir(), seen: prometheus.NewRegistry()}
	var err error
	if b.blobs, err = preview.OpenBlobs(b.dir, preview.WithLock(blobLock(b.db))); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := b.blobs.Close(); err != nil {
			t.Error(err)
		}
	})
	b.job = newSweepWorker(b.db, b.blobs, b.seen, slog.New(slog.DiscardHandler))
	return b
}

// put stores a content.
func (b *sweepBundle) put(content string) preview.Digest {
	b.t.Helper()
	digest, err := b.blobs.Put(b.t.Context(), []byte(content))
	if err != nil {
		b.t.Fatal(err)
	}
	return digest
}

// age makes all contents older than they must be to go.
func (b *sweepBundle) age() {
	b.t.Helper()
	then := time.Now().Add(-preview.DefaultGrace - time.Minute)
	err := filepath.WalkDir(b.dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		return os.Chtimes(path, then, then)
	})
	if err != nil {
		b.t.Fatal(err)
	}
}

func (b *sweepBundle) exec(sql string, args ...any) {
	b.t.Helper()
	if _, err := b.db.Exec(b.t.Context(), sql, args...); err != nil {
		b.t.Fatal(err)
	}
}

func (b *sweepBundle) number(sql string, args ...any) (n int) {
	b.t.Helper()
	if err := b.db.QueryRow(b.t.Context(), sql, args...).Scan(&n); err != nil {
		b.t.Fatal(err)
	}
	return n
}

// build stores a build of an instant with a step and a file, which ended then
// unless it still runs.
func (b *sweepBundle) build(began time.Time, running bool, digest preview.Digest) uuid.UUID {
	b.t.Helper()
	id, project := firstID(began), uuid.New()
	id[15] = byte(b.number(`SELECT count(*) FROM builds`))
	b.exec(`INSERT INTO projects (id, user_id) VALUES ($1, $1)`, project)
	b.exec(`INSERT INTO builds (id, build_session_id, request_hash, user_id, project_id, operation, prompt, locale, state, hold_id, held_seconds, end_time, create_time)
		VALUES ($1, 'bs_' || gen_random_uuid(), $2, $3, $3, 'main_build', 'a salon', 'en', 'cancelled', $3, 0, $4, $4)`, id, make([]byte, 32), project, began)
	if running {
		b.exec(`UPDATE builds SET state = 'coding', end_time = NULL WHERE id = $1`, id)
	}
	b.exec(`INSERT INTO build_steps (build_id, step, result) VALUES ($1, 'plan', '{}')`, id)
	b.exec(`INSERT INTO build_files (build_id, path, digest, size_bytes) VALUES ($1, 'index.html', $2, 1)`, id, digest[:])
	return id
}

// version stores a version with one file.
func (b *sweepBundle) version(digest preview.Digest) {
	b.t.Helper()
	id := uuid.New()
	b.exec(`INSERT INTO projects (id, user_id) VALUES ($1, $1)`, id)
	b.exec(`INSERT INTO versions (id, project_id, number, root, engine, file_count, size_bytes) VALUES ($1, $1, 1, $2, 'offline', 1, 1)`, id, make([]byte, 32))
	b.exec(`INSERT INTO version_files (version_id, path, digest, size_bytes) VALUES ($1, 'index.html', $2, 1)`, id, digest[:])
}

func (b *sweepBundle) work() {
	b.t.Helper()
	if err := b.job.Work(b.t.Context(), &river.Job[sweepArgs]{}); err != nil {
		b.t.Fatal(err)
	}
}

func (b *sweepBundle) has(digest preview.Digest) bool {
	b.t.Helper()
	_, err := b.blobs.Get(b.t.Context(), digest)
	if err != nil && !errors.Is(err, preview.ErrNotFound) {
		b.t.Fatal(err)
	}
	return err == nil
}

// Every table that names contents by their digests. One more must be asked by
// BlobReferencedMany, or its contents are deleted.
func TestWhoRefersToBlobs(t *testing.T) {
	t.Parallel()
	b := setupSweep(t)
	n := b.number(`SELECT count(*) FROM information_schema.columns
		WHERE column_name LIKE '%digest%' AND table_schema = current_schema() AND table_name NOT IN ('build_files', 'version_files')`)
	if n != 0 {
		t.Errorf("%d more columns with digests", n)
	}
	if b.number(`SELECT count(*) FROM information_schema.columns WHERE column_name = 'digest'`) < 2 {
		t.Error("the columns are not found: nothing was tested")
	}
}

func TestSweepJob(t *testing.T) {
	t.Parallel()
	b := setupSweep(t)
	inVersion, inBuild, gone := b.put("version"), b.put("build"), b.put("nobody's")
	b.version(inVersion)
	b.build(time.Now().Add(-time.Hour), false, inBuild)
	b.work()
	if !b.has(gone) {
		t.Fatal("a young blob is gone")
	}
	b.age()
	b.exec(`UPDATE blob_sweep SET folder = 255`)
	b.work()
	if !b.has(gone) || b.number(`SELECT folder FROM blob_sweep`) != 0 {
		t.Error("the sweep did not go on where the last one stopped, and then begin again")
	}
	b.work()
	if b.has(gone) || !b.has(inVersion) || !b.has(inBuild) {
		t.Error("the wrong blob is gone")
	}
	families, err := b.seen.Gather()
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]float64{"sheen_blobs_deleted_total": 1, "sheen_blobs_deleted_bytes_total": float64(len("nobody's"))}
	for _, family := range families {
		if got := family.GetMetric()[0].GetCounter().GetValue(); got != want[family.GetName()] {
			t.Errorf("%s is %v", family.GetName(), got)
		}
	}
	if len(families) != len(want) {
		t.Errorf("%d metrics", len(families))
	}
}

// The work of builds that ended long ago is forgotten, and then its files go. What
// runs, what ended lately and what is in a version stays.
func TestForgetWork(t *testing.T) {
	t.Parallel()
	b := setupSweep(t)
	now := time.Now()
	kept := map[string]preview.Digest{}
	for name, test := range map[string]struct {
		began   time.Time
		running bool
	}{
		"lately":       {now.Add(-keepWork + time.Hour), false},
		"running":      {now.Add(-2 * keepWork), true},
		"in a version": {now.Add(-2 * keepWork), false},
	} {
		kept[name] = b.put(name)
		b.build(test.began, test.running, kept[name])
	}
	b.version(kept["in a version"])
	failed := b.put("failed long ago")
	old := b.build(now.Add(-keepWork-time.Hour), false, failed)
	b.age()
	b.work()
	if !b.has(failed) {
		t.Fatal("the files of a build are gone before it is forgotten")
	}
	if err := forgetWork(t.Context(), b.db, now, slog.New(slog.DiscardHandler)); err != nil {
		t.Fatal(err)
	}
	if n := b.number(`SELECT count(*) FROM build_files WHERE build_id = $1`, old) + b.number(`SELECT count(*) FROM build_steps WHERE build_id = $1`, old); n != 0 {
		t.Errorf("%d rows of an old build are left", n)
	}
	if files, steps := b.number(`SELECT count(*) FROM build_files`), b.number(`SELECT count(*) FROM build_steps`); files != 2 || steps != 2 {
		t.Errorf("%d files and %d steps are left, want 2 of each", files, steps)
	}
	b.work()
	if b.has(failed) {
		t.Error("the files of a forgotten build are still there")
	}
	for name, digest := range kept {
		if !b.has(digest) {
			t.Errorf("%s: the file is gone", name)
		}
	}
}

// What a retry takes over is not forgotten before the retry is there.
func TestForgetWaitsForARetry(t *testing.T) {
	t.Parallel()
	b := setupSweep(t)
	now := time.Now()
	file := b.put("index")
	parent := b.build(now.Add(-keepWork-time.Hour), false, file)
	retry := b.build(now, true, file)
	b.exec(`DELETE FROM build_files WHERE build_id = $1`, retry)
	b.age()
	err := store.InTx(t.Context(), b.db, func(tx pgx.Tx) error {
		n, err := b.job.queries.BuildFileCopy(t.Context(), tx, &store.BuildFileCopyParams{BuildID: retry, ParentBuildID: parent})
		if err != nil || n != 1 {
			t.Errorf("took %d files over, %v", n, err)
		}
		short, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
		defer cancel()
		if err := forgetWork(short, b.db, now, slog.New(slog.DiscardHandler)); err == nil {
			t.Error("the parent was forgotten meanwhile")
		}
		b.work()
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := forgetWork(t.Context(), b.db, now, slog.New(slog.DiscardHandler)); err != nil {
		t.Fatal(err)
	}
	b.work()
	if !b.has(file) || b.number(`SELECT count(*) FROM build_files WHERE build_id = $1`, retry) != 1 {
		t.Error("the retry's file is gone")
	}
}

// Two processes never touch the same old blob at once: the lock is the database's.
func TestBlobLock(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	one, other := blobLock(db), blobLock(db)
	mine, yours := preview.DigestOf([]byte("mine")), preview.DigestOf([]byte("yours"))
	nothing := func(context.Context) error { return nil }
	err := one(t.Context(), mine, func(ctx context.Context) error {
		if err := other(ctx, yours, nothing); err != nil {
			t.Errorf("another blob: %v", err)
		}
		waiting, cancel := context.WithTimeout(ctx, 50*time.Millisecond)
		defer cancel()
		err := other(waiting, mine, func(context.Context) error {
			t.Error("two have the lock of a blob")
			return nil
		})
		if err == nil {
			t.Error("the second one did not wait")
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := other(t.Context(), mine, nothing); err != nil {
		t.Errorf("after the first one: %v", err)
	}
}
