package rules_test

import (
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/sheenapps/sheen/server/recommend/rules"
)

// The rows of the inventory's section on quick suggestions that are about
// choosing, by their names there. Q02, Q08 and Q10 are about words: see
// server/recommend.

// Q01: facts may be missing, in part or all; then what suits every site is
// suggested.
func TestInventory_Q01(t *testing.T) {
	t.Parallel()
	universal := rules.Suggest(rules.Facts{}, 6)
	none := []string{}
	for name, facts := range map[string]rules.Facts{
		"empty lists": {Services: none, Requirements: none, Missing: none, Existing: none, Audience: none, Personality: none},
		"empty words": {BusinessType: " ", Services: []string{""}, Missing: []string{"", "\x00"}, Audience: []string{"-"}},
		"no business": {Audience: []string{"dogs"}, Personality: []string{"42"}},
		"unknown":     {BusinessType: "submarine", Services: []string{"diving"}, Missing: []string{"periscope"}},
	} {
		if got := rules.Suggest(facts, 6); !slices.Equal(got, universal) {
			t.Errorf("%s: %v, want %v", name, got, universal)
		}
	}
}

// Q03: what is missing comes first in any language, and once.
func TestInventory_Q03(t *testing.T) {
	t.Parallel()
	for _, missing := range [][]string{
		{"contact details", "phone number"},
		{"coordonnées", "numéro de GSM"},
		{"datos de contacto", "celular"},
		{"Kontaktdaten", "Handynummer"},
		{"رقم الجوال", "لوكيشن"},
		{"contact", "contact", "CONTACT"},
	} {
		got := rules.Suggest(rules.Facts{BusinessType: "salon", Missing: missing}, 6)
		if got[0] != rules.Contact || slices.Contains(got[1:], rules.Contact) {
			t.Errorf("%q: %v", missing, got)
		}
	}
}

// Q04: what else comes is what the business would want, not the same for all.
func TestInventory_Q04(t *testing.T) {
	t.Parallel()
	for business, want := range map[string][]rules.Kind{
		"salon": {rules.Booking, rules.Gallery}, "shop": {rules.Payment, rules.Testimonials},
		"saas": {rules.Pricing, rules.FAQ}, "blog": {rules.Newsletter, rules.About},
		"portfolio": {rules.Portfolio, rules.About}, "medical": {rules.Booking, rules.Team},
	} {
		if got := rules.Suggest(rules.Facts{BusinessType: business}, 3); !slices.Equal(got[:2], want) {
			t.Errorf("%s: %v, want %v first", business, got, want)
		}
	}
}

// Q05: one place of two or more is for what suits every site, as long as the
// site lacks something of it.
func TestInventory_Q05(t *testing.T) {
	t.Parallel()
	universal := rules.Suggest(rules.Facts{}, 6)
	rapid.Check(t, func(t *rapid.T) {
		facts, limit := facts(t), rapid.IntRange(2, 6).Draw(t, "limit")
		got := rules.Suggest(facts, limit)
		if slices.ContainsFunc(got, func(kind rules.Kind) bool { return slices.Contains(universal, kind) }) {
			return
		}
		facts.BusinessType, facts.Missing = "", nil
		if left := rules.Suggest(facts, 6); len(left) > 0 {
			t.Errorf("%+v: %v, although %v are left", facts, got, left)
		}
	})
}

// Q06: three by default, up to six, and shorter only when nothing is left.
func TestInventory_Q06(t *testing.T) {
	t.Parallel()
	for limit, want := range map[int]int{0: 3, 1: 1, 2: 2, 3: 3, 4: 4, 5: 5, 6: 6, 7: 6} {
		rapid.Check(t, func(t *rapid.T) {
			facts := facts(t)
			got := rules.Suggest(facts, limit)
			if len(got) > want {
				t.Errorf("limit %d: %v", limit, got)
			}
			if all := rules.Suggest(facts, 6); len(got) < min(want, len(all)) {
				t.Errorf("limit %d: %v, while %v fit", limit, got, all)
			}
		})
	}
}

// Q07: all nineteen kinds can come first, by what is missing and by rule alone.
func TestInventory_Q07(t *testing.T) {
	t.Parallel()
	if n := len(rules.Kinds()); n != 19 {
		t.Fatalf("%d kinds", n)
	}
	for _, kind := range rules.Kinds() {
		missing := rules.Facts{BusinessType: "shop", Missing: []string{string(kind)}}
		if got := rules.Suggest(missing, 3); got[0] != kind {
			t.Errorf("%s is missing: %v", kind, got)
		}
		if !firstByRule(kind) {
			t.Errorf("no business is suggested %s first, whatever it has", kind)
		}
	}
}

// firstByRule reports that some business is suggested kind first once it has
// what weighs more.
func firstByRule(kind rules.Kind) bool {
	for _, business := range businessTypes {
		facts := rules.Facts{BusinessType: business}
		for range rules.Kinds() {
			got := rules.Suggest(facts, 1)
			if len(got) == 0 {
				break
			}
			if got[0] == kind {
				return true
			}
			facts.Existing = append(facts.Existing, string(got[0]))
		}
	}
	return false
}

// Q09: each kind has one of the categories, accessibility too.
func TestInventory_Q09(t *testing.T) {
	t.Parallel()
	for _, kind := range rules.Kinds() {
		if kind.Category() == "" {
			t.Errorf("%s has no category", kind)
		}
	}
	if got := rules.Accessibility.Category(); got != rules.CategoryAccessibility {
		t.Errorf("accessibility is in %q", got)
	}
}

// Whatever the facts: known kinds only, each once, and none of what is there.
func TestSuggestKeepsItsPromises(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		facts := facts(t)
		got := rules.Suggest(facts, 6)
		for i, kind := range got {
			if !slices.Contains(rules.Kinds(), kind) || slices.Contains(got[:i], kind) {
				t.Errorf("%v holds %q twice or does not know it", got, kind)
			}
			for _, terms := range [][]string{facts.Existing, facts.Services, facts.Requirements} {
				if slices.Contains(terms, string(kind)) {
					t.Errorf("%s is suggested to a site that has %q", kind, terms)
				}
			}
		}
	})
}

// words are what random facts are made of: kinds, phrases of all languages, and
// what nobody knows.
var words = slices.Concat(
	[]string{"", "constructor", "__proto__", "تجربة", "zz top", "🦄", "contact details", "prise de RDV", "reseñas"},
	[]string{"Barrierefreiheit", "الأسعار والباقات", "سناب شات", "menu, team; blog", "night", "services"},
	[]string{"students", "warm", "developers"},
	businessTypes, kindNames(),
)

func kindNames() []string {
	var names []string
	for _, kind := range rules.Kinds() {
		names = append(names, string(kind))
	}
	return names
}

func facts(t *rapid.T) rules.Facts {
	terms := func(name string) []string {
		return rapid.SliceOfN(rapid.SampledFrom(words), 0, 6).Draw(t, name)
	}
	return rules.Facts{
		BusinessType: rapid.SampledFrom(words).Draw(t, "business"),
		Services:     terms("services"), Requirements: terms("requirements"), Missing: terms("missing"),
		Existing: terms("existing"), Audience: terms("audience"), Personality: terms("personality"),
	}
}
