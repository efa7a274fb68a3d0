package rules

import (
	"cmp"
	"maps"
	"slices"
)

// The number of suggestions: what a caller gets who names none, and the most.
const (
	DefaultLimit = 3
	MaxLimit     = 6
)

// Facts are what is known about a site. Every field may be empty, and of each
// list only the first 32 entries are read, of each entry the first 128 bytes,
// and of all entries of a list the first 256 bytes.
type Facts struct {
	// BusinessType is a key of the analysis such as "salon", or a usual English
	// word for it. Leave it empty when the analysis is not sure.
	BusinessType string
	// Services and Requirements are what the prompt asks for; the site will
	// have it.
	Services     []string
	Requirements []string
	// Missing is what the prompt left out, the most important first.
	Missing []string
	// Existing is what the site has already, such as the features of its plan.
	Existing []string
	// Audience and Personality describe the visitors and the tone, such as
	// "seniors" and "modern".
	Audience    []string
	Personality []string
}

// Suggest returns what to do next, best first: as many kinds as limit says, at
// most [MaxLimit]. A limit of 0 or less means [DefaultLimit].
func Suggest(facts Facts, limit int) []Kind {
	if limit <= 0 {
		limit = DefaultLimit
	}
	var r reader
	l := list{limit: min(limit, MaxLimit), taken: make(map[Kind]bool, len(kinds))}
	for _, kind := range Taken(facts) {
		l.taken[kind] = true
	}
	scores := score(&r, facts)
	l.add(meanings.readAll(&r, facts.Missing))
	l.add(ranked(scores, false))
	l.add(ranked(scores, true))
	return l.kinds
}

// list is a list of suggestions in the making.
type list struct {
	limit int
	kinds []Kind
	// taken are the kinds that the site has or the list holds.
	taken map[Kind]bool
}

// add appends the candidates that are not taken, as far as there is room.
func (l *list) add(candidates []Kind) {
	for _, kind := range candidates {
		if l.taken[kind] || len(l.kinds) >= l.room(kind) {
			continue
		}
		l.taken[kind] = true
		l.kinds = append(l.kinds, kind)
	}
}

// room is how long the list may be when kind asks to be added. The last place is
// kept for a universal kind as long as there is none and one is left.
func (l *list) room(kind Kind) int {
	if l.limit == 1 || universal(kind) || slices.ContainsFunc(l.kinds, universal) {
		return l.limit
	}
	for k := range universals {
		if !l.taken[k] {
			return l.limit - 1
		}
	}
	return l.limit
}

// score weighs the kinds for a site. Kinds that do not suit it are absent.
func score(r *reader, facts Facts) map[Kind]int {
	scores := maps.Clone(universals)
	for kind, weight := range suits[businessOf(r, facts.BusinessType)] {
		scores[kind] += weight
	}
	for _, terms := range [][]string{facts.Audience, facts.Personality} {
		for _, trait := range traits.readAll(r, terms) {
			for kind, weight := range leanings[trait] {
				// A leaning moves what suits the site; it adds nothing.
				if scores[kind] > 0 {
					scores[kind] += weight
				}
			}
		}
	}
	return scores
}

// ranked returns the scored kinds, the heaviest first and equals in the order
// of [Kinds].
func ranked(scores map[Kind]int, wantUniversal bool) []Kind {
	var found []Kind
	for _, kind := range kinds {
		if scores[kind] > 0 && universal(kind) == wantUniversal {
			found = append(found, kind)
		}
	}
	slices.SortStableFunc(found, func(a, b Kind) int { return cmp.Compare(scores[b], scores[a]) })
	return found
}
