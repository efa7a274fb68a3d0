package build

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/sheenapps/sheen/server/engine"
	"github.com/sheenapps/sheen/server/fault"
	"github.com/sheenapps/sheen/server/preview"
)

const (
	// blobPatience is how long a build waits for the store of blobs while that is
	// away. It goes on then without having lost anything; giving it back instead
	// would make its model calls again, on another node that misses the same store.
	// A build that waited in vain fails for the platform's sake: nobody pays.
	blobPatience = time.Minute
	// blobPause is the longest wait between two tries, beside those of the store's
	// own client.
	blobPause = 2 * time.Second
)

// putBlob stores a content, and waits while the store is away.
func (r *run) putBlob(ctx context.Context, content []byte) (digest preview.Digest, err error) {
	err = r.patiently(ctx, func() (err error) {
		digest, err = r.w.blobs.Put(ctx, content)
		return err
	})
	return digest, err
}

// blobFile reads a file's content, and waits while the store is away.
func (r *run) blobFile(ctx context.Context, path string, digest []byte) (file engine.File, err error) {
	file.Path = path
	err = r.patiently(ctx, func() (err error) {
		file.Content, err = r.w.blobs.Get(ctx, preview.Digest(digest))
		return err
	})
	return file, err
}

// patiently repeats a call while the store of blobs is away, and does not charge
// for the time after the first failure.
func (r *run) patiently(ctx context.Context, call func() error) error {
	err := call()
	if !errors.Is(err, preview.ErrUnavailable) {
		return err
	}
	defer r.allowance.wait()()
	r.w.logger.WarnContext(ctx, "the store of blobs is away", "build_id", r.build.ID, "cause", err)
	waiting, cancel := context.WithTimeout(ctx, r.w.blobPatience)
	defer cancel()
	for errors.Is(err, preview.ErrUnavailable) {
		select {
		case <-waiting.Done():
			return err
		case <-time.After(rand.N(blobPause)): //nolint:gosec // no secret, a spread
		}
		err = call()
	}
	return err
}

// blobFault says to a caller that the store of blobs is away, and is err otherwise.
func blobFault(err error) error {
	if errors.Is(err, preview.ErrUnavailable) {
		return fault.StoreUnavailable(err)
	}
	return err
}
