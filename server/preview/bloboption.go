package preview

import (
	"context"
	"sync"
	"time"
)

// DefaultGrace is the grace where [WithGrace] sets none.
const DefaultGrace = 24 * time.Hour

// BlobOption changes how a [Blobs] works. Without any it fits one process.
type BlobOption func(*Blobs)

// WithGrace sets how old a content must be that nobody refers to before
// [Blobs.Sweep] deletes it, by the store's clock. Who puts a content has half of it
// to refer to what was put.
func WithGrace(grace time.Duration) BlobOption { return func(b *Blobs) { b.grace = grace } }

// WithLock sets what keeps all processes but one from touching an old content.
// Without it a Blobs keeps only its own callers apart.
func WithLock(lock Lock) BlobOption { return func(b *Blobs) { b.lock = lock } }

// Lock runs fn while nobody else runs another one for the digest. Its error is
// fn's, or says that fn may not have run.
type Lock func(ctx context.Context, digest Digest, fn func(ctx context.Context) error) error

// localLock is one lock for all digests.
func localLock() Lock {
	var mu sync.Mutex
	return func(ctx context.Context, _ Digest, fn func(ctx context.Context) error) error {
		mu.Lock()
		defer mu.Unlock()
		return fn(ctx)
	}
}
