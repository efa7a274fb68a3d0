package recommend

import (
	"github.com/sheenapps/sheen/server/locale"
	"github.com/sheenapps/sheen/server/recommend/rules"
)

// localize words a kind in the locale tag.
func localize(kind rules.Kind, tag string) Suggestion {
	prefix := "quickSuggestions." + string(kind)
	s := Suggestion{
		ID:             quickPrefix + string(kind),
		Kind:           kind,
		Category:       kind.Category(),
		TitleKey:       prefix + ".title",
		DescriptionKey: prefix + ".description",
		PromptKey:      prefix + ".prompt",
	}
	s.Title = locale.Text(tag, s.TitleKey, nil)
	s.Description = locale.Text(tag, s.DescriptionKey, nil)
	s.Prompt = locale.Text(tag, s.PromptKey, nil)
	return s
}
