package preview_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"gocloud.dev/blob/memblob"

	"github.com/sheenapps/sheen/server/preview"
)

const domain = "preview.localhost"

// siteFiles is a VersionFiles over maps: the real one is a query.
type siteFiles struct {
	versions map[uuid.UUID]map[string]preview.Digest
	err      error
	asked    func(path string)
}

func (s *siteFiles) VersionFile(_ context.Context, version uuid.UUID, path string) (preview.Digest, error) {
	if s.asked != nil {
		s.asked(path)
	}
	if s.err != nil {
		return preview.Digest{}, s.err
	}
	digest, ok := s.versions[version][path]
	if !ok {
		return preview.Digest{}, fmt.Errorf("file %q: %w", path, preview.ErrNotFound)
	}
	return digest, nil
}

// testBundle is a served version.
type testBundle struct {
	files   *siteFiles
	version uuid.UUID
	host    string
	address string // of the listener
	blobs   *preview.Blobs
}

// setup serves a version with these files.
func setup(t *testing.T, files map[string]string) *testBundle {
	t.Helper()
	version := uuid.Must(uuid.NewV7())
	b := &testBundle{
		files:   &siteFiles{versions: map[uuid.UUID]map[string]preview.Digest{version: {}}},
		version: version,
		host:    preview.Label(version) + "." + domain,
		blobs:   preview.NewBlobs(memblob.OpenBucket(nil)),
	}
	for path, content := range files {
		digest, err := b.blobs.Put(t.Context(), []byte(content))
		if err != nil {
			t.Fatal(err)
		}
		b.files.versions[version][path] = digest
	}
	handler, err := preview.NewHandler(preview.Options{
		Versions: b.files, Blobs: b.blobs, Domain: domain, FrameAncestors: []string{"http://127.0.0.1:8080"},
	})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	b.address = server.Listener.Addr().String()
	return b
}

// do sends a request line and headers as they are, and returns the answer.
func (b *testBundle) do(t *testing.T, method, target, host string, headers ...string) (*http.Response, string) {
	t.Helper()
	conn, err := net.Dial("tcp", b.address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(10 * time.Second)); err != nil {
		t.Fatal(err)
	}
	lines := append([]string{method + " " + target + " HTTP/1.1", "Host: " + host, "Connection: close"}, headers...)
	if _, err := io.WriteString(conn, strings.Join(lines, "\r\n")+"\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	response, err := http.ReadResponse(bufio.NewReader(conn), &http.Request{Method: method})
	if err != nil {
		t.Fatalf("%s %s: %v", method, target, err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response, string(body)
}

func (b *testBundle) get(t *testing.T, target string, headers ...string) (*http.Response, string) {
	t.Helper()
	return b.do(t, http.MethodGet, target, b.host, headers...)
}

// checkIsolation checks the headers that every response must have.
func checkIsolation(t *testing.T, response *http.Response) {
	t.Helper()
	want := map[string]string{
		"Content-Security-Policy": "sandbox allow-scripts allow-forms; default-src 'self' 'unsafe-inline' data: blob:; " +
			"object-src 'none'; base-uri 'self'; form-action 'self'; frame-ancestors http://127.0.0.1:8080",
		"X-Content-Type-Options":       "nosniff",
		"Referrer-Policy":              "no-referrer",
		"Cross-Origin-Resource-Policy": "cross-origin",
	}
	for name, value := range want {
		if got := response.Header.Get(name); got != value {
			t.Errorf("status %d: %s is %q, want %q", response.StatusCode, name, got, value)
		}
	}
	if got := response.Header.Get("Permissions-Policy"); !strings.Contains(got, "camera=()") {
		t.Errorf("status %d: Permissions-Policy is %q", response.StatusCode, got)
	}
	if cookies := response.Header.Values("Set-Cookie"); len(cookies) > 0 {
		t.Errorf("status %d: sets the cookies %q", response.StatusCode, cookies)
	}
}

func webSite() map[string]string {
	return map[string]string{
		"index.html":      "<title>home</title>",
		"services.html":   "services",
		"blog/index.html": "blog",
		"blog/a b.html":   "spaced",
		"café.html":       "coffee",
		"css/site.css":    "a{}",
		"js/app.js":       "let a",
		"data.bin":        "0123456789",
		"logo.svg":        "<svg/>",
		"page.php":        "<script>",
		"x.htm.exe":       "<script>",
		"Ünïcode;x.weird": "w",
		"empty.txt":       "",
		"nested/evil.com": "n",
		"evil/index.html": "e",
	}
}

func TestHandlerServesFiles(t *testing.T) {
	t.Parallel()
	b := setup(t, webSite())
	const page, asset = "public, max-age=0, must-revalidate", "public, max-age=31536000, immutable"
	tests := []struct{ target, body, contentType, cache, disposition string }{
		{"/", "<title>home</title>", "text/html; charset=utf-8", page, ""},
		{"/?a=/../b", "<title>home</title>", "text/html; charset=utf-8", page, ""},
		{"/index.html", "<title>home</title>", "text/html; charset=utf-8", page, ""},
		{"/services", "services", "text/html; charset=utf-8", page, ""},
		{"/services.html", "services", "text/html; charset=utf-8", page, ""},
		{"/blog/", "blog", "text/html; charset=utf-8", page, ""},
		{"/blog/a%20b.html", "spaced", "text/html; charset=utf-8", page, ""},
		{"/caf%C3%A9", "coffee", "text/html; charset=utf-8", page, ""},
		{"/%63ss/site.css", "a{}", "text/css; charset=utf-8", asset, ""},
		{"/js/app.js", "let a", "text/javascript; charset=utf-8", asset, ""},
		{"/logo.svg", "<svg/>", "image/svg+xml", asset, ""},
		{"/empty.txt", "", "text/plain; charset=utf-8", asset, ""},
		{"/data.bin", "0123456789", "application/octet-stream", asset, "attachment; filename=data.bin"},
		{"/page.php", "<script>", "application/octet-stream", asset, "attachment; filename=page.php"},
		{"/x.htm.exe", "<script>", "application/octet-stream", asset, "attachment; filename=x.htm.exe"},
		{"/%C3%9Cn%C3%AFcode;x.weird", "w", "application/octet-stream", asset, "attachment; filename*=utf-8''%C3%9Cn%C3%AFcode%3Bx.weird"},
	}
	for _, test := range tests {
		response, body := b.get(t, test.target, "Cookie: a=b")
		checkIsolation(t, response)
		h := response.Header
		got := []string{body, h.Get("Content-Type"), h.Get("Cache-Control"), h.Get("Content-Disposition")}
		want := []string{test.body, test.contentType, test.cache, test.disposition}
		if response.StatusCode != http.StatusOK || !slices.Equal(got, want) {
			t.Errorf("%s: %d %q, want %q", test.target, response.StatusCode, got, want)
		}
		digest := preview.DigestOf([]byte(test.body))
		if h.Get("ETag") != `"`+digest.String()+`"` {
			t.Errorf("%s: ETag %s", test.target, h.Get("ETag"))
		}
	}
}

// Nothing but the file table decides: whatever is asked for, only clean names
// are looked up, and everything odd is the same plain answer.
func TestHandlerRefusesOddPaths(t *testing.T) {
	t.Parallel()
	b := setup(t, webSite())
	b.files.asked = func(path string) {
		if path == "" || path[0] == '/' || len(path) > 1100 || strings.ContainsAny(path, "\\\x00") ||
			slices.Contains(strings.Split(path, "/"), "..") || strings.Contains(path, "//") {
			t.Errorf("looked up %q", path)
		}
	}
	for _, target := range []string{
		"/../index.html", "/./index.html", "/blog/../index.html", "/blog/..", "/..", "/.", "/.../index.html",
		"/%2e%2e/index.html", "/%2E%2E%2Findex.html", "/..%2findex.html", "/blog%2findex.html", "/blog%2Findex.html",
		"/%2e/index.html", "/blog/%2e%2e/index.html", "/%252e%252e/index.html", "/css%5csite.css", `/css\site.css`,
		`/..\index.html`, "/index.html%00", "/%00", "/index.html%00.css", "//index.html", "//", "///", "/blog//", "//evil.com",
		"//evil.com/", "//evil.com/..", "/blog//index.html", "/index.html/", "/css", "/css/", "/css/site", "/INDEX.HTML",
		"/index.html%20", "/index.html.", "/%ff", "/%c0%ae%c0%ae/index.html", "/caf%e9.html", "/" + strings.Repeat("a", 5000),
		"/" + strings.Repeat("a/", 2000), "/%0d%0aSet-Cookie:a=b", "/%7f", "/404", "/404.html", "http://evil.com/index.html",
		"/index.html;x", "/etc/passwd", "/%2Fetc/passwd", "/C:/x", "/~root", "/%", "/%zz",
	} {
		response, body := b.get(t, target)
		if strings.Contains(target, "%zz") || target == "/%" {
			if response.StatusCode != http.StatusBadRequest {
				t.Errorf("%q: %d", target, response.StatusCode)
			}
			continue
		}
		checkIsolation(t, response)
		if response.StatusCode != http.StatusNotFound || body != "Not Found\n" || response.Header.Get("Location") != "" ||
			response.Header.Get("Cache-Control") != "no-store" || response.Header.Get("Content-Type") != "text/plain; charset=utf-8" {
			t.Errorf("%q: %d %q %v", target, response.StatusCode, body, response.Header)
		}
	}
}

func TestHandlerRedirectsToFolders(t *testing.T) {
	t.Parallel()
	b := setup(t, webSite())
	tests := map[string]string{
		"/blog":              "/blog/",
		"/blog?x=1&y=//evil": "/blog/?x=1&y=//evil",
		"/%62log":            "/blog/",
		"/evil":              "/evil/",
	}
	for target, want := range tests {
		response, _ := b.get(t, target)
		checkIsolation(t, response)
		if got := response.Header.Get("Location"); response.StatusCode != http.StatusPermanentRedirect || got != want {
			t.Errorf("%s: %d to %q, want %q", target, response.StatusCode, got, want)
		}
	}
}

func TestHandlerHosts(t *testing.T) {
	t.Parallel()
	b := setup(t, map[string]string{"index.html": "home", "404.html": "own"})
	label := strings.TrimSuffix(b.host, "."+domain)
	for _, host := range []string{
		b.host, b.host + ":8081", b.host + ".", b.host + ".:80", strings.ToUpper(b.host), b.host + ":",
	} {
		if response, body := b.do(t, http.MethodGet, "/", host); response.StatusCode != http.StatusOK || body != "home" {
			t.Errorf("host %s: %d %q", host, response.StatusCode, body)
		}
	}
	unknown := preview.Label(uuid.Must(uuid.NewV7()))
	for _, host := range []string{
		"", domain, "." + domain, domain + ":8081", "127.0.0.1", "[::1]:8081", "localhost", label, label + ".evil.com",
		label + "." + domain + ".evil.com", "x." + b.host, label + "x." + domain, label + domain, b.host + "..",
		unknown + "." + domain, "www." + domain, label + "." + domain + "x", b.host + "@evil.com",
	} {
		response, body := b.do(t, http.MethodGet, "/", host)
		if response.StatusCode == http.StatusBadRequest {
			continue // the HTTP server itself refuses the header
		}
		checkIsolation(t, response)
		if response.StatusCode != http.StatusNotFound || body != "Not Found\n" {
			t.Errorf("host %s: %d %q", host, response.StatusCode, body)
		}
	}
}

func TestHandlerServesOwnNotFoundPage(t *testing.T) {
	t.Parallel()
	b := setup(t, map[string]string{"index.html": "home", "404.html": "<p>own"})
	response, body := b.get(t, "/nowhere", "Range: bytes=0-1", `If-None-Match: "`+preview.DigestOf([]byte("<p>own")).String()+`"`)
	checkIsolation(t, response)
	if response.StatusCode != http.StatusNotFound || body != "<p>own" || response.Header.Get("Content-Type") != "text/html; charset=utf-8" {
		t.Errorf("%d %q %v", response.StatusCode, body, response.Header)
	}
	response, body = b.do(t, http.MethodHead, "/nowhere", b.host)
	if response.StatusCode != http.StatusNotFound || body != "" || response.ContentLength != 6 {
		t.Errorf("HEAD: %d %q, length %d", response.StatusCode, body, response.ContentLength)
	}
}

func TestHandlerMethods(t *testing.T) {
	t.Parallel()
	b := setup(t, webSite())
	for _, method := range []string{"POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE", "PROPFIND", "get"} {
		for _, host := range []string{b.host, "unknown"} {
			response, _ := b.do(t, method, "/", host, "Content-Length: 0")
			checkIsolation(t, response)
			if response.StatusCode != http.StatusMethodNotAllowed || response.Header.Get("Allow") != "GET, HEAD" {
				t.Errorf("%s: %d, Allow %q", method, response.StatusCode, response.Header.Get("Allow"))
			}
		}
	}
	response, body := b.do(t, http.MethodHead, "/services", b.host)
	checkIsolation(t, response)
	if response.StatusCode != http.StatusOK || body != "" || response.ContentLength != int64(len("services")) {
		t.Errorf("HEAD: %d %q, length %d", response.StatusCode, body, response.ContentLength)
	}
}

func TestHandlerConditionsAndRanges(t *testing.T) {
	t.Parallel()
	b := setup(t, webSite())
	etag := `"` + preview.DigestOf([]byte("0123456789")).String() + `"`
	tests := []struct {
		header, body string
		status       int
	}{
		{"If-None-Match: " + etag, "", http.StatusNotModified},
		{`If-None-Match: "x", W/` + etag, "", http.StatusNotModified},
		{`If-None-Match: "x"`, "0123456789", http.StatusOK},
		{`If-Match: "x"`, "", http.StatusPreconditionFailed},
		{"Range: bytes=2-4", "234", http.StatusPartialContent},
		{"Range: bytes=-2", "89", http.StatusPartialContent},
		{"Range: bytes=2-4\r\nIf-Range: " + etag, "234", http.StatusPartialContent},
		{"Range: bytes=2-4\r\nIf-Range: \"x\"", "0123456789", http.StatusOK},
		{"Range: bytes=20-", "invalid range: failed to overlap\n", http.StatusRequestedRangeNotSatisfiable},
		{"Range: bytes=" + strings.Repeat("0-9,", 50) + "0-9", "0123456789", http.StatusOK},
	}
	for _, test := range tests {
		response, body := b.get(t, "/data.bin", test.header)
		checkIsolation(t, response)
		if response.StatusCode != test.status || body != test.body {
			t.Errorf("%s: %d %q, want %d %q", test.header, response.StatusCode, body, test.status, test.body)
		}
	}
}

func TestHandlerWithoutItsStore(t *testing.T) {
	t.Parallel()
	lost := setup(t, webSite())
	lost.files.versions[lost.version]["index.html"] = preview.DigestOf([]byte("never stored"))
	lostNotFound := setup(t, nil)
	lostNotFound.files.versions[lostNotFound.version]["404.html"] = preview.DigestOf([]byte("never stored"))
	away := setup(t, webSite())
	away.files.err = errors.New("connection to secret-host refused")
	for name, b := range map[string]*testBundle{"lost blob": lost, "lost blob of 404.html": lostNotFound, "no table": away} {
		response, body := b.get(t, "/")
		checkIsolation(t, response)
		if response.StatusCode != http.StatusServiceUnavailable || response.Header.Get("Retry-After") != "5" ||
			body != "Service Unavailable\n" || response.Header.Get("Cache-Control") != "no-store" || response.Header.Get("ETag") != "" {
			t.Errorf("%s: %d %q %v", name, response.StatusCode, body, response.Header)
		}
	}
}

func TestNewHandlerRefusesOptions(t *testing.T) {
	t.Parallel()
	good := preview.Options{Versions: &siteFiles{}, Blobs: preview.NewBlobs(memblob.OpenBucket(nil)), Domain: domain}
	if _, err := preview.NewHandler(good); err != nil {
		t.Error(err)
	}
	bad := map[string]func(*preview.Options){
		"versions": func(o *preview.Options) { o.Versions = nil },
		"blobs":    func(o *preview.Options) { o.Blobs = nil },
		"domain":   func(o *preview.Options) { o.Domain = "." },
	}
	for _, origin := range []string{"", "*", "'self'", "https:", "http://a/", "http://a b", "http://a;script-src *", "http://a,b", "ftp://a", "http://a\n"} {
		bad["origin "+origin] = func(o *preview.Options) { o.FrameAncestors = []string{origin} }
	}
	for name, change := range bad {
		opts := good
		change(&opts)
		if _, err := preview.NewHandler(opts); !errors.Is(err, preview.ErrConfig) {
			t.Errorf("%s: %v, want ErrConfig", name, err)
		}
	}
}
