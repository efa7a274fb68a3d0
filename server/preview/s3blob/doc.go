// Package s3blob keeps blobs in a bucket of an S3-compatible store: a driver of
// gocloud.dev/blob over minio-go. The driver of gocloud.dev itself brings the
// whole SDK of a cloud along.
//
// It does what a store of immutable contents needs: read, write, list, delete and
// attributes. It neither copies nor signs addresses, lists folders with "/" only,
// and takes keys and metadata as they are: what S3 or HTTP headers cannot hold is
// the caller's to avoid. A content is in memory as a whole while it is written.
package s3blob
