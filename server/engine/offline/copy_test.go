package offline

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/sheenapps/sheen/server/engine/analysis"
	"github.com/sheenapps/sheen/server/locale"
)

// TestCopyIsComplete compares every language with the first one.
func TestCopyIsComplete(t *testing.T) {
	t.Parallel()
	for _, name := range append(analysis.BusinessTypes(), "shared", "more") {
		want := shape(t, languages[0], name)
		for _, language := range languages[1:] {
			got := shape(t, language, name)
			for _, key := range slices.Sorted(maps.Keys(want)) {
				if !got[key] {
					t.Errorf("%s/%s.json lacks %s", language, name, key)
				}
			}
			for _, key := range slices.Sorted(maps.Keys(got)) {
				if !want[key] {
					t.Errorf("%s/%s.json has %s, which %s does not", language, name, key, languages[0])
				}
			}
		}
	}
}

// shape returns the paths of a copy file: keys of objects and, for lists, the
// fields that their entries have. Empty strings fail.
func shape(t *testing.T, language, name string) map[string]bool {
	t.Helper()
	raw, err := copyFiles.ReadFile("copy/" + language + "/" + name + ".json")
	if err != nil {
		t.Fatal(err)
	}
	var value any
	if err := json.Unmarshal(raw, &value); err != nil {
		t.Fatalf("%s/%s: %v", language, name, err)
	}
	out := map[string]bool{}
	walk(t, language+"/"+name, "", value, out)
	return out
}

func walk(t *testing.T, file, at string, value any, out map[string]bool) {
	t.Helper()
	switch v := value.(type) {
	case map[string]any:
		for key, inner := range v {
			if !slices.Contains([]string{"Tag", "Match", "Art", "Icon"}, key) {
				out[at+"."+key] = true
				walk(t, file, at+"."+key, inner, out)
			}
		}
	case []any:
		for _, inner := range v {
			walk(t, file, at+"[]", inner, out)
		}
	case string:
		if strings.TrimSpace(v) == "" {
			t.Errorf("%s: %s is empty", file, at)
		}
	}
}

var wordKey = regexp.MustCompile(`\.T "([^"]+)"`)

// TestWordsExist finds every key that a template asks for, and those that are
// put together.
func TestWordsExist(t *testing.T) {
	t.Parallel()
	keys := map[string]bool{}
	err := fs.WalkDir(templateFiles, "templates", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || !strings.HasSuffix(name, ".html") {
			return err
		}
		raw, err := templateFiles.ReadFile(name)
		for _, m := range wordKey.FindAllStringSubmatch(string(raw), -1) {
			keys[m[1]] = true
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, themes := range palettes {
		for _, p := range themes {
			keys["theme."+p.name] = true
		}
	}
	for _, kind := range analysis.Kinds() {
		keys["kind."+kind] = true
	}
	for _, ladder := range additions {
		for _, step := range ladder {
			if key := step.page.key; key != "" {
				keys["page."+key], keys["page."+key+".lead"] = true, true
			}
		}
	}
	for _, language := range languages {
		keys["language."+language] = true
	}
	for _, tag := range locale.Supported() {
		for _, business := range analysis.BusinessTypes() {
			text, words, err := loadCopy(brief{Business: business, Brand: "B", Locale: tag, Extras: analysis.Kinds()}, baseOf(tag))
			if err != nil {
				t.Fatal(err)
			}
			checkWords(t, tag, words, keys)
			checkBlueprint(t, tag, business, text, words)
		}
	}
}

func checkWords(t *testing.T, language string, words *shared, keys map[string]bool) {
	t.Helper()
	for key := range keys {
		if words.Words[key] == "" {
			t.Errorf("%s: no words for %s", language, key)
		}
	}
}

// checkBlueprint checks that every section has its words and its list.
func checkBlueprint(t *testing.T, language, business string, text *copytext, words *shared) {
	t.Helper()
	bare := []string{"hero", "facts", "pagehead", "pricelist", "menu", "products", "product", "project", "article", "timetable", "cart", "bookingform", "contactform", "prose", "thanks", "missing", "album", "projectgrid", "archive", "visits"}
	listless := append([]string{"hero", "cta", "visit", "newsletter", "featured", "pricelist", "pricetable", "compare"}, bare[2:]...)
	b := brief{Business: business, Extras: analysis.Kinds()}
	for _, page := range pagesFor(b) {
		for section := range strings.FieldsSeq(page.sections) {
			where := fmt.Sprintf("%s %s: section %s", language, business, section)
			if text.Heads[section].Title == "" && words.Heads[section].Title == "" && !slices.Contains(bare, section) {
				t.Errorf("%s has no head", where)
			}
			if len(text.Lists[section]) == 0 && len(words.Lists[section]) == 0 && len(words.Lists[section+":"+business]) == 0 && !slices.Contains(listless, section) {
				t.Errorf("%s has no list", where)
			}
		}
	}
}

func TestPalettesAreReadable(t *testing.T) {
	t.Parallel()
	pairs := [][2]string{
		{"ink", "paper"},
		{"ink", "surface"},
		{"ink", "tint"},
		{"muted", "paper"},
		{"muted", "tint"},
		{"muted", "surface"},
		{"link", "paper"},
		{"link", "tint"},
		{"on-accent", "accent"},
		{"on-deep", "deep"},
		{"deep-muted", "deep"},
		{"deep-link", "deep"},
	}
	for _, business := range analysis.BusinessTypes() {
		for _, p := range palettes[business] {
			schemes := map[string]palette{"light": p, "dark": p.dark()}
			if p.isDark() {
				schemes["light of dark"] = p.light()
			}
			for color := range hues {
				schemes[color] = p.recolored(color)
				schemes["dark "+color] = p.recolored(color).dark()
			}
			for mode, scheme := range schemes {
				colors := map[string]string{}
				for pair := range strings.SplitSeq(scheme.properties(), ";") {
					if key, value, ok := strings.Cut(strings.TrimPrefix(pair, "--"), ":"); ok {
						colors[key] = value
					}
				}
				// A restaurant's first button has the second color.
				if c := contrast(colors["accent-2"], "#1a1712"); business == "restaurant" && c < 4.5 {
					t.Errorf("%s %s: a button has a contrast of %.2f", p.name, mode, c)
				}
				for _, pair := range pairs {
					if c := contrast(colors[pair[0]], colors[pair[1]]); c < 4.5 {
						t.Errorf("%s %s %s: %s on %s has a contrast of %.2f", business, p.name, mode, pair[0], pair[1], c)
					}
				}
			}
		}
	}
}

func TestContrastOfKnownColors(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		a, b string
		want float64
	}{{"#000000", "#ffffff", 21}, {"#777777", "#ffffff", 4.48}, {"#ff0000", "#ffffff", 4.0}} {
		if got := contrast(test.a, test.b); got < test.want-0.01 || got > test.want+0.01 {
			t.Errorf("contrast(%s, %s) = %.3f, want %.2f", test.a, test.b, got, test.want)
		}
	}
}

func TestMoneyAndClock(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ country, language, money, clock string }{
		{"FR", "fr", "52\u00a0€", "9\u00a0h\u00a030"},
		{"FR", "en", "€52", "09:30"},
		{"GB", "en", "£49", "09:30"},
		{"US", "en", "$68", "9:30\u00a0am"},
		{"MA", "ar", "310\u00a0د.م.", "9:30\u00a0ص"},
		{"AE", "en", "AED\u00a0235", "09:30"},
		{"EG", "ar", "830\u00a0ج.م", "9:30\u00a0ص"},
		{"MA", "fr", "310\u00a0DH", "9\u00a0h\u00a030"},
		{"ES", "es", "47\u00a0€", "09:30\u00a0h"},
		{"DE", "de", "52\u00a0€", "9:30\u00a0Uhr"},
		{"CH", "de", "CHF\u00a078", "9:30\u00a0Uhr"},
		{"CH", "fr", "78\u00a0CHF", "9\u00a0h\u00a030"},
	} {
		r := regions[test.country]
		if got := r.money(52, test.language); got != test.money {
			t.Errorf("%s in %s: %q, want %q", test.country, test.language, got, test.money)
		}
		if got := r.clock("09:30", test.language); got != test.clock {
			t.Errorf("%s in %s: %q, want %q", test.country, test.language, got, test.clock)
		}
	}
}

func TestLargeAmounts(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		country, language string
		amount            float64
		want              string
	}{
		{"EG", "en", 12500, "EGP\u00a012,500"},
		{"EG", "ar", 1234567, "1,234,567\u00a0ج.م"},
		{"FR", "fr", 1234.5, "1234,50\u00a0€"},
		{"FR", "fr", 12345, "12\u202f345\u00a0€"},
		{"ES", "es", 1234.5, "1.234,50\u00a0€"},
		{"DE", "de", 999, "999\u00a0€"},
		{"DE", "de", 1234.05, "1.234,05\u00a0€"},
		{"CH", "de", 1234.5, "CHF\u00a01’234.50"},
	} {
		if got := regions[test.country].write(test.amount, test.language); got != test.want {
			t.Errorf("%v of %s in %s: %q, want %q", test.amount, test.country, test.language, got, test.want)
		}
	}
}

func TestFridayIsClosedWhereItIsTheDayOfRest(t *testing.T) {
	t.Parallel()
	sunday, friday := 0, 5
	if days := regions["FR"].closedDays(hoursOf("shop")); !slices.Equal(days, []int{sunday}) {
		t.Errorf("France is closed on %v", days)
	}
	if days := regions["SA"].closedDays(hoursOf("shop")); !slices.Equal(days, []int{friday}) {
		t.Errorf("Saudi Arabia is closed on %v", days)
	}
}
