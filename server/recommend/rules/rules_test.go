package rules_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/sheenapps/sheen/server/recommend/rules"
)

var businessTypes = []string{
	"salon", "restaurant", "shop", "saas", "portfolio", "medical", "gym", "agency", "event", "blog", "business",
}

func TestSuggest(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name  string
		facts rules.Facts
		limit int
		want  []rules.Kind
	}{
		{
			name: "nothing known",
			want: []rules.Kind{rules.SEO, rules.Mobile, rules.Analytics},
		},
		{
			name:  "nothing known, the most",
			limit: 6,
			want: []rules.Kind{
				rules.SEO, rules.Mobile, rules.Analytics, rules.Accessibility, rules.Social, rules.DarkMode,
			},
		},
		{
			name:  "missing first, then the business, then one for every site",
			facts: rules.Facts{BusinessType: "salon", Missing: []string{"price list"}},
			want:  []rules.Kind{rules.Pricing, rules.Booking, rules.Mobile},
		},
		{
			name:  "missing keeps its order and leaves the last place",
			facts: rules.Facts{BusinessType: "salon", Missing: []string{"faq", "pricing", "contact details"}},
			want:  []rules.Kind{rules.FAQ, rules.Pricing, rules.Mobile},
		},
		{
			name:  "a universal kind that is missing is enough",
			facts: rules.Facts{BusinessType: "salon", Missing: []string{"seo", "faq", "pricing"}},
			want:  []rules.Kind{rules.SEO, rules.FAQ, rules.Pricing},
		},
		{
			name:  "a universal kind takes the last place wherever it stands",
			facts: rules.Facts{Missing: []string{"faq", "pricing", "team", "accessible"}},
			want:  []rules.Kind{rules.FAQ, rules.Pricing, rules.Accessibility},
		},
		{
			name:  "one place goes to the best",
			facts: rules.Facts{BusinessType: "salon", Missing: []string{"faq"}},
			limit: 1,
			want:  []rules.Kind{rules.FAQ},
		},
		{
			name:  "one word, one suggestion",
			facts: rules.Facts{Missing: []string{"contact", "phone", "e-mail", "Contact Details", "contact_info"}},
			want:  []rules.Kind{rules.Contact, rules.SEO, rules.Mobile},
		},
		{
			name: "not what is there, asked for or required",
			facts: rules.Facts{
				BusinessType: "salon",
				Missing:      []string{"photo gallery", "online booking"},
				Existing:     []string{"gallery", "mobile"},
				Services:     []string{"booking"},
				Requirements: []string{"customer reviews"},
			},
			want: []rules.Kind{rules.Pricing, rules.Services, rules.Social},
		},
		{
			name:  "unknown words mean nothing",
			facts: rules.Facts{BusinessType: "toString", Missing: []string{"constructor", "__proto__", "valueOf", "🦄", ""}},
			want:  []rules.Kind{rules.SEO, rules.Mobile, rules.Analytics},
		},
		{
			name:  "visitors move the weights",
			facts: rules.Facts{BusinessType: "restaurant", Audience: []string{"families", "elderly"}},
			want:  []rules.Kind{rules.Booking, rules.Testimonials, rules.Accessibility},
		},
		{
			name:  "tone moves the weights",
			facts: rules.Facts{BusinessType: "business", Personality: []string{"professional and welcoming"}},
			limit: 5,
			want:  []rules.Kind{rules.About, rules.Contact, rules.Team, rules.Testimonials, rules.Analytics},
		},
		{
			name: "a leaning adds nothing that does not suit",
			facts: rules.Facts{
				BusinessType: "blog", Audience: []string{"creative"},
				Existing: []string{"newsletter, about, contact, gallery, faq, blog"},
			},
			want: []rules.Kind{rules.Social, rules.DarkMode, rules.SEO},
		},
		{
			name:  "no place is kept when no universal kind is left",
			facts: rules.Facts{BusinessType: "salon", Existing: []string{"seo", "mobile", "analytics", "a11y", "social", "darkMode"}},
			want:  []rules.Kind{rules.Booking, rules.Gallery, rules.Testimonials},
		},
		{name: "a negative limit is the default", limit: -1, want: []rules.Kind{rules.SEO, rules.Mobile, rules.Analytics}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if got := rules.Suggest(tt.facts, tt.limit); !slices.Equal(got, tt.want) {
				t.Errorf("Suggest = %v, want %v", got, tt.want)
			}
		})
	}
}

func TestSuggestLimits(t *testing.T) {
	t.Parallel()
	for limit, want := range map[int]int{-7: 3, 0: 3, 1: 1, 2: 2, 3: 3, 5: 5, 6: 6, 7: 6, 1 << 40: 6} {
		for _, business := range append(businessTypes, "") {
			if got := rules.Suggest(rules.Facts{BusinessType: business}, limit); len(got) != want {
				t.Errorf("limit %d for %q: %d suggestions, want %d", limit, business, len(got), want)
			}
		}
	}
}

func TestSuggestNothingLeft(t *testing.T) {
	t.Parallel()
	var existing []string
	for _, kind := range rules.Kinds() {
		existing = append(existing, string(kind))
	}
	facts := rules.Facts{BusinessType: "salon", Missing: existing, Existing: existing}
	if got := rules.Suggest(facts, 6); len(got) != 0 {
		t.Errorf("a site that has everything is suggested %v", got)
	}
}

// Each kind comes up because it is missing, and also by the rules of some
// business, once what weighs more is there.
func TestEveryKindIsReachable(t *testing.T) {
	t.Parallel()
	byRule := make(map[rules.Kind]bool)
	for _, business := range businessTypes {
		facts := rules.Facts{BusinessType: business}
		for range rules.Kinds() {
			for _, kind := range rules.Suggest(facts, 6) {
				byRule[kind] = true
				facts.Existing = append(facts.Existing, string(kind))
			}
		}
	}
	for _, kind := range rules.Kinds() {
		if got := rules.Suggest(rules.Facts{Missing: []string{string(kind)}}, 1); !slices.Equal(got, []rules.Kind{kind}) {
			t.Errorf("%s is missing and %v is suggested", kind, got)
		}
		if !byRule[kind] {
			t.Errorf("no business is ever suggested %s", kind)
		}
	}
}

func TestKindsAndCategories(t *testing.T) {
	t.Parallel()
	want := map[rules.Category]string{
		rules.CategoryFeature:       "contact pricing faq about services team booking payment newsletter blog social",
		rules.CategoryUI:            "testimonials portfolio gallery darkMode",
		rules.CategorySEO:           "seo analytics",
		rules.CategoryPerformance:   "mobile",
		rules.CategoryAccessibility: "accessibility",
	}
	got := make(map[rules.Category][]string)
	for _, kind := range rules.Kinds() {
		got[kind.Category()] = append(got[kind.Category()], string(kind))
	}
	for category, kinds := range want {
		if names := strings.Join(got[category], " "); names != kinds {
			t.Errorf("%s holds %q, want %q", category, names, kinds)
		}
	}
	if len(got) != len(want) {
		t.Errorf("categories are %v", got)
	}
	if c := rules.Kind("constructor").Category(); c != "" {
		t.Errorf("an unknown kind has category %q", c)
	}
}

// The list of each business, as a person would review it.
func TestGoldenBusinesses(t *testing.T) {
	t.Parallel()
	want := map[string]string{
		"salon":      "booking gallery testimonials pricing services mobile",
		"restaurant": "booking gallery testimonials contact about mobile",
		"shop":       "payment testimonials faq newsletter gallery seo",
		"saas":       "pricing faq testimonials payment blog analytics",
		"portfolio":  "portfolio about contact testimonials blog darkMode",
		"medical":    "booking team services faq contact accessibility",
		"gym":        "pricing booking team testimonials gallery mobile",
		"agency":     "portfolio testimonials team services contact seo",
		"event":      "booking payment faq team gallery social",
		"blog":       "newsletter about contact gallery faq social",
		"business":   "contact services testimonials about faq seo",
	}
	for _, business := range businessTypes {
		var names []string
		for _, kind := range rules.Suggest(rules.Facts{BusinessType: business}, 6) {
			names = append(names, string(kind))
		}
		if got := strings.Join(names, " "); got != want[business] {
			t.Errorf("%q: %q, want %q", business, got, want[business])
		}
	}
}

func TestBusinessNames(t *testing.T) {
	t.Parallel()
	for name, same := range map[string]string{
		"Hair Salon": "salon", "beauty_salon": "salon", "CAFÉ": "restaurant", "coffee shop": "restaurant",
		"E-commerce store": "shop", "ecommerce": "shop", "SaaS platform": "saas", "dentalClinic": "medical",
		"fitness": "gym", "wedding": "event", "photographer": "portfolio", "": "", "submarine": "",
	} {
		got := rules.Suggest(rules.Facts{BusinessType: name}, 6)
		if want := rules.Suggest(rules.Facts{BusinessType: same}, 6); !slices.Equal(got, want) {
			t.Errorf("%q: %v, want those of %q: %v", name, got, same, want)
		}
	}
}

func TestSuggestIsDeterministic(t *testing.T) {
	t.Parallel()
	facts := rules.Facts{
		BusinessType: "event", Missing: []string{"tickets, speakers / social media"},
		Audience: []string{"students", "tourists", "families"}, Personality: []string{"bold", "warm", "professional"},
	}
	first := rules.Suggest(facts, 6)
	for range 200 {
		if got := rules.Suggest(facts, 6); !slices.Equal(got, first) {
			t.Fatalf("Suggest = %v, before it was %v", got, first)
		}
	}
}

func FuzzSuggest(f *testing.F) {
	f.Add("salon", "contact details", "booking", "students", 3)
	f.Add("__proto__", "constructor\x00\xff", "معلومات التواصل،الأسعار", "darkMode", -1)
	f.Add("", strings.Repeat("à propos, ", 500), strings.Repeat("ال", 300), "", 99)
	f.Fuzz(func(t *testing.T, business, missing, existing, traits string, limit int) {
		facts := rules.Facts{
			BusinessType: business, Missing: strings.Split(missing, "\n"), Existing: []string{existing},
			Audience: []string{traits}, Personality: []string{traits},
		}
		got := rules.Suggest(facts, limit)
		if len(got) > rules.MaxLimit {
			t.Fatalf("%d suggestions", len(got))
		}
		there := rules.Suggest(rules.Facts{Missing: []string{existing}}, 6)
		for i, kind := range got {
			if kind.Category() == "" {
				t.Errorf("unknown kind %q", kind)
			}
			if slices.Contains(got[:i], kind) {
				t.Errorf("%s comes twice", kind)
			}
			// What a list of missing things begins with, those things mean.
			if len(there) > 0 && kind == there[0] && kind != rules.SEO {
				t.Errorf("%s is suggested although %q exists", kind, existing)
			}
		}
		if !slices.Equal(got, rules.Suggest(facts, limit)) {
			t.Error("the same facts gave another list")
		}
	})
}
