package locale

import (
	"embed"
	"encoding/json"
	"fmt"
	"io/fs"
)

//go:embed catalogue/*.json
var files embed.FS

// catalogues holds the messages of every locale, by tag and key. Nothing writes
// to it after start.
var catalogues = mustLoad(files)

// mustLoad stops the program at start when an embedded file is broken, which is
// a fault of the build and not of any request.
func mustLoad(fsys fs.FS) map[string]map[string]entry {
	all, err := load(fsys)
	if err != nil {
		panic(err) //nolint:forbidigo // at start, see above
	}
	return all
}

func load(fsys fs.FS) (map[string]map[string]entry, error) {
	all := make(map[string]map[string]entry)
	for _, tag := range supported {
		raw, err := fs.ReadFile(fsys, "catalogue/"+tag+".json")
		if err != nil {
			return nil, fmt.Errorf("catalogue %s: %w", tag, err)
		}
		var messages map[string]entry
		if err := json.Unmarshal(raw, &messages); err != nil {
			return nil, fmt.Errorf("catalogue %s: %w", tag, err)
		}
		all[tag] = messages
	}
	return all, nil
}
