package view

import (
	"slices"
	"strings"
	"testing"
	"testing/quick"
	"time"
	"unicode/utf8"
)

func TestWrap(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		limit int
		want  []string
	}{
		"":                  {10, []string{""}},
		"one":               {10, []string{"one"}},
		"one two three":     {7, []string{"one two", "three"}},
		"a  b\tc":           {10, []string{"a b c"}},
		"unbreakablewords!": {6, []string{"unbrea", "kablew", "ords!"}},
		"日本語のサイト":           {6, []string{"日本語", "のサイ", "ト"}},
		"ab́c d":            {3, []string{"ab́c", "d"}},
	}
	for text, test := range tests {
		if got := wrap(text, test.limit); !slices.Equal(got, test.want) {
			t.Errorf("%q at %d: %q, want %q", text, test.limit, got, test.want)
		}
	}
}

// However text is cut into pieces, the lines are those of the whole.
func TestFlowDoesNotDependOnThePieces(t *testing.T) {
	t.Parallel()
	const text = "I will build a calm, bright site for your salon.\n\nVisitors find everything at once, extraordinarily-long-words-included.\n- Home\n- Booking"
	const limit = 20
	var want []string
	for paragraph := range strings.SplitSeq(text, "\n") {
		want = append(want, wrap(paragraph, limit)...)
	}
	for piece := 1; piece <= len(text); piece++ {
		var f flow
		var got []string
		for rest := text; rest != ""; {
			n := min(piece, len(rest))
			got = append(got, f.add(rest[:n], limit)...)
			rest = rest[n:]
		}
		if got = append(got, f.end(limit)...); !slices.Equal(got, want) {
			t.Errorf("pieces of %d: %q", piece, got)
		}
	}
}

func TestWrapKeepsEveryWordWithinTheLimit(t *testing.T) {
	t.Parallel()
	check := func(text string, raw uint8) bool {
		text = cleanLine(text)
		limit := int(raw%60) + 2
		lines := wrap(text, limit)
		for _, line := range lines {
			if columns(line) > limit || !utf8.ValidString(line) {
				return false
			}
		}
		return strings.Join(strings.Fields(strings.Join(lines, "")), "") == strings.Join(strings.Fields(text), "")
	}
	if err := quick.Check(check, nil); err != nil {
		t.Error(err)
	}
}

func TestTruncate(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		text  string
		limit int
		want  string
	}{{"short", 5, "short"}, {"longer", 5, "long…"}, {"日本語", 4, "日…"}, {"x", 0, ""}, {"x", -3, ""}} {
		if got := truncate(test.text, test.limit); got != test.want {
			t.Errorf("%q to %d: %q, want %q", test.text, test.limit, got, test.want)
		}
	}
}

func TestFormats(t *testing.T) {
	t.Parallel()
	for seconds, want := range map[int64]string{0: "0 s", 40: "40 s", 60: "1 min", 90: "1 min 30 s", 3600: "1 h", 3899: "1 h 4 min"} {
		if got := Seconds(seconds); got != want {
			t.Errorf("%d: %q, want %q", seconds, got, want)
		}
	}
	for bytes, want := range map[int64]string{0: "0 B", 999: "999 B", 1000: "1.0 KB", 12431: "12.4 KB", 2345678: "2.3 MB"} {
		if got := size(bytes); got != want {
			t.Errorf("%d: %q, want %q", bytes, got, want)
		}
	}
	for d, want := range map[time.Duration]string{7 * time.Second: "0:07", 65 * time.Second: "1:05", 3723 * time.Second: "1:02:03"} {
		if got := clock(d); got != want {
			t.Errorf("%v: %q, want %q", d, got, want)
		}
	}
	if got := percent(999); got != 99 {
		t.Errorf("999 permille are %d %%", got)
	}
}
