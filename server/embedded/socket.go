package embedded

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
)

const (
	// socketName is the name that Postgres gives a socket on its default port.
	socketName = ".s.PGSQL.5432"
	// maxSocketPath is how many bytes a socket's address may have: 103 on macOS
	// and the BSDs, 107 on Linux.
	maxSocketPath = 103
	// linkNameBytes of a hash tell one data folder's link from another's.
	linkNameBytes = 8
)

// socketPath is a folder by whose name a client reaches the socket in a cluster.
// The server needs none: it makes the socket in its working folder.
type socketPath struct {
	dir string
	// link is a symbolic link of our own making, or empty.
	link string
}

// shortSocketPath returns the cluster's folder itself, or a link to it in the
// folder for temporary files when its name is too long for an address.
func shortSocketPath(data string) (*socketPath, error) {
	if fits(data) {
		return &socketPath{dir: data}, nil
	}
	digest := sha256.Sum256([]byte(data))
	name := fmt.Sprintf("sheen-%d-%s", os.Geteuid(), hex.EncodeToString(digest[:linkNameBytes]))
	link := filepath.Join(os.TempDir(), name)
	if !fits(link) {
		link = filepath.Join("/tmp", name)
	}
	err := os.Symlink(data, link)
	if errors.Is(err, os.ErrExist) {
		err = ownLink(link, data)
	}
	if err != nil {
		return nil, fmt.Errorf("short name for the socket of postgres: %w", err)
	}
	return &socketPath{dir: link, link: link}, nil
}

func fits(dir string) bool { return len(filepath.Join(dir, socketName)) <= maxSocketPath }

// ownLink accepts a link that a killed Sheen has left, and no one else's: that
// could lead to another server.
func ownLink(link, data string) error {
	info, err := os.Lstat(link)
	if err != nil {
		return err //nolint:wrapcheck // os names the file
	}
	target, err := os.Readlink(link)
	if err != nil {
		return err //nolint:wrapcheck // os names the file
	}
	owner, ok := info.Sys().(*syscall.Stat_t)
	if !ok || int(owner.Uid) != os.Geteuid() || target != data {
		return &os.PathError{Op: "symlink", Path: link, Err: os.ErrExist}
	}
	return nil
}

// remove takes the link away. One that is left behind does no harm.
func (s *socketPath) remove() {
	if s.link != "" {
		_ = os.Remove(s.link)
	}
}
