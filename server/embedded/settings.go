package embedded

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
)

// settingsFile lies in the cluster and is written anew at every start.
const settingsFile = "sheen.conf"

// settings overrides what initdb found out about the machine where a server for
// one developer wants less. Durability stays at its default: everything that
// was committed survives. Statements are kept out of the log because they carry
// prompts.
const settings = `# Written by Sheen at every start.
listen_addresses = ''
unix_socket_directories = '.'
unix_socket_permissions = 0700
port = 5432
max_connections = 100
shared_buffers = 64MB
max_wal_size = 512MB
wal_level = minimal
max_wal_senders = 0
max_logical_replication_workers = 0
jit = off
timezone = 'UTC'
log_timezone = 'UTC'
log_destination = 'stderr'
logging_collector = off
log_line_prefix = '%m [%p] '
log_checkpoints = off
log_autovacuum_min_duration = -1
log_error_verbosity = terse
log_min_error_statement = panic
`

// includeSettings makes a new cluster read the settings after its own, and not
// start without them.
func includeSettings(data string) error {
	file, err := os.OpenFile(filepath.Join(data, "postgresql.conf"), os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		return err //nolint:wrapcheck // os names the file
	}
	_, err = file.WriteString("\ninclude '" + settingsFile + "'\n")
	return errors.Join(err, file.Close())
}

// writeSettings brings a cluster's settings to those of this Sheen.
func writeSettings(data string) error {
	path := filepath.Join(data, settingsFile)
	if present, err := os.ReadFile(path); err == nil && bytes.Equal(present, []byte(settings)) {
		return nil
	}
	fresh := path + ".new"
	if err := os.WriteFile(fresh, []byte(settings), 0o600); err != nil {
		return err //nolint:wrapcheck // os names the file
	}
	// Postgres may be another user, and the umask may be strict. The folder is closed.
	if err := os.Chmod(fresh, 0o644); err != nil { //nolint:gosec // see above
		return err //nolint:wrapcheck // os names the file
	}
	return os.Rename(fresh, path) //nolint:wrapcheck // os names both
}
