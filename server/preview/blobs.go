package preview

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"gocloud.dev/blob"
	"gocloud.dev/blob/fileblob"
	"gocloud.dev/gcerrors"
)

// MaxBlobBytes is the largest content that is stored, in bytes: no file can be
// larger than all files of a build together.
const MaxBlobBytes = 20 << 20

// temporarySuffix ends the names of files that are being written, behind the name
// of the blob, a dot and a number.
const temporarySuffix = ".tmp"

// folderMode keeps the files of users to the account that runs the server.
const folderMode = 0o700

// Blobs stores contents under their digests. It is safe for concurrent use, by
// many processes too: a content is put in place whole, by a rename or by a store
// that shows nothing else.
type Blobs struct {
	bucket *blob.Bucket
	grace  time.Duration
	lock   Lock
}

// OpenBlobs stores blobs in files under dir, which is made when it is not
// there. An interrupted Put can leave a file that ends in ".tmp"; it is never
// read, and [Blobs.Sweep] deletes it.
func OpenBlobs(dir string, opts ...BlobOption) (*Blobs, error) {
	bucket, err := fileblob.OpenBucket(dir, &fileblob.Options{
		CreateDir:   true,
		DirFileMode: folderMode,
		// A rename from the system's temporary folder may cross file systems.
		NoTempDir: true,
		Metadata:  fileblob.MetadataDontWrite,
	})
	if err != nil {
		return nil, fmt.Errorf("open blob folder: %w", err)
	}
	return NewBlobs(bucket, opts...), nil
}

// NewBlobs stores blobs in bucket, which belongs to the Blobs from then on.
func NewBlobs(bucket *blob.Bucket, opts ...BlobOption) *Blobs {
	b := &Blobs{bucket: bucket, grace: DefaultGrace, lock: localLock()}
	for _, opt := range opts {
		opt(b)
	}
	return b
}

// Close releases the bucket.
func (b *Blobs) Close() error {
	if err := b.bucket.Close(); err != nil {
		return fmt.Errorf("close blobs: %w", err)
	}
	return nil
}

// callTimeout bounds a read or a write, which has [MaxBlobBytes] at most.
const callTimeout = time.Minute

// Put stores content and returns its digest. When it returns, the content is on
// stable storage, and [Blobs.Sweep] leaves it there for half of the grace at
// least. Putting the same content again costs a read, and replaces a damaged or an
// old copy. The errors are [ErrTooLarge], [ErrUnavailable] and those of ctx.
func (b *Blobs) Put(ctx context.Context, content []byte) (Digest, error) {
	if len(content) > MaxBlobBytes {
		return Digest{}, fmt.Errorf("put %d bytes: %w", len(content), ErrTooLarge)
	}
	digest := DigestOf(content)
	_, written, err := b.get(ctx, digest)
	switch {
	case errors.Is(err, ErrNotFound):
		err = b.write(ctx, digest, content)
	case errors.Is(err, ErrCorrupt), err == nil && time.Since(written) > b.grace/2:
		// What is there may be about to be deleted: this comes before or after,
		// never between the last look at its age and the end of it.
		err = b.lock(ctx, digest, func(ctx context.Context) error { return b.write(ctx, digest, content) })
	}
	if err != nil {
		return Digest{}, fmt.Errorf("put blob: %w", unavailable(ctx, err))
	}
	return digest, nil
}

// Get returns the content of digest, verified. The errors are [ErrNotFound],
// [ErrCorrupt], [ErrUnavailable] and those of ctx.
func (b *Blobs) Get(ctx context.Context, digest Digest) ([]byte, error) {
	content, _, err := b.get(ctx, digest)
	return content, unavailable(ctx, err)
}

// get also returns when the content was written last.
func (b *Blobs) get(ctx context.Context, digest Digest) (content []byte, written time.Time, err error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	reader, err := b.bucket.NewReader(ctx, key(digest), nil)
	if gcerrors.Code(err) == gcerrors.NotFound {
		return nil, time.Time{}, fmt.Errorf("blob %s: %w", digest, ErrNotFound)
	}
	if err != nil {
		return nil, time.Time{}, fmt.Errorf("open blob %s: %w", digest, err)
	}
	content, err = io.ReadAll(io.LimitReader(reader, MaxBlobBytes+1))
	if err = errors.Join(err, reader.Close()); err != nil {
		return nil, time.Time{}, fmt.Errorf("read blob %s: %w", digest, err)
	}
	if DigestOf(content) != digest {
		return nil, time.Time{}, fmt.Errorf("blob %s: %w", digest, ErrCorrupt)
	}
	return content, reader.ModTime(), nil
}

// unavailable marks an error of the store as such: neither the content's nor the
// caller's.
func unavailable(ctx context.Context, err error) error {
	if err == nil || ctx.Err() != nil || errors.Is(err, ErrNotFound) || errors.Is(err, ErrCorrupt) || errors.Is(err, ErrUnavailable) {
		return err
	}
	return fmt.Errorf("%w: %w", ErrUnavailable, err)
}

// key spreads the blobs over 65,536 folders, since file systems and the people
// who look into them dislike folders with millions of entries.
func key(digest Digest) string {
	s := digest.String()
	return s[:2] + "/" + s[2:4] + "/" + s
}

// write puts content in place. On a file system the content is synchronized
// before the rename and the folder after it: a version that Postgres knows must
// not lose its files to a power cut.
func (b *Blobs) write(ctx context.Context, digest Digest, content []byte) error {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	var file *os.File
	writer, err := b.bucket.NewWriter(ctx, key(digest), &blob.WriterOptions{
		DisableContentTypeDetection: true,
		BeforeWrite: func(as func(any) bool) error {
			as(&file)
			return nil
		},
	})
	if err != nil {
		return fmt.Errorf("create: %w", err)
	}
	_, err = writer.Write(content)
	if err == nil && file != nil {
		err = file.Sync()
	}
	if err != nil {
		// Closing under a canceled context drops what was written.
		cancel()
		return errors.Join(err, writer.Close())
	}
	if err := writer.Close(); err != nil {
		return fmt.Errorf("finish: %w", err)
	}
	if file == nil {
		return nil
	}
	return syncFolder(filepath.Dir(file.Name()))
}

// syncFolder makes a rename inside dir durable.
func syncFolder(dir string) error {
	folder, err := os.Open(dir)
	if err != nil {
		return fmt.Errorf("open folder: %w", err)
	}
	return errors.Join(folder.Sync(), folder.Close())
}
