package analysis

import (
	"hash/fnv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// token is one word of a prompt.
type token struct {
	// raw is the word as written, folded is what tables are searched with.
	raw, folded string
	// forms are folded and what remains without plural endings and, in Arabic,
	// without the article and one-letter prepositions.
	forms []string
	// breaks says that a sentence or clause ends before this word.
	breaks bool
}

// sanitize cuts s to MaxPrompt, drops invalid bytes and what is not meant to be
// read: control, format and direction characters.
func sanitize(s string) string {
	if len(s) > MaxPrompt {
		s = s[:MaxPrompt]
	}
	s = strings.ToValidUTF8(s, "")
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\t' || r == '\r' || unicode.Is(unicode.Zs, r):
			return ' '
		case r == '’' || r == 'ʼ':
			return '\''
		case unicode.IsControl(r) || unicode.Is(unicode.Cf, r) || r == utf8.RuneError:
			return -1
		}
		return r
	}, s)
}

// tokenize splits s into words. An apostrophe ends a word, which takes French
// elision ("l'atelier") apart.
func tokenize(s string) []token {
	var tokens []token
	start, breaks := -1, false
	flush := func(end int) {
		if start < 0 {
			return
		}
		raw := s[start:end]
		folded := fold(raw)
		if folded != "" {
			tokens = append(tokens, token{raw: raw, folded: folded, forms: forms(folded), breaks: breaks})
			breaks = false
		}
		start = -1
	}
	for i, r := range s {
		if unicode.IsLetter(r) || unicode.IsDigit(r) || unicode.Is(unicode.Mn, r) {
			if start < 0 {
				start = i
			}
			continue
		}
		flush(i)
		breaks = breaks || strings.ContainsRune(".!?;:,،؛؟()\n", r)
	}
	flush(len(s))
	return tokens
}

// fold lower-cases s and removes what spelling varies in: Latin diacritics,
// Arabic vowel marks, and the variants of alef, ya and ta marbuta.
func fold(s string) string {
	var b strings.Builder
	b.Grow(len(s))
	for _, r := range s {
		r = unicode.ToLower(r)
		if plain, ok := plainLetters[r]; ok {
			b.WriteString(plain)
			continue
		}
		if r == 'ـ' || unicode.Is(unicode.Mn, r) {
			continue
		}
		b.WriteRune(r)
	}
	return b.String()
}

// plainLetters is never written to.
var plainLetters = map[rune]string{
	'à': "a", 'á': "a", 'â': "a", 'ã': "a", 'ä': "a", 'å': "a", 'æ': "ae",
	'ç': "c", 'è': "e", 'é': "e", 'ê': "e", 'ë': "e", 'ì': "i", 'í': "i",
	'î': "i", 'ï': "i", 'ñ': "n", 'ò': "o", 'ó': "o", 'ô': "o", 'õ': "o",
	'ö': "o", 'ø': "o", 'œ': "oe", 'ù': "u", 'ú': "u", 'û': "u", 'ü': "u",
	'ý': "y", 'ÿ': "y", 'ß': "ss",
	'أ': "ا", 'إ': "ا", 'آ': "ا", 'ٱ': "ا", 'ى': "ي", 'ة': "ه", 'ؤ': "و", 'ئ': "ي",
}

// forms returns word and its likely base forms.
func forms(word string) []string {
	out := []string{word}
	if first, _ := utf8.DecodeRuneInString(word); isArabic(first) {
		return arabicForms(out, word)
	}
	for _, ending := range []string{"s", "es", "x", "'s"} {
		if base, ok := strings.CutSuffix(word, ending); ok && len(base) >= 3 {
			out = append(out, base)
		}
	}
	if base, ok := strings.CutSuffix(word, "ies"); ok && len(base) >= 2 {
		out = append(out, base+"y")
	}
	return out
}

// arabicForms appends word without joined particles ("وبالصالون") and without
// possessive and plural endings ("عيادتي").
func arabicForms(out []string, word string) []string {
	const shortest = 2
	bases := []string{word}
	for _, prefix := range []string{"وبال", "وال", "بال", "كال", "فال", "ولل", "لل", "ال", "و", "ب", "ل", "ف", "ك"} {
		if base, ok := strings.CutPrefix(word, prefix); ok && utf8.RuneCountInString(base) >= shortest {
			bases = append(bases, base)
		}
	}
	for _, base := range bases {
		if base != word {
			out = append(out, base)
		}
		for _, ending := range [][2]string{{"تي", "ه"}, {"تنا", "ه"}, {"ي", ""}, {"نا", ""}, {"ات", ""}, {"ات", "ه"}, {"ين", ""}, {"ون", ""}, {"يه", "ي"}, {"ه", ""}} {
			stem, ok := strings.CutSuffix(base, ending[0])
			if ok && utf8.RuneCountInString(stem) > shortest {
				out = append(out, stem+ending[1])
			}
		}
	}
	return out
}

func isArabic(r rune) bool { return unicode.Is(unicode.Arabic, r) }

// seed hashes s.
func seed(s string) uint64 {
	h := fnv.New64a()
	_, _ = h.Write([]byte(s)) // a hash never returns an error
	return h.Sum64()
}
