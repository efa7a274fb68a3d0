package rules

import "slices"

// dictionary finds what phrases mean: a tree of the words of its aliases. It
// never changes after start.
type dictionary[T comparable] struct {
	words map[string]word
	// next is the node that a word leads to from another; node 0 is the root.
	next  map[step]int32
	nodes []node[T]
}

// word is one that some alias holds, or filler.
type word struct {
	number int32
	// first is the node that the word leads to from the root, 0 for none. It
	// saves the words that begin no alias, which are most, a second look.
	first  int32
	filler bool
}

type step struct{ node, word int32 }

// node is what the words from the root to it mean.
type node[T comparable] struct {
	meaning T
	known   bool
	// vague is said of an alias that counts only if nothing else is said.
	vague bool
}

func newDictionary[T comparable](meanings map[string]T, vague map[string]bool) *dictionary[T] {
	d := &dictionary[T]{words: make(map[string]word), next: make(map[step]int32), nodes: make([]node[T], 1)}
	for text := range filler {
		d.words[text] = word{number: d.number(text), filler: true}
	}
	for name, meaning := range meanings {
		d.add(name, node[T]{meaning, true, vague[normal(name)]})
	}
	return d
}

func (d *dictionary[T]) add(name string, means node[T]) {
	var p phrase
	p.read(name)
	at := int32(0)
	for i := range p.ends {
		text := string(p.word(i))
		by := step{at, d.number(text)}
		if d.next[by] == 0 {
			d.next[by] = int32(len(d.nodes)) //nolint:gosec // the tables hold some hundred words
			d.nodes = append(d.nodes, node[T]{})
		}
		at = d.next[by]
		if i == 0 {
			w := d.words[text]
			w.first = at
			d.words[text] = w
		}
	}
	d.nodes[at] = means
}

// number returns the number of a word, from 1, and gives it one if need be.
func (d *dictionary[T]) number(text string) int32 {
	w, known := d.words[text]
	if !known {
		w.number = int32(len(d.words) + 1) //nolint:gosec // as above
		d.words[text] = w
	}
	return w.number
}

// reader reads phrases one after the other in the same memory. The zero value is
// ready; it is for one goroutine.
type reader struct {
	phrase phrase
	words  []word
}

// readAll returns what the aliases in terms mean, in their order and each
// meaning once. A term may be a list of its own, with commas or slashes.
func (d *dictionary[T]) readAll(r *reader, terms []string) []T {
	var (
		found []T
		said  verdict[T]
	)
	left := maxList
	for _, term := range terms[:min(len(terms), maxTerms)] {
		rest := clip(term, min(left, maxTerm))
		left -= len(rest)
		for rest != "" {
			rest = r.phrase.read(rest)
			d.lookUp(r)
			for _, meaning := range d.scan(r.words, &said) {
				found = appendNew(found, meaning)
			}
		}
	}
	return found
}

// lookUp turns the text of the phrase into words.
func (d *dictionary[T]) lookUp(r *reader) {
	r.words = r.words[:0]
	for i := range r.phrase.ends {
		r.words = append(r.words, d.words[string(r.phrase.word(i))])
	}
}

// verdict is what a phrase says, and what it says if it says nothing else.
type verdict[T comparable] struct{ firm, loose []T }

// scan reads words from left to right and takes the longest alias at each. What
// vague aliases mean counts only if nothing else is said. The outcome is in the
// memory of said.
func (d *dictionary[T]) scan(words []word, said *verdict[T]) []T {
	said.firm, said.loose = said.firm[:0], said.loose[:0]
	strange := false
	for rest := words; len(rest) > 0; {
		found, length := d.longest(rest)
		switch {
		case length == 0:
			strange = strange || !rest[0].filler
			length = 1
		case d.nodes[found].vague:
			said.loose = appendNew(said.loose, d.nodes[found].meaning)
		default:
			said.firm = appendNew(said.firm, d.nodes[found].meaning)
		}
		rest = rest[length:]
	}
	if len(said.firm) == 0 && !strange {
		return said.loose
	}
	return said.firm
}

// longest returns the node of the longest alias that words begin with, and its
// length in words, or 0 when there is none.
func (d *dictionary[T]) longest(words []word) (found int32, length int) {
	at := words[0].first
	for i := 1; at != 0; i++ {
		if d.nodes[at].known {
			found, length = at, i
		}
		if i == len(words) {
			break
		}
		at = d.next[step{at, words[i].number}]
	}
	return found, length
}

func appendNew[T comparable](all []T, value T) []T {
	if slices.Contains(all, value) {
		return all
	}
	return append(all, value)
}
