package headless_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sheenapps/sheen/server/preview/headless"
	"github.com/sheenapps/sheen/server/preview/sitepath"
)

// policy is that of previews.
const policy = "sandbox allow-scripts allow-forms; default-src 'self' 'unsafe-inline' data: blob:; object-src 'none'; base-uri 'self'; form-action 'self'"

// serve serves files, and returns the address of the index and where it is.
func serve(t *testing.T, files map[string]string) (base, address string) {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Access-Control-Allow-Origin", "*")
		name := strings.TrimPrefix(r.URL.Path, "/")
		content, ok := files[name]
		if !ok {
			http.NotFound(w, r)
			return
		}
		kind, _ := sitepath.ContentType(name)
		w.Header().Set("Content-Type", kind)
		w.Header().Set("Content-Security-Policy", policy)
		w.Header().Set("X-Content-Type-Options", "nosniff")
		_, _ = w.Write([]byte(content))
	}))
	t.Cleanup(server.Close)
	address = server.Listener.Addr().String()
	_, port, _ := strings.Cut(address, ":")
	return "http://site.candidate.localhost:" + port + "/", address
}

func find(t *testing.T) string {
	t.Helper()
	path, err := headless.Find(os.Getenv("SHEEN_CHROMIUM"))
	if err != nil {
		t.Skip("no Chromium on this machine")
	}
	return path
}

func html(head, body string) string {
	return `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>T</title>` + head + "</head><body><h1>Hello</h1>" + body + "</body></html>"
}

// The browser sees what goes wrong on each page, and only there.
func TestOpen(t *testing.T) {
	t.Parallel()
	browser := headless.New(find(t))
	other, otherAddress := serve(t, map[string]string{"x.js": "1"})
	tests := []struct {
		name, content string
		want          string // part of a message; empty for no message
	}{
		{"good", html(`<link rel=stylesheet href=a.css><script type=module src=m.js></script>`,
			`<img src=i.svg alt=x><script>fetch("d.json").then(r=>r.json()).then(d=>{document.title=d.a});Promise.reject(1).catch(()=>{});console.error("no matter");setTimeout(()=>alert("x"),1)</script>`), ""},
		{"sent on once", html("<script>if(!location.search)location.href='?a'</script>", ""), ""},
		{"uncaught error", html("", "<script>missing()</script>"), "uncaught error: ReferenceError: missing is not defined"},
		{"rejected promise", html("", "<script>Promise.reject(new Error('no'))</script>"), "uncaught error: Error: no"},
		{"late error", html("", "<script>setTimeout(()=>{throw new Error('late')},200)</script>"), "late"},
		{"missing export", html("<script type=module>import {a} from './n.js'</script>", ""), "does not provide an export"},
		{"failed request", html("", "<script>fetch('data.json?'+1)</script>"), "asks for /data.json?1, which answers 404"},
		{"request elsewhere", html("", "<script>fetch(['https:','','example.org'].join('/')).catch(()=>{})</script>"), "violates"},
		{"storage", html("", "<script>localStorage.a=1</script>"), "SecurityError"},
		{"nothing to see", html("<style>h1{display:none}</style>", ""), "shows no text"},
		{"hidden body", html("<style>body{display:none}</style>", ""), "shows no text"},
		{"round and round", html("<script>location.href='?'+Math.random()</script>", ""), "on and on"},
		{"off to elsewhere", html("<script>location.href='"+strings.ReplaceAll(other, "site.", "other.")+"x.js'</script>", ""), "ERR_NAME_NOT_RESOLVED"},
		{"off to an address", html("<script>location.href='http://"+otherAddress+"/x.js'</script>", ""), "ERR_NAME_NOT_RESOLVED"},
		{"busy for ever", html("", "<script>for(;;);</script>"), "does not finish loading"},
	}
	files := map[string]string{
		"a.css": "h1{color:red;background:url(i.svg)}", "m.js": "import './n.js'", "n.js": "export {}", "d.json": `{"a":"b"}`,
		"i.svg": `<svg xmlns="http://www.w3.org/2000/svg"/>`,
	}
	var pages []string
	for _, test := range tests {
		files[test.name+".html"] = test.content
		pages = append(pages, "/"+strings.ReplaceAll(test.name, " ", "%20")+".html")
	}
	base, address := serve(t, files)
	said := map[string][]string{}
	for batch := range slices.Chunk(pages, 5) {
		failures, err := browser.Open(t.Context(), base, address, batch)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range failures {
			said[f.Path] = append(said[f.Path], f.Message)
		}
	}
	for _, test := range tests {
		messages := said[test.name+".html"]
		found := slices.ContainsFunc(messages, func(m string) bool { return strings.Contains(m, test.want) })
		if test.want == "" && len(messages) > 0 || test.want != "" && !found || strings.Contains(strings.Join(messages, ""), "//site.") {
			t.Errorf("%s: messages %q, want %q", test.name, messages, test.want)
		}
	}
}

// A page that is at fault does not hide the next one, and no more are opened
// than are allowed.
func TestOpenManyPages(t *testing.T) {
	t.Parallel()
	browser := headless.New(find(t))
	files := map[string]string{}
	var pages []string
	for i := range headless.MaxPages + 2 {
		name := "p" + strconv.Itoa(i) + ".html"
		files[name] = html("", "<script>no()</script>")
		pages = append(pages, "/"+name)
	}
	base, address := serve(t, files)
	failures, err := browser.Open(t.Context(), base, address, pages)
	if err != nil || len(failures) != headless.MaxPages || failures[7].Path != "p7.html" {
		t.Errorf("failures %v, error %v", failures, err)
	}
}

// Whoever asks while another site is open waits, and gives up with its context.
func TestOneAtATime(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "browser")
	// It never answers.
	if err := os.WriteFile(path, []byte("#!/bin/sh\necho x >>"+dir+"/starts\nexec sleep 60\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	browser := headless.New(path)
	first, stopFirst := context.WithCancel(t.Context())
	defer stopFirst()
	var over atomic.Bool
	done := make(chan error, 1)
	go func() {
		_, err := browser.Open(first, "http://x.localhost:1/", "127.0.0.1:1", []string{"/"})
		over.Store(true)
		done <- err
	}()
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(5 * time.Millisecond) { //nolint:forbidigo // waits for another process, bounded
		if starts, err := os.ReadFile(filepath.Join(dir, "starts")); err == nil && len(starts) > 0 || time.Now().After(deadline) {
			break
		}
	}
	reason := errors.New("gave up")
	second, cancel := context.WithTimeoutCause(t.Context(), 50*time.Millisecond, reason)
	defer cancel()
	if _, err := browser.Open(second, "http://x.localhost:1/", "127.0.0.1:1", []string{"/"}); !errors.Is(err, reason) {
		t.Errorf("the second one got %v", err)
	}
	if over.Load() {
		t.Fatal("the first one is over")
	}
	stopFirst()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("the first one got %v", err)
	}
	if starts, err := os.ReadFile(filepath.Join(dir, "starts")); err != nil || strings.Count(string(starts), "x") != 1 {
		t.Errorf("started %q, %v", starts, err)
	}
}

func TestABrowserThatDoesNotStart(t *testing.T) {
	t.Parallel()
	if _, err := headless.Find(filepath.Join(t.TempDir(), "none")); !errors.Is(err, headless.ErrBrowser) {
		t.Errorf("found %v", err)
	}
	failures, err := headless.New("/bin/false").Open(t.Context(), "http://x.localhost:1/", "127.0.0.1:1", []string{"/"})
	if !errors.Is(err, headless.ErrBrowser) || failures != nil {
		t.Errorf("failures %v, error %v", failures, err)
	}
}
