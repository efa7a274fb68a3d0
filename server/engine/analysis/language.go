package analysis

import (
	"strings"
	"unicode"
)

// languages are those a prompt is recognized in. The first wins a tie.
var languages = []string{"en", "fr", "ar", "es", "de"}

// letterHints are letters that one of the languages uses and the others hardly do.
var letterHints = map[string]string{
	"fr": "çèêëîïôœûù",
	"es": "ñ¿¡óíú",
	"de": "ßäöü",
}

// detectLanguage tells a prompt's language by script, then by function words,
// diacritics and, with less weight, the words of each lexicon.
func detectLanguage(text string, tokens []token) (language string, known bool) {
	if mostlyArabic(text) {
		return "ar", true
	}
	const wordWeight, hintWeight, topicWeight = 2, 1, 0.5
	best, bestScore := languages[0], 0.0
	for _, language := range languages {
		lex := lexicons()[language]
		score := 0.0
		for _, tok := range tokens {
			if lex.stop[tok.folded] {
				score += wordWeight
			} else if lex.knows(tok.folded) {
				score += topicWeight
			}
		}
		for _, r := range strings.ToLower(text) {
			if strings.ContainsRune(letterHints[language], r) {
				score += hintWeight
			}
		}
		if score > bestScore {
			best, bestScore = language, score
		}
	}
	return best, bestScore > 0
}

// mostlyArabic says whether at least a third of the letters are Arabic. Brand
// and product names in Latin letters are common in Arabic prompts.
func mostlyArabic(text string) bool {
	arabic, letters := 0, 0
	for _, r := range text {
		if !unicode.IsLetter(r) {
			continue
		}
		letters++
		if isArabic(r) {
			arabic++
		}
	}
	return arabic > 0 && arabic*3 >= letters
}
