package analysis_test

import (
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/sheenapps/sheen/server/engine/analysis"
)

// tried is a line of testdata/prompts.txt.
type tried struct {
	locale, business, brand, prompt string
	requirements                    []string
	// held prompts took no part in tuning; late ones are younger than the rules.
	held, late bool
}

func triedPrompts(t *testing.T) []tried {
	t.Helper()
	raw, err := os.ReadFile("testdata/prompts.txt")
	if err != nil {
		t.Fatal(err)
	}
	var out []tried
	for line := range strings.Lines(string(raw)) {
		if strings.HasPrefix(line, "#") {
			continue
		}
		f := strings.Split(line, "|")
		if len(f) != 5 {
			t.Fatalf("%q has %d fields", line, len(f))
		}
		for i := range f {
			f[i] = strings.TrimSpace(f[i])
		}
		p := tried{business: f[1], brand: f[3], prompt: f[4]}
		p.locale = strings.TrimRight(f[0], "*+")
		p.late, p.held = strings.HasSuffix(f[0], "+"), p.locale != f[0]
		if f[2] != "" {
			p.requirements = strings.Split(f[2], ",")
		}
		out = append(out, p)
	}
	return out
}

// tally counts what is right of what was asked.
type tally struct{ right, all int }

func (c *tally) add(right bool) {
	c.all++
	if right {
		c.right++
	}
}

func (c *tally) permille() int {
	if c.all == 0 {
		return 0
	}
	return c.right * 1000 / c.all
}

// score is how well the rules do on a set of prompts.
type score struct {
	// named are the prompts with a brand, unnamed those without.
	business, language, named, unnamed tally
	// wanted are the labelled requirements, given those that were found.
	wanted, given tally
}

func (s *score) read(p tried) {
	a := analysis.Analyze(p.prompt, p.locale)
	s.business.add(a.BusinessType == p.business)
	language, _, _ := strings.Cut(p.locale, "-")
	s.language.add(a.Language == language)
	brand := a.BrandName
	if a.BrandDerived {
		brand = ""
	}
	if p.brand != "" {
		s.named.add(brand == p.brand)
	} else {
		s.unnamed.add(brand == "")
	}
	if p.requirements != nil {
		for _, kind := range p.requirements {
			s.wanted.add(slices.Contains(a.Requirements, kind))
		}
		for _, kind := range a.Requirements {
			s.given.add(slices.Contains(p.requirements, kind))
		}
	}
}

// tell prints what is missed of a prompt that is not held out.
func tell(t *testing.T, p tried) {
	t.Helper()
	a := analysis.Analyze(p.prompt, p.locale)
	brand := a.BrandName
	if a.BrandDerived {
		brand = ""
	}
	if a.BusinessType != p.business || brand != p.brand || p.requirements != nil && !slices.Equal(slices.Sorted(slices.Values(p.requirements)), slices.Sorted(slices.Values(a.Requirements))) {
		t.Logf("%s: %s %q %v, want %s %q %v: %s", p.locale, a.BusinessType, brand, a.Requirements, p.business, p.brand, p.requirements, p.prompt)
	}
}

// TestPrompts holds the rules to a share of the prompts in every locale, and
// of those that nobody tuned them on.
func TestPrompts(t *testing.T) {
	t.Parallel()
	const (
		required, requiredHeld = 850, 800
		brands, brandsHeld     = 850, 800
		requirements           = 850
	)
	var all, held, late score
	locales, heldOf := map[string]*score{}, map[string]*score{}
	var order []string
	for _, p := range triedPrompts(t) {
		if locales[p.locale] == nil {
			locales[p.locale], heldOf[p.locale] = &score{}, &score{}
			order = append(order, p.locale)
		}
		all.read(p)
		locales[p.locale].read(p)
		if p.held {
			held.read(p)
			heldOf[p.locale].read(p)
			if p.late {
				late.read(p)
			}
		} else {
			tell(t, p)
		}
	}
	check := func(what string, got *tally, want int) {
		t.Logf("%-28s %5.1f %% of %d", what, float64(got.permille())/10, got.all)
		if got.permille() < want {
			t.Errorf("%s: %d ‰ are right, want at least %d", what, got.permille(), want)
		}
	}
	for _, locale := range order {
		check("business, "+locale, &locales[locale].business, required)
		check("business, "+locale+", held out", &heldOf[locale].business, requiredHeld)
	}
	check("business", &all.business, required)
	check("business, held out", &held.business, requiredHeld)
	check("business, written afterwards", &late.business, requiredHeld)
	check("brand", &all.named, brands)
	check("brand, held out", &held.named, brandsHeld)
	for _, set := range []struct {
		name string
		*score
	}{{"", &all}, {", held out", &held}} {
		check("language"+set.name, &set.language, required)
		check("no brand"+set.name, &set.unnamed, brands)
		check("requirements found"+set.name, &set.wanted, requirements)
		check("requirements meant"+set.name, &set.given, requirements)
	}
	if n := all.business.all; n < 240 || held.business.all*2 < n {
		t.Errorf("%d prompts, %d of them held out", n, held.business.all)
	}
}
