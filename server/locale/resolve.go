package locale

import (
	"errors"
	"slices"
	"strings"

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

// Supported returns the nine locales, each language before its regions.
func Supported() []string {
	return []string{"en", "ar", "ar-EG", "ar-SA", "ar-AE", "fr", "fr-MA", "es", "de"}
}

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
	return Resolution{Tag: tag, Path: chain(tag), Dir: direction(tag)}
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
		if tag := base.String() + "-" + region.String(); slices.Contains(Supported(), tag) {
			return tag, true
		}
	}
	return base.String(), slices.Contains(Supported(), base.String())
}

// chain returns tag, its language and the default, without repeats. A tag that
// is not supported has the default's chain.
func chain(tag string) []string {
	if tag == Default || !slices.Contains(Supported(), tag) {
		return []string{Default}
	}
	if base, _, regional := strings.Cut(tag, "-"); regional {
		return []string{tag, base, Default}
	}
	return []string{tag, Default}
}

func direction(tag string) Direction {
	if base, _, _ := strings.Cut(tag, "-"); base == "ar" {
		return RTL
	}
	return LTR
}
