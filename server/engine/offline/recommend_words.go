package offline

import (
	"cmp"
	"strings"

	"github.com/sheenapps/sheen/server/engine"
)

// nextWords are what the recommendations say in one locale.
type nextWords struct {
	// Places say where something goes, in several ways; Orders ask for it to go there.
	Places map[string][]string `json:"places"`
	Orders map[string]string   `json:"orders"`
	// Texts are by kind, and by business and kind, as in "salon.booking", where a
	// business has a reason of its own.
	Texts map[string]nextText `json:"texts"`
}

// nextText is a recommendation; what that of a business leaves out is the kind's.
type nextText struct{ Title, Text, Prompt string }

// nextWordsIn reads the words of a locale. A region has only those that people say
// differently there; the others are its language's.
func nextWordsIn(tag string) (*nextWords, error) {
	words := &nextWords{}
	return words, readCopy(tag, "next", strings.NewReplacer(), words)
}

// or fills in what a text leaves out.
func (n nextText) or(other nextText) nextText {
	return nextText{
		Title: cmp.Or(n.Title, other.Title), Text: cmp.Or(n.Text, other.Text), Prompt: cmp.Or(n.Prompt, other.Prompt),
	}
}

// recommend words a kind for a business; turn counts what was recommended for that
// place before, so that the next one is said in another way. The prompt names neither the brand nor
// anything else that [wishOf] could take for another wish.
func (w *nextWords) recommend(kind, business, place string, turn int, fill *strings.Replacer) engine.Recommendation {
	text := w.Texts[business+"."+kind].or(w.Texts[kind])
	where := ""
	if ways := w.Places[place]; len(ways) > 0 {
		where = " " + ways[turn%len(ways)]
	}
	return engine.Recommendation{
		Kind:        kind,
		Category:    engine.CategoryOf(kind),
		Title:       text.Title,
		Description: fill.Replace(text.Text + where),
		Prompt:      strings.TrimSpace(text.Prompt + " " + w.Orders[place]),
	}
}
