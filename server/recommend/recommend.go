package recommend

import "github.com/sheenapps/sheen/server/recommend/rules"

// Suggestion is a quick suggestion as a user sees it.
type Suggestion struct {
	// ID is "qs-" and the kind.
	ID       string
	Kind     rules.Kind
	Category rules.Category

	// Title, Description and Prompt are plain text in one locale. Prompt is
	// what the next build is started with.
	Title       string
	Description string
	Prompt      string

	// The keys of the texts in the catalogues.
	TitleKey       string
	DescriptionKey string
	PromptKey      string
}

// Quick returns the suggestions for a site, best first, worded in the locale
// tag as locale.Resolve gives it. A limit of 0 or less means
// [rules.DefaultLimit], and [rules.MaxLimit] is the most.
func Quick(facts rules.Facts, limit int, tag string) []Suggestion {
	kinds := rules.Suggest(facts, limit)
	suggestions := make([]Suggestion, len(kinds))
	for i, kind := range kinds {
		suggestions[i] = localize(kind, tag)
	}
	return suggestions
}
