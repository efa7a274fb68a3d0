package s3blob

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"iter"
	"net/http"

	"github.com/minio/minio-go/v7"
)

// calls are what is used of a client, for one bucket. It is not the client itself:
// a type that is reachable from an interface keeps all its methods in the binary,
// and a client has hundreds.
type calls struct {
	stat   func(ctx context.Context, key string) (minio.ObjectInfo, error)
	get    func(ctx context.Context, key string, opts minio.GetObjectOptions) (io.ReadCloser, minio.ObjectInfo, http.Header, error)
	put    func(ctx context.Context, key string, content []byte, md5Base64, sha256Hex string, opts minio.PutObjectOptions) error
	list   func(ctx context.Context, opts minio.ListObjectsOptions) iter.Seq[minio.ObjectInfo]
	remove func(ctx context.Context, key string) error
	// rest closes idle connections.
	rest func()
}

func callsOf(client *minio.Client, name string, rest func()) calls {
	core := minio.Core{Client: client}
	return calls{
		stat: func(ctx context.Context, key string) (minio.ObjectInfo, error) {
			return client.StatObject(ctx, name, key, minio.StatObjectOptions{})
		},
		get: func(ctx context.Context, key string, opts minio.GetObjectOptions) (io.ReadCloser, minio.ObjectInfo, http.Header, error) {
			return core.GetObject(ctx, name, key, opts)
		},
		put: func(ctx context.Context, key string, content []byte, md5Base64, sha256Hex string, opts minio.PutObjectOptions) error {
			_, err := core.PutObject(ctx, name, key, bytes.NewReader(content), int64(len(content)), md5Base64, sha256Hex, opts)
			if err != nil {
				return fmt.Errorf("put: %w", err)
			}
			return nil
		},
		list: func(ctx context.Context, opts minio.ListObjectsOptions) iter.Seq[minio.ObjectInfo] {
			return client.ListObjectsIter(ctx, name, opts)
		},
		remove: func(ctx context.Context, key string) error {
			return client.RemoveObject(ctx, name, key, minio.RemoveObjectOptions{})
		},
		rest: rest,
	}
}
