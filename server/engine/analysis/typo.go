package analysis

import (
	"maps"
	"slices"
	"strings"
	"unicode/utf8"
)

const (
	// shortestTypo is how many runes a word must have to be taken for another
	// that was mistyped: short words have too many neighbors.
	shortestTypo = 6
	// typoWeight is what a business word counts that was only guessed.
	typoWeight = 0.7
	// maxTypos bounds how many words of a prompt are compared with a lexicon.
	maxTypos = 300
)

// resembling returns the entries of single words that are one mistake away
// from tok: a letter too many, too few, wrong, or two that changed places.
func (l *lexicon) resembling(tok token) []entry {
	word := tok.folded
	if utf8.RuneCountInString(word) < shortestTypo || l.stop[word] {
		return nil
	}
	first, _ := utf8.DecodeRuneInString(word)
	var out []entry
	for _, known := range l.long[first] {
		if resembles([]rune(word), known) {
			known.weight *= typoWeight
			out = append(out, known)
		}
	}
	return out
}

// resembles says whether word is one mistake away from the word of e, or begins
// so where that is a stem.
func resembles(word []rune, e entry) bool {
	known, stem := strings.CutSuffix(e.words[0], "*")
	want := []rune(known)
	if !stem {
		return oneMistake(word, want)
	}
	for _, length := range []int{len(want) - 1, len(want), len(want) + 1} {
		if length <= len(word) && oneMistake(word[:length], want) {
			return true
		}
	}
	return false
}

// guessable says whether a mistyped word may stand for e. Stems must be longer
// and of a business: "contract" is not a slip for "contact".
func (e entry) guessable() bool {
	if len(e.words) != 1 {
		return false
	}
	known, stem := strings.CutSuffix(e.words[0], "*")
	length := utf8.RuneCountInString(known)
	if stem {
		return e.kind == "business" && length > shortestTypo
	}
	return (e.kind == "business" || e.kind == "requirement") && length >= shortestTypo
}

// index makes the list of words that others can resemble, in a fixed order.
func (l *lexicon) index() {
	for _, byWord := range []map[string][]entry{l.exact, l.prefix} {
		for _, word := range slices.Sorted(maps.Keys(byWord)) {
			for _, e := range byWord[word] {
				if e.guessable() {
					first, _ := utf8.DecodeRuneInString(word)
					l.long[first] = append(l.long[first], e)
				}
			}
		}
	}
}

// oneMistake says whether one insertion, deletion, replacement or exchange of
// neighbors turns a into b.
func oneMistake(a, b []rune) bool {
	if len(a) > len(b) {
		a, b = b, a
	}
	start := 0
	for start < len(a) && a[start] == b[start] {
		start++
	}
	switch len(b) - len(a) {
	case 0:
		rest, other := a[start:], b[start:]
		if len(rest) == 0 {
			return false
		}
		swapped := len(rest) > 1 && rest[0] == other[1] && rest[1] == other[0] && slices.Equal(rest[2:], other[2:])
		return swapped || slices.Equal(rest[1:], other[1:])
	case 1:
		return slices.Equal(a[start:], b[start+1:])
	}
	return false
}
