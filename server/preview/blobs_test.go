package preview

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"gocloud.dev/blob/memblob"
)

// openBlobs returns blobs in a folder that does not exist yet, and the folder.
func openBlobs(t *testing.T) (*Blobs, string) {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "data", "blobs")
	blobs, err := OpenBlobs(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := blobs.Close(); err != nil {
			t.Error(err)
		}
	})
	return blobs, dir
}

// stored returns the files under dir, relative to it.
func stored(t *testing.T, dir string) []string {
	t.Helper()
	var names []string
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			info, err := d.Info()
			if err == nil && info.Mode().Perm() != 0o700 {
				t.Errorf("folder %s has mode %v", path, info.Mode())
			}
			return err
		}
		name, err := filepath.Rel(dir, path)
		names = append(names, name)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}

func TestBlobsRoundTrip(t *testing.T) {
	t.Parallel()
	onDisk, _ := openBlobs(t)
	for name, blobs := range map[string]*Blobs{"disk": onDisk, "memory": NewBlobs(memblob.OpenBucket(nil))} {
		for _, content := range [][]byte{{}, []byte("hello"), bytes.Repeat([]byte{0, 255}, 1<<20)} {
			digest, err := blobs.Put(t.Context(), content)
			if err != nil || digest != DigestOf(content) {
				t.Fatalf("%s: Put = %s, %v", name, digest, err)
			}
			if got, err := blobs.Get(t.Context(), digest); err != nil || !bytes.Equal(got, content) {
				t.Errorf("%s: Get = %d bytes, %v; want %d", name, len(got), err, len(content))
			}
		}
		if _, err := blobs.Get(t.Context(), DigestOf([]byte("absent"))); !errors.Is(err, ErrNotFound) {
			t.Errorf("%s: %v, want ErrNotFound", name, err)
		}
		if _, err := blobs.Put(t.Context(), make([]byte, MaxBlobBytes+1)); !errors.Is(err, ErrTooLarge) {
			t.Errorf("%s: %v, want ErrTooLarge", name, err)
		}
	}
}

func TestBlobsLayout(t *testing.T) {
	t.Parallel()
	blobs, dir := openBlobs(t)
	for range 2 {
		if _, err := blobs.Put(t.Context(), []byte("hello")); err != nil {
			t.Fatal(err)
		}
	}
	const want = "2c/f2/2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"
	if got := stored(t, dir); len(got) != 1 || got[0] != want {
		t.Errorf("stored %q, want only %q", got, want)
	}
}

func TestBlobsPutAtOnce(t *testing.T) {
	t.Parallel()
	blobs, dir := openBlobs(t)
	content := bytes.Repeat([]byte("same"), 50_000)
	var group sync.WaitGroup
	for range 32 {
		group.Go(func() {
			digest, err := blobs.Put(t.Context(), content)
			if err != nil {
				t.Error(err)
				return
			}
			if got, err := blobs.Get(t.Context(), digest); err != nil || !bytes.Equal(got, content) {
				t.Errorf("Get = %d bytes, %v", len(got), err)
			}
		})
	}
	group.Wait()
	if got := stored(t, dir); len(got) != 1 {
		t.Errorf("stored %q, want one file", got)
	}
}

func TestBlobsDetectDamage(t *testing.T) {
	t.Parallel()
	content := []byte("hello, world")
	damages := map[string]func(path string) error{
		"one bit":  func(path string) error { return os.WriteFile(path, []byte("hello, worle"), 0o600) },
		"cut":      func(path string) error { return os.Truncate(path, 5) },
		"empty":    func(path string) error { return os.Truncate(path, 0) },
		"too long": func(path string) error { return os.Truncate(path, MaxBlobBytes+100) },
	}
	for name, damage := range damages {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			blobs, dir := openBlobs(t)
			digest, err := blobs.Put(t.Context(), content)
			if err != nil {
				t.Fatal(err)
			}
			if err := damage(filepath.Join(dir, stored(t, dir)[0])); err != nil {
				t.Fatal(err)
			}
			if got, err := blobs.Get(t.Context(), digest); !errors.Is(err, ErrCorrupt) || got != nil {
				t.Errorf("Get = %q, %v, want ErrCorrupt", got, err)
			}
			if _, err := blobs.Put(t.Context(), content); err != nil {
				t.Fatal(err)
			}
			if got, err := blobs.Get(t.Context(), digest); err != nil || !bytes.Equal(got, content) {
				t.Errorf("after another Put: %q, %v", got, err)
			}
		})
	}
}

func TestBlobsStorageFails(t *testing.T) {
	t.Parallel()
	blobs, dir := openBlobs(t)
	digest, err := blobs.Put(t.Context(), []byte("hello"))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := blobs.Put(ctx, []byte("other")); err == nil {
		t.Error("Put passed under a canceled context")
	}
	// A file where a folder has to be: neither there nor to be made.
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(dir, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := blobs.Put(t.Context(), []byte("hello")); err == nil {
		t.Error("Put passed without a folder")
	}
	if _, err := blobs.Get(t.Context(), digest); err == nil || errors.Is(err, ErrNotFound) {
		t.Errorf("Get without a folder: %v", err)
	}
	if _, err := OpenBlobs(dir); err == nil {
		t.Error("OpenBlobs passed on a file")
	}
}

// The data folder may be on another file system than the temporary one, and a
// rename from there would fail.
func TestBlobsNeedNoTemporaryFolder(t *testing.T) {
	blobs, _ := openBlobs(t)
	t.Setenv("TMPDIR", filepath.Join(t.TempDir(), "absent"))
	if _, err := blobs.Put(t.Context(), []byte("hello")); err != nil {
		t.Error(err)
	}
}
