package offline

import (
	"encoding/json"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/sheenapps/sheen/server/engine/analysis"
	"github.com/sheenapps/sheen/server/locale"
)

// nextFile reads the words of one locale alone: nothing of another one stands in.
func nextFile(t *testing.T, tag string) nextWords {
	t.Helper()
	raw, err := copyFiles.ReadFile("copy/" + tag + "/next.json")
	if err != nil {
		t.Fatal(err)
	}
	var w nextWords
	if err := json.Unmarshal(raw, &w); err != nil {
		t.Fatalf("%s: %v", tag, err)
	}
	return w
}

// Every language says the same things, in its own words and script; a region says
// something else than its language where it says anything.
func TestNextWords(t *testing.T) {
	t.Parallel()
	english := nextFile(t, "en")
	for _, tag := range locale.Supported() {
		w := nextFile(t, tag)
		if parent := baseOf(tag); parent != tag {
			checkDialect(t, tag, w, nextFile(t, parent))
			continue
		}
		if got, want := slices.Sorted(maps.Keys(w.Texts)), slices.Sorted(maps.Keys(english.Texts)); !slices.Equal(got, want) {
			t.Errorf("%s: texts of %v, want %v", tag, got, want)
		}
		for key, text := range w.Texts {
			checkNextText(t, tag, key, text, english.Texts[key])
			if (text.Prompt == "") != (english.Texts[key].Prompt == "") {
				t.Errorf("%s: only one language has a prompt for %s", tag, key)
			}
			checkTranslated(t, tag, text, english.Texts[key])
		}
		for _, place := range []string{"page", "foot", "home", "about", "site"} {
			if len(w.Places[place]) != len(english.Places[place]) || len(w.Places[place]) == 0 || (w.Orders[place] == "") != (place == "site") {
				t.Errorf("%s: the words for the place %q", tag, place)
			}
			for _, way := range w.Places[place] {
				if strings.Count(way, "{") != 1 || !strings.Contains(way, "{brand}") || !strings.HasSuffix(way, ".") {
					t.Errorf("%s: %s is said as %q", tag, place, way)
				}
			}
		}
		if len(w.Places) != 5 || len(w.Orders) != 4 {
			t.Errorf("%s: places %v, orders %v", tag, w.Places, w.Orders)
		}
	}
}

func checkDialect(t *testing.T, tag string, own, parent nextWords) {
	t.Helper()
	for key, text := range own.Texts {
		below, known := parent.Texts[key]
		if text.Title == below.Title && text.Title != "" || text.Text == below.Text && text.Text != "" || text.Prompt == below.Prompt && text.Prompt != "" || !known {
			t.Errorf("%s: %s is superfluous: %+v", tag, key, text)
		}
		checkNextText(t, tag, key, text.or(below), below)
	}
	if len(own.Texts) == 0 || len(own.Places)+len(own.Orders) > 0 {
		t.Errorf("%s: texts %v, places %v", tag, own.Texts, own.Places)
	}
}

var nextPlaceholder = regexp.MustCompile(`\{[^}]*\}`)

// checkNextText checks the form of a text, whose placeholders are those of another.
func checkNextText(t *testing.T, tag, key string, text, other nextText) {
	t.Helper()
	business, kind, own := strings.Cut(key, ".")
	if !own {
		business, kind = analysis.General, key
	}
	if !slices.Contains(analysis.Kinds(), kind) || !slices.Contains(analysis.BusinessTypes(), business) {
		t.Errorf("%s: %s is no kind or no business", tag, key)
	}
	if n := utf8.RuneCountInString(text.Title); n > 48 || n < 8 || strings.ContainsAny(text.Title, ".{}") {
		t.Errorf("%s: the title of %s is %q", tag, key, text.Title)
	}
	if !strings.HasSuffix(text.Text, ".") || strings.Contains(text.Text, ". ") {
		t.Errorf("%s: the text of %s is not one sentence: %q", tag, key, text.Text)
	}
	if got, want := nextPlaceholder.FindAllString(text.Text, -1), nextPlaceholder.FindAllString(other.Text, -1); !slices.Equal(got, want) {
		t.Errorf("%s: %s has the placeholders %v, want %v", tag, key, got, want)
	}
	if !strings.HasSuffix(text.Prompt, ".") && (text.Prompt != "" || !own) || strings.ContainsAny(text.Prompt, "{}") {
		t.Errorf("%s: the prompt of %s is %q", tag, key, text.Prompt)
	}
}

func checkTranslated(t *testing.T, tag string, text, english nextText) {
	t.Helper()
	isArabic := func(r rune) bool { return unicode.Is(unicode.Arabic, r) }
	for s, from := range map[string]string{text.Title: english.Title, text.Text: english.Text, text.Prompt: english.Prompt} {
		if s != "" && (strings.ContainsFunc(s, isArabic) != (tag == "ar") || s == from && tag != "en") {
			t.Errorf("%s: %q is not translated", tag, s)
		}
	}
}

// A region's words lie over those of its language.
func TestNextWordsOfARegion(t *testing.T) {
	t.Parallel()
	w, err := nextWordsIn("ar-EG")
	if err != nil {
		t.Fatal(err)
	}
	if text := w.Texts["salon.social"]; !strings.Contains(text.Text, "موبايل") || text.Title != nextFile(t, "ar").Texts["salon.social"].Title {
		t.Errorf("%+v", text)
	}
}

// Every business has an order of its own, of kinds, each once; all kinds follow.
func TestNextOrders(t *testing.T) {
	t.Parallel()
	for _, business := range analysis.BusinessTypes() {
		own := strings.Fields(nextOrders[business])
		if len(own) < 8 || len(slices.Compact(slices.Sorted(slices.Values(own)))) != len(own) {
			t.Errorf("%s: %v", business, own)
		}
		all := subject{business: business}.lacking()
		if !slices.Equal(ordered(all), analysis.Kinds()) || len(all) != len(analysis.Kinds()) {
			t.Errorf("%s: the kinds are %v", business, all)
		}
	}
}

// The prompts of all texts ask for their kind alone, wherever it is to go.
func TestNextPromptsAreWishes(t *testing.T) {
	t.Parallel()
	for _, tag := range locale.Supported() {
		w, err := nextWordsIn(tag)
		if err != nil {
			t.Fatal(err)
		}
		for _, kind := range analysis.Kinds() {
			for _, business := range analysis.BusinessTypes() {
				for place := range w.Places {
					if place == "about" && kind != "about" {
						continue
					}
					prompt := w.recommend(kind, business, place, 0, strings.NewReplacer()).Prompt
					if got := wishOf(prompt, tag); !slices.Equal(got.add, []string{kind}) || len(got.remove) > 0 || got.brand != "" || got.color != "" || got.darker {
						t.Errorf("%s, %s for %s: %q is read as %+v", tag, kind, business, prompt, got)
					}
				}
			}
		}
	}
}
