package preview

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"gocloud.dev/blob"
	"gocloud.dev/gcerrors"
)

const (
	// folders is how many folders the blobs are in: the first two characters of
	// their digests.
	folders = 256
	// sweepPage is how many blobs are looked at together.
	sweepPage = 1000
)

// References says which of up to 1,000 digests anybody refers to.
type References func(ctx context.Context, digests []Digest) (map[Digest]bool, error)

// Cursor is a place in the sweep of all blobs; the zero Cursor is the beginning.
type Cursor struct {
	// Folder is from 0 to 255.
	Folder int
	// Token is the store's; empty is the folder's beginning.
	Token []byte
}

// Swept is what a sweep did.
type Swept struct {
	// Next is where the next sweep goes on; the zero Cursor if this one saw the end.
	Next Cursor
	// Seen and Deleted count contents, Bytes those of the deleted.
	Seen, Deleted, Bytes int64
}

// Sweep deletes contents that nobody refers to and that are older than the grace,
// and what interrupted Puts left behind, from a place on to the end. It stops early, without an error, when ctx ends. Any
// number may run at once, beside any number of Puts.
//
// A content is deleted under its [Lock], after a last look at its age and at who
// refers to it. A Put of it comes before, and renews its age, or after, and writes
// it again. So no content is lost that is referred to within half of the grace
// after its Put, and for as long as it is.
func (b *Blobs) Sweep(ctx context.Context, from Cursor, referenced References) (Swept, error) {
	s := &sweep{blobs: b, referenced: referenced, done: Swept{Next: from}}
	for s.done.Next.Folder < folders && ctx.Err() == nil {
		next, err := s.page(ctx, s.done.Next)
		if err == nil {
			s.done.Next = next
		} else if ctx.Err() == nil {
			return s.done, fmt.Errorf("sweep blobs: %w", err)
		}
	}
	if s.done.Next.Folder == folders {
		s.done.Next = Cursor{}
	}
	return s.done, nil
}

// sweep is one that is at work.
type sweep struct {
	blobs      *Blobs
	referenced References
	done       Swept
}

// page sweeps one page and returns the place of the next.
func (s *sweep) page(ctx context.Context, at Cursor) (next Cursor, err error) {
	objects, token, err := s.list(ctx, at)
	if err != nil {
		return at, err
	}
	s.done.Seen += int64(len(objects))
	var old []Digest
	for _, object := range objects {
		if !s.blobs.expired(object.ModTime) {
			continue
		}
		if digest, err := digestOfKey(object.Key); err == nil {
			old = append(old, digest)
		} else if err := s.clear(ctx, object); err != nil {
			return at, err
		}
	}
	if err := s.delete(ctx, old); err != nil {
		return at, err
	}
	if len(token) == 0 {
		return Cursor{Folder: at.Folder + 1}, nil
	}
	return Cursor{Folder: at.Folder, Token: token}, nil
}

// listTries bounds how often a page is listed. Listing a folder fails when a file
// vanishes meanwhile, as that of a Put does.
const listTries = 20

func (s *sweep) list(ctx context.Context, at Cursor) (objects []*blob.ListObject, next []byte, err error) {
	token := blob.FirstPageToken
	if len(at.Token) > 0 {
		token = at.Token
	}
	options := &blob.ListOptions{Prefix: fmt.Sprintf("%02x/", at.Folder)}
	for range listTries {
		objects, next, err = s.blobs.bucket.ListPage(ctx, token, sweepPage, options)
		if gcerrors.Code(err) != gcerrors.NotFound {
			break
		}
	}
	if err != nil {
		return nil, nil, fmt.Errorf("list: %w", err)
	}
	return objects, next, nil
}

// expired reports whether a content that was written then may go.
func (b *Blobs) expired(written time.Time) bool { return time.Since(written) > b.grace }

// clear deletes a file that an interrupted Put left behind, and nothing else. No Put
// takes longer than a write may.
func (s *sweep) clear(ctx context.Context, object *blob.ListObject) error {
	unfinished, ok := strings.CutSuffix(object.Key, temporarySuffix)
	if !ok || time.Since(object.ModTime) <= 2*callTimeout {
		return nil
	}
	of, _, _ := strings.Cut(unfinished, ".")
	if _, err := digestOfKey(of); err != nil {
		return nil //nolint:nilerr // not ours
	}
	if err := s.blobs.bucket.Delete(ctx, object.Key); err != nil && gcerrors.Code(err) != gcerrors.NotFound {
		return fmt.Errorf("delete %s: %w", object.Key, err)
	}
	return nil
}

// delete deletes those to which nobody refers.
func (s *sweep) delete(ctx context.Context, old []Digest) error {
	if len(old) == 0 {
		return nil
	}
	kept, err := s.referenced(ctx, old)
	if err != nil {
		return fmt.Errorf("ask who refers to blobs: %w", err)
	}
	for _, digest := range old {
		if kept[digest] {
			continue
		}
		err := s.blobs.lock(ctx, digest, func(ctx context.Context) error { return s.deleteLocked(ctx, digest) })
		if err != nil {
			return fmt.Errorf("delete blob %s: %w", digest, err)
		}
	}
	return nil
}

// deleteLocked deletes a content unless it was put again, or somebody refers to it
// by now. The caller has its lock.
func (s *sweep) deleteLocked(ctx context.Context, digest Digest) error {
	attributes, err := s.blobs.bucket.Attributes(ctx, key(digest))
	if gcerrors.Code(err) == gcerrors.NotFound || err == nil && !s.blobs.expired(attributes.ModTime) {
		return nil
	}
	if err != nil {
		return err //nolint:wrapcheck // the caller names the blob
	}
	kept, err := s.referenced(ctx, []Digest{digest})
	if err != nil || kept[digest] {
		return err
	}
	if err := s.blobs.bucket.Delete(ctx, key(digest)); err != nil {
		return err //nolint:wrapcheck // the caller names the blob
	}
	s.done.Deleted++
	s.done.Bytes += attributes.Size
	return nil
}

// errKey says that something in the bucket is no blob of ours.
var errKey = errors.New("not the key of a blob")

// digestOfKey reads what key writes.
func digestOfKey(k string) (Digest, error) {
	digest, err := ParseDigest(k[strings.LastIndexByte(k, '/')+1:])
	if err == nil && key(digest) != k {
		err = errKey
	}
	return digest, err
}
