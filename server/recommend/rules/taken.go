package rules

import "strings"

// Taken returns the kinds that a site has or was asked to have, in no order.
func Taken(facts Facts) []Kind {
	var (
		r     reader
		taken []Kind
	)
	for _, terms := range [][]string{facts.Existing, facts.Services, facts.Requirements} {
		taken = append(taken, meanings.readAll(&r, terms)...)
	}
	return taken
}

// Mentioned returns the kinds that a text of at most 128 bytes speaks of, each once;
// of a longer one, the beginning is read.
func Mentioned(text string) []Kind { return meanings.readAll(new(reader), []string{text}) }

// Fold reduces a text to lower-case words without accents, so that spellings of one
// thing become equal.
func Fold(text string) string {
	var (
		p     phrase
		parts []string
	)
	for rest := text; rest != ""; {
		rest = p.read(rest)
		for i := range p.ends {
			parts = append(parts, string(p.word(i)))
		}
	}
	return strings.Join(parts, " ")
}

// Categories returns all categories.
func Categories() []Category {
	return []Category{CategoryFeature, CategoryUI, CategorySEO, CategoryPerformance, CategoryAccessibility}
}
