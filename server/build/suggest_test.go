package build_test

import (
	"slices"
	"testing"

	"github.com/sheenapps/sheen/server/recommend"
	"github.com/sheenapps/sheen/server/recommend/rules"
)

// What a prompt forgoes is not proposed to it.
func TestSuggestionsLeaveOutWhatIsNotWanted(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for prompt, want := range map[string]bool{
		"A site for my hair salon":                  true,
		"A site for my hair salon, without booking": false,
	} {
		facts, _, err := b.Facts(b.ctx(), recommend.Source{Prompt: prompt})
		must(t, err)
		if got := rules.Suggest(facts, rules.MaxLimit); slices.Contains(got, rules.Booking) != want {
			t.Errorf("%s: %v", prompt, got)
		}
	}
}
