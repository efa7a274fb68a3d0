package recommend

import (
	"errors"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/sheenapps/sheen/server/recommend/rules"
)

// The bounds of a recommendation. What is longer is left out, not cut: half a prompt
// asks for something else.
const (
	// MaxRecommendations is the longest that a list may be.
	MaxRecommendations = rules.MaxLimit

	maxTitleRunes       = 120
	maxDescriptionRunes = 500
	maxPromptRunes      = 4000
	// bytesPerRune bounds a text in bytes: more per letter than any language that is
	// written here has.
	bytesPerRune = 4
	// maxDrafts is how much of a list is looked at.
	maxDrafts = 32
)

// What [Check] says of a list that is not shown.
var (
	// ErrMalformed says that nothing of it can be used.
	ErrMalformed = errors.New("nothing of the recommendations can be used")
	// ErrNothing says that it has no entries: nothing is left to propose.
	ErrNothing = errors.New("nothing is recommended")
)

// Draft is a recommendation as an engine wrote it, unchecked; or, once [Check] has
// returned it, as it is stored.
type Draft struct {
	// Kind is a kind of quick suggestion; empty for what is none of them.
	Kind     rules.Kind
	Category rules.Category
	// Title, Description and Prompt are plain text in one language.
	Title, Description, Prompt string
}

// Check returns what of an engine's list may be shown, in its order: at most six,
// complete, none twice, and none that taken says the site has or was asked to have.
// It returns [ErrMalformed] if nothing is left, and [ErrNothing] if there was nothing.
func Check(drafts []Draft, taken []rules.Kind) ([]Draft, error) {
	if len(drafts) == 0 {
		return nil, ErrNothing
	}
	var kept []Draft
	titles := make(map[string]bool)
	for _, d := range drafts[:min(len(drafts), maxDrafts)] {
		d.Title, d.Description, d.Prompt = strings.TrimSpace(d.Title), strings.TrimSpace(d.Description), strings.TrimSpace(d.Prompt)
		if !d.wellFormed() || d.exists(taken) {
			continue
		}
		title := rules.Fold(d.Title)
		twice := slices.ContainsFunc(kept, func(k Draft) bool { return d.Kind != "" && k.Kind == d.Kind })
		if twice || titles[title] {
			continue
		}
		titles[title] = true
		if kept = append(kept, d); len(kept) == MaxRecommendations {
			break
		}
	}
	if len(kept) == 0 {
		return nil, ErrMalformed
	}
	return kept, nil
}

// wellFormed reports whether a draft is complete and within its bounds.
func (d *Draft) wellFormed() bool {
	if d.Kind != "" && d.Kind.Category() != d.Category {
		return false // The kind is none, or of another category.
	}
	return slices.Contains(rules.Categories(), d.Category) &&
		plain(d.Title, maxTitleRunes, false) &&
		plain(d.Description, maxDescriptionRunes, false) &&
		plain(d.Prompt, maxPromptRunes, true)
}

// exists reports whether a site has what a draft proposes. A draft without a kind is
// judged by its title: all that it speaks of is there.
func (d *Draft) exists(taken []rules.Kind) bool {
	speaks := []rules.Kind{d.Kind}
	if d.Kind == "" {
		speaks = rules.Mentioned(d.Title)
	}
	return len(speaks) > 0 && !slices.ContainsFunc(speaks, func(k rules.Kind) bool { return !slices.Contains(taken, k) })
}

// plain reports whether a text can be read and stored: it says something in no more
// than so many letters, without control characters except, in lines, their ends.
func plain(text string, maxRunes int, lines bool) bool {
	if len(text) > maxRunes*bytesPerRune || !utf8.ValidString(text) || utf8.RuneCountInString(text) > maxRunes {
		return false
	}
	unwanted := func(r rune) bool { return unicode.IsControl(r) && (!lines || r != '\n') || r == utf8.RuneError }
	return strings.ContainsFunc(text, unicode.IsLetter) && !strings.ContainsFunc(text, unwanted)
}
