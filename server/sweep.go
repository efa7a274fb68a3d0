package server

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/riverqueue/river"

	"github.com/sheenapps/sheen/server/preview"
	"github.com/sheenapps/sheen/store"
)

const (
	// sweepEvery is how often blobs are looked for that nobody refers to, in all
	// nodes together.
	sweepEvery = time.Hour
	// sweepAtMost ends a run; the next one goes on where it stopped.
	sweepAtMost = 40 * time.Second
	// sweepTimeout leaves time to note where that was, and ends a run before the job
	// system takes it for dead (rescueAfter).
	sweepTimeout = 50 * time.Second
)

// sweepArgs is the job that deletes blobs that nobody refers to. Any number may run
// at once.
type sweepArgs struct{}

// Kind implements [river.JobArgs].
func (sweepArgs) Kind() string { return "blob_sweep" }

// InsertOpts implements [river.JobArgsWithInsertOpts]. The next run does what one
// did not.
func (sweepArgs) InsertOpts() river.InsertOpts {
	return river.InsertOpts{MaxAttempts: 1, UniqueOpts: river.UniqueOpts{ByPeriod: sweepEvery}}
}

// periodicSweep also runs at a start, unless the hour has had its run.
func periodicSweep() *river.PeriodicJob {
	return river.NewPeriodicJob(river.PeriodicInterval(sweepEvery),
		func() (river.JobArgs, *river.InsertOpts) { return sweepArgs{}, nil },
		&river.PeriodicJobOpts{RunOnStart: true})
}

type sweepWorker struct {
	river.WorkerDefaults[sweepArgs]

	db      *store.DB
	queries *store.Queries
	blobs   *preview.Blobs
	deleted prometheus.Counter
	bytes   prometheus.Counter
	log     *slog.Logger
}

func newSweepWorker(db *store.DB, blobs *preview.Blobs, registry prometheus.Registerer, log *slog.Logger) *sweepWorker {
	w := &sweepWorker{
		db: db, queries: store.New(), blobs: blobs, log: log,
		deleted: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "sheen_blobs_deleted_total", Help: "Contents that this node deleted because nobody referred to them.",
		}),
		bytes: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "sheen_blobs_deleted_bytes_total", Help: "What those contents had, in bytes.",
		}),
	}
	registry.MustRegister(w.deleted, w.bytes)
	return w
}

// Timeout implements [river.Worker].
func (*sweepWorker) Timeout(*river.Job[sweepArgs]) time.Duration { return sweepTimeout }

// Work implements [river.Worker].
func (w *sweepWorker) Work(ctx context.Context, _ *river.Job[sweepArgs]) error {
	at, err := w.queries.BlobSweepCursor(ctx, w.db)
	if err != nil {
		return err
	}
	sweeping, cancel := context.WithTimeout(ctx, sweepAtMost)
	defer cancel()
	swept, sweepErr := w.blobs.Sweep(sweeping, preview.Cursor{Folder: int(at.Folder), Token: at.PageToken}, w.referenced)
	w.deleted.Add(float64(swept.Deleted))
	w.bytes.Add(float64(swept.Bytes))
	if swept.Deleted > 0 {
		w.log.InfoContext(ctx, "files that nobody refers to are gone", "blobs", swept.Deleted, "bytes", swept.Bytes, "seen", swept.Seen)
	}
	// Also when the node stops: what was swept is swept.
	noting, done := context.WithTimeout(context.WithoutCancel(ctx), sweepTimeout-sweepAtMost)
	defer done()
	token := swept.Next.Token
	if token == nil {
		token = []byte{}
	}
	moveErr := w.queries.BlobSweepMove(noting, w.db, &store.BlobSweepMoveParams{
		Folder: int32(swept.Next.Folder), PageToken: token, //nolint:gosec // below 256
	})
	return errors.Join(sweepErr, moveErr)
}

// referenced says which digests a version or a build names.
func (w *sweepWorker) referenced(ctx context.Context, digests []preview.Digest) (map[preview.Digest]bool, error) {
	params := &store.BlobReferencedManyParams{Digests: make([][]byte, len(digests))}
	for i := range digests {
		params.Digests[i] = digests[i][:]
	}
	rows, err := w.queries.BlobReferencedMany(ctx, w.db, params)
	if err != nil {
		return nil, err
	}
	found := make(map[preview.Digest]bool, len(rows))
	for _, row := range rows {
		found[preview.Digest(row)] = true
	}
	return found, nil
}
