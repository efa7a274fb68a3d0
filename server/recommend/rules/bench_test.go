package rules_test

import (
	"strings"
	"testing"

	"github.com/sheenapps/sheen/server/recommend/rules"
)

func BenchmarkSuggest(b *testing.B) {
	entry := strings.Repeat("our story ", 12)[:120] + "submarin"
	var longest []string
	for range 32 {
		longest = append(longest, entry)
	}
	letters := make([]string, 32)
	for i := range letters {
		letters[i] = strings.Repeat("à ", 43)[:128]
	}
	for name, facts := range map[string]rules.Facts{
		"typical": {
			BusinessType: "hair salon",
			Services:     []string{"haircut", "coloring", "online booking"},
			Requirements: []string{"booking form", "photo gallery", "opening hours"},
			Missing:      []string{"contact details", "price list", "social media links"},
			Existing:     []string{"gallery", "booking", "about us"},
			Audience:     []string{"young adults"}, Personality: []string{"warm", "modern"},
		},
		"longest": {
			BusinessType: entry, Services: longest, Requirements: longest, Missing: longest, Existing: longest,
			Audience: longest, Personality: longest,
		},
		"letters": {
			BusinessType: letters[0], Services: letters, Requirements: letters, Missing: letters, Existing: letters,
			Audience: letters, Personality: letters,
		},
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				rules.Suggest(facts, rules.MaxLimit)
			}
		})
	}
}
