package locale

import (
	"errors"
	"slices"

	"golang.org/x/text/language"
)

// Default is the locale of everybody whose language is not supported, and the
// end of every chain.
const Default = "en"

// maxTag is the longest tag that is looked at, in bytes: BCP 47 (RFC 5646,
// section 4.4.1) asks for room for 35 characters.
const maxTag = 35

// Direction is the way a language is written, as HTML's dir attribute has it.
type Direction string

// The directions.
const (
	LTR Direction = "ltr"
	RTL Direction = "rtl"
)

// Resolution is the outcome of [Resolve].
type Resolution struct {
	// Tag is the locale: one of [Supported], fit for Content-Language.
	Tag string
	// Path is the chain that messages are looked up along, most specific
	// first. It begins with Tag and ends with [Default].
	Path []string
	// Dir is the direction of Tag.
	Dir Direction
}

// supported are the nine locales, each language before its regions.
var supported = []string{"en", "ar", "ar-EG", "ar-SA", "ar-AE", "fr", "fr-MA", "es", "de"}

// Supported returns the nine locales, each language before its regions.
func Supported() []string { return slices.Clone(supported) }

// Resolve returns the locale for the first of the requested tags whose language
// is supported, and [Default] when there is none. Case, underscores, scripts,
// extensions and three-letter codes do not matter; a region that is not
// supported leads to its language. Empty, malformed, unknown and overlong tags
// are passed over.
func Resolve(requested ...string) Resolution {
	tag := Default
	for _, r := range requested {
		if found, ok := match(r); ok {
			tag = found
			break
		}
	}
	v := voices[tag]
	return Resolution{Tag: tag, Path: slices.Clone(v.chain), Dir: v.dir}
}

// match returns the supported locale that is nearest to requested.
func match(requested string) (string, bool) {
	if len(requested) > maxTag {
		return "", false
	}
	parsed, err := language.All.Parse(requested)
	// A ValueError is a well-formed tag with an unknown subtag, which has been
	// dropped; what is left says enough.
	var unknown language.ValueError
	if err != nil && !errors.As(err, &unknown) {
		return "", false
	}
	base, confidence := parsed.Base()
	if confidence != language.Exact {
		return "", false
	}
	if region, confidence := parsed.Region(); confidence == language.Exact {
		if tag := base.String() + "-" + region.String(); slices.Contains(supported, tag) {
			return tag, true
		}
	}
	return base.String(), slices.Contains(supported, base.String())
}
