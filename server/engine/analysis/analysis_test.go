package analysis_test

import (
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/sheenapps/sheen/server/engine/analysis"
)

// labelled is a line of testdata/prompts.tsv.
type labelled struct{ prompt, language, business, city, brand string }

func prompts(t *testing.T) []labelled {
	t.Helper()
	raw, err := os.ReadFile("testdata/prompts.tsv")
	if err != nil {
		t.Fatal(err)
	}
	var out []labelled
	for line := range strings.Lines(string(raw)) {
		f := strings.Split(strings.TrimRight(line, "\n"), "\t")
		if strings.HasPrefix(line, "#") {
			continue
		}
		if len(f) != 5 {
			t.Fatalf("%q has %d fields", line, len(f))
		}
		out = append(out, labelled{f[0], f[1], f[2], f[3], f[4]})
	}
	return out
}

// TestAccuracy holds the rules to a share of the labelled prompts, each
// property by itself, and prints what is missed.
func TestAccuracy(t *testing.T) {
	t.Parallel()
	all := prompts(t)
	right := map[string]int{}
	check := func(prompt, property, got, want string) {
		if got == want {
			right[property]++
			return
		}
		t.Logf("%s of %q is %q, want %q", property, prompt, got, want)
	}
	for _, p := range all {
		a := analysis.Analyze(p.prompt, "")
		check(p.prompt, "language", a.Language, p.language)
		check(p.prompt, "business", a.BusinessType, p.business)
		check(p.prompt, "city", a.Place.City, p.city)
		brand := a.BrandName
		if a.BrandDerived {
			brand = ""
		}
		check(p.prompt, "brand", brand, p.brand)
	}
	const required = 0.85
	for _, property := range []string{"language", "business", "city", "brand"} {
		share := float64(right[property]) / float64(len(all))
		t.Logf("%s: %.1f %% of %d", property, share*100, len(all))
		if share < required {
			t.Errorf("%s is right for %.1f %%, want at least %.0f %%", property, share*100, required*100)
		}
	}
}

func TestTheDemo(t *testing.T) {
	t.Parallel()
	a := analysis.Analyze("A booking site for my hair salon in Lyon", "")
	if a.BusinessType != "salon" || a.Confidence < 0.8 || a.Language != "en" || a.Locale != "en" {
		t.Errorf("%+v", a)
	}
	if a.Place.City != "lyon" || a.Place.Country != "FR" || a.Place.Language != "fr" || a.Place.Name("ar") != "ليون" {
		t.Errorf("place is %+v", a.Place)
	}
	if !a.BrandDerived || a.BrandName == "" {
		t.Errorf("brand is %q", a.BrandName)
	}
	if !slices.Equal(a.Requirements, []string{"booking"}) || slices.Contains(a.Missing, "booking") || len(a.Missing) == 0 {
		t.Errorf("requirements %v, missing %v", a.Requirements, a.Missing)
	}
}

func TestDetails(t *testing.T) {
	t.Parallel()
	a := analysis.Analyze("Luxury barber for men: beard trims and haircuts, gallery, faq, without newsletter", "")
	if !slices.Equal(a.Requirements, []string{"faq", "gallery"}) {
		t.Errorf("requirements %v", a.Requirements)
	}
	if !slices.Equal(a.Personality, []string{"luxury"}) || !slices.Equal(a.Audience, []string{"men"}) {
		t.Errorf("personality %v, audience %v", a.Personality, a.Audience)
	}
	want := []analysis.Service{{Key: "beard", Name: "Beard trim"}, {Key: "haircut", Name: "Haircut"}}
	if !slices.Equal(a.Services, want) {
		t.Errorf("services %v, want %v", a.Services, want)
	}
}

func TestANameIsNoOffer(t *testing.T) {
	t.Parallel()
	if a := analysis.Analyze(`A salon called "Books & Tea"`, ""); len(a.Services) > 0 {
		t.Errorf("services %v from the name", a.Services)
	}
}

func TestLocaleIsTakenOver(t *testing.T) {
	t.Parallel()
	if a := analysis.Analyze("A gym", "fr-MA"); a.Locale != "fr-MA" || a.Language != "en" {
		t.Errorf("locale %s, language %s", a.Locale, a.Language)
	}
}

func TestWithAnswer(t *testing.T) {
	t.Parallel()
	a := analysis.Analyze("A nice place in Lyon", "")
	for _, test := range []struct {
		question, choice, text string
		want                   func(analysis.Analysis) bool
	}{
		{"business_type", "gym", "", func(a analysis.Analysis) bool { return a.BusinessType == "gym" && a.Confidence == 1 }},
		{"business_type", "", "a small bakery", func(a analysis.Analysis) bool { return a.BusinessType == "restaurant" }},
		{"business_type", "__proto__", "", func(b analysis.Analysis) bool { return b.BusinessType == a.BusinessType }},
		{"brand_name", "", " Les Deux \x00 ", func(a analysis.Analysis) bool { return a.BrandName == "Les Deux" && !a.BrandDerived }},
		{"brand_name", "", " ", func(b analysis.Analysis) bool { return b.BrandName == a.BrandName }},
		{"color_theme", "plum", "", func(a analysis.Analysis) bool { return a.ColorTheme == "plum" }},
		{"color_theme", "", "Warm", func(a analysis.Analysis) bool { return a.ColorTheme == "warm" }},
		{"other", "x", "y", func(b analysis.Analysis) bool { return reflect.DeepEqual(a, b) }},
	} {
		if got := a.WithAnswer(test.question, test.choice, test.text); !test.want(got) {
			t.Errorf("%s %q %q gives %+v", test.question, test.choice, test.text, got)
		}
	}
}

func TestArabicParticles(t *testing.T) {
	t.Parallel()
	for _, prompt := range []string{"صالون", "الصالون", "للصالون", "لصالوني", "وبالصالون", "صَالُون"} {
		if a := analysis.Analyze(prompt, ""); a.BusinessType != "salon" || a.Language != "ar" {
			t.Errorf("%s is %s in %s", prompt, a.BusinessType, a.Language)
		}
	}
}

func TestWordBoundaries(t *testing.T) {
	t.Parallel()
	for _, prompt := range []string{"spaniel breeding", "workshopping", "eventually", "gymnasium", "barberry"} {
		if a := analysis.Analyze(prompt, ""); a.BusinessType != analysis.General {
			t.Errorf("%s is %s", prompt, a.BusinessType)
		}
	}
}

func TestWhatASiteHasIsNotWhatItIs(t *testing.T) {
	t.Parallel()
	for prompt, want := range map[string]string{
		"A pub with an online shop, a blog and a marketing agency":     "restaurant",
		"Une table d'hôtes avec une boutique en ligne et un blog":      "restaurant",
		"موقع طبيب مع متجر إلكتروني ومدونة":                            "medical",
		"A photography portfolio including a blog and an online store": "portfolio",
	} {
		if a := analysis.Analyze(prompt, ""); a.BusinessType != want {
			t.Errorf("%q is %s, want %s", prompt, a.BusinessType, want)
		}
	}
}

func FuzzAnalyze(f *testing.F) {
	for _, seed := range []string{"", "A salon in Lyon", "\x00\xff", "صالون باسم", `called "`, "for X, a", "constructor __proto__", strings.Repeat("spa ", 5000)} {
		f.Add(seed, "")
	}
	f.Fuzz(func(t *testing.T, prompt, locale string) {
		a := analysis.Analyze(prompt, locale)
		if !reflect.DeepEqual(a, analysis.Analyze(prompt, locale)) {
			t.Error("two calls differ")
		}
		if !slices.Contains(analysis.BusinessTypes(), a.BusinessType) || a.Confidence < 0 || a.Confidence > 1 {
			t.Errorf("business %q with %v", a.BusinessType, a.Confidence)
		}
		if a.BrandName == "" || utf8.RuneCountInString(a.BrandName) > 48 || !utf8.ValidString(a.BrandName) || strings.ContainsAny(a.BrandName, "\x00\n\u202e") {
			t.Errorf("brand %q", a.BrandName)
		}
		for _, kind := range append(slices.Clone(a.Requirements), a.Missing...) {
			if !slices.Contains(analysis.Kinds(), kind) {
				t.Errorf("unknown kind %q", kind)
			}
		}
		a.WithAnswer("business_type", locale, prompt).WithAnswer("brand_name", "", prompt)
	})
}

func BenchmarkLongPrompt(b *testing.B) {
	prompt := strings.Repeat("A booking site for my hair salon in Lyon with a gallery. ", 290)
	for b.Loop() {
		analysis.Analyze(prompt, "")
	}
}
