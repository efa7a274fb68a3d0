package locale_test

import (
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/sheenapps/sheen/server/locale"
)

// soon is far more than any input may take, also on a busy machine.
const soon = 2 * time.Second

// checkResolution holds a resolution to what [locale.Resolve] promises of every
// input.
func checkResolution(t *testing.T, asked string, got locale.Resolution) {
	t.Helper()
	if !slices.Contains(locale.Supported(), got.Tag) {
		t.Fatalf("%q resolves to %q", asked, got.Tag)
	}
	if got.Path[0] != got.Tag || got.Path[len(got.Path)-1] != locale.Default || len(got.Path) > 3 {
		t.Errorf("%q goes along %v to %s", asked, got.Path, got.Tag)
	}
	if again := locale.Resolve(got.Tag); again.Tag != got.Tag || again.Dir != got.Dir || !slices.Equal(again.Path, got.Path) {
		t.Errorf("%q resolves to %v, and that to %v", asked, got, again)
	}
}

func FuzzResolve(f *testing.F) {
	for _, tag := range []string{
		"ar_EG", "ar-Arab-EG", "zh", "", "x-", "en-u-ca-", "ar-\xff", "i-default", "a-b-c-d-e-f-g", "AR_eg", "fr-ma",
		"sgn-BE-FR", "zh-min-nan", "de-1996", "ar-EG-u-nu-latn", strings.Repeat("fr-", 1000), "ſr", "aK-MA",
	} {
		f.Add(tag)
	}
	f.Fuzz(func(t *testing.T, asked string) {
		begin := time.Now()
		got := locale.Resolve(asked)
		if took := time.Since(begin); took > soon {
			t.Errorf("%d bytes took %v", len(asked), took)
		}
		checkResolution(t, asked, got)
		if !ascii(asked) {
			return
		}
		for _, spelled := range []string{
			strings.ToLower(asked), strings.ToUpper(asked), strings.ReplaceAll(asked, "-", "_"), strings.ReplaceAll(asked, "_", "-"),
		} {
			if other := locale.Resolve(spelled); other.Tag != got.Tag {
				t.Errorf("%q is %s and %q is %s", asked, got.Tag, spelled, other.Tag)
			}
		}
	})
}

func ascii(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r >= utf8.RuneSelf })
}

func FuzzFromHeader(f *testing.F) {
	f.Add("fr-CH, fr;q=0.9, en;q=0.8, *;q=0.5")
	f.Add(";q=,;;,=\x00\xff;q=1e-400")
	f.Add("ar;q=0x1p-2,de;q=1_0,es;q=+1,fr;q=-0")
	f.Add(strings.Repeat("fr;q=0.5,", 5000))
	f.Add("fr;q=0." + strings.Repeat("1", 50_000))
	f.Fuzz(func(t *testing.T, header string) {
		begin := time.Now()
		tags := locale.FromHeader(header)
		if took := time.Since(begin); took > soon {
			t.Errorf("%d bytes took %v", len(header), took)
		}
		if len(tags) > 32 {
			t.Errorf("%d tags", len(tags))
		}
		for _, tag := range tags {
			if tag == "" || tag == "*" || len(tag) > 128 || !strings.Contains(header, tag) {
				t.Errorf("FromHeader(%q) holds %q", header, tag)
			}
		}
		if again := locale.FromHeader(strings.Join(tags, ",")); !slices.Equal(again, tags) {
			t.Errorf("%q is read as %q", tags, again)
		}
		checkResolution(t, header, locale.Resolve(tags...))
	})
}

// fuzzed are messages of each sort: without arguments, with words, with a place
// in a row, and with forms.
var fuzzed = []string{
	"event.phase.complete.title", "event.phase.complete.description", "event.step.write.description",
	"event.step.check.description", "billing.packageOf.minutes.title", "no.such.key",
}

func FuzzText(f *testing.F) {
	f.Add("ar-EG", "{count}", int64(2), 0.5)
	f.Add("fr", "\u202e{file", int64(-1<<63), 1e308)
	f.Add("xx", "", int64(1<<53), -0.5)
	f.Fuzz(func(t *testing.T, tag, word string, n int64, x float64) {
		begin := time.Now()
		for _, key := range fuzzed {
			for _, value := range []any{word, n, x, int32(n), nil, []string{word}} {
				args := locale.Args{"brand": word, "index": value, "count": value, "minutes": value}
				got := locale.Text(tag, key, args)
				if got == "" || got != locale.Text(tag, key, args) {
					t.Errorf("%s in %q with %v is %q", key, tag, value, got)
				}
			}
		}
		brand := locale.Text(tag, "event.phase.complete.description", locale.Args{"brand": word})
		if !strings.Contains(brand, word) || strings.Count(brand, "{") != strings.Count(word, "{") {
			t.Errorf("%q was changed: %q", word, brand)
		}
		if took := time.Since(begin); took > soon {
			t.Errorf("%d bytes took %v", len(word), took)
		}
	})
}
