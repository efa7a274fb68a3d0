package locale_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/sheenapps/sheen/server/locale"
)

func TestResolve(t *testing.T) {
	t.Parallel()
	var (
		en   = []string{"en"}
		ar   = []string{"ar", "en"}
		arEG = []string{"ar-EG", "ar", "en"}
		arSA = []string{"ar-SA", "ar", "en"}
		arAE = []string{"ar-AE", "ar", "en"}
		fr   = []string{"fr", "en"}
		frMA = []string{"fr-MA", "fr", "en"}
		es   = []string{"es", "en"}
		de   = []string{"de", "en"}
	)
	tests := []struct {
		requested string
		path      []string
	}{
		// The nine, and the ways in which they are spelled.
		{"en", en},
		{"ar", ar},
		{"ar-EG", arEG},
		{"ar-SA", arSA},
		{"ar-AE", arAE},
		{"fr", fr},
		{"fr-MA", frMA},
		{"es", es},
		{"de", de},
		{"ar-eg", arEG},
		{"ar-sa", arSA},
		{"ar-ae", arAE},
		{"fr-ma", frMA},
		{"ar_EG", arEG},
		{"AR-EG", arEG},
		{"AR-eg", arEG},
		{"ar-Arab-EG", arEG},
		{"fr_Latn_MA", frMA},
		{"ar-EG-u-nu-latn", arEG},
		{"ara", ar},
		{"arb-EG", arEG},
		{"deu", de},

		// Regions that have no catalogue.
		{"ar-XY", ar},
		{"ar-ZQ", ar},
		{"ar-001", ar},
		{"fr-CA", fr},
		{"de-AT", de},
		{"es-419", es},
		{"en-GB", en},
		{"en-MA", en},

		// Everything else.
		{"zh", en},
		{"zh-EG", en},
		{"und-EG", en},
		{"x-ar", en},
		{"*", en},
		{"", en},
		{" ", en},
		{"garbage!!", en},
		{"ar--EG", en},
		{"constructor", en},
		{"ar\x00", en},
		{"../ar", en},
		{"ar-EG" + strings.Repeat("-aaaaaaaa", 4), en},
	}
	for _, tt := range tests {
		got := locale.Resolve(tt.requested)
		if got.Tag != tt.path[0] || !slices.Equal(got.Path, tt.path) {
			t.Errorf("Resolve(%q) = %s %v, want %v", tt.requested, got.Tag, got.Path, tt.path)
		}
		dir := locale.LTR
		if strings.HasPrefix(tt.path[0], "ar") {
			dir = locale.RTL
		}
		if got.Dir != dir {
			t.Errorf("Resolve(%q) is written %s, want %s", tt.requested, got.Dir, dir)
		}
	}
}

// A tag of 35 bytes is read, one of 36 is not.
func TestResolveLength(t *testing.T) {
	t.Parallel()
	const longest = "fr-MA-x-aaaaaaaa-aaaaaaaa-aaaaaaa-b"
	if len(longest) != 35 {
		t.Fatalf("the longest tag has %d bytes", len(longest))
	}
	if got := locale.Resolve(longest).Tag; got != "fr-MA" {
		t.Errorf("%q is %s", longest, got)
	}
	if got := locale.Resolve(longest + "b").Tag; got != "en" {
		t.Errorf("%q is %s", longest+"b", got)
	}
}

func TestResolveTakesTheFirstSupported(t *testing.T) {
	t.Parallel()
	tests := []struct {
		requested []string
		want      string
	}{
		{nil, "en"},
		{[]string{"", "fr-FR"}, "fr"},
		{[]string{"zh", "garbage!!", "ar-EG", "de"}, "ar-EG"},
		{[]string{"en", "de"}, "en"},
		{[]string{"ja", "ko"}, "en"},
	}
	for _, tt := range tests {
		if got := locale.Resolve(tt.requested...).Tag; got != tt.want {
			t.Errorf("Resolve(%q) = %s, want %s", tt.requested, got, tt.want)
		}
	}
}

func TestFromHeader(t *testing.T) {
	t.Parallel()
	tests := []struct {
		header string
		want   []string
	}{
		{"", nil},
		{"fr-CH, fr;q=0.9, en;q=0.8, de;q=0.7, *;q=0.5", []string{"fr-CH", "fr", "en", "de"}},
		{"en;q=0.2,ar_EG;q=0.8,de", []string{"de", "ar_EG", "en"}},
		{"fr;q=0, es", []string{"es"}},
		{"es;q=0.5,de;q=0.5", []string{"es", "de"}},
		{"fr;q=x, de;Q=1.0 , es;level=1, en;q=2, ar;q=NaN, ar;q=-1", []string{"de"}},
		{",,;q=1,  ,fr", []string{"fr"}},
		{"fr;q=0." + strings.Repeat("9", 122) + ",es;q=0." + strings.Repeat("9", 120), []string{"es"}},
		{strings.Repeat("zh,", 32) + "fr", slices.Repeat([]string{"zh"}, 32)},
	}
	for _, tt := range tests {
		if got := locale.FromHeader(tt.header); !slices.Equal(got, tt.want) {
			t.Errorf("FromHeader(%q) = %q, want %q", tt.header, got, tt.want)
		}
	}
}

func TestFromHeaderKeepsTheOrderOfEquals(t *testing.T) {
	t.Parallel()
	var header, low, high []string
	for i := range 16 {
		low = append(low, fmt.Sprintf("l%d", i))
		high = append(high, fmt.Sprintf("h%d", i))
		header = append(header, low[i]+";q=0.5", high[i]+";q=0.9")
	}
	if got := locale.FromHeader(strings.Join(header, ",")); !slices.Equal(got, append(high, low...)) {
		t.Errorf("FromHeader = %q", got)
	}
}
