package s3blob

import (
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"gocloud.dev/blob"
	"gocloud.dev/gcerrors"

	"github.com/sheenapps/sheen/server/preview/s3test"
)

// open opens a bucket under a prefix.
func open(t *testing.T, address string) *blob.Bucket {
	t.Helper()
	opts, err := Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	b, err := Open(t.Context(), opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	})
	return b
}

func TestParse(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]Options{
		"s3://sites": {Bucket: "sites"},
		"s3://my.sites?region=eu-west-3&prefix=/a/b/": {Bucket: "my.sites", Region: "eu-west-3", Prefix: "a/b/"},
		"s3://sites?endpoint=http://127.0.0.1:9000/":  {Bucket: "sites", Endpoint: "http://127.0.0.1:9000"},
		"s3://sites?endpoint=https%3A%2F%2Fs3.local":  {Bucket: "sites", Endpoint: "https://s3.local"},
	} {
		if got, err := Parse(address); err != nil || got != want {
			t.Errorf("%s: %+v, %v; want %+v", address, got, err, want)
		}
	}
	for _, address := range []string{
		"", "sites", "file:///x", "s3://", "s3://A", "s3://ab", "s3://sites/key", "s3://me:x@sites", "s3://sites?key=x", "s3://sites?region=a&region=b",
		"s3://sites?endpoint=127.0.0.1:9000", "s3://sites?endpoint=http://h/path", "s3://sites?endpoint=ftp://h", "s3://sites?endpoint=http://u:p@h", "s3://sites#x",
	} {
		if got, err := Parse(address); err == nil {
			t.Errorf("%q: %+v", address, got)
		}
	}
}

func TestAttributes(t *testing.T) {
	t.Parallel()
	b := open(t, s3test.Start(t).URL("a/b"))
	if err := b.WriteAll(t.Context(), "x/y", []byte("0123456789"), &blob.WriterOptions{
		ContentType: "text/css", ContentDisposition: "inline", Metadata: map[string]string{"origin": "test"},
	}); err != nil {
		t.Fatal(err)
	}
	got, err := b.Attributes(t.Context(), "x/y")
	if err != nil {
		t.Fatal(err)
	}
	if got.Size != 10 || got.ContentType != "text/css" || got.ContentDisposition != "inline" || got.Metadata["origin"] != "test" ||
		time.Since(got.ModTime).Abs() > time.Minute || got.ETag == "" {
		t.Errorf("got %+v", got)
	}
	r, err := b.NewRangeReader(t.Context(), "x/y", 3, 4, nil)
	if err != nil {
		t.Fatal(err)
	}
	part, err := io.ReadAll(r)
	if err != nil || string(part) != "3456" || r.Size() != 10 {
		t.Errorf("part %q of %d bytes, %v", part, r.Size(), err)
	}
	if err := r.Close(); err != nil {
		t.Error(err)
	}
}

// Nobody sees what is under another prefix, and pages join without gap or repeat.
func TestListPages(t *testing.T) {
	t.Parallel()
	store := s3test.Start(t)
	b, other := open(t, store.URL("mine")), open(t, store.URL("minefield"))
	want := []string{"a/1", "a/2", "b", "b/1", "b/2", "c"}
	for _, key := range want {
		for bucket, key := range map[*blob.Bucket]string{b: key, other: key + "-theirs"} {
			if err := bucket.WriteAll(t.Context(), key, []byte(key), nil); err != nil {
				t.Fatal(err)
			}
		}
	}
	for size := 1; size <= len(want)+1; size++ {
		for delimiter, want := range map[string][]string{"": want, "/": {"a/", "b", "b/", "c"}} {
			var got []string
			for token := blob.FirstPageToken; token != nil; {
				objects, next, err := b.ListPage(t.Context(), token, size, &blob.ListOptions{Delimiter: delimiter})
				if err != nil {
					t.Fatal(err)
				}
				if len(objects) > size {
					t.Errorf("a page of %d has %d", size, len(objects))
				}
				for _, o := range objects {
					got = append(got, o.Key)
				}
				token = next
			}
			if !slices.Equal(got, want) {
				t.Errorf("pages of %d with %q: %q, want %q", size, delimiter, got, want)
			}
		}
	}
	if _, _, err := b.ListPage(t.Context(), blob.FirstPageToken, 1, &blob.ListOptions{Delimiter: "b"}); gcerrors.Code(err) != gcerrors.Unimplemented {
		t.Errorf("another delimiter: %v", err)
	}
}

// Each mistake gets a sentence that says what to do.
func TestOpenSaysWhatIsWrong(t *testing.T) {
	t.Parallel()
	store, refusing := s3test.Start(t), s3test.Start(t)
	refusing.Fail(http.StatusForbidden, "InvalidAccessKeyId")
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if err := closed.Close(); err != nil {
		t.Fatal(err)
	}
	for want, opts := range map[string]Options{
		"the bucket does not exist":                          {Bucket: "there-is-none", Endpoint: store.Endpoint},
		"the store refuses these credentials":                {Bucket: s3test.Bucket, Endpoint: refusing.Endpoint},
		"the store cannot be reached":                        {Bucket: s3test.Bucket, Endpoint: "http://" + closed.Addr().String()},
		"server gave HTTP response to HTTPS client":          {Bucket: s3test.Bucket, Endpoint: "https" + strings.TrimPrefix(store.Endpoint, "http")},
		"bucket " + s3test.Bucket + "-2 at http://127.0.0.1": {Bucket: s3test.Bucket + "-2", Endpoint: store.Endpoint},
	} {
		_, err := Open(t.Context(), opts)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
		if err != nil && strings.Contains(err.Error(), "secret") {
			t.Errorf("a secret is told: %v", err)
		}
	}
}

// A store that is away for a moment is not noticed; one that stays away is an
// error soon.
func TestRetries(t *testing.T) {
	t.Parallel()
	store := s3test.Start(t)
	b := open(t, store.URL(""))
	content := bytes.Repeat([]byte("x"), 100_000)
	for name, call := range map[string]func(ctx context.Context) error{
		"write": func(ctx context.Context) error { return b.WriteAll(ctx, "key", content, nil) },
		"read": func(ctx context.Context) error {
			got, err := b.ReadAll(ctx, "key")
			if err == nil && !bytes.Equal(got, content) {
				t.Errorf("read %d bytes", len(got))
			}
			return err
		},
	} {
		if err := b.WriteAll(t.Context(), "key", content, nil); err != nil {
			t.Fatal(err)
		}
		before := store.Failed()
		store.Down()
		back := time.AfterFunc(50*time.Millisecond, store.Up)
		if err := call(t.Context()); err != nil {
			t.Errorf("%s while the store is away for a moment: %v", name, err)
		}
		back.Stop()
		if store.Failed() == before {
			t.Errorf("%s: no request failed", name)
		}
		store.Down()
		before = store.Failed()
		if err := call(t.Context()); err == nil || gcerrors.Code(err) == gcerrors.NotFound {
			t.Errorf("%s without a store: %v", name, err)
		}
		if n := store.Failed() - before; n < 2 || n > tries {
			t.Errorf("%s without a store: asked %d times", name, n)
		}
		store.Up()
	}
}

// What was cut off in the middle is an error, not a shorter content.
func TestCutAnswer(t *testing.T) {
	t.Parallel()
	store := s3test.Start(t)
	b := open(t, store.URL(""))
	store.Cut()
	if got, err := b.ReadAll(t.Context(), "key"); err == nil {
		t.Errorf("read %q", got)
	}
	if store.Failed() == 0 {
		t.Error("no request was cut")
	}
}
