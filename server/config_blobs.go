package server

import (
	"errors"
	"fmt"
	"net/url"
	"path/filepath"
	"strings"

	"github.com/sheenapps/sheen/server/preview/s3blob"
)

func blobsSetting() setting {
	return setting{
		// Somebody may put a key into it, where it does not belong.
		name: "blobs", shown: "in the data folder", secret: true, parse: parseBlobs,
		meaning: "where the files of sites are: file:///folder or s3://bucket?region=…&endpoint=…&prefix=…",
	}
}

var errBlobs = errors.New("must be file:// and an absolute path, or s3:// and a bucket")

func parseBlobs(cfg *Config, raw string) error {
	switch {
	case raw == "":
	case strings.HasPrefix(raw, "file:"):
		if folderOf(raw) == "" {
			return errBlobs
		}
	case strings.HasPrefix(raw, "s3:"):
		if _, err := s3blob.Parse(raw); err != nil {
			return fmt.Errorf("is no bucket: it %w", err)
		}
	default:
		return errBlobs
	}
	cfg.Blobs = raw
	return nil
}

// folderOf is the folder of a file:// address; empty if it is none.
func folderOf(address string) string {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "file" || u.Host != "" || u.RawQuery != "" || !filepath.IsAbs(u.Path) {
		return ""
	}
	return filepath.Clean(u.Path)
}

// splitWithoutBlobs reports whether the process leaves a part of the work to others
// that would not see its files.
func (c *Config) splitWithoutBlobs() bool {
	both := c.Roles.API && c.Roles.Worker
	return !both && c.Blobs == "" && c.DatabaseURL.Reveal() != ""
}
