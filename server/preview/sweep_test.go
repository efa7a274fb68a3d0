package preview

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/sheenapps/sheen/server/preview/s3blob"
	"github.com/sheenapps/sheen/server/preview/s3test"
)

// testGrace is longer than any test.
const testGrace = time.Hour

// sweepBundle is a folder of blobs and who refers to them.
type sweepBundle struct {
	*Blobs

	dir string

	mu   sync.Mutex
	refs map[Digest]bool
	// asked is called when somebody asks who refers to blobs; nil for nothing.
	asked func(digests []Digest)
}

func setupSweep(t *testing.T, opts ...BlobOption) *sweepBundle {
	t.Helper()
	b := &sweepBundle{dir: filepath.Join(t.TempDir(), "blobs"), refs: map[Digest]bool{}}
	var err error
	if b.Blobs, err = OpenBlobs(b.dir, append([]BlobOption{WithGrace(testGrace)}, opts...)...); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	})
	return b
}

func (b *sweepBundle) refer(digest Digest, refers bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.refs[digest] = refers
}

func (b *sweepBundle) referenced(_ context.Context, digests []Digest) (map[Digest]bool, error) {
	if b.asked != nil {
		b.asked(digests)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	found := map[Digest]bool{}
	for _, digest := range digests {
		found[digest] = b.refs[digest]
	}
	return found, nil
}

// put puts a content and makes it old.
func (b *sweepBundle) put(t *testing.T, content string) Digest {
	t.Helper()
	digest, err := b.Put(t.Context(), []byte(content))
	if err != nil {
		t.Fatal(err)
	}
	b.age(t, digest, 2*testGrace)
	return digest
}

// age makes a content as if it had been written some time ago, if it is there.
func (b *sweepBundle) age(t *testing.T, digest Digest, by time.Duration) {
	t.Helper()
	then := time.Now().Add(-by)
	err := os.Chtimes(filepath.Join(b.dir, filepath.FromSlash(key(digest))), then, then)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
}

func (b *sweepBundle) sweep(t *testing.T, from Cursor) Swept {
	t.Helper()
	swept, err := b.Sweep(t.Context(), from, b.referenced)
	if err != nil {
		t.Fatal(err)
	}
	return swept
}

func (b *sweepBundle) has(t *testing.T, digest Digest) bool {
	t.Helper()
	_, err := b.Get(t.Context(), digest)
	if err != nil && !errors.Is(err, ErrNotFound) {
		t.Fatal(err)
	}
	return err == nil
}

// Only what is old and referred to by nobody goes.
func TestSweep(t *testing.T) {
	t.Parallel()
	b := setupSweep(t)
	gone, kept, young := b.put(t, "gone"), b.put(t, "kept"), b.put(t, "young")
	b.refer(kept, true)
	b.age(t, young, testGrace/2)
	strange := filepath.Join(b.dir, "ab", "cd", "strange")
	if err := os.MkdirAll(filepath.Dir(strange), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(strange, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	then := time.Now().Add(-2 * testGrace)
	if err := os.Chtimes(strange, then, then); err != nil {
		t.Fatal(err)
	}
	if got := b.sweep(t, Cursor{}); got.Deleted != 1 || got.Bytes != 4 || got.Seen != 4 || got.Next.Folder != 0 {
		t.Errorf("swept %+v", got)
	}
	if b.has(t, gone) || !b.has(t, kept) || !b.has(t, young) {
		t.Error("the wrong blob is gone")
	}
	if _, err := os.Stat(strange); err != nil {
		t.Errorf("a file that is no blob: %v", err)
	}
	b.refer(kept, false)
	if got := b.sweep(t, Cursor{}); got.Deleted != 1 || b.has(t, kept) {
		t.Errorf("what nobody refers to any more: %+v", got)
	}
}

// What interrupted Puts left behind goes, once no Put can be at it.
func TestSweepClearsInterruptedPuts(t *testing.T) {
	t.Parallel()
	b := setupSweep(t, WithGrace(time.Second))
	kept := b.put(t, "kept")
	b.refer(kept, true)
	path := filepath.Join(b.dir, filepath.FromSlash(key(kept)))
	tests := []struct {
		name string
		age  time.Duration
		gone bool
	}{
		{path + ".18a3f.tmp", 25 * time.Hour, true},
		{path + ".18a40.tmp", time.Minute, false},
		{filepath.Join(filepath.Dir(path), "notes.tmp"), 25 * time.Hour, false},
		{path + ".18a41", 25 * time.Hour, false},
	}
	for _, test := range tests {
		if err := os.WriteFile(test.name, []byte("half"), 0o600); err != nil {
			t.Fatal(err)
		}
		then := time.Now().Add(-test.age)
		if err := os.Chtimes(test.name, then, then); err != nil {
			t.Fatal(err)
		}
	}
	b.sweep(t, Cursor{})
	for _, test := range tests {
		if _, err := os.Stat(test.name); errors.Is(err, fs.ErrNotExist) != test.gone {
			t.Errorf("%s of %v: %v", filepath.Base(test.name), test.age, err)
		}
	}
}

// A sweep that is stopped goes on where it was, and sees all in the end.
func TestSweepGoesOn(t *testing.T) {
	t.Parallel()
	b := setupSweep(t)
	const blobs = 60
	for i := range blobs {
		b.put(t, fmt.Sprint("content ", i))
	}
	var all Swept
	runs := 0
	for done := false; !done; done = all.Next.Folder == 0 && len(all.Next.Token) == 0 {
		runs++
		if runs > 2*blobs {
			t.Fatal("the sweep never ends")
		}
		ctx, cancel := context.WithCancel(t.Context())
		calls := 0
		swept, err := b.Sweep(ctx, all.Next, func(ctx context.Context, digests []Digest) (map[Digest]bool, error) {
			calls++
			if calls == 5 {
				cancel()
			}
			return b.referenced(ctx, digests)
		})
		cancel()
		if err != nil {
			t.Fatal(err)
		}
		all.Next = swept.Next
		all.Deleted += swept.Deleted
	}
	if all.Deleted != blobs || len(stored(t, b.dir)) != 0 {
		t.Errorf("deleted %d of %d, left %q", all.Deleted, blobs, stored(t, b.dir))
	}
	if runs < 3 {
		t.Errorf("%d runs: none was stopped", runs)
	}
}

// A Put that comes between the sweep's last look at a content and its end waits,
// and puts it back.
func TestSweepAgainstPut(t *testing.T) {
	t.Parallel()
	b := setupSweep(t)
	digest := b.put(t, "content")
	var putting sync.WaitGroup
	asked := 0
	b.asked = func([]Digest) {
		asked++
		if asked != 2 {
			return // The first time comes before the lock.
		}
		putting.Go(func() {
			if _, err := b.Put(t.Context(), []byte("content")); err != nil {
				t.Error(err)
			}
		})
		// The Put has this long to do wrong what it must not.
		time.Sleep(50 * time.Millisecond) //nolint:forbidigo // nothing can be waited for: it waits itself
	}
	got := b.sweep(t, Cursor{})
	putting.Wait()
	if asked != 2 || got.Deleted != 1 {
		t.Fatalf("asked %d times, swept %+v: nothing was tested", asked, got)
	}
	if !b.has(t, digest) {
		t.Error("the content is lost")
	}
	if got := b.sweep(t, Cursor{}); got.Deleted != 0 {
		t.Errorf("what was just put is deleted: %+v", got)
	}
}

// A content that is found there becomes young again before it is too old to stay.
func TestPutRenews(t *testing.T) {
	t.Parallel()
	b := setupSweep(t)
	digest := b.put(t, "content")
	path := filepath.Join(b.dir, filepath.FromSlash(key(digest)))
	for age, renews := range map[time.Duration]bool{testGrace / 3: false, testGrace * 2 / 3: true} {
		b.age(t, digest, age)
		if _, err := b.Put(t.Context(), []byte("content")); err != nil {
			t.Fatal(err)
		}
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		if got := time.Since(info.ModTime()) < time.Minute; got != renews {
			t.Errorf("of an age of %s: renewed %v", age, got)
		}
	}
}

// Writers and sweepers work against each other: what somebody refers to is always
// there. Contents grow old only while nobody is between Put and reference.
func TestSweepersAgainstWriters(t *testing.T) {
	t.Parallel()
	b := setupSweep(t)
	const contents, rounds = 8, 30
	b.asked = func(digests []Digest) {
		if len(digests) == 1 {
			// The last question before a blob goes: a wider window to get in between.
			time.Sleep(time.Millisecond) //nolint:forbidigo // see above
		}
	}
	ctx, stop := context.WithCancel(t.Context())
	var writers, sweepers sync.WaitGroup
	var deleted [2]int64
	for i := range deleted {
		sweepers.Go(func() {
			for ctx.Err() == nil {
				swept, err := b.Sweep(ctx, Cursor{}, b.referenced)
				if err != nil {
					t.Error(err)
				}
				deleted[i] += swept.Deleted
			}
		})
	}
	for n := range contents {
		writers.Go(func() {
			content := fmt.Sprint("content ", n)
			for round := range rounds {
				digest, err := b.Put(t.Context(), []byte(content))
				if err != nil {
					t.Error(err)
					return
				}
				b.refer(digest, true)
				if _, err := b.Get(t.Context(), digest); err != nil {
					t.Errorf("content %d in round %d: %v", n, round, err)
				}
				b.refer(digest, false)
				b.age(t, digest, 2*testGrace)
			}
		})
	}
	writers.Wait()
	stop()
	sweepers.Wait()
	if deleted[0]+deleted[1] == 0 {
		t.Error("nothing was deleted: nothing was tested")
	}
}

// On a store that is not a folder it works the same.
func TestSweepInABucket(t *testing.T) {
	t.Setenv("AWS_ACCESS_KEY_ID", "key")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "secret")
	store := s3test.Start(t)
	bucket, err := s3blob.Open(t.Context(), s3blob.Options{Bucket: s3test.Bucket, Endpoint: store.Endpoint, Prefix: "sites/"})
	if err != nil {
		t.Fatal(err)
	}
	// S3 tells times in whole seconds, so all is old or nothing.
	b := &sweepBundle{Blobs: NewBlobs(bucket, WithGrace(-time.Minute)), refs: map[Digest]bool{}}
	t.Cleanup(func() { _ = b.Close() })
	for _, content := range []string{"gone", "kept"} {
		if _, err := b.Put(t.Context(), []byte(content)); err != nil {
			t.Fatal(err)
		}
	}
	b.refer(DigestOf([]byte("kept")), true)
	if got := b.sweep(t, Cursor{}); got.Seen != 2 || got.Deleted != 1 || got.Bytes != 4 {
		t.Errorf("swept %+v", got)
	}
	if b.has(t, DigestOf([]byte("gone"))) || !b.has(t, DigestOf([]byte("kept"))) {
		t.Error("the wrong blob is gone")
	}
	store.Down()
	if _, err := b.Get(t.Context(), DigestOf([]byte("kept"))); !errors.Is(err, ErrUnavailable) || errors.Is(err, ErrNotFound) {
		t.Errorf("without a store: %v", err)
	}
	if _, err := b.Put(t.Context(), []byte("new")); !errors.Is(err, ErrUnavailable) {
		t.Errorf("without a store: %v", err)
	}
}
