package locale

import (
	"math"
	"strconv"
	"strings"

	"golang.org/x/text/feature/plural"
	"golang.org/x/text/language"
	"golang.org/x/text/message"
)

// voice is how one locale speaks: its chain, its direction, and how it counts
// and writes numbers. A voice never changes after start.
type voice struct {
	tag   string
	chain []string
	dir   Direction

	language language.Tag
	numbers  *message.Printer
	// ungrouped is the largest number without separators.
	ungrouped int64
	// latin says that digits are 0 to 9.
	latin bool
}

// numbering is the locale whose numbers x/text is asked for where its own data
// (CLDR 32) is not what readers expect: Arabic at large and the Emirates read
// the digits of the web, Egypt and Saudi Arabia the Arabic ones.
var numbering = map[string]string{
	"ar":    "ar-u-nu-latn",
	"ar-AE": "ar-AE-u-nu-latn",
	"ar-EG": "ar-EG-u-nu-arab",
	"ar-SA": "ar-SA-u-nu-arab",
}

// voices are those of the supported locales, by tag.
var voices = func() map[string]*voice {
	all := make(map[string]*voice, len(supported))
	for _, tag := range supported {
		all[tag] = newVoice(tag)
	}
	return all
}()

func newVoice(tag string) *voice {
	base, _, regional := strings.Cut(tag, "-")
	v := &voice{tag: tag, chain: []string{tag}, dir: LTR, language: language.Make(tag), ungrouped: 999, latin: true}
	if regional {
		v.chain = append(v.chain, base)
	}
	if tag != Default {
		v.chain = append(v.chain, Default)
	}
	written := tag
	if other, ok := numbering[tag]; ok {
		written = other
		v.latin = strings.HasSuffix(other, "latn")
	}
	v.numbers = message.NewPrinter(language.Make(written))
	switch base {
	case "ar":
		v.dir = RTL
	case "es":
		// CLDR's minimumGroupingDigits for Spanish is 2, which x/text ignores:
		// 1234, but 12.345.
		v.ungrouped = 9_999
	}
	return v
}

// speaker returns the voice of tag, and the default's for a tag that is not
// supported.
func speaker(tag string) *voice {
	if v, ok := voices[tag]; ok {
		return v
	}
	return voices[Default]
}

// category returns the plural category of n things.
func (v *voice) category(n int64) plural.Form {
	// The rules are about the size, and no rule looks further than seven digits.
	const turn = 10_000_000
	size := max(n%turn, -(n % turn))
	if n <= -turn || n >= turn {
		size += turn
	}
	return plural.Cardinal.MatchPlural(v.language, int(size), 0, 0, 0, 0)
}

// number writes n with the digits and separators of the locale.
func (v *voice) number(n int64) string {
	if v.latin && n >= 0 && n <= v.ungrouped {
		return strconv.FormatInt(n, 10)
	}
	return v.numbers.Sprint(n)
}

// integer returns the whole number that value is. A number that has been through
// JSON is a float64.
func integer(value any) (int64, bool) {
	switch n := value.(type) {
	case int:
		return int64(n), true
	case int32:
		return int64(n), true
	case int64:
		return n, true
	case uint32:
		return int64(n), true
	case float64:
		const exact = 1 << 53
		return int64(n), n == math.Trunc(n) && math.Abs(n) <= exact
	}
	return 0, false
}
