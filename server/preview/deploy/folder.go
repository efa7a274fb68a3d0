package deploy

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"strings"

	"github.com/sheenapps/sheen/server/preview"
)

// The folders and files are for the server's account only.
const (
	folderMode = 0o700
	fileMode   = 0o600
)

var errFile = errors.New("file must not be put there")

// serverCode are the names at a site's top that Cloudflare Pages runs or obeys
// instead of serving them: a site brings no code onto the platform's account.
var serverCode = []string{"_worker.js", "_routes.json"}

// checkPath says again what was said when the file was stored, because this is
// where a path meets a disk.
func checkPath(name string) error {
	if !fs.ValidPath(name) || name == "." || strings.ContainsAny(name, "\\:\x00") {
		return fmt.Errorf("%w: %q is no path in a site", errFile, name)
	}
	top, _, _ := strings.Cut(name, "/")
	for _, code := range serverCode {
		if strings.EqualFold(top, code) {
			return fmt.Errorf("%w: %q is code or settings of the target", errFile, name)
		}
	}
	return nil
}

// writeSite writes a site's files into an empty folder, one at a time, and
// nothing outside of it.
func writeSite(ctx context.Context, dir string, files []preview.FileEntry, blobs *preview.Blobs) error {
	for _, file := range files {
		if err := checkPath(file.Path); err != nil {
			return &Error{Reason: FileRefused, Err: err}
		}
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return fmt.Errorf("open folder: %w", err)
	}
	for _, file := range files {
		content, err := blobs.Get(ctx, file.Digest)
		if err == nil {
			err = writeFile(root, file.Path, content)
		}
		if err != nil {
			return errors.Join(fmt.Errorf("copy %q: %w", file.Path, err), root.Close())
		}
	}
	if err := root.Close(); err != nil {
		return fmt.Errorf("close folder: %w", err)
	}
	return nil
}

func writeFile(root *os.Root, name string, content []byte) error {
	if err := root.MkdirAll(path.Dir(name), folderMode); err != nil {
		return fmt.Errorf("make folder: %w", err)
	}
	if err := root.WriteFile(name, content, fileMode); err != nil {
		return fmt.Errorf("write: %w", err)
	}
	return nil
}
