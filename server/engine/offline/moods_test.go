package offline

import (
	"testing"

	"github.com/sheenapps/sheen/server/engine/analysis"
)

// A theme that was chosen decides, whatever the business, and the seed does not.
func TestEveryThemeIsAPalette(t *testing.T) {
	t.Parallel()
	for _, business := range analysis.BusinessTypes() {
		distinct := map[int]bool{}
		for _, theme := range analysis.Themes() {
			a := analysis.Analysis{BusinessType: business, ColorTheme: theme, Personality: []string{"vegan"}}
			first := newBrief(a).Theme
			for a.Seed = range uint64(3) {
				if got := newBrief(a).Theme; got != first {
					t.Errorf("%s in %s is palette %d or %d", business, theme, first, got)
				}
			}
			distinct[first] = true
		}
		if len(distinct) < 2 {
			t.Errorf("all themes of %s are the same", business)
		}
	}
}

func TestAudienceSetsTheTone(t *testing.T) {
	t.Parallel()
	for _, audience := range analysis.Audiences() {
		a := analysis.Analyze("A gym", "").WithAnswer(analysis.AudienceQuestion, audience, "")
		if got := moodsOf(a); (len(got) == 0) != (audience == analysis.Everyone) {
			t.Errorf("for %s the moods are %v", audience, got)
		}
		// What the prompt says of the look goes before.
		a.Personality = []string{"minimal"}
		if moodsOf(a)[0] != "minimal" {
			t.Errorf("moods %v", moodsOf(a))
		}
	}
}
