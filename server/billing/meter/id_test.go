package meter

import (
	"slices"
	"testing"
)

func TestID(t *testing.T) {
	t.Parallel()
	const text = "0190c0de-1234-7abc-8def-0123456789ab"
	var id ID
	if err := id.UnmarshalText([]byte(text)); err != nil || id.String() != text {
		t.Errorf("%s reads as %s: %v", text, id, err)
	}
	for _, bad := range []string{"", text[1:], text + "0", "0190c0de-1234-7abc-8def-0123456789ag", "0190c0de01234-7abc-8def-0123456789ab"} {
		if err := new(ID).UnmarshalText([]byte(bad)); err == nil {
			t.Errorf("%q is read", bad)
		}
	}
}

func FuzzID(f *testing.F) {
	f.Add([]byte("0190c0de-1234-7abc-8def-0123456789ab"))
	f.Fuzz(func(t *testing.T, text []byte) {
		var id, again ID
		if id.UnmarshalText(text) != nil {
			return
		}
		if err := again.UnmarshalText([]byte(id.String())); err != nil || again != id {
			t.Errorf("%q: %s, then %s: %v", text, id, again, err)
		}
	})
}

func TestLinesSurviveTheirText(t *testing.T) {
	t.Parallel()
	entry := Entry{Lines: []Line{
		{GrantID: ID{1}, Kind: Daily, Free: -5, Held: 5}, {GrantID: ID{2}, Kind: Promo, Consumed: 1, Lapsed: 2},
	}}
	lines, err := ParseLines(entry.LinesJSON())
	if err != nil || !slices.Equal(lines, entry.Lines) {
		t.Errorf("%+v becomes %+v: %v", entry.Lines, lines, err)
	}
}

func FuzzParseLines(f *testing.F) {
	entry := Entry{Lines: []Line{{GrantID: ID{1}, Kind: Daily, Free: -5, Held: 5}, {Kind: Promo, Consumed: 1, Lapsed: 2}}}
	f.Add(entry.LinesJSON())
	f.Add([]byte("[]"))
	f.Fuzz(func(t *testing.T, text []byte) {
		lines, err := ParseLines(text)
		if err != nil {
			return
		}
		for _, line := range lines {
			if !line.Kind.Valid() {
				return // never stored, so never written again
			}
		}
		entry := Entry{Lines: lines}
		again, err := ParseLines(entry.LinesJSON())
		if err != nil {
			t.Fatalf("%q: %v", text, err)
		}
		if !slices.Equal(lines, again) {
			t.Errorf("%+v, then %+v", lines, again)
		}
	})
}
