package locale

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode"
)

// The spaces that French sets before its high punctuation: a narrow one before
// ; ? !, a full one before the colon and inside guillemets. Neither breaks.
const (
	noBreak       = "\u00a0"
	narrowNoBreak = "\u202f"
)

func languageOf(tag string) string {
	base, _, _ := strings.Cut(tag, "-")
	return base
}

func checkSpaces(_ allCatalogues, _, _ string, e entry) string {
	for _, text := range e.texts() {
		if text == "" || text != strings.TrimSpace(text) || strings.Contains(text, "  ") {
			return fmt.Sprintf("has stray spaces or is empty: %q", text)
		}
	}
	return ""
}

func checkCharacters(_ allCatalogues, tag, _ string, e entry) string {
	for _, r := range e.prose() {
		special := unicode.IsControl(r) && r != '\n' || unicode.Is(unicode.Cf, r) || strings.ContainsRune("<>", r)
		fixed := strings.ContainsRune(noBreak+narrowNoBreak, r)
		if special || fixed && languageOf(tag) != "fr" {
			return fmt.Sprintf("holds %U: %q", r, e.text)
		}
	}
	return ""
}

var latinWord = regexp.MustCompile(`[A-Za-z]+`)

// latinNames are what Arabic messages write in Latin letters, as the brands do.
var latinNames = []string{"Google", "Apple", "Pay"}

func checkScript(_ allCatalogues, tag, _ string, e entry) string {
	for _, text := range e.texts() {
		if arabic := strings.ContainsFunc(text, rightToLeft); arabic != (voices[tag].dir == RTL) {
			return fmt.Sprintf("is in the wrong script: %q", text)
		}
	}
	if voices[tag].dir == LTR {
		return ""
	}
	for _, word := range latinWord.FindAllString(e.prose(), -1) {
		if !slices.Contains(latinNames, word) {
			return fmt.Sprintf("says %q in Latin letters: %q", word, e.text)
		}
	}
	return ""
}

// stopWords are English words that no sentence of the other languages holds.
var stopWords = strings.Fields("the and your you of is are this that with for from will be to by it have our " +
	"please we cannot files file build site's when what which who")

func checkEnglishWords(_ allCatalogues, tag, _ string, e entry) string {
	if tag == Default {
		return ""
	}
	words := strings.FieldsFunc(strings.ToLower(e.prose()), func(r rune) bool { return !unicode.IsLetter(r) })
	for _, word := range words {
		if slices.Contains(stopWords, word) {
			return fmt.Sprintf("says %q: %q", word, e.text)
		}
	}
	return ""
}

func checkTitle(_ allCatalogues, _, key string, e entry) string {
	for _, text := range e.texts() {
		if strings.HasSuffix(key, ".title") && strings.HasSuffix(text, ".") {
			return "is a title and ends with a full stop"
		}
	}
	return ""
}

// pairs are marks that open and close; those of Spanish questions and
// exclamations are wanted in Spanish only.
var pairs = map[string]string{"(": ")", "«": "»", "„": "“", "¿": "?", "¡": "!"}

func checkPairs(_ allCatalogues, tag, _ string, e entry) string {
	for _, text := range e.texts() {
		for open, closing := range pairs {
			inverted := open == "¿" || open == "¡"
			if inverted && languageOf(tag) != "es" {
				continue
			}
			if strings.Count(text, open) != strings.Count(text, closing) {
				return fmt.Sprintf("has %s without %s: %q", open, closing, text)
			}
		}
	}
	return ""
}

// foreign are the marks that a language does not use.
var foreign = map[string]string{
	"en": "«»„“”¿¡،؛؟", "de": "«»\"”¿¡،؛؟", "es": "\"„“”،؛؟", "fr": "\"„“”¿¡،؛؟", "ar": "\"„“”¿¡,;?",
}

var (
	doubled = regexp.MustCompile(`[.,;:!?،؛؟]{2}|[ .][.,;]| [:!?»،؛؟]`)
	// A colon inside of a clock time or a ratio is no punctuation.
	french = regexp.MustCompile(`[^` + narrowNoBreak + `][;?!]|[^` + noBreak + `](:\s|:$|»)|«[^` + noBreak + `]`)
)

func checkPunctuation(_ allCatalogues, tag, _ string, e entry) string {
	for _, text := range e.texts() {
		if i := strings.IndexAny(text, foreign[languageOf(tag)]); i >= 0 {
			return fmt.Sprintf("has a mark of another language: %q", text[i:])
		}
		if bad := doubled.FindString(text); bad != "" && !strings.Contains(text, "…") {
			return fmt.Sprintf("has %q: %q", bad, text)
		}
		if bad := french.FindString(text); bad != "" && languageOf(tag) == "fr" {
			return fmt.Sprintf("lacks a space that does not break at %q: %q", bad, text)
		}
	}
	return ""
}
