package preview_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"gocloud.dev/blob/memblob"

	"github.com/sheenapps/sheen/server/preview"
	"github.com/sheenapps/sheen/server/preview/sitecheck"
)

// visitor visits the sites of a bundle.
func (b *testBundle) visitor(t *testing.T, browse preview.Browse) *preview.Visitor {
	t.Helper()
	v, err := preview.NewVisitor(t.Context(), preview.VisitorOptions{Blobs: b.blobs, Browse: browse})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := v.Close(); err != nil {
			t.Error(err)
		}
	})
	return v
}

func (b *testBundle) site() map[string]preview.Digest { return b.files.versions[b.version] }

const titled = "<title>T</title>"

func TestVisit(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		files map[string]string
		want  []string // the paths of the failures
	}{
		"good":       {map[string]string{"index.html": titled + "<img src=a.svg>", "a.svg": "<svg/>", "b/index.html": titled, "404.html": titled, "a b%?.html": titled, "é.txt": "x", "x.bin": "y", "empty.txt": ""}, nil},
		"no index":   {map[string]string{"home.html": titled}, []string{"/"}},
		"empty page": {map[string]string{"index.html": titled, "b.html": ""}, []string{"/b.html"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t, test.files)
			visit, err := b.visitor(t, nil).Visit(t.Context(), b.site())
			if err != nil || visit.NoBrowser != nil {
				t.Fatal(err, visit.NoBrowser)
			}
			var got []string
			for _, f := range visit.Failures {
				got = append(got, f.Path)
			}
			if !slices.Equal(got, test.want) {
				t.Errorf("failures at %q, want %q: %v", got, test.want, visit.Failures)
			}
		})
	}
}

// The site is there for the visit alone, under a name that nobody could know.
func TestVisitIsPrivate(t *testing.T) {
	t.Parallel()
	b := setup(t, map[string]string{"index.html": titled, "b.html": titled, "a/index.html": titled})
	var bases []string
	var asked []string
	ask := func(base, address string) int {
		t.Helper()
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+address+"/", http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		request.Host = strings.TrimSuffix(strings.TrimPrefix(base, "http://"), "/")
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		if err := response.Body.Close(); err != nil {
			t.Fatal(err)
		}
		return response.StatusCode
	}
	failure := sitecheck.Failure{Check: sitecheck.RuleBrowser, Path: "b.html", Message: "x"}
	var at string
	v := b.visitor(t, func(_ context.Context, base, address string, pages []string) ([]sitecheck.Failure, error) {
		bases, at, asked = append(bases, base), address, pages
		if status := ask(base, address); status != http.StatusOK {
			t.Errorf("during the visit the site answers %d", status)
		}
		if status := ask(preview.Origin{Scheme: "http", Domain: "candidate.localhost"}.URL(b.version), address); status != http.StatusNotFound {
			t.Errorf("a version answers %d", status)
		}
		return []sitecheck.Failure{failure}, nil
	})
	for range 2 {
		visit, err := v.Visit(t.Context(), b.site())
		if err != nil || !slices.Equal(visit.Failures, []sitecheck.Failure{failure}) {
			t.Errorf("visit %v, error %v", visit, err)
		}
	}
	if want := []string{"/index.html", "/a/index.html", "/b.html"}; !slices.Equal(asked, want) {
		t.Errorf("opened %q, want %q", asked, want)
	}
	if bases[0] == bases[1] {
		t.Error("two visits have the same address")
	}
	if status := ask(bases[0], at); status != http.StatusNotFound {
		t.Errorf("after the visit the site answers %d", status)
	}
	if !strings.HasPrefix(at, "127.0.0.1:") {
		t.Errorf("listens on %s", at)
	}
}

func TestVisitThatCannotBeMade(t *testing.T) {
	t.Parallel()
	b := setup(t, map[string]string{"index.html": titled})
	lost := map[string]preview.Digest{"index.html": preview.DigestOf([]byte("nobody has this"))}
	if _, err := b.visitor(t, nil).Visit(t.Context(), lost); !errors.Is(err, preview.ErrUnreachable) {
		t.Errorf("a lost blob is %v", err)
	}
	broken := errors.New("no browser")
	v := b.visitor(t, func(context.Context, string, string, []string) ([]sitecheck.Failure, error) { return nil, broken })
	if visit, err := v.Visit(t.Context(), b.site()); err != nil || !errors.Is(visit.NoBrowser, broken) {
		t.Errorf("visit %v, error %v", visit, err)
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	v = b.visitor(t, func(context.Context, string, string, []string) ([]sitecheck.Failure, error) {
		cancel(broken)
		return nil, broken
	})
	if _, err := v.Visit(ctx, b.site()); !errors.Is(err, broken) {
		t.Errorf("a canceled visit is %v", err)
	}
}

func BenchmarkVisit(b *testing.B) {
	blobs := preview.NewBlobs(memblob.OpenBucket(nil))
	site := map[string]preview.Digest{}
	for i := range 12 {
		content := fmt.Appendf(nil, "%s<p>%d%s", titled, i, strings.Repeat("x", 4000))
		digest, err := blobs.Put(b.Context(), content)
		if err != nil {
			b.Fatal(err)
		}
		site["index.html"], site[fmt.Sprintf("p%d.html", i)] = digest, digest
	}
	v, err := preview.NewVisitor(b.Context(), preview.VisitorOptions{Blobs: blobs})
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if visit, err := v.Visit(b.Context(), site); err != nil || len(visit.Failures) > 0 {
			b.Fatal(visit, err)
		}
	}
	if err := v.Close(); err != nil {
		b.Fatal(err)
	}
}
