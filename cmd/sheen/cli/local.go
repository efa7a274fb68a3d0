package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"

	"github.com/google/uuid"
)

// userFile holds the id of the user that this machine's builds belong to.
const userFile = "user"

// serverFile says where the server of a data folder listens.
const serverFile = "server.json"

// localUser returns the user of a data folder, and makes one at the first time.
func localUser(dataDir string) (uuid.UUID, error) {
	path := filepath.Join(dataDir, userFile)
	user, err := readUser(path)
	if !errors.Is(err, os.ErrNotExist) {
		return user, err
	}
	if user, err = uuid.NewV7(); err != nil {
		return uuid.Nil, fmt.Errorf("make a user id: %w", err)
	}
	if err := writeOnce(path, user.String()+"\n"); err != nil {
		return uuid.Nil, fmt.Errorf("%s cannot be written (%w): make the folder writable, or choose another with --data-dir", path, cause(err))
	}
	return readUser(path) // another process may have been quicker
}

func readUser(path string) (uuid.UUID, error) {
	raw, err := os.ReadFile(path)
	if err != nil {
		return uuid.Nil, fmt.Errorf("read the user id: %w", err)
	}
	user, err := uuid.Parse(strings.TrimSpace(string(raw)))
	if err != nil {
		return uuid.Nil, fmt.Errorf("%s holds no user id: write a UUID into it, or remove it to begin with a new user", path)
	}
	return user, nil
}

// writeOnce makes a file with all of its content, or leaves the one there is.
func writeOnce(path, content string) error {
	fresh, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*")
	if err != nil {
		return err //nolint:wrapcheck // the caller says which file it was
	}
	_, err = fresh.WriteString(content)
	err = errors.Join(err, fresh.Sync(), fresh.Close())
	if err == nil {
		if err = os.Link(fresh.Name(), path); errors.Is(err, os.ErrExist) {
			err = nil
		}
	}
	return errors.Join(err, os.Remove(fresh.Name()))
}

// running is what a server writes into its data folder once it is ready.
type running struct {
	Listen  string `json:"listen"`
	Preview string `json:"preview"`
}

// errNoServer says that a data folder does not tell of a server.
var errNoServer = errors.New("no server is known")

// runningServer reads where the server of a data folder listens. It may have
// died since.
func runningServer(dataDir string) (running, error) {
	raw, err := os.ReadFile(filepath.Join(dataDir, serverFile))
	if err != nil {
		return running{}, errNoServer
	}
	var r running
	if json.Unmarshal(raw, &r) != nil || r.Listen == "" {
		return running{}, errNoServer
	}
	return r, nil
}

// url is the address to call the server at.
func (r running) url() string {
	address := strings.TrimPrefix(r.Listen, "http://")
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return "http://" + address
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	return "http://" + net.JoinHostPort(host, port)
}

// cause strips what the sentence around it has already said.
func cause(err error) error {
	for {
		inner := errors.Unwrap(err)
		if inner == nil {
			return err
		}
		err = inner
	}
}
