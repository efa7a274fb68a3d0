package server

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/sheenapps/sheen/server/preview"
	"github.com/sheenapps/sheen/server/preview/s3blob"
	"github.com/sheenapps/sheen/store"
)

var errNoFolder = errors.New("it is not there: make it, or mount what it should be")

// openBlobs opens the store of files that the configuration names.
func (s *Server) openBlobs(ctx context.Context, db *store.DB) (*preview.Blobs, error) {
	lock := preview.WithLock(blobLock(db))
	address := s.cfg.Blobs
	switch {
	case address == "":
		return preview.OpenBlobs(filepath.Join(s.cfg.DataDir, "blobs"), lock)
	case strings.HasPrefix(address, "s3:"):
		opts, err := s3blob.Parse(address)
		if err != nil {
			return nil, fmt.Errorf("SHEEN_BLOBS: %w", err)
		}
		bucket, err := s3blob.Open(ctx, opts)
		if err != nil {
			return nil, fmt.Errorf("SHEEN_BLOBS: %w", err)
		}
		return preview.NewBlobs(bucket, lock), nil
	default:
		// It is not made: an empty folder may be a disk that is not mounted.
		dir := folderOf(address)
		if info, err := os.Stat(dir); err != nil || !info.IsDir() {
			return nil, fmt.Errorf("SHEEN_BLOBS: the folder %s: %w", dir, errNoFolder)
		}
		return preview.OpenBlobs(dir, lock)
	}
}

// blobLock keeps all processes of a database but one from touching an old blob.
func blobLock(db *store.DB) preview.Lock {
	queries := store.New()
	return func(ctx context.Context, digest preview.Digest, fn func(ctx context.Context) error) error {
		return store.InTx(ctx, db, func(tx pgx.Tx) error {
			if err := queries.BlobLock(ctx, tx, &store.BlobLockParams{Digest: digest[:]}); err != nil {
				return err
			}
			return fn(ctx)
		})
	}
}
