package preview

import (
	"errors"
	"strings"

	"github.com/sheenapps/sheen/server/preview/sitecheck"
)

var (
	// ErrNotFound says that there is no such version, file or blob.
	ErrNotFound = errors.New("not found")
	// ErrCorrupt says that stored content is not what was put there.
	ErrCorrupt = errors.New("stored content is damaged")
	// ErrUnavailable says that the store of blobs could not be reached, or not be
	// read or written: the same may work later.
	ErrUnavailable = errors.New("the store of blobs is unavailable")
	// ErrTooLarge says that a content is larger than [MaxBlobBytes].
	ErrTooLarge = errors.New("content is too large")
	// ErrDigest says that a text is not a digest.
	ErrDigest = errors.New("not a digest")
	// ErrLabel says that a text is not a version's label.
	ErrLabel = errors.New("not a version's label")
	// ErrConfig says that options cannot be used as they are.
	ErrConfig = errors.New("preview options")
	// ErrUnreachable says that a probe got no answer, or one that says nothing
	// about the site: the platform is at fault, and the same may work later.
	ErrUnreachable = errors.New("preview cannot be reached")
)

// ProbeError says that a preview answers, and what of it is wrong.
type ProbeError struct {
	// Failures has at least one element, in the order of the requests.
	Failures []sitecheck.Failure
}

// Error lists the failures on one line.
func (e *ProbeError) Error() string {
	texts := make([]string, len(e.Failures))
	for i, f := range e.Failures {
		texts[i] = f.String()
	}
	return "preview does not work: " + strings.Join(texts, "; ")
}
