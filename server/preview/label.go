package preview

import (
	"encoding/base32"
	"fmt"
	"net"
	"net/url"
	"strconv"
	"strings"

	"github.com/google/uuid"
)

// labelLength is the length of every label: 128 bits in characters of 5 bits.
const labelLength = 26

func labelEncoding() *base32.Encoding {
	return base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)
}

// Label returns the DNS label under which a version is served: its id in 26
// characters of lower-case base32 (RFC 4648). It is unique because the id is,
// and as hard to guess as the random bits of the id are many (74 of a UUIDv7).
func Label(version uuid.UUID) string { return labelEncoding().EncodeToString(version[:]) }

// ParseLabel returns the version whose [Label] is label. Anything that Label
// does not write is [ErrLabel], upper case included.
func ParseLabel(label string) (uuid.UUID, error) {
	if len(label) != labelLength {
		return uuid.UUID{}, ErrLabel
	}
	raw, err := labelEncoding().DecodeString(label)
	if err != nil {
		return uuid.UUID{}, ErrLabel
	}
	version, err := uuid.FromBytes(raw)
	// The last character has two bits to spare: only zeros are canonical.
	if err != nil || Label(version) != label {
		return uuid.UUID{}, ErrLabel
	}
	return version, nil
}

// Origin says where previews are served to browsers.
type Origin struct {
	// Scheme is "http" or "https".
	Scheme string
	// Domain is the parent of all preview hosts, such as "preview.localhost".
	Domain string
	// Port is the port in addresses; 0 leaves it out.
	Port int
}

// URL returns the address of a version's index page, with its final slash.
func (o Origin) URL(version uuid.UUID) string { return o.url(Label(version)) }

func (o Origin) url(label string) string {
	host := label + "." + o.Domain
	standard := o.Scheme == "http" && o.Port == 80 || o.Scheme == "https" && o.Port == 443
	if o.Port != 0 && !standard {
		host = net.JoinHostPort(host, strconv.Itoa(o.Port))
	}
	return (&url.URL{Scheme: o.Scheme, Host: host, Path: "/"}).String()
}

// labelOfHost returns the label that a Host header names under domain, which is
// in lower case: any case, a final dot and any port are accepted.
func labelOfHost(host, domain string) (string, error) {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	host = strings.TrimSuffix(strings.ToLower(host), ".")
	label, ok := strings.CutSuffix(host, "."+domain)
	if !ok {
		return "", fmt.Errorf("host is not under the preview domain: %w", ErrLabel)
	}
	return label, nil
}
