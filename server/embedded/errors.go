package embedded

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"
)

// ErrNoAccount is returned to root when there is no user to run Postgres as.
var ErrNoAccount = errors.New("postgres does not run as root and no other user can run it here: " +
	"start Sheen as an ordinary user, or on Linux create one with `useradd --system postgres`")

// errStartTimeout is the cause with which waiting for Postgres ends.
var errStartTimeout = errors.New("postgres did not accept connections in time")

// DataDirError says that the data folder cannot be used. Its text is one
// sentence for the person at the terminal.
type DataDirError struct {
	// Dir is the data folder as an absolute path.
	Dir string
	// Err is the reason.
	Err error
}

func (e *DataDirError) Error() string {
	return fmt.Sprintf("the data folder %s cannot be used (%v): choose another with SHEEN_DATA_DIR", e.Dir, reason(e.Err))
}

func (e *DataDirError) Unwrap() error { return e.Err }

// LockedError says that another process uses the data folder. Its text is one
// sentence for the person at the terminal.
type LockedError struct {
	// Dir is the data folder as an absolute path.
	Dir string
	// PID is the other process, 0 when it has not said yet.
	PID int
}

func (e *LockedError) Error() string {
	holder := "another Sheen"
	if e.PID > 0 {
		holder = fmt.Sprintf("another Sheen (pid %d)", e.PID)
	}
	return fmt.Sprintf("%s is using the data folder %s: stop it, or choose another folder with SHEEN_DATA_DIR", holder, e.Dir)
}

// BinariesError says that no usable Postgres was found. Its text is one
// sentence for the person at the terminal.
type BinariesError struct {
	// Major is the version that the data folder needs, 0 when any would do.
	Major int
	// Only is the one folder that was to be looked at, or empty.
	Only string
	// Err is why fetching it did not help, or nil when that was not tried.
	Err error
}

func (e *BinariesError) Error() string {
	what, pkg := fmt.Sprintf("Postgres %d or later", minMajor), "postgresql"
	if e.Major > 0 {
		what, pkg = fmt.Sprintf("Postgres %d, which made the data folder,", e.Major), fmt.Sprintf("postgresql-%d", e.Major)
	}
	where := "on this machine"
	if e.Only != "" {
		where = "in " + e.Only
	}
	var fetched string
	if e.Err != nil {
		fetched = fmt.Sprintf(" and could not be fetched (%v)", e.Err)
	}
	return fmt.Sprintf("%s was not found %s%s: install it (Debian, Ubuntu: `apt-get install %s`) "+
		"or name the folder of initdb and postgres in SHEEN_POSTGRES_BIN", what, where, fetched, pkg)
}

func (e *BinariesError) Unwrap() error { return e.Err }

// PostgresError says that a Postgres program ended when it should not have.
type PostgresError struct {
	// Program is "initdb" or "postgres".
	Program string
	// Reason is the line of its output that tells most, or empty.
	Reason string
	// Log is the file with all of its output, empty when that was taken back.
	Log string
	// Err is how it ended.
	Err error
}

func (e *PostgresError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s ended (%v)", e.Program, e.Err)
	if e.Reason != "" {
		b.WriteString(": " + e.Reason)
	}
	if e.Log != "" {
		b.WriteString("; its log is " + e.Log)
	}
	return b.String()
}

func (e *PostgresError) Unwrap() error { return e.Err }

// reason strips what the sentence around it has already said: the operation
// and the path.
func reason(err error) error {
	if pathErr, ok := errors.AsType[*fs.PathError](err); ok {
		return pathErr.Err
	}
	return err
}
