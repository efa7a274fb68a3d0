package deploy

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/google/uuid"

	"github.com/sheenapps/sheen/server/preview"
)

// Site is a version to put online.
type Site struct {
	Project uuid.UUID
	// Root stands for the version and says which it is.
	Root  preview.Digest
	Files []preview.FileEntry
}

// Target is where sites can be put. Implementations are safe for concurrent use.
type Target interface {
	// Name is what the target is called by, such as "local".
	Name() string
	// Immediate says that Deploy only works out the address: it looks at no files,
	// waits for nothing and does not fail.
	Immediate() bool
	// Deploy puts a site online in the place of whatever the target shows of the
	// project, and returns its address. The error is an [*Error], or the context's
	// if that was canceled.
	Deploy(ctx context.Context, site Site) (url string, err error)
}

// ErrUnknown says that there is no target of a name.
var ErrUnknown = errors.New("no such deploy target")

// Targets are the targets of a server; the first is the default. The zero value
// has none.
type Targets struct{ list []Target }

// NewTargets makes a list.
func NewTargets(targets ...Target) Targets { return Targets{list: targets} }

// Find returns the target of a name, the default for an empty one, or
// [ErrUnknown] with the names that there are.
func (t Targets) Find(name string) (Target, error) {
	for _, target := range t.list {
		if name == "" || target.Name() == name {
			return target, nil
		}
	}
	return nil, fmt.Errorf("%w; known are: %s", ErrUnknown, strings.Join(t.Names(), ", "))
}

// Names returns what the targets are called, the default first.
func (t Targets) Names() []string {
	names := make([]string, len(t.list))
	for i, target := range t.list {
		names[i] = target.Name()
	}
	return names
}

// Reason names what was wrong, as it is stored.
type Reason string

// The reasons of targets.
const (
	// Internal is the platform's own fault, such as a file that cannot be read.
	Internal Reason = "internal"
	// NotInstalled says that the target's tool, or what it runs on, is missing.
	NotInstalled Reason = "not_installed"
	// NotAuthenticated says that the credentials are missing, wrong or too weak.
	NotAuthenticated Reason = "not_authenticated"
	// RateLimited says that the target gets too many calls.
	RateLimited Reason = "rate_limited"
	// ProjectMissing says that the target has no project of the configured name.
	ProjectMissing Reason = "project_missing"
	// Network says that the target cannot be reached, or is out of order.
	Network Reason = "network"
	// Timeout says that it took too long.
	Timeout Reason = "timeout"
	// OutputUnclear says that the tool's answer is not understood.
	OutputUnclear Reason = "output_unclear"
	// FileRefused says that a file must not be put there.
	FileRefused Reason = "file_refused"
)

// Error says why a site could not be put online.
type Error struct {
	Reason Reason
	// Retryable says that the same may work later.
	Retryable bool
	// Err is for the log: it may quote the tool, but no credentials.
	Err error
}

// Error gives the reason and the cause.
func (e *Error) Error() string { return fmt.Sprintf("deploy: %s: %v", e.Reason, e.Err) }

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }
