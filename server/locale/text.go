package locale

import (
	"fmt"
	"strings"
)

// Args are the values of a message's placeholders by name: strings, and whole
// numbers (int, int32, int64, uint32, or a float64 without fraction), which are
// written with the digits and separators of the locale. Anything else is written
// as [fmt.Sprint] would.
type Args map[string]any

// Bidirectional isolates (UAX 9): what stands between them does not disturb the
// order of the text around it.
const (
	firstStrongIsolate = "\u2068"
	popIsolate         = "\u2069"
)

// Text returns the message of key in the locale tag, which is a
// [Resolution.Tag]; any other tag reads as [Default]. Where the locale lacks the
// message its language answers, then English. A key that not even English has
// is returned as it is; a test keeps that from happening. Args may be nil.
func Text(tag, key string, args Args) string {
	v := speaker(tag)
	for _, t := range v.chain {
		if said, ok := catalogues[t][key]; ok {
			return v.fill(said.form(v, args), args)
		}
	}
	return key
}

// Known reports whether the catalogues have a message for key.
func Known(key string) bool {
	_, known := catalogues[Default][key]
	return known
}

// fill replaces the placeholders in one pass, so that an argument is never read
// as a message.
func (v *voice) fill(message string, args Args) string {
	if !strings.Contains(message, "{") {
		return message
	}
	var b strings.Builder
	for {
		before, rest, found := strings.Cut(message, "{")
		b.WriteString(before)
		if !found {
			return b.String()
		}
		name, after, closed := strings.Cut(rest, "}")
		value, known := args[name]
		if !closed || !known {
			b.WriteString("{")
			message = rest
			continue
		}
		b.WriteString(v.format(value))
		message = after
	}
}

func (v *voice) format(value any) string {
	if n, ok := integer(value); ok {
		return v.number(n)
	}
	text, ok := value.(string)
	if !ok {
		return fmt.Sprint(value)
	}
	if v.dir == RTL || strings.ContainsFunc(text, rightToLeft) {
		return firstStrongIsolate + text + popIsolate
	}
	return text
}

// rightToLeft reports the letters of Hebrew, Arabic and their neighbors, also those
// beyond the first plane, and the characters that turn the direction unseen.
func rightToLeft(r rune) bool {
	return r >= 0x0590 && r <= 0x08ff || r >= 0xfb1d && r <= 0xfeff ||
		r >= 0x10800 && r <= 0x10fff || r >= 0x1e800 && r <= 0x1efff ||
		r == 0x200f || r >= 0x202a && r <= 0x202e || r >= 0x2066 && r <= 0x2069
}
