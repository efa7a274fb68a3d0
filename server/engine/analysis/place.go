package analysis

import (
	"slices"
	"strings"
	"sync"
	"unicode"
)

// Place is a city or, with an empty City, a country.
type Place struct {
	// City is the key of the city, such as "lyon".
	City string
	// Country is its ISO 3166 code, such as "FR".
	Country string
	// Language is what people speak there, of the languages known here; empty
	// where it is another.
	Language string
	// names and flair by language; flair is a local word for made-up names.
	names, flair map[string]string
}

// Name returns the city's name, or the country's, in language.
func (p Place) Name(language string) string {
	if name := p.names[language]; name != "" {
		return name
	}
	return p.names["en"]
}

// PlaceByCity returns the city with that key, and whether there is one.
func PlaceByCity(key string) (Place, bool) {
	for _, known := range gazetteer() {
		if known.place.City == key && key != "" {
			return known.place, true
		}
	}
	return Place{}, false
}

// PlaceByCountry returns the country with that code, and whether it is known.
func PlaceByCountry(code string) (Place, bool) {
	for _, known := range gazetteer() {
		if known.place.City == "" && known.place.Country == code {
			return known.place, true
		}
	}
	return Place{}, false
}

type knownPlace struct {
	place Place
	// phrases are its names, folded and split.
	phrases [][]string
	// word says that the name is also an ordinary word ("nice"), which counts
	// only after a preposition and with a capital.
	word bool
}

// gazetteer reads words/places.txt: per line
//
//	key|country|language|en|fr|ar|flair en|flair fr|flair ar|aliases
//
// with an empty key for a country and "!" before the key of an ordinary word.
var gazetteer = sync.OnceValue(func() []knownPlace {
	text, err := wordFiles.ReadFile("words/places.txt")
	if err != nil {
		return nil
	}
	const fields = 10
	var out []knownPlace
	for line := range strings.Lines(string(text)) {
		f := strings.Split(strings.TrimSpace(line), "|")
		if len(f) != fields {
			continue
		}
		key, word := strings.CutPrefix(f[0], "!")
		known := knownPlace{word: word, place: Place{
			City: key, Country: f[1], Language: f[2],
			names: map[string]string{"en": f[3], "fr": f[4], "ar": f[5]},
			flair: map[string]string{"en": f[6], "fr": f[7], "ar": f[8]},
		}}
		for _, name := range append(f[3:6:6], strings.Split(f[9], ",")...) {
			words := strings.FieldsFunc(fold(name), func(r rune) bool { return r == ' ' || r == '-' || r == '\'' })
			if len(words) > 0 {
				known.phrases = append(known.phrases, words)
			}
		}
		out = append(out, known)
	}
	return out
})

// placesByWord indexes the gazetteer by the first word of every name.
var placesByWord = sync.OnceValue(func() map[string][]knownPlace {
	index := map[string][]knownPlace{}
	for _, known := range gazetteer() {
		for _, phrase := range known.phrases {
			index[phrase[0]] = append(index[phrase[0]], known)
		}
	}
	return index
})

// findPlace returns the first city of the prompt, else the first country.
func findPlace(tokens []token, language string) Place {
	var country Place
	for i := range tokens {
		known := placeAt(tokens, i, language)
		if known.City != "" {
			return known
		}
		if country.Country == "" {
			country = known
		}
	}
	return country
}

// placeAt returns the place whose name begins at tokens[i]; a city rather than
// a country of the same name. A place has no plural and is nobody's: a form
// without an ending is another word, as in the name of Layla that of Lille.
func placeAt(tokens []token, i int, language string) Place {
	var country Place
	for _, form := range tokens[i].forms {
		if !strings.HasSuffix(tokens[i].folded, form) {
			continue
		}
		for _, known := range placesByWord()[form] {
			if !known.at(tokens, i, language) {
				continue
			}
			if known.place.City != "" {
				return known.place
			}
			country = known.place
		}
	}
	return country
}

func (k knownPlace) at(tokens []token, i int, language string) bool {
	for _, phrase := range k.phrases {
		if !slices.Contains(tokens[i].forms, phrase[0]) || !phraseAt(phrase, tokens, i) {
			continue
		}
		if k.word && !(capitalized(tokens[i].raw) && i > 0 && lexicons()[language].stop[tokens[i-1].folded]) {
			continue
		}
		return true
	}
	return false
}

func capitalized(s string) bool {
	for _, r := range s {
		return unicode.IsUpper(r)
	}
	return false
}
