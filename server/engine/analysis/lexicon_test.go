package analysis

import (
	"maps"
	"slices"
	"testing"
)

// TestLexicons finds sections that nothing reads: a typing error in a word
// file would otherwise silently drop its words.
func TestLexicons(t *testing.T) {
	t.Parallel()
	for _, language := range languages {
		lex := lexicons()[language]
		if len(lex.stop) == 0 || len(lex.named) == 0 || len(lex.negations) == 0 || len(lex.limits) == 0 {
			t.Errorf("%s: a list of function words is empty", language)
		}
		businesses := map[string]bool{}
		for _, entries := range slices.Concat(slices.Concat(slices.Collect(maps.Values(lex.exact))...), slices.Concat(slices.Collect(maps.Values(lex.prefix))...), slices.Concat(slices.Collect(maps.Values(lex.suffix))...)) {
			checkEntry(t, language, entries, businesses)
		}
		if len(businesses) != len(BusinessTypes()) {
			t.Errorf("%s has words for %d businesses, want all", language, len(businesses))
		}
		for business := range lex.names {
			if !slices.Contains(BusinessTypes(), business) {
				t.Errorf("%s: names for the unknown business %q", language, business)
			}
		}
	}
}

func checkEntry(t *testing.T, language string, e entry, businesses map[string]bool) {
	t.Helper()
	switch e.kind {
	case "business":
		businesses[e.key] = true
		if !slices.Contains(BusinessTypes(), e.key) {
			t.Errorf("%s: unknown business %q", language, e.key)
		}
	case "requirement":
		if !slices.Contains(Kinds(), e.key) {
			t.Errorf("%s: unknown kind %q", language, e.key)
		}
	case "service":
		if e.label == "" {
			t.Errorf("%s: service %s has no label", language, e.key)
		}
	case "personality", "audience":
	default:
		t.Errorf("%s: unknown section %q", language, e.kind)
	}
}

func TestGazetteer(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, known := range gazetteer() {
		p := known.place
		if p.names["en"] == "" || p.names["fr"] == "" || p.names["ar"] == "" || len(p.Country) != 2 {
			t.Errorf("%+v lacks a name or a country", p)
		}
		if key := p.City + "/" + p.Country; seen[key] {
			t.Errorf("%s is there twice", key)
		} else {
			seen[key] = true
		}
		if _, ok := PlaceByCountry(p.Country); !ok {
			t.Errorf("%s: country %s has no line", p.City, p.Country)
		}
	}
	const enough = 70
	if len(seen) < enough {
		t.Errorf("%d places were read, want at least %d", len(seen), enough)
	}
}
