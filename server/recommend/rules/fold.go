package rules

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// The limits of what is read: facts come from models and people, and a list of
// suggestions must not cost more because they were verbose.
const (
	maxTerms = 32
	maxTerm  = 128
)

// clip returns as much of term as is read.
func clip(term string) string {
	if len(term) <= maxTerm {
		return term
	}
	return strings.ToValidUTF8(term[:maxTerm], "")
}

// separates reports what divides the entries of a list written as one term.
func separates(r rune) bool { return strings.ContainsRune(",;/|+•،؛\n", r) }

// fold reduces a term to lower-case words without accents, separated by single
// spaces, so that spellings of one thing become equal. A step from a small to a
// capital letter separates words: "darkMode" is "dark mode".
func fold(term string) string {
	var b strings.Builder
	b.Grow(len(term))
	pending, small := false, false
	for _, r := range term {
		camel := small && unicode.IsUpper(r)
		small = unicode.IsLower(r)
		if silent(r) {
			continue
		}
		meaningful := unicode.IsLetter(r) || unicode.IsDigit(r)
		pending = pending || camel || !meaningful
		if !meaningful {
			continue
		}
		if pending && b.Len() > 0 {
			b.WriteByte(' ')
		}
		pending = false
		writePlain(&b, unicode.ToLower(r))
	}
	return b.String()
}

func writePlain(b *strings.Builder, r rune) {
	if r >= utf8.RuneSelf {
		if plain, ok := spelling[r]; ok {
			b.WriteString(plain)
			return
		}
	}
	b.WriteRune(r)
}

// silent reports marks that carry no meaning here: combining accents, Arabic
// vowel signs, the tatweel, and joiners and direction marks that keyboards put
// between letters.
func silent(r rune) bool {
	return r >= utf8.RuneSelf && (r == 'ـ' || unicode.In(r, unicode.Mn, unicode.Cf))
}

// spelling maps lower-case letters to what they are written as elsewhere.
var spelling = map[rune]string{
	'à': "a", 'á': "a", 'â': "a", 'ã': "a", 'ä': "a", 'å': "a", 'æ': "ae",
	'ç': "c", 'è': "e", 'é': "e", 'ê': "e", 'ë': "e",
	'ì': "i", 'í': "i", 'î': "i", 'ï': "i", 'ñ': "n",
	'ò': "o", 'ó': "o", 'ô': "o", 'õ': "o", 'ö': "o", 'œ': "oe",
	'ù': "u", 'ú': "u", 'û': "u", 'ü': "u", 'ÿ': "y", 'ß': "ss",
	'أ': "ا", 'إ': "ا", 'آ': "ا", 'ٱ': "ا", 'ى': "ي", 'ئ': "ي", 'ؤ': "و", 'ة': "ه",
}

// stem takes the Arabic article, and a conjunction or preposition before it,
// from a folded word.
func stem(word string) string {
	for _, prefix := range []string{"وال", "بال", "ال", "لل"} {
		rest, found := strings.CutPrefix(word, prefix)
		// Three letters at least, two bytes each: shorter ones are roots.
		if found && len(rest) >= 6 {
			return rest
		}
	}
	return word
}

// words folds a term and returns its stemmed words.
func words(term string) []string {
	found := strings.Fields(fold(term))
	for i, word := range found {
		found[i] = stem(word)
	}
	return found
}
