package preview_test

import (
	"context"
	"errors"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sheenapps/sheen/server/preview"
)

// probe asks the bundle's preview.
func (b *testBundle) probe(t *testing.T, paths, assets []string) error {
	t.Helper()
	origin := preview.Origin{Scheme: "http", Domain: domain, Port: 8081}
	return preview.Probe(t.Context(), preview.ProbeOptions{
		URL: origin.URL(b.version), DialAddress: b.address, Paths: paths, Assets: assets,
	})
}

func TestProbe(t *testing.T) {
	t.Parallel()
	home := `<title>Home</title><link rel=stylesheet href="css/a.css"><script src="/a.js"></script><img src="i.svg#x" alt=""><img src="https://example.org/x.png">`
	whole := map[string]string{"index.html": home, "css/a.css": "a{}", "a.js": "1", "i.svg": "<svg/>", "b.html": "<title>B</title>"}
	tests := []struct {
		name   string
		change map[string]string // content, empty for a missing file
		paths  []string
		assets []string
		want   []string // the paths of the failures
	}{
		{"whole", nil, []string{"/b.html", "/b", "/"}, []string{"/b.html", "/i.svg"}, nil},
		{"no index", map[string]string{"index.html": ""}, nil, nil, []string{"/"}},
		{"no title", map[string]string{"index.html": "<title> </title>"}, nil, nil, []string{"/"}},
		{"no style sheet", map[string]string{"css/a.css": ""}, nil, nil, []string{"/css/a.css"}},
		{"no script, no picture", map[string]string{"a.js": "", "i.svg": ""}, nil, nil, []string{"/a.js", "/i.svg"}},
		{"no page", nil, []string{"/c.html"}, nil, []string{"/c.html"}},
		{"page without title", map[string]string{"b.html": "<p>"}, []string{"/b.html"}, nil, []string{"/b.html"}},
		{"page that is none", nil, []string{"/a.js"}, nil, []string{"/a.js"}},
		{"no asset", nil, nil, []string{"/x.png"}, []string{"/x.png"}},
		{"folder without slash", map[string]string{"d/index.html": "<title>D</title>"}, []string{"/d"}, nil, []string{"/d"}},
		{"another host", nil, []string{"//example.org/"}, []string{"http://example.org/x"}, []string{"//example.org/", "http://example.org/x"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			files := maps.Clone(whole)
			for path, content := range test.change {
				files[path] = content
				if content == "" {
					delete(files, path)
				}
			}
			err := setup(t, files).probe(t, test.paths, test.assets)
			var got []string
			if failed, ok := errors.AsType[*preview.ProbeError](err); ok {
				for _, f := range failed.Failures {
					got = append(got, f.Path)
				}
			} else if err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(got, test.want) {
				t.Errorf("failures at %q, want %q: %v", got, test.want, err)
			}
		})
	}
}

func TestProbeOfStrangeAnswers(t *testing.T) {
	t.Parallel()
	page := func(w http.ResponseWriter) {
		w.Header().Set("Content-Type", "text/html")
		_, _ = w.Write([]byte(`<title>T</title><script src="a.js"></script>`))
	}
	tests := map[string]struct {
		handler     http.HandlerFunc
		unreachable bool
	}{
		"empty asset": {func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/" {
				page(w)
			}
		}, false},
		"asset of another type": {func(w http.ResponseWriter, _ *http.Request) { page(w) }, false},
		"redirect": {func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "http://169.254.169.254/", http.StatusFound)
		}, false},
		"endless": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/html")
			for block := make([]byte, 1<<20); ; {
				if _, err := w.Write(block); err != nil {
					return
				}
			}
		}, false},
		"server error": {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) }, true},
		"silence":      {func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }, true},
		"cut": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "100")
			page(w)
		}, true},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := httptest.NewServer(test.handler)
			t.Cleanup(server.Close)
			timeout := 20 * time.Second
			if name == "silence" {
				timeout = 100 * time.Millisecond
			}
			err := preview.Probe(t.Context(), preview.ProbeOptions{
				URL: "http://x.preview.localhost/", DialAddress: server.Listener.Addr().String(), Timeout: timeout,
			})
			var failed *preview.ProbeError
			if got := errors.Is(err, preview.ErrUnreachable); got != test.unreachable || errors.As(err, &failed) == got {
				t.Errorf("got %v, want unreachable %v", err, test.unreachable)
			}
		})
	}
}

func TestProbeOfNothing(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := listener.Addr().String()
	if err := listener.Close(); err != nil {
		t.Fatal(err)
	}
	opts := preview.ProbeOptions{URL: "http://x.preview.localhost/", DialAddress: address}
	if err := preview.Probe(t.Context(), opts); !errors.Is(err, preview.ErrUnreachable) {
		t.Errorf("got %v, want ErrUnreachable", err)
	}
	stop := errors.New("the build was canceled")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(stop)
	if err := preview.Probe(ctx, opts); !errors.Is(err, stop) {
		t.Errorf("got %v, want the cause", err)
	}
	if err := preview.Probe(t.Context(), preview.ProbeOptions{URL: "http://[" + strings.Repeat("x", 3)}); !errors.Is(err, preview.ErrConfig) {
		t.Errorf("got %v, want ErrConfig", err)
	}
}

// Where the digests are known, each answer must be that very file, and is not looked
// into.
func TestProbeComparesFiles(t *testing.T) {
	t.Parallel()
	b := setup(t, map[string]string{"index.html": "no title", "b.html": "<title>B</title>", "a.js": "1"})
	origin := preview.Origin{Scheme: "http", Domain: domain, Port: 8081}
	right := map[string]preview.Digest{
		"/": preview.DigestOf([]byte("no title")), "/b.html": preview.DigestOf([]byte("<title>B</title>")), "/a.js": preview.DigestOf([]byte("1")),
	}
	for path := range maps.Clone(right) {
		wrong := maps.Clone(right)
		wrong[path] = preview.DigestOf([]byte("another"))
		err := preview.Probe(t.Context(), preview.ProbeOptions{
			URL: origin.URL(b.version), DialAddress: b.address, Paths: []string{"/b.html"}, Assets: []string{"/a.js"}, Digests: wrong,
		})
		if failed, ok := errors.AsType[*preview.ProbeError](err); !ok || len(failed.Failures) != 1 || failed.Failures[0].Path != path {
			t.Errorf("with another file at %s: %v", path, err)
		}
	}
	err := preview.Probe(t.Context(), preview.ProbeOptions{
		URL: origin.URL(b.version), DialAddress: b.address, Paths: []string{"/b.html"}, Assets: []string{"/a.js"}, Digests: right,
	})
	if err != nil {
		t.Error(err)
	}
}
