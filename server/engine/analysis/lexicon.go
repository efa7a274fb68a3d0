package analysis

import (
	"embed"
	"strconv"
	"strings"
	"sync"
)

//go:embed words/*.txt
var wordFiles embed.FS

// lexicon is the word list of one language, read from words/<language>.txt:
//
//	[kind key]            or [kind key | label]
//	2: word, two words, prefix*, *suffix
//
// The number is the weight of the words after it, 1 where it is left out.
type lexicon struct {
	// exact holds the entries by the first word of their phrase, prefix by
	// the first word up to its asterisk.
	exact, prefix map[string][]entry
	// suffix holds the ends of compounds, which German writes as one word.
	suffix    map[string][]entry
	stop      map[string]bool
	negations map[string]bool
	// limits are words such as "with", after which comes a part of the site
	// rather than what the site is for.
	limits map[string]bool
	// aims are words such as "for", after which may come the customers of what
	// was named before; own are those that say the contrary ("for my salon").
	aims, own map[string]bool
	// names are patterns of made-up brand names by business type.
	names map[string][]string
	// named are the words that announce a name, such as "called".
	named map[string]bool
	// long holds what a mistyped word is compared with, by first letter.
	long map[rune][]entry
}

type entry struct {
	kind, key, label string
	weight           float64
	words            []string
}

// knows says whether an entry begins with word.
func (l *lexicon) knows(word string) bool { return len(l.exact[word]) > 0 }

var lexicons = sync.OnceValue(func() map[string]*lexicon {
	all := map[string]*lexicon{}
	for _, language := range languages {
		text, err := wordFiles.ReadFile("words/" + language + ".txt")
		if err != nil {
			text = nil // a language without a list is recognized and knows no words
		}
		all[language] = parseLexicon(string(text))
	}
	return all
})

func parseLexicon(text string) *lexicon {
	l := &lexicon{
		exact: map[string][]entry{}, prefix: map[string][]entry{}, suffix: map[string][]entry{},
		stop: map[string]bool{}, negations: map[string]bool{}, limits: map[string]bool{},
		aims: map[string]bool{}, own: map[string]bool{}, long: map[rune][]entry{},
		names: map[string][]string{}, named: map[string]bool{},
	}
	var section entry
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if head, ok := strings.CutPrefix(line, "["); ok {
			section = parseHead(strings.TrimSuffix(head, "]"))
			continue
		}
		if line != "" && line[0] != '#' {
			l.add(section, line)
		}
	}
	l.index()
	return l
}

func parseHead(head string) entry {
	head, label, _ := strings.Cut(head, "|")
	kind, key, _ := strings.Cut(strings.TrimSpace(head), " ")
	return entry{kind: kind, key: strings.TrimSpace(key), label: strings.TrimSpace(label), weight: 1}
}

func (l *lexicon) add(section entry, line string) {
	if number, rest, ok := strings.Cut(line, ":"); ok {
		if weight, err := strconv.ParseFloat(number, 64); err == nil {
			section.weight, line = weight, rest
		}
	}
	for phrase := range strings.SplitSeq(line, ",") {
		phrase = strings.TrimSpace(phrase)
		if phrase != "" {
			l.addPhrase(section, phrase)
		}
	}
}

func (l *lexicon) addPhrase(section entry, phrase string) {
	switch section.kind {
	case "name":
		l.names[section.key] = append(l.names[section.key], phrase)
	case "stop":
		l.stop[fold(phrase)] = true
	case "not":
		l.negations[fold(phrase)] = true
	case "limit":
		l.limits[fold(phrase)] = true
	case "named":
		l.named[fold(phrase)] = true
	case "aim":
		l.aims[fold(phrase)] = true
	case "own":
		l.own[fold(phrase)] = true
	default:
		section.words = strings.FieldsFunc(fold(phrase), func(r rune) bool { return r == ' ' || r == '-' || r == '&' })
		if end, ok := strings.CutPrefix(section.words[0], "*"); ok {
			l.suffix[end] = append(l.suffix[end], section)
			return
		}
		if stem, ok := strings.CutSuffix(section.words[0], "*"); ok {
			l.prefix[stem] = append(l.prefix[stem], section)
			return
		}
		first := section.words[0]
		l.exact[first] = append(l.exact[first], section)
	}
}
