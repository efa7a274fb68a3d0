package offline_test

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/sheenapps/sheen/server/engine"
	"github.com/sheenapps/sheen/server/engine/analysis"
	"github.com/sheenapps/sheen/server/engine/enginetest"
	"github.com/sheenapps/sheen/server/engine/offline"
	"github.com/sheenapps/sheen/server/locale"
	"github.com/sheenapps/sheen/server/preview/sitecheck"
)

// updated is a site after an update: what the engine wrote and the files of the
// base that it left alone, which is what a build makes of it.
type updated struct {
	plan  *engine.Plan
	text  string
	files []engine.File
	// wrote are the contents of the files that the engine wrote.
	wrote map[string][]byte
}

func (u updated) file(name string) string {
	for _, f := range u.files {
		if f.Path == name {
			return string(f.Content)
		}
	}
	return ""
}

func siteFiles(rec *enginetest.Recorder) []engine.File {
	var files []engine.File
	for _, name := range rec.Order {
		files = append(files, engine.File{Path: name, Content: rec.Files[name]})
	}
	return files
}

func update(t *testing.T, base []engine.File, text string) updated {
	t.Helper()
	plan, rec := build(t, engine.Request{Operation: engine.Update, Prompt: text, Base: base})
	var planned []string
	for _, f := range plan.Files {
		planned = append(planned, f.Path)
		if f.Purpose == "" {
			t.Errorf("%s has no purpose", f.Path)
		}
	}
	if !slices.Equal(planned, rec.Order) {
		t.Errorf("planned %v, wrote %v", planned, rec.Order)
	}
	u := updated{plan: plan, text: rec.Text, files: siteFiles(rec), wrote: rec.Files}
	for _, f := range base {
		if kept, ok := rec.Files[f.Path]; ok && bytes.Equal(kept, f.Content) {
			t.Errorf("%s was written and did not change", f.Path)
		} else if !ok && !slices.Contains(plan.Dropped, f.Path) {
			u.files = append(u.files, f)
		}
	}
	return u
}

func checkPasses(t *testing.T, files []engine.File) {
	t.Helper()
	var site []sitecheck.File
	for _, f := range files {
		site = append(site, sitecheck.File{Path: f.Path, Content: f.Content})
	}
	for _, failure := range sitecheck.Check(site, sitecheck.Options{}).Failures {
		t.Errorf("the updated site: %s", failure)
	}
}

// marks is what a visitor recognizes a kind by, somewhere in what was written.
var marks = map[string][]string{
	"contact": {`data-form="contact"`, `id="visit"`}, "pricing": {"<table>", `class="plan-list"`}, "faq": {"<details>"},
	"testimonials": {"<blockquote>"}, "about": {`id="story"`, `id="milestones"`}, "services": {`id="services"`, `id="promises"`},
	"portfolio": {`id="cases"`, `id="all-work"`}, "team": {`id="team"`, `id="jobs"`}, "booking": {`data-form="booking"`, `id="bookbar"`},
	"payment": {`id="payment"`}, "gallery": {`id="gallery"`, `id="album"`}, "newsletter": {`data-form="newsletter"`},
	"blog": {`id="articles"`, `id="archive"`, `id="notes"`}, "social": {`id="social"`}, "seo": {"<urlset"}, "analytics": {"data-visits"},
	"mobile": {`class="bar"`}, "accessibility": {"data-access-size"}, "darkMode": {"prefers-color-scheme"},
}

func found(wrote map[string][]byte, wanted []string) bool {
	for _, content := range wrote {
		for _, mark := range wanted {
			if bytes.Contains(content, []byte(mark)) {
				return true
			}
		}
	}
	return false
}

// Every kind can be added to a site of every business, in every language, by the
// prompt of its suggestion; the site that comes of it passes all checks.
func TestEveryKindForEveryBusiness(t *testing.T) {
	t.Parallel()
	for b, business := range analysis.BusinessTypes() {
		for l, language := range []string{"en", "fr", "ar", "es", "de"} {
			if (testing.Short() || raced) && (b+l)%3 != 0 {
				continue
			}
			t.Run(business+" "+language, func(t *testing.T) {
				t.Parallel()
				_, rec := build(t, request(business, language))
				base := siteFiles(rec)
				for k, kind := range analysis.Kinds() {
					// A check of a whole site takes long: each kind is checked in one
					// of the languages at least.
					sampled := (b+l+k)%3 == 0
					// The prompts of the last languages are read in full elsewhere.
					if l > 2 && (b+l+k)%6 != 0 {
						continue
					}
					if testing.Short() || raced {
						if sampled = (b/3+k)%3 == 0; !sampled {
							continue
						}
					}
					u := addKind(t, base, language, kind)
					if sampled {
						checkPasses(t, u.files)
						checkAgain(t, u.files, kind, language)
					}
				}
			})
		}
	}
}

func addKind(t *testing.T, base []engine.File, language, kind string) updated {
	t.Helper()
	prompt := locale.Text(language, "quickSuggestions."+kind+".prompt", nil)
	u := update(t, base, prompt)
	if !slices.Contains(u.plan.Features, kind) || !found(u.wrote, marks[kind]) {
		t.Errorf("%s: features %v, wrote %v without a trace of it", kind, u.plan.Features, slices.Sorted(maps.Keys(u.wrote)))
	}
	if len(u.text) < 40 || strings.Contains(u.text, "{") {
		t.Errorf("%s: the text is %q", kind, u.text)
	}
	for _, f := range base {
		checkLines(t, kind, f, u.file(f.Path))
	}
	return u
}

// checkAgain makes an update that was made already: that changes nothing.
func checkAgain(t *testing.T, files []engine.File, kind, language string) {
	t.Helper()
	again := update(t, files, locale.Text(language, "quickSuggestions."+kind+".prompt", nil))
	if len(again.plan.Files) > 0 || len(again.text) < 40 {
		t.Errorf("%s: the same update again changes %v and says %q", kind, again.plan.Files, again.text)
	}
}

// checkLines holds an update to its rule: it puts lines into a file, and takes
// none out of it. The notes of the engine are its own, and a page that says that
// nobody is counted must say something else once visits are.
func checkLines(t *testing.T, kind string, before engine.File, after string) {
	t.Helper()
	if before.Path == "site.json" || kind == "analytics" && strings.HasSuffix(before.Path, "privacy.html") {
		return
	}
	rest := strings.SplitAfter(after, "\n")
	for line := range strings.Lines(string(before.Content)) {
		at := slices.Index(rest, line)
		if at < 0 {
			t.Errorf("%s: %s lost the line %q", kind, before.Path, line[:min(len(line), 120)])
			return
		}
		rest = rest[at+1:]
	}
}

func TestUpdatesOneAfterTheOther(t *testing.T) {
	t.Parallel()
	_, rec := build(t, prompt("A booking site for my hair salon in Lyon"))
	files := siteFiles(rec)
	for _, kind := range analysis.Kinds() {
		files = update(t, files, locale.Text("en", "quickSuggestions."+kind+".prompt", nil)).files
	}
	checkPasses(t, files)
	u := update(t, files, "Remove the blog and the newsletter")
	if len(u.plan.Dropped) == 0 || strings.Contains(u.file("index.html"), `id="newsletter"`) || !strings.Contains(u.file("index.html"), `id="faq"`) {
		t.Errorf("after taking out the blog %v is dropped", u.plan.Dropped)
	}
	checkPasses(t, u.files)
}

func TestSeveralKindsAtOnce(t *testing.T) {
	t.Parallel()
	_, rec := build(t, prompt("A gym in New York called Iron Yard"))
	u := update(t, siteFiles(rec), "Please add an FAQ, a photo gallery and a dark mode. Rename it to Iron Garden. Use green as the main color.")
	for _, kind := range []string{"faq", "gallery", "darkMode"} {
		if !found(u.wrote, marks[kind]) || !slices.Contains(u.plan.Features, kind) {
			t.Errorf("%s is missing", kind)
		}
	}
	if home := u.file("index.html"); strings.Contains(home, "Iron Yard") || !strings.Contains(home, "Iron Garden") || u.plan.Title != "Iron Garden" {
		t.Error("the site has its old name")
	}
	checkPasses(t, u.files)
}

// What a person has written stays, and the update comes to stand beside it.
func TestUpdateOfHandChangedFiles(t *testing.T) {
	t.Parallel()
	_, rec := build(t, prompt("A booking site for my hair salon in Lyon"))
	for name, change := range map[string]func(string) string{
		"a line": func(s string) string {
			return strings.Replace(s, "<main id=\"main\">\n", "<main id=\"main\">\n<p>By hand</p>\n", 1)
		},
		"the place itself": func(s string) string {
			return strings.Replace(s, `<section class="cta"`, `<p>By hand</p><section class="cta"`, 1)
		},
		"everything": func(string) string {
			return `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Mine</title><meta name="viewport" content="width=device-width"></head><body><main><h1>Mine</h1><p>By hand</p></main></body></html>`
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			base := siteFiles(rec)
			var hand string
			for i := range base {
				if base[i].Path == "index.html" {
					hand = change(string(base[i].Content))
					base[i].Content = []byte(hand)
				}
			}
			u := update(t, base, "Add a list of frequently asked questions")
			home := u.file("index.html")
			if !strings.Contains(home, "By hand") || strings.Count(home, `id="faq"`) != 1 {
				t.Errorf("index.html is %s", home)
			}
			if strings.Index(home, `id="faq"`) > strings.Index(home, "</main>") {
				t.Error("the section stands outside of the page's content")
			}
			checkPasses(t, u.files)
			if again := update(t, u.files, "Add a list of frequently asked questions"); len(again.plan.Files) > 0 {
				t.Errorf("again: %v", again.plan.Files)
			}
		})
	}
}

// guest is a site that this engine has not made.
func guest(lang, dir, text string) []engine.File {
	return []engine.File{
		{Path: "index.html", Content: fmt.Appendf(nil,
			"<!DOCTYPE html>\n<html lang=%q dir=%q>\n<head>\n<meta charset=\"utf-8\">\n<title>%s</title>\n<meta name=\"viewport\" content=\"width=device-width\">\n</head>\n<body>\n<main id=\"faq\">\n<h1>%s</h1>\n</main>\n</body>\n</html>\n", lang, dir, text, text)},
		{Path: "style.css", Content: []byte("body{color:red}\n")},
	}
}

func TestEveryKindForAGuest(t *testing.T) {
	t.Parallel()
	for language, base := range map[string][]engine.File{
		"en": guest("en", "ltr", "Hill Street Bakery and restaurant"),
		"ar": guest("ar", "rtl", "مطعم الزيتون"),
	} {
		files := base
		for _, kind := range analysis.Kinds() {
			prompt := locale.Text(language, "quickSuggestions."+kind+".prompt", nil)
			u := update(t, base, prompt)
			if !found(u.wrote, marks[kind]) || !slices.Equal(u.plan.Features, []string{kind}) {
				t.Errorf("%s: wrote %v without a trace of it", kind, slices.Sorted(maps.Keys(u.wrote)))
			}
			for _, f := range base {
				checkLines(t, kind, f, u.file(f.Path))
			}
			if !strings.Contains(u.file("index.html"), `<div class="added lang-`+language) {
				t.Errorf("%s: not in the page's language", kind)
			}
			checkPasses(t, u.files)
			if again := update(t, u.files, prompt); len(again.plan.Files) > 0 {
				t.Errorf("%s again: %v", kind, again.plan.Files)
			}
			files = update(t, files, prompt).files
		}
		checkPasses(t, files)
	}
}

func TestColorsAndDarkness(t *testing.T) {
	t.Parallel()
	_, rec := build(t, prompt("A booking site for my hair salon in Lyon"))
	base := siteFiles(rec)
	for _, text := range []string{"Use blue instead", "Make it darker", "Change the color to purple"} {
		u := update(t, base, text)
		if u.wrote["assets/site.css"] == nil || u.wrote["index.html"] != nil {
			t.Errorf("%q writes %v", text, slices.Sorted(maps.Keys(u.wrote)))
		}
		checkPasses(t, u.files)
	}
}

func TestUnclearUpdateChangesNothing(t *testing.T) {
	t.Parallel()
	_, rec := build(t, prompt("A gym in New York"))
	u := update(t, siteFiles(rec), "make the title a little bit nicer")
	if len(u.plan.Files) > 0 || !strings.Contains(u.text, "I could not tell") {
		t.Errorf("wrote %v and said %q", u.plan.Files, u.text)
	}
}

func BenchmarkUpdate(b *testing.B) {
	e, rec := offline.New(offline.Options{}), enginetest.NewRecorder()
	req := prompt("A booking site for my hair salon in Lyon")
	plan, _, err := e.Plan(context.Background(), req, rec.Sink())
	if err != nil {
		b.Fatal(err)
	}
	if _, err := e.Write(context.Background(), req, plan, nil, rec.Sink()); err != nil {
		b.Fatal(err)
	}
	change := engine.Request{Operation: engine.Update, Prompt: "Add online booking and a blog", Base: siteFiles(rec)}
	for b.Loop() {
		if _, _, err := e.Plan(context.Background(), change, enginetest.NewRecorder().Sink()); err != nil {
			b.Fatal(err)
		}
	}
}

// A page from elsewhere is spoken to in its own language, of whatever region.
func TestGuestsInTheirLanguage(t *testing.T) {
	t.Parallel()
	for lang, want := range map[string]string{"de-AT": "Oft gefragt", "es-MX": "Preguntas", "ar-EG": "أسئلة"} {
		language, _, _ := strings.Cut(lang, "-")
		u := update(t, guest(lang, string(locale.Resolve(lang).Dir), "B"), locale.Text(language, "quickSuggestions.faq.prompt", nil))
		page := u.file("index.html")
		if !strings.Contains(page, want) || !strings.Contains(page, `class="added lang-`+language+`"`) {
			t.Errorf("%s: what is added does not say %q", lang, want)
		}
		checkPasses(t, u.files)
	}
}
