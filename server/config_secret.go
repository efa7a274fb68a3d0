package server

import "log/slog"

// redacted is what a secret shows of itself.
const redacted = "***"

// Secret is a value that must not be seen, such as an address with a password.
// However it is printed, logged or marshalled, it shows three stars, or
// nothing if it is empty.
type Secret struct{ value string }

// NewSecret wraps a value.
func NewSecret(value string) Secret { return Secret{value: value} }

// Reveal returns the value itself; pass it on, never print it.
func (s Secret) Reveal() string { return s.value }

// String shows three stars, or nothing if the secret is empty.
func (s Secret) String() string {
	if s.value == "" {
		return ""
	}
	return redacted
}

// GoString is String: `%#v` shows no more than `%v`.
func (s Secret) GoString() string { return s.String() }

// LogValue is String.
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.String()) }

// MarshalText is String; JSON uses it too.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }
