package offline_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/evanw/esbuild/pkg/api"
	"golang.org/x/net/html"

	"github.com/sheenapps/sheen/server/engine"
	"github.com/sheenapps/sheen/server/engine/analysis"
)

// places give each language a prompt with a city, whose language has a second
// edition in three of the five cases.
var places = map[string]struct{ city, want string }{
	"en": {"lyon", "Lyon"}, "fr": {"brussels", "Bruxelles"}, "ar": {"casablanca", "الدار البيضاء"},
	"es": {"seville", "Sevilla"}, "de": {"geneva", "Genf"},
}

func request(business, language string) engine.Request {
	texts := map[string]string{
		"en": "A site called Blue Door in Lyon", "fr": "Un site pour ma maison nommée Porte Bleue à Bruxelles", "ar": "موقع باسم الباب الأزرق في الدار البيضاء",
		"es": "Una web para mi negocio, llamado Puerta Azul, en Sevilla", "de": "Eine Website für mein Geschäft namens Blaue Tür in Genf",
	}
	return engine.Request{
		Operation: engine.MainBuild, Prompt: texts[language],
		Answers: []engine.Answer{{QuestionID: "business_type", ChoiceID: business}},
	}
}

func TestEverySite(t *testing.T) {
	t.Parallel()
	brands := map[string]string{"en": "Blue Door", "fr": "Porte Bleue", "ar": "الباب الأزرق", "es": "Puerta Azul", "de": "Blaue Tür"}
	for b, business := range analysis.BusinessTypes() {
		for l, language := range slices.Sorted(maps.Keys(places)) {
			if raced && (b+l)%2 != 0 {
				continue // the detector takes long, and a site has little to race for
			}
			place := places[language]
			t.Run(business+" "+language, func(t *testing.T) {
				t.Parallel()
				plan, rec := build(t, request(business, language))
				if plan.BusinessType != business || plan.Locale != language {
					t.Fatalf("plan is %s in %s", plan.BusinessType, plan.Locale)
				}
				home := string(rec.Files["index.html"])
				if !strings.Contains(home, brands[language]) || !strings.Contains(home, place.want) {
					t.Error("index.html lacks the brand or the city")
				}
				if n := len(rec.Files); n > 100 {
					t.Errorf("%d files", n)
				}
				checkSite(t, rec.Files)
				checkText(t, "the plan's text", rec.Text)
				checkLanguage(t, "the plan's text", language, rec.Text)
				checkPages(t, rec.Files)
			})
		}
	}
}

func TestSecondEdition(t *testing.T) {
	t.Parallel()
	plan, rec := build(t, prompt("A booking site for my hair salon in Lyon"))
	for _, file := range plan.Files {
		name := file.Path
		if !strings.HasSuffix(name, ".html") {
			continue
		}
		page := string(rec.Files[name])
		for _, want := range []string{`hreflang="fr"`, `lang="fr"`, ">Français</a>", `rel="alternate"`} {
			if !strings.Contains(page, want) {
				t.Errorf("%s lacks %s", name, want)
			}
		}
	}
	french := string(rec.Files["fr/index.html"])
	for _, want := range []string{`<html lang="fr" dir="ltr"`, "à Lyon", "52\u00a0€", "9\u00a0h"} {
		if !strings.Contains(french, want) {
			t.Errorf("fr/index.html lacks %q", want)
		}
	}
}

func TestPromptedServicesComeFirst(t *testing.T) {
	t.Parallel()
	_, rec := build(t, prompt("A hair salon in London for weddings: bridal hair, manicure and haircuts"))
	page := string(rec.Files["services.html"])
	home := string(rec.Files["index.html"])
	if !strings.Contains(page, "Nails") {
		t.Error("a service that only the prompt knows is missing")
	}
	if strings.Index(home, "Events and weddings") > strings.Index(home, "Color and balayage") {
		t.Error("a named service stands behind one that was not named")
	}
}

func TestHostilePrompts(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"script":    `A salon called "<script>alert(1)</script>" in Lyon`,
		"attribute": `A restaurant called "x\" onload=alert(1) y" in Paris`,
		"template":  `A shop called "{{.Brand}} {brand} {in}"`,
		"json":      "A gym called \"a\\u0022,\\u0022b\"",
		"override":  "A blog called \"\u202eevil\u202c\u2066x\"",
		"nul":       "A clinic called \"a\x00b\" in Cairo",
		"invalid":   "A salon called \"\xff\xfe\"",
		"long":      strings.Repeat("salon in Lyon and Paris called \"", 500),
		"prototype": "constructor __proto__ toString hasOwnProperty",
		"empty":     "",
		"break":     "A salon called \"</title><h1>x</h1>\"",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, rec := build(t, prompt(text))
			checkSite(t, rec.Files)
			for file, content := range rec.Files {
				for _, bad := range []string{"<script>alert", "\x00", "\u202e", "\u2066", "</title><h1>", "onload=alert(1) y\""} {
					if bytes.Contains(content, []byte(bad)) {
						t.Errorf("%s contains %q", file, bad)
					}
				}
			}
		})
	}
}

// checkSite holds every page, stylesheet and script to what the build's tests
// will ask of them.
func checkSite(t *testing.T, files map[string][]byte) {
	t.Helper()
	anchors := map[string]map[string]bool{}
	docs := map[string]*html.Node{}
	for name, content := range files {
		switch path.Ext(name) {
		case ".html":
			doc, err := html.Parse(bytes.NewReader(content))
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			docs[name] = doc
			anchors[name] = checkPage(t, name, doc)
		case ".css", ".js":
			checkAsset(t, name, content)
		}
	}
	for name, doc := range docs {
		if found := foreign.Find(withoutContext(files[name])); found != nil {
			t.Errorf("%s refers to another host: %s", name, found)
		}
		checkLinks(t, name, doc, files, anchors)
	}
}

// withoutContext drops the one address that is a name and never asked for.
func withoutContext(content []byte) []byte {
	return bytes.ReplaceAll(content, []byte(`"@context":"https://schema.org"`), nil)
}

func checkAsset(t *testing.T, name string, content []byte) {
	t.Helper()
	loader := api.LoaderCSS
	if strings.HasSuffix(name, ".js") {
		loader = api.LoaderJS
	}
	result := api.Transform(string(content), api.TransformOptions{Loader: loader, LogLevel: api.LogLevelSilent})
	for _, m := range append(result.Errors, result.Warnings...) {
		t.Errorf("%s: %s at %+v", name, m.Text, m.Location)
	}
	if found := forbidden.Find(content); found != nil {
		t.Errorf("%s uses %s, which fails in a sandbox or asks another server", name, found)
	}
	if foreign.Match(content) {
		t.Errorf("%s refers to another host: %s", name, foreign.Find(content))
	}
}

// forbidden is what throws or is blocked where a page has no origin.
var forbidden = regexp.MustCompile(`localStorage|sessionStorage|indexedDB|\.cookie|\bfetch\(|XMLHttpRequest|@import|url\(`)

var foreign = regexp.MustCompile(`(https?:)?//[a-z0-9-]+\.[a-z]`)

func attr(n *html.Node, key string) string {
	for _, a := range n.Attr {
		if a.Key == key {
			return a.Val
		}
	}
	return ""
}

// checkPage checks one page by itself and returns its anchors.
func checkPage(t *testing.T, name string, doc *html.Node) map[string]bool {
	t.Helper()
	counts, ids, labels := map[string]int{}, map[string]bool{}, map[string]bool{}
	var fields []string
	for n := range doc.Descendants() {
		if n.Type == html.TextNode && n.Parent.Data != "script" {
			checkText(t, name, n.Data)
		}
		if n.Type != html.ElementNode {
			continue
		}
		counts[n.Data]++
		if id := attr(n, "id"); id != "" {
			if ids[id] {
				t.Errorf("%s: id %s twice", name, id)
			}
			ids[id] = true
		}
		checkElement(t, name, n, counts)
		switch n.Data {
		case "label":
			labels[attr(n, "for")] = true
		case "input", "select", "textarea":
			if kind := attr(n, "type"); kind != "radio" && kind != "hidden" {
				fields = append(fields, attr(n, "id"))
			}
		}
	}
	for _, element := range []string{"h1", "title", "main", "header", "footer", "html"} {
		if n := counts[element]; n < 1 || n > 1 && (element == "h1" || element == "title" || element == "main") {
			t.Errorf("%s has %d <%s>", name, n, element)
		}
	}
	if counts["viewport"] != 1 || counts["description"] != 1 {
		t.Errorf("%s: viewport or description missing", name)
	}
	for _, field := range fields {
		if !labels[field] {
			t.Errorf("%s: field %s has no label", name, field)
		}
	}
	return ids
}

func checkElement(t *testing.T, name string, n *html.Node, counts map[string]int) {
	t.Helper()
	switch n.Data {
	case "html":
		if attr(n, "lang") == "" || attr(n, "dir") == "" || (attr(n, "dir") == "rtl") != strings.HasPrefix(attr(n, "lang"), "ar") {
			t.Errorf("%s: lang %q, dir %q", name, attr(n, "lang"), attr(n, "dir"))
		}
	case "meta":
		counts[attr(n, "name")]++
		if attr(n, "name") == "description" && attr(n, "content") == "" {
			t.Errorf("%s: empty description", name)
		}
	case "svg":
		if attr(n, "aria-hidden") != "true" {
			t.Errorf("%s: a picture is not hidden and has no text", name)
		}
	case "h1", "h2", "h3", "h4", "p", "li", "a", "button", "title", "label", "dt", "dd", "summary", "option", "b", "span":
		for _, allowed := range []string{"form-error", "card-icon", "mark", "good-art", "cover", "work-art", "count", "stars"} {
			if strings.Contains(attr(n, "class"), allowed) {
				return
			}
		}
		if attr(n, "data-cart-total") == "" && textOf(n) == "" && n.Parent.Data != "p" {
			t.Errorf("%s: empty <%s class=%q>", name, n.Data, attr(n, "class"))
		}
	case "script":
		if attr(n, "type") == "application/ld+json" && !json.Valid([]byte(n.FirstChild.Data)) {
			t.Errorf("%s: structured data is not JSON", name)
		}
	}
}

func textOf(n *html.Node) string {
	var b strings.Builder
	for d := range n.Descendants() {
		if d.Type == html.TextNode {
			b.WriteString(d.Data)
		}
		if d.Data == "input" || d.Data == "textarea" || d.Data == "select" || d.Data == "svg" && n.Data != "p" {
			b.WriteString("x")
		}
	}
	return strings.TrimSpace(b.String())
}

var leftover = regexp.MustCompile(`<no value>|%!|\{(brand|city|in|name|kind|where|pages|sections|theme|count|added|services|language)\}`)

func checkText(t *testing.T, name, text string) {
	t.Helper()
	if !strings.ContainsAny(text, "{<%") {
		return
	}
	if found := leftover.FindString(text); found != "" && !strings.Contains(text, "{{") {
		t.Errorf("%s: %q is left in %q", name, found, text)
	}
}

func checkLinks(t *testing.T, name string, doc *html.Node, files map[string][]byte, anchors map[string]map[string]bool) {
	t.Helper()
	for n := range doc.Descendants() {
		if n.Type != html.ElementNode {
			continue
		}
		for _, key := range []string{"href", "src", "action"} {
			if target := attr(n, key); target != "" {
				if err := resolve(name, target, files, anchors); err != nil {
					t.Errorf("%s: <%s %s=%q>: %v", name, n.Data, key, target, err)
				}
			}
		}
		for _, key := range []string{"aria-labelledby", "aria-controls", "for"} {
			if id := attr(n, key); id != "" && !anchors[name][id] {
				t.Errorf("%s: %s=%q leads nowhere", name, key, id)
			}
		}
	}
}

func resolve(from, target string, files map[string][]byte, anchors map[string]map[string]bool) error {
	u, err := url.Parse(target)
	if err != nil {
		return fmt.Errorf("address: %w", err)
	}
	if u.Scheme == "mailto" || u.Scheme == "tel" {
		return nil
	}
	if u.Scheme != "" || u.Host != "" || strings.HasPrefix(u.Path, "/") {
		return errors.New("not relative")
	}
	to := from
	if u.Path != "" {
		to = path.Join(path.Dir(from), u.Path)
	}
	if _, ok := files[to]; !ok {
		return fmt.Errorf("no file %s", to)
	}
	if u.Fragment != "" && !anchors[to][u.Fragment] {
		return fmt.Errorf("no anchor %s in %s", u.Fragment, to)
	}
	return nil
}
