package s3blob

import (
	"bytes"
	"context"
	"crypto/md5" //nolint:gosec // the sum that S3 checks an upload with, no secret
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"

	"github.com/minio/minio-go/v7"
	"gocloud.dev/blob/driver"
)

// reader implements [driver.Reader].
type reader struct {
	io.ReadCloser

	attributes driver.ReaderAttributes
}

// Attributes implements [driver.Reader].
func (r *reader) Attributes() *driver.ReaderAttributes { return &r.attributes }

// As implements [driver.Reader].
func (*reader) As(any) bool { return false }

// NewRangeReader implements [driver.Bucket].
func (b *bucket) NewRangeReader(ctx context.Context, key string, offset, length int64, opts *driver.ReaderOptions) (driver.Reader, error) {
	if err := before(opts.BeforeRead); err != nil {
		return nil, err
	}
	var get minio.GetObjectOptions
	if length == 0 {
		// There is no range of nothing.
		info, err := b.store.stat(ctx, key)
		if err != nil {
			return nil, err
		}
		return newReader(http.NoBody, &info, nil), nil
	}
	if err := setRange(&get, offset, length); err != nil {
		return nil, fmt.Errorf("range: %w", err)
	}
	body, info, header, err := b.store.get(ctx, key, get)
	if err != nil {
		return nil, err
	}
	return newReader(body, &info, header), nil
}

func setRange(get *minio.GetObjectOptions, offset, length int64) error {
	if length < 0 && offset == 0 {
		return nil // All of it.
	}
	last := int64(0) // To the end.
	if length > 0 {
		last = offset + length - 1
	}
	return get.SetRange(offset, last) //nolint:wrapcheck // the caller says what it is about
}

func newReader(body io.ReadCloser, info *minio.ObjectInfo, header http.Header) *reader {
	r := &reader{ReadCloser: body, attributes: driver.ReaderAttributes{
		ContentType: info.ContentType, ModTime: info.LastModified, Size: info.Size,
	}}
	// Of a part, the answer's size is the part's: the whole is behind the slash of
	// "bytes 0-9/100".
	if _, total, ok := strings.Cut(header.Get("Content-Range"), "/"); ok {
		if size, err := strconv.ParseInt(total, 10, 64); err == nil {
			r.attributes.Size = size
		}
	}
	return r
}

// writer implements [driver.Writer]: the content goes out when it is whole.
type writer struct {
	// ctx is the write's: Close sends, and takes none of its own.
	ctx     context.Context //nolint:containedctx // as the interface has it
	bucket  *bucket
	key     string
	content bytes.Buffer
	options minio.PutObjectOptions
}

// NewTypedWriter implements [driver.Bucket].
func (b *bucket) NewTypedWriter(ctx context.Context, key, contentType string, opts *driver.WriterOptions) (driver.Writer, error) {
	if err := before(opts.BeforeWrite); err != nil {
		return nil, err
	}
	w := &writer{ctx: ctx, bucket: b, key: key, options: minio.PutObjectOptions{
		ContentType:        contentType,
		CacheControl:       opts.CacheControl,
		ContentDisposition: opts.ContentDisposition,
		ContentEncoding:    opts.ContentEncoding,
		ContentLanguage:    opts.ContentLanguage,
		UserMetadata:       opts.Metadata,
		// The sum of the whole is signed instead of one for each piece.
		DisableContentSha256: true,
	}}
	if opts.IfNotExist {
		w.options.SetMatchETagExcept("*")
	}
	return w, nil
}

// Write implements [driver.Writer].
func (w *writer) Write(p []byte) (int, error) {
	w.content.Write(p) // It never fails.
	return len(p), nil
}

// Close implements [driver.Writer]. The store compares the sums with what arrives.
func (w *writer) Close() error {
	if w.ctx.Err() != nil {
		return fmt.Errorf("write: %w", context.Cause(w.ctx))
	}
	content := w.content.Bytes()
	checked, signed := md5.Sum(content), sha256.Sum256(content) //nolint:gosec // see the import
	return w.bucket.store.put(w.ctx, w.key, content,
		base64.StdEncoding.EncodeToString(checked[:]), hex.EncodeToString(signed[:]), w.options)
}
