package s3blob

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/minio/minio-go/v7"
	"gocloud.dev/blob/driver"
	"gocloud.dev/gcerrors"
)

// maxPage is how many keys a store returns at once.
const maxPage = 1000

// bucket implements [driver.Bucket]. It is safe for concurrent use.
type bucket struct {
	store calls
	// endpoint is the store's address.
	endpoint string
}

// Close implements [driver.Bucket].
func (b *bucket) Close() error {
	b.store.rest()
	return nil
}

// As implements [driver.Bucket]: nothing of the client is shown.
func (*bucket) As(any) bool { return false }

// ErrorAs implements [driver.Bucket].
func (*bucket) ErrorAs(err error, target any) bool {
	said, ok := target.(*minio.ErrorResponse)
	return ok && errors.As(err, said)
}

// ErrorCode implements [driver.Bucket].
func (*bucket) ErrorCode(err error) gcerrors.ErrorCode {
	if errors.Is(err, errors.ErrUnsupported) {
		return gcerrors.Unimplemented
	}
	said, ok := errors.AsType[minio.ErrorResponse](err)
	switch {
	case !ok:
		return gcerrors.Unknown
	case said.Code == minio.NoSuchKey, said.Code == minio.NoSuchBucket, said.StatusCode == http.StatusNotFound:
		return gcerrors.NotFound
	case said.Code == minio.PreconditionFailed:
		return gcerrors.FailedPrecondition
	case isRefusal(said.Code):
		return gcerrors.PermissionDenied
	default:
		return gcerrors.Unknown
	}
}

// isRefusal reports whether a code says that the caller is not known or may not.
func isRefusal(code string) bool {
	return slices.Contains([]string{
		minio.AccessDenied, "InvalidAccessKeyId", "SignatureDoesNotMatch", "ExpiredToken", "InvalidToken", "AccountProblem", "AllAccessDisabled",
	}, code)
}

// Attributes implements [driver.Bucket].
func (b *bucket) Attributes(ctx context.Context, key string) (*driver.Attributes, error) {
	info, err := b.store.stat(ctx, key)
	if err != nil {
		return nil, err
	}
	return &driver.Attributes{
		CacheControl:       info.Metadata.Get("Cache-Control"),
		ContentDisposition: info.Metadata.Get("Content-Disposition"),
		ContentEncoding:    info.Metadata.Get("Content-Encoding"),
		ContentLanguage:    info.Metadata.Get("Content-Language"),
		ContentType:        info.ContentType,
		Metadata:           info.UserMetadata,
		ModTime:            info.LastModified,
		Size:               info.Size,
		ETag:               `"` + info.ETag + `"`,
	}, nil
}

// Delete implements [driver.Bucket]. The store itself does not say whether there
// was anything to delete.
func (b *bucket) Delete(ctx context.Context, key string, opts *driver.DeleteOptions) error {
	if err := before(opts.BeforeDelete); err != nil {
		return err
	}
	if _, err := b.store.stat(ctx, key); err != nil {
		return err
	}
	return b.store.remove(ctx, key)
}

// Copy implements [driver.Bucket]: what is stored by its content is never copied.
func (*bucket) Copy(context.Context, string, string, *driver.CopyOptions) error {
	return errors.ErrUnsupported
}

// SignedURL implements [driver.Bucket]: files are served by the preview only.
func (*bucket) SignedURL(context.Context, string, *driver.SignedURLOptions) (string, error) {
	return "", errors.ErrUnsupported
}

// ListPaged implements [driver.Bucket]. A page's token is what its last key was,
// and for a folder what comes after all that is in it.
func (b *bucket) ListPaged(ctx context.Context, opts *driver.ListOptions) (*driver.ListPage, error) {
	if opts.Delimiter != "" && opts.Delimiter != "/" {
		return nil, errors.ErrUnsupported
	}
	if err := before(opts.BeforeList); err != nil {
		return nil, err
	}
	size := maxPage
	if opts.PageSize > 0 {
		size = min(size, opts.PageSize)
	}
	// One key more tells whether there is another page.
	var objects []*driver.ListObject
	for info := range b.store.list(ctx, minio.ListObjectsOptions{
		Prefix: opts.Prefix, Recursive: opts.Delimiter == "", StartAfter: string(opts.PageToken), MaxKeys: min(size+1, maxPage),
	}) {
		if info.Err != nil {
			return nil, info.Err
		}
		if objects = append(objects, listed(opts, &info)); len(objects) > size {
			break
		}
	}
	if err := ctx.Err(); err != nil {
		return nil, context.Cause(ctx)
	}
	return cutPage(objects, size), nil
}

func listed(opts *driver.ListOptions, info *minio.ObjectInfo) *driver.ListObject {
	if opts.Delimiter != "" && strings.HasSuffix(info.Key, opts.Delimiter) && info.LastModified.IsZero() {
		return &driver.ListObject{Key: info.Key, IsDir: true}
	}
	return &driver.ListObject{Key: info.Key, ModTime: info.LastModified, Size: info.Size}
}

// cutPage makes a page of at most size objects of a list that may be longer. Keys
// and folders of one answer come one after the other, in the order of keys they
// are mixed.
func cutPage(objects []*driver.ListObject, size int) *driver.ListPage {
	slices.SortFunc(objects, func(x, y *driver.ListObject) int { return strings.Compare(x.Key, y.Key) })
	if len(objects) <= size {
		return &driver.ListPage{Objects: objects}
	}
	last := objects[size-1]
	token := last.Key
	if last.IsDir {
		token += string(utf8.MaxRune)
	}
	return &driver.ListPage{Objects: objects[:size], NextPageToken: []byte(token)}
}

// before runs a caller's callback, which is shown nothing of the client; nil is
// none.
func before(callback func(asFunc func(any) bool) error) error {
	if callback == nil {
		return nil
	}
	if err := callback(func(any) bool { return false }); err != nil {
		return fmt.Errorf("callback: %w", err)
	}
	return nil
}
