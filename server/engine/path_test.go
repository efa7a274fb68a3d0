package engine

import (
	"errors"
	"path/filepath"
	"strings"
	"testing"
)

func TestCleanPath(t *testing.T) {
	t.Parallel()
	for _, good := range []string{"index.html", "css/site.css", "fr/über uns.html", "a/b/c/d.svg", strings.Repeat("x", 255)} {
		if got, err := CleanPath(good); err != nil || got != good {
			t.Errorf("%q: %q, %v", good, got, err)
		}
	}
	for _, bad := range []string{
		"", ".", "..", "/", "/etc/passwd", "../x", "a/../b", "a/./b", "a//b", "a/", "./a", ".env", "a/.git/config",
		`a\b`, `..\x`, "C:/x", "a\x00b", "a\nb", "a\x7fb", "a\xffb", strings.Repeat("x", 256),
	} {
		if got, err := CleanPath(bad); !errors.Is(err, ErrPath) {
			t.Errorf("%q is taken as %q, %v", bad, got, err)
		}
	}
}

// What CleanPath lets through stays below the folder that it is joined to.
func FuzzCleanPath(f *testing.F) {
	f.Add("css/site.css")
	f.Add("../../etc/passwd")
	f.Fuzz(func(t *testing.T, name string) {
		clean, err := CleanPath(name)
		if err == nil && (!filepath.IsLocal(clean) || clean != name) {
			t.Errorf("%q becomes %q", name, clean)
		}
	})
}
