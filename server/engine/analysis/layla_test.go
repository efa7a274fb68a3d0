package analysis_test

import (
	"slices"
	"testing"

	"github.com/sheenapps/sheen/server/engine/analysis"
)

// A name that begins like a city's is not that city.
func TestANameIsNoPlace(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"موقع باسم ليلى منصور في القاهرة": "cairo",
		"موقع مطعم في ليل":                "lille",
		"صالون حلاقة بالقاهرة":            "cairo",
	} {
		if got := analysis.Analyze(text, "ar").Place.City; got != want {
			t.Errorf("%q is in %q, want %q", text, got, want)
		}
	}
}

// "Mode sombre" asks for a dark mode, not for clothes.
func TestDarkModeIsNoFashion(t *testing.T) {
	t.Parallel()
	for locale, text := range map[string]string{
		"fr": "Un site avec mode sombre pour mon entreprise à Paris",
		"de": "Eine Website mit Dark Mode für mein Geschäft in Berlin",
	} {
		a := analysis.Analyze(text, locale)
		if !slices.Contains(a.Requirements, "darkMode") {
			t.Errorf("%q does not ask for a dark mode: %q", text, a.Requirements)
		}
		for _, s := range a.Services {
			t.Errorf("%q names the service %q", text, s.Key)
		}
	}
}
