package offline_test

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"github.com/sheenapps/sheen/server/engine"
	"github.com/sheenapps/sheen/server/locale"
)

// stopWords are frequent words that none of the other languages has: a page in
// another language that shows one has a text that nobody translated.
var stopWords = map[string]*regexp.Regexp{
	"en": regexp.MustCompile(`(?i)\b(the|and|with|your|our|you|for|are|this|that|from|what|have|they|please|send|book|hours|about|closed|read|choose|how|free)\b`),
	"fr": regexp.MustCompile(`(?i)(?:^|[ «(])(les|votre|nous|vous|avec|dans|et|chez|une|aux|ce|qui|sont|très)(?:$|[ ».,)])`),
	"es": regexp.MustCompile(`(?i)(?:^|[ «(¿¡])(las|con|nosotros|para|una|más|tu|qué|desde|muy)(?:$|[ ».,)?!])`),
	"de": regexp.MustCompile(`(?i)(?:^|[ „(])(und|der|mit|wir|für|ist|nicht|eine|Ihre|oder|auch|auf|bei)(?:$|[ “.,)])`),
}

// checkLanguage finds words of one language in a text of another one.
func checkLanguage(t *testing.T, where, language, text string) {
	t.Helper()
	for other, words := range stopWords {
		if found := words.FindString(text); other != language && found != "" {
			t.Errorf("%s is in %s and says %q: %q", where, language, strings.TrimSpace(found), text)
		}
	}
}

// checkPages checks the language of all that the pages show and say.
func checkPages(t *testing.T, files map[string][]byte) {
	t.Helper()
	for name, content := range files {
		if !strings.HasSuffix(name, ".html") {
			continue
		}
		doc, err := html.Parse(bytes.NewReader(content))
		if err != nil {
			t.Fatal(err)
		}
		checkNode(t, name, "en", doc)
	}
}

func checkNode(t *testing.T, name, language string, n *html.Node) {
	t.Helper()
	if n.Type == html.TextNode {
		checkLanguage(t, name, language, strings.TrimSpace(n.Data))
		return
	}
	if tag := attr(n, "lang"); tag != "" {
		language, _, _ = strings.Cut(tag, "-")
	}
	for _, key := range []string{"aria-label", "placeholder", "alt", "title", "content", "data-error", "data-done", "data-closed-text", "data-empty", "data-label"} {
		if n.Data != "meta" || !slices.Contains([]string{"viewport", "robots", "format-detection"}, attr(n, "name")) {
			checkLanguage(t, name+" "+n.Data+" "+key, language, attr(n, key))
		}
	}
	if n.Data == "script" || n.Data == "style" || n.Data == "svg" {
		return
	}
	for child := range n.ChildNodes() {
		checkNode(t, name, language, child)
	}
}

// TestDialectsReachTheSites builds, in each regional locale, a site of every
// business that its folder has something to say about, and finds all of it there.
func TestDialectsReachTheSites(t *testing.T) {
	t.Parallel()
	texts := map[string]string{
		"ar": "موقع باسم الباب الأزرق مع الأسئلة الشائعة وطرق الدفع",
		"fr": "Un site pour ma maison nommée Porte Bleue, avec une foire aux questions et le paiement en ligne",
	}
	for _, tag := range locale.Supported() {
		base, _, regional := strings.Cut(tag, "-")
		if !regional {
			continue
		}
		files, err := filepath.Glob(filepath.Join("copy", tag, "*.json"))
		if err != nil || len(files) == 0 {
			t.Fatalf("%s has no folder: %v", tag, err)
		}
		for _, file := range files {
			business := strings.TrimSuffix(filepath.Base(file), ".json")
			if business == "shared" || business == "next" || raced && business != "restaurant" {
				continue
			}
			t.Run(tag+" "+business, func(t *testing.T) {
				t.Parallel()
				req := engine.Request{
					Operation: engine.MainBuild, Prompt: texts[base], Locale: tag,
					Answers: []engine.Answer{{QuestionID: "business_type", ChoiceID: business}},
				}
				plan, rec := build(t, req)
				if plan.Locale != tag {
					t.Errorf("the plan is in %s", plan.Locale)
				}
				checkSite(t, rec.Files)
				checkPages(t, rec.Files)
				checkSays(t, file, rec.Files, rec.Text+plan.Summary)
				if want := []byte(`<html lang="` + tag + `" dir="` + string(locale.Resolve(tag).Dir) + `"`); !bytes.Contains(rec.Files["index.html"], want) {
					t.Errorf("index.html lacks %s", want)
				}
			})
		}
	}
}

// checkSays finds every text of a regional file on some page. A text about the
// person's own place has more words around it there.
func checkSays(t *testing.T, file string, files map[string][]byte, narrative string) {
	t.Helper()
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var all any
	if err := json.Unmarshal(raw, &all); err != nil {
		t.Fatal(err)
	}
	pages := []byte(narrative)
	for _, content := range files {
		pages = append(pages, html.UnescapeString(string(content))...)
	}
	eachText(all, func(text string) {
		for part := range strings.SplitSeq(text, "{") {
			_, after, placeholder := strings.Cut(part, "}")
			if placeholder {
				part = after
			}
			if !bytes.Contains(pages, []byte(part)) {
				t.Errorf("no page says %q", text)
			}
		}
	})
}

func eachText(value any, use func(string)) {
	switch value := value.(type) {
	case string:
		use(value)
	case []any:
		for _, inner := range value {
			eachText(inner, use)
		}
	case map[string]any:
		for _, inner := range value {
			eachText(inner, use)
		}
	}
}

// The same request gives the same bytes in every locale, and the words of a place
// are there whoever asks.
func TestEveryLocaleIsTheSameTwice(t *testing.T) {
	t.Parallel()
	for _, tag := range locale.Supported() {
		req := engine.Request{
			Operation: engine.MainBuild, Prompt: "B", Locale: tag,
			Answers: []engine.Answer{{QuestionID: "business_type", ChoiceID: "business"}},
		}
		_, first := build(t, req)
		_, second := build(t, req)
		if first.Text != second.Text || !slices.Equal(first.Order, second.Order) {
			t.Errorf("%s: the text or the files of two builds differ", tag)
		}
		for name, content := range first.Files {
			if !bytes.Equal(content, second.Files[name]) {
				t.Errorf("%s: %s differs between two builds", tag, name)
			}
		}
	}
}

func TestAPlaceDecidesTheWords(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ locale, prompt, want string }{
		{"ar-EG", "متجر في الرياض", "الدفع بمدى"},
		{"ar", "متجر في القاهرة", "إنستاباي"},
		{"fr", "Une boutique à Casablanca", "Vous payez à la livraison"},
		{"fr-MA", "Une boutique à Lyon", "Vous payez sur facture"},
	} {
		req := prompt(test.prompt)
		req.Locale = test.locale
		req.Answers = []engine.Answer{{QuestionID: "business_type", ChoiceID: "shop"}}
		plan, rec := build(t, req)
		if plan.Locale != test.locale {
			t.Errorf("%s became %s", test.locale, plan.Locale)
		}
		if !bytes.Contains(rec.Files["cart.html"], []byte(test.want)) {
			t.Errorf("%s, %s: the cart does not say %q", test.locale, test.prompt, test.want)
		}
	}
}
