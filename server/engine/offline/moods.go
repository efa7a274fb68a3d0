package offline

import (
	"slices"

	"github.com/sheenapps/sheen/server/engine/analysis"
)

// moodsOf returns the adjectives that a palette is chosen by, the most telling
// first: those near the theme asked for, for not every business has each, those
// of the prompt, and those that suit the visitors.
func moodsOf(a analysis.Analysis) []string {
	near := map[string][]string{
		"warm":    {"natural", "bold"},
		"calm":    {"minimal", "natural"},
		"modern":  {"professional", "minimal"},
		"elegant": {"luxury", "minimal", "modern", "professional"},
		"natural": {"traditional", "warm", "calm"},
		"bold":    {"playful", "modern", "warm"},
	}
	moods := slices.Concat(near[a.ColorTheme], a.Personality)
	for _, audience := range a.Audience {
		switch audience {
		case "families", "tourists":
			moods = append(moods, "warm")
		case "students", "men":
			moods = append(moods, "bold")
		case "professionals", "businesses", "developers":
			moods = append(moods, "professional")
		case "women":
			moods = append(moods, "elegant")
		case "seniors":
			moods = append(moods, "calm")
		}
	}
	return moods
}
