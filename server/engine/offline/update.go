package offline

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/sheenapps/sheen/server/engine"
)

// manifestFile holds the brief of a site, so that an update of it can begin
// where it ended.
const manifestFile = "site.json"

// manifestOf reads the brief of an earlier version.
func manifestOf(base []engine.File) (brief, bool) {
	i := slices.IndexFunc(base, func(f engine.File) bool { return f.Path == manifestFile })
	if i < 0 {
		return brief{}, false
	}
	var b brief
	if err := json.Unmarshal(base[i].Content, &b); err != nil {
		return brief{}, false
	}
	if _, err := newSite(b); err != nil {
		return brief{}, false
	}
	return b, true
}

func (s *site) manifest() ([]byte, error) {
	raw, err := json.MarshalIndent(s.brief, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("manifest: %w", err)
	}
	return append(raw, '\n'), nil
}

// mergeBase returns files with the base's content for every file that the
// update leaves as the earlier brief would have written it. So what a person
// changed by hand stays, wherever the update has nothing to change.
func mergeBase(base, files []engine.File) ([]engine.File, error) {
	old, ok := manifestOf(base)
	if !ok {
		return files, nil
	}
	before, err := newSite(old)
	if err != nil {
		return nil, err
	}
	earlier, err := before.render()
	if err != nil {
		return nil, err
	}
	for i, file := range files {
		was := find(earlier, file.Path)
		kept := find(base, file.Path)
		if was != nil && kept != nil && bytes.Equal(was.Content, file.Content) {
			files[i].Content = kept.Content
		}
	}
	return files, nil
}

func find(files []engine.File, name string) *engine.File {
	for i := range files {
		if files[i].Path == name {
			return &files[i]
		}
	}
	return nil
}
