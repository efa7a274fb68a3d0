package offline

import (
	"io/fs"
	"path"
	"strings"
	"testing"

	"github.com/sheenapps/sheen/server/locale"
)

// TestDialects holds the regional folders to their parents: what they say stands
// somewhere in the parent, and differs from it.
func TestDialects(t *testing.T) {
	t.Parallel()
	const fewest = 30
	for _, tag := range locale.Supported() {
		parent, _, regional := strings.Cut(tag, "-")
		if !regional {
			continue
		}
		files, err := fs.ReadDir(copyFiles, "copy/"+tag)
		if err != nil {
			t.Fatal(err)
		}
		texts := 0
		for _, file := range files {
			over, err := copyFiles.ReadFile(path.Join("copy", tag, file.Name()))
			if err != nil {
				t.Fatal(err)
			}
			under, err := copyFiles.ReadFile(path.Join("copy", parent, file.Name()))
			if err != nil {
				t.Fatal(err)
			}
			texts += differences(t, path.Join(tag, file.Name()), decoded(t, under), decoded(t, over))
		}
		if texts < fewest {
			t.Errorf("%s says %d things in its own way, want %d", tag, texts, fewest)
		}
	}
}

// differences checks an overlay and counts its texts.
func differences(t *testing.T, at string, under, over any) int {
	t.Helper()
	if over == nil || under == nil {
		t.Errorf("%s is not in the parent", at)
		return 0
	}
	if text, ok := over.(string); ok {
		if text == under || strings.TrimSpace(text) == "" {
			t.Errorf("%s: %q is what the parent says, or nothing", at, text)
		}
		return 1
	}
	changes, ok := over.(map[string]any)
	if !ok {
		t.Errorf("%s: a dialect says texts by their keys, not %T", at, over)
		return 0
	}
	texts := 0
	for key, change := range changes {
		var below any
		switch under := under.(type) {
		case map[string]any:
			below = under[key]
		case []any:
			if i := entryAt(under, key); i >= 0 {
				below = under[i]
			}
		}
		texts += differences(t, at+"."+key, below, change)
	}
	return texts
}
