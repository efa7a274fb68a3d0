package preview

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"gocloud.dev/blob"
	"gocloud.dev/blob/fileblob"
	"gocloud.dev/gcerrors"
)

// MaxBlobBytes is the largest content that is stored, in bytes: no file can be
// larger than all files of a build together.
const MaxBlobBytes = 20 << 20

// folderMode keeps the files of users to the account that runs the server.
const folderMode = 0o700

// Blobs stores contents under their digests. It is safe for concurrent use, by
// many processes too: a content is put in place whole, by a rename.
type Blobs struct {
	bucket *blob.Bucket
}

// OpenBlobs stores blobs in files under dir, which is made when it is not
// there. An interrupted Put can leave a file that ends in ".tmp"; it is never
// read.
func OpenBlobs(dir string) (*Blobs, error) {
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
	return NewBlobs(bucket), nil
}

// NewBlobs stores blobs in bucket, which belongs to the Blobs from then on.
func NewBlobs(bucket *blob.Bucket) *Blobs { return &Blobs{bucket: bucket} }

// Close releases the bucket.
func (b *Blobs) Close() error {
	if err := b.bucket.Close(); err != nil {
		return fmt.Errorf("close blobs: %w", err)
	}
	return nil
}

// Put stores content and returns its digest. When it returns, the content is on
// stable storage. Putting the same content again costs a read, and replaces a
// damaged copy. The errors are [ErrTooLarge] and those of the storage.
func (b *Blobs) Put(ctx context.Context, content []byte) (Digest, error) {
	if len(content) > MaxBlobBytes {
		return Digest{}, fmt.Errorf("put %d bytes: %w", len(content), ErrTooLarge)
	}
	digest := DigestOf(content)
	_, err := b.Get(ctx, digest)
	if errors.Is(err, ErrNotFound) || errors.Is(err, ErrCorrupt) {
		err = b.write(ctx, digest, content)
	}
	if err != nil {
		return Digest{}, fmt.Errorf("put blob: %w", err)
	}
	return digest, nil
}

// Get returns the content of digest, verified. The errors are [ErrNotFound],
// [ErrCorrupt] and those of the storage.
func (b *Blobs) Get(ctx context.Context, digest Digest) ([]byte, error) {
	reader, err := b.bucket.NewReader(ctx, key(digest), nil)
	if gcerrors.Code(err) == gcerrors.NotFound {
		return nil, fmt.Errorf("blob %s: %w", digest, ErrNotFound)
	}
	if err != nil {
		return nil, fmt.Errorf("open blob %s: %w", digest, err)
	}
	content, err := io.ReadAll(io.LimitReader(reader, MaxBlobBytes+1))
	if err = errors.Join(err, reader.Close()); err != nil {
		return nil, fmt.Errorf("read blob %s: %w", digest, err)
	}
	if DigestOf(content) != digest {
		return nil, fmt.Errorf("blob %s: %w", digest, ErrCorrupt)
	}
	return content, nil
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
	ctx, cancel := context.WithCancel(ctx)
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
