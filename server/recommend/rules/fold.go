package rules

import (
	"bytes"
	"strings"
	"unicode/utf8"
)

// The limits of what is read: facts come from models and people, and a list of
// suggestions must not cost more because they were verbose. maxTerm and maxList
// are bytes, of an entry and of all entries of a list: the names of all kinds
// are 135 bytes, and the longest facts take less than 50 µs.
const (
	maxTerms = 32
	maxTerm  = 128
	maxList  = 256
)

// clip returns as much of term as is read.
func clip(term string, limit int) string {
	if len(term) <= limit {
		return term
	}
	return strings.ToValidUTF8(term[:limit], "")
}

// phrase is a term in the form in which it is looked up, so that spellings of
// one thing become equal: lower-case words without accents, each without the
// Arabic article, with single spaces between them. A step from a small to a
// capital letter separates words: "darkMode" is "dark mode".
type phrase struct {
	text []byte
	// ends are the places in text where the words end.
	ends []int
}

// word returns the text of one word.
func (p *phrase) word(i int) []byte { return p.text[p.begin(i):p.ends[i]] }

// begin is the place in text where a word begins.
func (p *phrase) begin(word int) int {
	if word == 0 {
		return 0
	}
	return p.ends[word-1] + 1
}

// read takes term up to its first separator and returns what is behind it.
func (p *phrase) read(term string) string {
	p.text, p.ends = p.text[:0], p.ends[:0]
	small := false
	for i, r := range term {
		l := letterOf(r)
		if l.separates {
			p.endWord()
			return term[i+utf8.RuneLen(r):]
		}
		if l.plain == "" && !l.silent || l.capital && small {
			p.endWord()
		}
		small = l.small
		if len(l.plain) == 1 {
			p.text = append(p.text, l.plain[0])
			continue
		}
		p.text = append(p.text, l.plain...)
	}
	p.endWord()
	return ""
}

// endWord takes what has been read since the last word as one.
func (p *phrase) endWord() {
	begin := p.begin(len(p.ends))
	if len(p.text) <= begin {
		return
	}
	if rest := stem(p.text[begin:]); len(rest) < len(p.text)-begin {
		p.text = p.text[:begin+copy(p.text[begin:], rest)]
	}
	p.ends = append(p.ends, len(p.text))
	p.text = append(p.text, ' ')
}

// articles are the Arabic article, alone and with a conjunction or preposition
// before it.
var articles = [][]byte{[]byte("وال"), []byte("بال"), []byte("ال"), []byte("لل")}

// stem takes an article from a folded word.
func stem(word []byte) []byte {
	if word[0] < utf8.RuneSelf {
		return word
	}
	for _, article := range articles {
		rest, found := bytes.CutPrefix(word, article)
		// Three letters at least, two bytes each: shorter ones are roots.
		if found && len(rest) >= 6 {
			return rest
		}
	}
	return word
}

// normal is the form in which an alias is looked up.
func normal(alias string) string {
	var p phrase
	p.read(alias)
	if len(p.ends) == 0 {
		return ""
	}
	return string(p.text[:p.ends[len(p.ends)-1]])
}
