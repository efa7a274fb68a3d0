package engine

import (
	"errors"
	"fmt"
	"path"
	"strings"
	"time"
)

// ErrRefused says that the model or a rule refused the prompt: the content
// policy, not a fault. Nothing is to be repeated.
var ErrRefused = errors.New("the prompt was refused by the content policy")

// ErrTooLong says that a request has more than the model reads, or its answer
// more than the model writes. Nothing is to be repeated.
var ErrTooLong = errors.New("more than the model takes at once")

// ErrMalformed says that a model's answer is not what was asked for, such as prose
// in place of a list. It comes inside of a [*ProviderError] that is retryable.
var ErrMalformed = errors.New("the answer is not what was asked for")

// ErrPath says that an engine produced a path that must not be stored.
var ErrPath = errors.New("path is not allowed")

// ProviderError is a failure of a model provider.
type ProviderError struct {
	// Provider names it, such as "anthropic".
	Provider string
	// Retryable says whether the same call may succeed later.
	Retryable bool
	// RetryAfter is what the provider asked to wait; zero when it did not say.
	RetryAfter time.Duration
	Err        error
}

// Error names the provider and the cause; it is for logs, not for users.
func (e *ProviderError) Error() string {
	return fmt.Sprintf("model provider %s: %v", e.Provider, e.Err)
}

// Unwrap returns the cause.
func (e *ProviderError) Unwrap() error { return e.Err }

// maxPath is the longest path that a site may hold, in bytes.
const maxPath = 255

// CleanPath returns name when it is a path that may be stored: relative,
// slash-separated, already clean, visible, without a step upwards, a backslash,
// a control character or a segment that begins with a dot. Otherwise it is
// [ErrPath].
func CleanPath(name string) (string, error) {
	if name == "" || len(name) > maxPath || path.Clean(name) != name || path.IsAbs(name) {
		return "", fmt.Errorf("%q: %w", name, ErrPath)
	}
	for segment := range strings.SplitSeq(name, "/") {
		if strings.HasPrefix(segment, ".") {
			return "", fmt.Errorf("%q: %w", name, ErrPath)
		}
	}
	for _, r := range name {
		if r < 0x20 || r == 0x7f || r == '\\' || r == ':' || r == 0xfffd {
			return "", fmt.Errorf("%q: %w", name, ErrPath)
		}
	}
	return name, nil
}
