package analysis

import (
	"slices"
	"strings"
	"unicode/utf8"
)

// match is a lexicon entry found in a prompt.
type match struct {
	entry
	// at is the index of its first token.
	at int
	// negated says that the prompt asks for the opposite ("without booking").
	negated bool
}

// matches are what a prompt contains, in its order.
type matches []match

// loanWeight is what a word counts that belongs to English and stands in a
// prompt of another language. English words travel; the others' false friends
// ("pain" is bread in French) stay at home.
const loanWeight = 0.6

// partWeight is what a business word counts after "with": a salon with a blog
// is a salon.
const partWeight = 0.35

// scan finds the entries of the language's lexicon, and of English for words
// that were borrowed.
func scan(tokens []token, language string) matches {
	var found matches
	lexes := []*lexicon{lexicons()[language]}
	if language != "en" {
		lexes = append(lexes, lexicons()["en"])
	}
	side, guesses, asked := aside{lex: lexes[0]}, 0, 0
	for i := range tokens {
		minor := side.at(tokens, i, len(found) > 0)
		entries := entriesAt(lexes, tokens, i)
		if len(entries) == 0 && guesses < maxTypos {
			guesses++
			entries = lexes[0].resembling(tokens[i])
		}
		asked = max(asked, endOfRequirement(entries, i))
		for _, e := range entries {
			if e.kind == "service" && i < asked {
				continue
			}
			if minor {
				e.weight *= partWeight
			}
			found = append(found, match{entry: e, at: i, negated: lexes[0].negates(tokens, i)})
		}
	}
	return found
}

// endOfRequirement returns the index after the longest requirement of several words
// that begins at i, or 0. No word of it is a service: "mode sombre" has no fashion.
func endOfRequirement(entries []entry, i int) int {
	end := 0
	for _, e := range entries {
		if e.kind == "requirement" && len(e.words) > 1 {
			end = max(end, i+len(e.words))
		}
	}
	return end
}

// entriesAt returns the entries of the first lexicon that has any at tokens[i].
func entriesAt(lexes []*lexicon, tokens []token, i int) []entry {
	for n, lex := range lexes {
		entries := lex.at(tokens, i)
		if len(entries) == 0 {
			continue
		}
		if n > 0 {
			for k := range entries {
				entries[k].weight *= loanWeight
				entries[k].label = ""
			}
		}
		return entries
	}
	return nil
}

// aside tells which words are not what the site is for: its parts ("with a
// blog") and the customers of what was named before ("software for salons").
type aside struct {
	lex         *lexicon
	part, aimed bool
}

// at moves on to tokens[i]; named says that something was found before it.
func (a *aside) at(tokens []token, i int, named bool) bool {
	tok := tokens[i]
	if tok.breaks {
		a.aimed = false
	}
	if a.lex.limits[tok.folded] {
		a.part = true
	}
	own := i+1 < len(tokens) && a.lex.own[tokens[i+1].folded]
	if named && (a.lex.aims[tok.folded] && !own || strings.HasPrefix(tok.folded, "لل")) {
		a.aimed = true
	}
	return a.part || a.aimed
}

// at returns the entries whose phrase begins at tokens[i].
func (l *lexicon) at(tokens []token, i int) []entry {
	var out []entry
	for _, form := range tokens[i].forms {
		for _, e := range l.exact[form] {
			if phraseAt(e.words, tokens, i) {
				out = append(out, e)
			}
		}
		const shortestStem = 3
		for end := range form {
			if end >= shortestStem {
				out = append(out, l.stemsAt(form[:end], tokens, i)...)
			}
		}
		out = append(out, l.stemsAt(form, tokens, i)...)
	}
	return append(out, l.endsAt(tokens[i])...)
}

// endsAt returns the entries that tok, a compound, ends with.
func (l *lexicon) endsAt(tok token) []entry {
	if len(l.suffix) == 0 {
		return nil
	}
	var out []entry
	for _, form := range tok.forms {
		for start := range form {
			out = append(out, l.suffix[form[start:]]...)
		}
	}
	return out
}

func (l *lexicon) stemsAt(stem string, tokens []token, i int) []entry {
	var out []entry
	for _, e := range l.prefix[stem] {
		if phraseAt(e.words, tokens, i) {
			out = append(out, e)
		}
	}
	return out
}

// phraseAt says whether the words after the first follow tokens[i].
func phraseAt(words []string, tokens []token, i int) bool {
	if i+len(words) > len(tokens) {
		return false
	}
	for n := 1; n < len(words); n++ {
		tok := tokens[i+n]
		if stem, ok := strings.CutSuffix(words[n], "*"); ok {
			if !strings.HasPrefix(tok.folded, stem) {
				return false
			}
		} else if !slices.Contains(tok.forms, words[n]) {
			return false
		}
	}
	return true
}

// negates says whether one of the three words before tokens[i] in the same
// clause is a negation.
func (l *lexicon) negates(tokens []token, i int) bool {
	for n := i; n > 0 && n > i-3; n-- {
		if tokens[n].breaks {
			return false
		}
		if l.negations[tokens[n-1].folded] {
			return true
		}
	}
	return false
}

// keys returns the distinct keys of one kind that are not negated.
func (m matches) keys(kind string) []string { return m.filter(kind, false) }

// refused returns the distinct keys of one kind that are only negated.
func (m matches) refused(kind string) []string {
	asked := m.keys(kind)
	return slices.DeleteFunc(m.filter(kind, true), func(key string) bool { return slices.Contains(asked, key) })
}

func (m matches) filter(kind string, negated bool) []string {
	var out []string
	for _, found := range m {
		if found.kind == kind && found.negated == negated && !slices.Contains(out, found.key) {
			out = append(out, found.key)
		}
	}
	return out
}

// maxServices bounds what a prompt that lists a whole catalog brings in.
const maxServices = 12

func (m matches) services() []Service {
	var out []Service
	for _, found := range m {
		known := slices.ContainsFunc(out, func(s Service) bool { return s.Key == found.key })
		if found.kind != "service" || found.negated || known || len(out) == maxServices {
			continue
		}
		name := found.label
		if name == "" {
			name = strings.ReplaceAll(found.key, "-", " ")
		}
		out = append(out, Service{Key: found.key, Name: name})
	}
	return out
}

// offering guesses the type by what is offered, where no word names it.
func (m matches) offering() (string, float64) {
	const guessed = 0.4
	for _, found := range m {
		if found.kind != "service" || found.negated {
			continue
		}
		switch found.key {
		case "haircut", "color", "styling", "beard", "nails", "massage", "facial", "makeup":
			return "salon", guessed
		case "brunch", "lunch", "dinner", "takeaway", "catering", "coffee", "pastry":
			return "restaurant", guessed
		case "clothing", "shoes", "jewelry", "ceramics", "candles", "plants", "books", "tea":
			return "shop", guessed
		case "yoga", "pilates", "boxing", "strength", "personal-training", "cardio":
			return "gym", guessed
		case "branding", "web-design", "seo", "social-media":
			return "agency", guessed
		case "photography", "video":
			return "portfolio", guessed
		case "checkup", "vaccination", "implants", "whitening", "physiotherapy":
			return "medical", guessed
		}
	}
	return General, unsure
}

// unsure is the confidence where no word tells the business.
const unsure = 0.2

// business returns the best-scoring type. Each phrase counts once, a longer
// one more than its words, and the first one of the prompt a little extra:
// people name what they want before they describe it.
func (m matches) business() (string, float64) {
	const firstBonus = 0.75
	scores := map[string]float64{}
	seen := map[string]bool{}
	first := true
	for _, found := range m {
		phrase := found.key + " " + strings.Join(found.words, " ")
		if found.kind != "business" || found.negated || seen[phrase] {
			continue
		}
		seen[phrase] = true
		scores[found.key] += found.weight
		if first && found.weight >= 1 {
			scores[found.key] += firstBonus
			first = false
		}
	}
	best, second, bestScore := General, 0.0, 0.0
	for _, business := range BusinessTypes() {
		switch score := scores[business]; {
		case score > bestScore:
			best, second, bestScore = business, bestScore, score
		case score > second:
			second = score
		}
	}
	const enough = 0.6
	if bestScore < enough {
		return m.offering()
	}
	return best, round2(bestScore / (bestScore + second + 0.5))
}

func round2(x float64) float64 { return float64(int(x*100+0.5)) / 100 }

// runes counts the runes of s.
func runes(s string) int { return utf8.RuneCountInString(s) }
