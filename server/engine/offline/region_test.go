package offline

import (
	"slices"
	"strings"
	"testing"

	"github.com/sheenapps/sheen/server/engine/analysis"
)

const dayNames = "Mo Tu We Th Fr Sa Su"

func TestOpeningHours(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ country, business, language, want string }{
		{"FR", "salon", "fr", "Tu – fr 9 h – 19 h, Sa 9 h – 17 h, Su – mo -"},
		{"DE", "salon", "de", "Tu–Fr 9–19 Uhr, Sa 9–17 Uhr, Su–Mo -"},
		{"DE", "medical", "de", "Mo–Th 8:00–18:30 Uhr, Fr 8–16 Uhr, Sa 9:00–12:30 Uhr, Su -"},
		{"ES", "salon", "es", "Tu – fr 09:00–19:00 h, Sa 09:00–17:00 h, Su – mo -"},
		{"US", "business", "en", "Mo – Fr 9 am – 6 pm, Sa – Su -"},
		{"AE", "shop", "ar", "Mo – Fr 10:00 ص – 7:00 م, Sa 10:00 ص – 6:00 م, Su -"},
		// One day of rest is Friday, two are Friday and Saturday.
		{"SA", "shop", "ar", "Sa – We 10:00 ص – 7:00 م, Th 10:00 ص – 6:00 م, Fr -"},
		{"EG", "business", "ar", "Su – Th 9:00 ص – 6:00 م, Fr – Sa -"},
		{"EG", "gym", "en", "Su – Th 06:00 – 22:00, Fr – Sa 08:00 – 20:00"},
	} {
		r := regions[test.country]
		var rows []string
		for _, row := range r.hourRows(hoursOf(test.business), strings.Fields(dayNames), "-", test.language) {
			rows = append(rows, row.Days+" "+row.Times)
		}
		if got := strings.ReplaceAll(strings.Join(rows, ", "), nbsp, " "); got != test.want {
			t.Errorf("%s of %s in %s: %s\nwant %s", test.business, test.country, test.language, got, test.want)
		}
	}
}

// What a page says about closed days, scripts say too.
func TestClosedDaysAreThoseOfTheTable(t *testing.T) {
	t.Parallel()
	days := strings.Fields(dayNames)
	for country, r := range regions {
		for _, business := range analysis.BusinessTypes() {
			spans := hoursOf(business)
			if spans == nil {
				continue
			}
			var shown, known []string
			for _, day := range r.closedDays(spans) {
				known = append(known, days[(day+week-1)%week])
			}
			shown = append(shown, r.rest(spans, days)...)
			slices.Sort(shown)
			slices.Sort(known)
			if !slices.Equal(shown, known) {
				t.Errorf("%s of %q is closed on %v, scripts say %v", business, country, shown, known)
			}
		}
	}
}

func TestInPlace(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ city, country, language, want string }{
		{"munich", "", "de", "in München"},
		{"madrid", "", "de", "in Madrid"},
		{"", "CH", "de", "in der Schweiz"},
		{"", "US", "de", "in den USA"},
		{"", "NL", "de", "in den Niederlanden"},
		{"", "AE", "de", "in den Vereinigten Arabischen Emiraten"},
		{"", "LB", "de", "im Libanon"},
		{"madrid", "", "es", "en Madrid"},
		{"cairo", "", "es", "en El Cairo"},
		{"", "GB", "es", "en el Reino Unido"},
		{"", "AE", "es", "en los Emiratos Árabes Unidos"},
		{"", "DE", "es", "en Alemania"},
		{"cairo", "", "fr", "au Caire"},
		{"", "NL", "en", "in the Netherlands"},
		{"fez", "", "ar", "في فاس"},
		{"", "", "es", "en el barrio"},
		{"", "", "de", "ganz in der Nähe"},
	} {
		if got := inPlace(placeOf(brief{City: test.city, Country: test.country}), test.language); got != test.want {
			t.Errorf("%s%s in %s: %q, want %q", test.city, test.country, test.language, got, test.want)
		}
	}
}

func TestSecondLanguage(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ city, country, language, want string }{
		{"madrid", "", "es", ""},
		{"madrid", "", "en", "es"},
		{"berlin", "", "fr", "de"},
		{"geneva", "", "de", "fr"},
		{"zurich", "", "de", ""},
		{"", "CH", "de", ""},
		{"", "CH", "en", "fr"},
		{"", "CA", "fr", ""},
		{"casablanca", "", "fr", "ar"},
		{"rome", "", "de", ""},
		{"", "", "de", ""},
	} {
		place := placeOf(brief{City: test.city, Country: test.country})
		if got := secondOf(place, test.language); got != test.want {
			t.Errorf("%s%s in %s: %q, want %q", test.city, test.country, test.language, got, test.want)
		}
	}
}

func TestDurations(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		language, want string
		minutes        int
	}{
		{"en", "150 min", 150},
		{"en", "1 h", 60},
		{"fr", "1 h 30", 90},
		{"es", "1 h 30 min", 90},
		{"de", "2 Std. 30 Min.", 150},
		{"de", "2 Std.", 120},
		{"ar", "ساعة", 60},
		{"ar", "5 دقائق", 5},
		{"ar", "45 دقيقة", 45},
	} {
		_, words, err := loadCopy(brief{Business: "salon", Locale: test.language}, test.language)
		if err != nil {
			t.Fatal(err)
		}
		p := &page{edition: &edition{lang: test.language, words: words}}
		if got := strings.ReplaceAll(p.Minutes(test.minutes), nbsp, " "); got != test.want {
			t.Errorf("%d minutes in %s: %q, want %q", test.minutes, test.language, got, test.want)
		}
	}
}

func TestListsInSentences(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ language, last, want string }{
		{"es", "información", "A, B e información"},
		{"es", "Historia", "A, B e Historia"},
		{"es", "hierbas", "A, B y hierbas"},
		{"es", "precios", "A, B y precios"},
		{"de", "Termin", "A, B und Termin"},
	} {
		_, words, err := loadCopy(brief{Business: "salon", Locale: test.language}, test.language)
		if err != nil {
			t.Fatal(err)
		}
		e := &edition{lang: test.language, words: words}
		if got := e.join([]string{"A", "B", test.last}); got != test.want {
			t.Errorf("%q, want %q", got, test.want)
		}
	}
	for _, test := range []struct{ language, name, want string }{
		{"fr", "Événement", "événement"},
		{"de", "Friseursalon", "Friseursalon"},
		{"en", "VR arcade", "VR arcade"},
		{"en", "", ""},
	} {
		if got := lowerFirst(test.name, test.language); got != test.want {
			t.Errorf("%q inside a sentence: %q, want %q", test.name, got, test.want)
		}
	}
}
