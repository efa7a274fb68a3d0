package sitepath_test

import (
	"net/url"
	"path"
	"reflect"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/sheenapps/sheen/server/preview/sitepath"
)

func TestCandidates(t *testing.T) {
	t.Parallel()
	tests := map[string][]sitepath.Candidate{
		"/":           {{Name: "index.html"}},
		"/a":          {{Name: "a"}, {Name: "a.html"}, {Name: "a/index.html", Redirect: true}},
		"/a.css":      {{Name: "a.css"}, {Name: "a.css/index.html", Redirect: true}},
		"/a.b/c":      {{Name: "a.b/c"}, {Name: "a.b/c.html"}, {Name: "a.b/c/index.html", Redirect: true}},
		"/a/b/":       {{Name: "a/b/index.html"}},
		"/a%20%C3%A9": {{Name: "a é"}, {Name: "a é.html"}, {Name: "a é/index.html", Redirect: true}},
		"/a%2541":     {{Name: "a%41"}, {Name: "a%41.html"}, {Name: "a%41/index.html", Redirect: true}},
	}
	for _, odd := range []string{
		"", "a", "//", "/a//b", "/a//", "//a", "/.", "/..", "/a/../b", "/%2e%2E/a", "/a%2fb", "/a%5Cb", `/a\b`, "/%00", "/%0a",
		"/%7F", "/%ff", "/%", "/" + strings.Repeat("a", 1024),
	} {
		tests[odd] = nil
	}
	for escaped, want := range tests {
		if got := sitepath.Candidates(escaped); !reflect.DeepEqual(got, want) {
			t.Errorf("Candidates(%q) = %v, want %v", escaped, got, want)
		}
	}
}

func FuzzCandidates(f *testing.F) {
	for _, seed := range []string{"/", "/a/b.c", "/%2e%2e/x", "/a%2fb", "//x", "/a/"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, escaped string) {
		for _, c := range sitepath.Candidates(escaped) {
			if c.Name == "" || path.IsAbs(c.Name) || path.Clean(c.Name) != c.Name || strings.HasPrefix(c.Name, "../") ||
				strings.ContainsAny(c.Name, "\\\x00\n") || !utf8.ValidString(c.Name) {
				t.Errorf("Candidates(%q) has %q", escaped, c.Name)
			}
		}
	})
}

// Every file can be asked for under its own name.
func FuzzNamesAreReached(f *testing.F) {
	f.Add("a b/c?d#e%41.html")
	f.Fuzz(func(t *testing.T, name string) {
		escaped := (&url.URL{Path: "/" + name}).EscapedPath()
		if name == "" || path.Clean(name) != name || path.IsAbs(name) || strings.HasPrefix(name, ".") || len(escaped) > 1024 ||
			!utf8.ValidString(name) || strings.ContainsFunc(name, func(r rune) bool { return r < 0x20 || r == 0x7f || r == '\\' }) {
			t.Skip()
		}
		if got := sitepath.Candidates(escaped); len(got) == 0 || got[0].Name != name {
			t.Errorf("%q as %q: %v", name, escaped, got)
		}
	})
}

func TestContentType(t *testing.T) {
	t.Parallel()
	tests := map[string]string{
		"a.HTML": "text/html; charset=utf-8", "a.Svg": "image/svg+xml", "a.woff2": "font/woff2", "a.mjs": "text/javascript; charset=utf-8",
		"a": "", "a.php": "", "html": "", "a.html.exe": "", "a.xhtml": "", "a.swf": "", "a.html/b": "",
	}
	for name, want := range tests {
		got, known := sitepath.ContentType(name)
		if want == "" && (known || got != sitepath.DefaultType) || want != "" && (!known || got != want) {
			t.Errorf("ContentType(%q) = %q, %v", name, got, known)
		}
	}
}
