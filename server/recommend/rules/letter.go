package rules

import (
	"strings"
	"unicode"
)

// letter is what one character of a term stands for.
type letter struct {
	// plain is what is looked up for it; empty for what is no letter or digit.
	plain string
	// separates says that it divides the entries of a list written as one term.
	separates bool
	// silent says that it carries no meaning: combining accents, Arabic vowel
	// signs, the tatweel, and joiners and direction marks that keyboards put
	// between letters.
	silent         bool
	small, capital bool
}

func newLetter(r rune) letter {
	l := letter{
		separates: strings.ContainsRune(",;/|+•،؛\n", r),
		silent:    r == 'ـ' || unicode.In(r, unicode.Mn, unicode.Cf),
		small:     unicode.IsLower(r),
		capital:   unicode.IsUpper(r),
	}
	if l.silent || !unicode.IsLetter(r) && !unicode.IsDigit(r) {
		return l
	}
	lower := unicode.ToLower(r)
	plain, respelled := spelling[lower]
	if !respelled {
		plain = string(lower)
	}
	l.plain = plain
	return l
}

// letters are those up to the end of the Arabic block, which is all that our
// languages are written with.
var letters = func() *[0x700]letter {
	var all [0x700]letter
	for r := range all {
		all[r] = newLetter(rune(r))
	}
	return &all
}()

func letterOf(r rune) *letter {
	if r >= 0 && int(r) < len(letters) {
		return &letters[r]
	}
	l := newLetter(r)
	return &l
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
