package analysis

import (
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxBrand is the longest brand name, in runes.
const maxBrand = 48

// maxBrandWords is how many words of a name are taken from running text.
const maxBrandWords = 5

// quoted finds text in any of the usual pairs of quotation marks. A single
// quote counts only between spaces, for it is also an apostrophe.
var quoted = regexp.MustCompile(`"([^"]+)"|“([^”"]+)”|«([^»]+)»|„([^“”"]+)[“”"]|(?:^|\s)'([^']+)'(?:[\s.,!?]|$)`)

// word finds the words and the marks that end a clause.
var word = regexp.MustCompile(`[\p{L}\p{M}\p{N}&'’\-+]+|[.,;:!?()،؛؟]`)

// findBrand returns the name that the prompt gives the business, or nothing.
func findBrand(text, language string) string {
	for _, groups := range quoted.FindAllStringSubmatch(text, -1) {
		name := cleanName(strings.Join(groups[1:], ""))
		if name != "" && len(strings.Fields(name)) <= maxBrandWords && runes(name) < maxBrand {
			return name
		}
	}
	words := word.FindAllString(text, -1)
	lex := lexicons()[language]
	for i, w := range words {
		if lex.named[fold(elided(w))] || (language != "en" && lexicons()["en"].named[fold(w)]) {
			if name := nameFrom(words[i+1:], language, lex); name != "" {
				return name
			}
		}
	}
	if name := nameBeforeVerb(words, language); name != "" {
		return name
	}
	return nameBeforeComma(words, language)
}

// nameBeforeVerb finds "Chez Marcel is a bistro": capitalized words that begin
// the prompt, are no place and are said to be something.
func nameBeforeVerb(words []string, language string) string {
	end := 0
	for end < len(words) && end < maxBrandWords && (capitalized(words[end]) || end > 0 && words[end] == "&") {
		end++
	}
	if end == 0 || end+1 >= len(words) {
		return ""
	}
	lex := lexicons()[language]
	verb, article := strings.ToLower(words[end]), fold(words[end+1])
	if !slices.Contains([]string{"is", "est", "ist", "es"}, verb) || !lex.own[article] {
		return ""
	}
	core := words[:end]
	if lex.own[fold(core[0])] {
		core = core[1:]
	}
	tokens := tokenize(strings.Join(core, " "))
	switch {
	case len(tokens) == 0, len(tokens) == 1 && (lex.stop[tokens[0].folded] || len(lex.at(tokens, 0)) > 0):
		return "" // "Our Salon is a place", "This is a site"
	case findPlace(tokens, language).Country != "":
		return ""
	}
	return cleanName(strings.Join(words[:end], " "))
}

// elided returns what follows an elision: "s'appelle" is "appelle".
func elided(w string) string {
	if i := strings.LastIndexAny(w, "'’"); i >= 0 && i < len(w)-1 {
		return w[i+1:]
	}
	return w
}

// nameFrom reads a name at the start of words. In Latin script it goes on as
// long as the words begin with a capital or join others; in Arabic until a
// function word or a mark.
func nameFrom(words []string, language string, lex *lexicon) string {
	var name []string
	for i, w := range words {
		first, _ := utf8.DecodeRuneInString(w)
		if len(name) == maxBrandWords || !unicode.IsLetter(first) && !unicode.IsDigit(first) && w != "&" {
			break
		}
		if isArabic(first) && len(name) > 0 && (lex.stop[fold(w)] || startsPlace(words[i:], language)) {
			break
		}
		joins := w == "&" || strings.Contains(" of the and de du des la le les et el al y und ", " "+strings.ToLower(w)+" ") //nolint:gocritic // the word is looked up in the list
		if !isArabic(first) && !unicode.IsUpper(first) && !unicode.IsDigit(first) && len(name) > 0 && !(joins && i+1 < len(words) && capitalized(words[i+1])) {
			break
		}
		if len(name) == 0 && lex.stop[fold(w)] && !capitalized(w) {
			break
		}
		name = append(name, w)
	}
	return cleanName(strings.Join(name, " "))
}

// startsPlace says whether words begin with a preposition joined to a place
// ("بالرياض"), which ends an Arabic name.
func startsPlace(words []string, language string) bool {
	if !strings.HasPrefix(words[0], "ب") && !strings.HasPrefix(words[0], "ل") {
		return false
	}
	return findPlace(tokenize(words[0]), language).Country != ""
}

// nameBeforeComma finds "for Chez Marcel, a bistro": capitalized words between
// a preposition and a comma that are no place.
func nameBeforeComma(words []string, language string) string {
	for i, w := range words {
		switch strings.ToLower(w) {
		case "for", "pour", "para", "für":
		default:
			continue
		}
		end := i + 1
		for end < len(words) && (capitalized(words[end]) || (end > i+1 && words[end] == "&")) {
			end++
		}
		if end == i+1 || end-i > maxBrandWords || end >= len(words) || words[end] != "," {
			continue
		}
		if language == "de" && !lexicons()[language].stop[fold(strings.Join(words[min(end+1, len(words)):min(end+2, len(words))], ""))] {
			continue // any noun has a capital: "für Schwangere, Kurse online"
		}
		name := strings.Join(words[i+1:end], " ")
		if findPlace(tokenize(name), language).Country == "" {
			return cleanName(name)
		}
	}
	return ""
}

// cleanName makes s fit to be a name: one line, no marks that nest, not longer
// than maxBrand runes, and with at least one letter or digit.
func cleanName(s string) string {
	s = strings.Join(strings.Fields(sanitize(s)), " ")
	s = strings.Trim(s, " .,;:!?\"'«»“”„-")
	if runes(s) > maxBrand {
		s = strings.TrimSpace(string([]rune(s)[:maxBrand]))
	}
	if !strings.ContainsFunc(s, func(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) }) {
		return ""
	}
	return s
}

// deriveBrand makes up a name in the prompt's language. The prompt's hash
// chooses, so that the same prompt keeps its name; a name with local color is
// preferred where the city has one.
func deriveBrand(a Analysis) string {
	language := a.Language
	names := lexicons()[language].names[a.BusinessType]
	if len(names) == 0 {
		language = "en"
		names = lexicons()[language].names[a.BusinessType]
	}
	flair := a.Place.flair[language]
	var local, plain []string
	for _, name := range names {
		if strings.Contains(name, "{place}") {
			local = append(local, strings.ReplaceAll(name, "{place}", flair))
		} else {
			plain = append(plain, name)
		}
	}
	if flair != "" && len(local) > 0 {
		return local[a.Seed%uint64(len(local))]
	}
	if len(plain) == 0 {
		return "Sheen"
	}
	return plain[a.Seed%uint64(len(plain))]
}
