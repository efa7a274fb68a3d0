package offline

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strconv"
	"sync"

	"github.com/sheenapps/sheen/server/locale"
)

// wordings are the copy files of every locale, each laid over its parents: the
// file of "salon" in "ar-EG" is that of "ar" with the differences.
var wordings = sync.OnceValues(func() (map[string][]byte, error) {
	files, err := copyFiles.ReadDir(path.Join("copy", languages[0]))
	if err != nil {
		return nil, fmt.Errorf("copy: %w", err)
	}
	out := map[string][]byte{}
	for _, tag := range locale.Supported() {
		for _, file := range files {
			name := path.Join(tag, file.Name())
			if out[name], err = wordingOf(tag, file.Name()); err != nil {
				return nil, fmt.Errorf("copy of %s: %w", name, err)
			}
		}
	}
	return out, nil
})

// wordingOf lays the files of that name over each other, from the end of the
// locale's chain to its beginning.
func wordingOf(tag, file string) ([]byte, error) {
	var all any
	for _, layer := range slices.Backward(locale.Resolve(tag).Path) {
		raw, err := copyFiles.ReadFile(path.Join("copy", layer, file))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("read: %w", err)
		}
		var over any
		if err := json.Unmarshal(raw, &over); err != nil {
			return nil, fmt.Errorf("in %s: %w", layer, err)
		}
		all = overlay(all, over)
	}
	merged, err := json.Marshal(all)
	if err != nil {
		return nil, fmt.Errorf("encode: %w", err)
	}
	return merged, nil
}

// overlay returns under with what over says instead. An object changes the keys
// that it has, of an object or of a list; all else takes the place of what was
// there. It may change under.
func overlay(under, over any) any {
	changes, ok := over.(map[string]any)
	if !ok {
		return over
	}
	switch below := under.(type) {
	case map[string]any:
		for key, change := range changes {
			below[key] = overlay(below[key], change)
		}
		return below
	case []any:
		for key, change := range changes {
			if i := entryAt(below, key); i >= 0 {
				below[i] = overlay(below[i], change)
			}
		}
		return below
	}
	return over
}

// entryAt finds an entry of a list by its ID, or else by its position from 0; -1
// for none.
func entryAt(list []any, key string) int {
	for i, entry := range list {
		if fields, ok := entry.(map[string]any); ok && fields["ID"] == key {
			return i
		}
	}
	if i, err := strconv.Atoi(key); err == nil && i >= 0 && i < len(list) {
		return i
	}
	return -1
}
