package embedded

import (
	"archive/zip"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// fakeBuild is a .txz with bin/initdb and bin/postgres, mode 0700: scripts that
// print "postgres (PostgreSQL) 16.9".
const fakeBuild = "/Td6WFoAAAFpIt42AgAhARwAAAAQz1jM4Cf/AJhdADEaShsO1TDyWxuE7yh9tnRk5oBYGP1JAB66pOPEDO/qz1/+a9jH92htHTXNAsJxlkJa9Hm8yzb3lgkwcVcrwvrGzmVZ6nvqMCXbgLeHocmyJBLGA5tcFpJdFXcidcjTeUtQyM5cqTa08zAKJq8yEzDo2XXKLFCbBUUCLAVRZrZG6xSov8IZ+rVRbeUqUaQlds7599H/ekMAAHBgRh4AAbABgFAAAJN2GmU+MA2LAgAAAAABWVo="

// mavenServer serves the fake build as Maven Central serves real ones.
func mavenServer(t *testing.T, build []byte) *httptest.Server {
	t.Helper()
	var jar bytes.Buffer
	archive := zip.NewWriter(&jar)
	file, err := archive.Create("postgres.txz")
	must(t, err)
	_, err = file.Write(build)
	must(t, err)
	must(t, archive.Close())
	digest := sha256.Sum256(jar.Bytes())
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body := jar.Bytes()
		switch {
		case !strings.Contains(r.URL.Path, "/16."):
			http.NotFound(w, r)
			return
		case strings.HasSuffix(r.URL.Path, ".sha256"):
			body = []byte(hex.EncodeToString(digest[:]))
		}
		_, _ = w.Write(body)
	}))
	t.Cleanup(server.Close)
	return server
}

func testFetcher(cache, repository string) fetcher {
	return fetcher{
		cache:      func() (string, error) { return cache, nil },
		repository: repository,
		logger:     slog.New(slog.DiscardHandler),
	}
}

func TestFetcher_Fetch(t *testing.T) {
	t.Parallel()
	build, err := base64.StdEncoding.DecodeString(fakeBuild)
	must(t, err)
	server := mavenServer(t, build)
	cache := filepath.Join(t.TempDir(), "cache")
	fetch := testFetcher(cache, server.URL)

	dir, err := fetch.fetch(t.Context(), 16)
	must(t, err)
	found, err := finder{fetch: fetch.fetch}.fetched(t.Context(), 16)
	must(t, err)
	if want := (programs{dir: dir, major: 16}); found != want {
		t.Errorf("found %v, want %v", found, want)
	}
	for _, path := range []string{dir, filepath.Join(dir, "postgres")} {
		info, err := os.Stat(path)
		must(t, err)
		if info.Mode().Perm()&0o055 != 0o055 {
			t.Errorf("%s has mode %v: others cannot run it", path, info.Mode().Perm())
		}
	}
	if entries, err := os.ReadDir(cache); err != nil || len(entries) != 1 {
		t.Errorf("in the cache: %v, %v", entries, err)
	}

	server.Close()
	if again, err := fetch.fetch(t.Context(), 16); err != nil || again != dir {
		t.Errorf("second fetch: %s, %v: it should not need the network", again, err)
	}
}

func TestFetcher_Failures(t *testing.T) {
	t.Parallel()
	server := mavenServer(t, []byte("not an archive"))
	tests := []struct {
		name  string
		major int
	}{
		{"damaged", 16},
		{"not published", 0},
		{"unknown version", 99},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			cache := t.TempDir()
			if dir, err := testFetcher(cache, server.URL).fetch(t.Context(), tt.major); err == nil {
				t.Errorf("fetched %s", dir)
			}
			wantEmpty(t, cache)
		})
	}
}

func TestFetcher_Canceled(t *testing.T) {
	t.Parallel()
	asked, answer := make(chan struct{}), make(chan struct{})
	askedOnce := sync.OnceFunc(func() { close(asked) })
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		askedOnce()
		<-answer
	}))
	t.Cleanup(server.Close)
	enough := errors.New("enough")
	ctx, cancel := context.WithCancelCause(t.Context())
	go func() {
		<-asked
		cancel(enough)
	}()
	cache := t.TempDir()
	if _, err := testFetcher(cache, server.URL).fetch(ctx, 16); !errors.Is(err, enough) {
		t.Errorf("got %v, want the cause", err)
	}
	close(answer)
	eventually(t, "end of the download", func() bool {
		entries, err := os.ReadDir(cache)
		return err == nil && len(entries) == 0
	})
}
