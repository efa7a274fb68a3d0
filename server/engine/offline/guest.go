package offline

import (
	"bytes"
	"fmt"
	"html"
	"html/template"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/sheenapps/sheen/server/engine"
	"github.com/sheenapps/sheen/server/engine/analysis"
)

// A guest is a site that another engine or a person has made. It gets what it
// asks for as a section of its first page, with a stylesheet and scripts that
// leave everything else on the page alone.

// guestCSS and guestJS are the files that a guest gets.
const (
	guestCSS = "assets/added.css"
	guestJS  = "assets/added.js"
)

var (
	pageLang  = regexp.MustCompile(`(?i)<html[^>]*\blang\s*=\s*["']?([A-Za-z-]{2,35})`)
	pageTitle = regexp.MustCompile(`(?is)<title[^>]*>(.*?)</title>`)
	pageCode  = regexp.MustCompile(`(?is)<(?:script|style|svg)\b.*?</(?:script|style|svg)>|<[^>]*>`)
	pageID    = regexp.MustCompile(`(?i)\bid\s*=\s*["']?([^\s"'>]+)`)
)

// guestBrief reads a page as if it were a prompt: what kind of business it is
// about decides the copy of what is added.
func guestBrief(base []engine.File, locale string) brief {
	page := []byte{}
	if home := find(base, homeFile); home != nil {
		page = home.Content
	}
	text := html.UnescapeString(string(pageCode.ReplaceAll(page, []byte(" "))))
	if lang := pageLang.FindSubmatch(page); lang != nil {
		locale = string(lang[1])
	}
	a := analysis.Analyze(text, locale)
	if title := pageTitle.FindSubmatch(page); title != nil {
		name, _, _ := strings.Cut(html.UnescapeString(string(title[1])), " · ")
		for _, separator := range []string{" | ", " – ", " - "} {
			name, _, _ = strings.Cut(name, separator)
		}
		a = a.WithAnswer("brand_name", "", strings.TrimSpace(name))
	}
	b := newBrief(a)
	b.Extras, b.Second, b.Services = nil, "", nil
	return b
}

// guestHas says whether a guest's first page has a kind already, put there by an
// earlier update or of its own.
func guestHas(base []engine.File, kind string) bool {
	home := find(base, homeFile)
	return home != nil && bytes.Contains(home.Content, []byte(guestMark(kind)))
}

// guestFeatures are the kinds that a guest is known to have: what updates added.
func guestFeatures(base []engine.File, added []string) []string {
	return slices.DeleteFunc(analysis.Kinds(), func(kind string) bool {
		return !slices.Contains(added, kind) && !guestHas(base, kind)
	})
}

func guestMark(kind string) string { return `data-added="` + kind + `"` }

// guestSections are the sections that stand for the kinds.
var guestSections = map[string]string{
	"contact": "contactform", "pricing": "plans", "faq": "faq", "testimonials": "quotes", "about": "story", "services": "services",
	"portfolio": "cases", "team": "team", "booking": "bookingform", "payment": "payment", "gallery": "gallery",
	"newsletter": "newsletter", "blog": "notes", "social": "social", "accessibility": "statement", "analytics": "visits",
}

// intoGuest puts the added kinds into a guest's first page.
func (c change) intoGuest(base []engine.File) ([]engine.File, error) {
	home := find(base, homeFile)
	if home == nil || len(c.added) == 0 {
		return nil, nil
	}
	s, err := newSite(c.after)
	if err != nil {
		return nil, err
	}
	p := &page{edition: s.editions[0], spec: pageSpec{key: "home", file: homeFile}, file: homeFile, guest: base}
	page := &guestPage{page: p, edit: newEdit(splitLines(home.Content)), content: home.Content}
	var files []engine.File
	for _, kind := range c.added {
		if err := page.add(kind); err != nil {
			return nil, err
		}
	}
	css, err := s.guestStyle()
	if err != nil {
		return nil, err
	}
	files = append(files, engine.File{Path: homeFile, Content: page.finish()}, engine.File{Path: guestCSS, Content: css})
	for _, extra := range s.extras() {
		content, err := guestExtra(extra, base)
		if err != nil {
			return nil, err
		}
		files = append(files, engine.File{Path: extra.path, Content: content})
	}
	script, err := scriptFile("site")
	if err != nil {
		return nil, err
	}
	files = append(files, engine.File{Path: guestJS, Content: script})
	return slices.DeleteFunc(files, func(f engine.File) bool {
		kept := find(base, f.Path)
		return kept != nil && f.Path != homeFile && (bytes.Equal(kept.Content, f.Content) || f.Path == "robots.txt" || f.Path == "sitemap.xml")
	}), nil
}

// guestExtra is an optional file; the list of pages is that of the guest's own.
func guestExtra(extra extraFile, base []engine.File) ([]byte, error) {
	content, err := extra.content()
	if err != nil || extra.path != "sitemap.xml" {
		return content, err
	}
	address := sitemapAddress.Find(content)
	var pages []string
	for _, file := range base {
		if path.Ext(file.Path) == ".html" && path.Base(file.Path) != "404.html" {
			pages = append(pages, file.Path)
		}
	}
	return sitemapOf(string(address), pages)
}

var sitemapAddress = regexp.MustCompile(`https://[a-z0-9-]+\.example/`)

// guestPage is a guest's first page while it is changed.
type guestPage struct {
	*page
	edit    *edit
	content []byte
	head    []string
	body    []string
}

// add renders what stands for a kind.
func (g *guestPage) add(kind string) error {
	t, err := templates()
	if err != nil {
		return fmt.Errorf("templates: %w", err)
	}
	var head, body bytes.Buffer
	if err := g.addHead(&head, t, kind); err != nil {
		return err
	}
	var names []string
	if name := guestSections[kind]; name != "" {
		names = append(names, name)
	}
	switch kind {
	case "pricing":
		if len(g.Priced()) > 0 {
			names = []string{"pricetable"}
		}
	case "mobile":
		names = append(names, "bar")
	case "darkMode":
		names = append(names, "scheme-switch")
	case "accessibility":
		names = append([]string{"access"}, names...)
	}
	for _, name := range names {
		s := section{page: g.page, Name: name, Head: g.HeadOf(name), Items: g.List(name)}
		s.spec.key = map[string]string{"contactform": "contact", "bookingform": "booking", "visits": "visits"}[name]
		if err := t.ExecuteTemplate(&body, name, &s); err != nil {
			return fmt.Errorf("section %s: %w", name, err)
		}
	}
	g.head = append(g.head, splitLines(squeeze(head.Bytes()))...)
	open := fmt.Sprintf(`<div class="added lang-%s" %s lang="%s" dir="%s">`+"\n", g.lang, guestMark(kind), g.locale, g.Dir())
	g.body = append(g.body, open)
	g.body = append(g.body, splitLines(g.ownIDs(squeeze(body.Bytes())))...)
	g.body = append(g.body, "</div>\n")
	return nil
}

// addHead writes what a kind adds to the head, besides what is there already.
func (g *guestPage) addHead(w *bytes.Buffer, t *template.Template, kind string) error {
	has := func(what string) bool { return bytes.Contains(bytes.ToLower(g.content), []byte(what)) }
	if kind == "seo" {
		for _, line := range []struct{ mark, format, value string }{
			{`name="description"`, `<meta name="description" content="%s">`, g.Description()},
			{`property="og:title"`, `<meta property="og:title" content="%s">`, g.Brand()},
			{`property="og:description"`, `<meta property="og:description" content="%s">`, g.Description()},
		} {
			if !has(line.mark) {
				fmt.Fprintf(w, line.format+"\n", html.EscapeString(line.value))
			}
		}
	}
	if kind == "mobile" && !has(`name="viewport"`) {
		w.WriteString(`<meta name="viewport" content="width=device-width, initial-scale=1">` + "\n")
	}
	if t.Lookup("head-"+kind) == nil {
		return nil
	}
	if err := t.ExecuteTemplate(w, "head-"+kind, g.page); err != nil {
		return fmt.Errorf("head of %s: %w", kind, err)
	}
	return nil
}

// ownIDs renames the ids that the page has already.
func (g *guestPage) ownIDs(markup []byte) []byte {
	text := string(markup)
	for _, found := range pageID.FindAllSubmatch(markup, -1) {
		id := string(found[1])
		if !slices.ContainsFunc(pageID.FindAllSubmatch(g.content, -1), func(m [][]byte) bool { return string(m[1]) == id }) &&
			!strings.Contains(strings.Join(g.body, ""), `id="`+id+`"`) {
			continue
		}
		fresh := fmt.Sprintf("%s-%d", id, len(g.body)+1)
		for _, use := range []string{`id="%s"`, `for="%s"`, `href="#%s"`, `aria-labelledby="%s"`} {
			text = strings.ReplaceAll(text, fmt.Sprintf(use, id), fmt.Sprintf(use, fresh))
		}
	}
	return []byte(text)
}

// finish returns the page with what was added.
func (g *guestPage) finish() []byte {
	head := g.head
	for _, link := range []string{
		`<link rel="stylesheet" href="` + guestCSS + `">` + "\n",
		`<script src="` + guestJS + `" defer></script>` + "\n",
	} {
		if !bytes.Contains(g.content, []byte(strings.TrimSpace(link))) {
			head = append(head, link)
		}
	}
	g.edit.insertBefore(head, "</head>", "<body", "</body>")
	g.edit.insertBefore(g.body, "</main>", "</body>", "</html>")
	return g.edit.bytes()
}

// guestStyle is the look of the sections, for what is inside of them alone.
func (s *site) guestStyle() ([]byte, error) {
	var b bytes.Buffer
	var global []byte
	fmt.Fprintf(&b, ".added{%s}\n.added{\n", s.colors.properties())
	kinds := []string{"pricing", "portfolio", "blog", "mobile", "accessibility", "darkMode", "analytics"}
	names := []string{"css/base", "css/parts", "css/sections"}
	for _, kind := range kinds {
		names = append(names, "kinds/"+kind)
	}
	for _, name := range names {
		part, err := templateFiles.ReadFile("templates/" + name + ".css")
		if err != nil {
			return nil, fmt.Errorf("stylesheet: %w", err)
		}
		inside, outside := nested(part)
		b.Write(inside)
		global = append(global, outside...)
	}
	b.WriteString("}\n")
	b.Write(global)
	b.WriteString(".added:has(.scheme){position:fixed;inset-block-end:1rem;inset-inline-end:1rem;z-index:16;background:none}\n" +
		"@media (prefers-color-scheme:dark){:root:not([data-scheme=light]){color-scheme:dark;background:#111}:root:not([data-scheme=light]) body{filter:invert(.92) hue-rotate(180deg)}:root:not([data-scheme=light]) :is(img,video,picture){filter:invert(1) hue-rotate(180deg)}}\n" +
		":root[data-scheme=dark]{color-scheme:dark;background:#111}\n:root[data-scheme=dark] body{filter:invert(.92) hue-rotate(180deg)}\n:root[data-scheme=dark] :is(img,video,picture){filter:invert(1) hue-rotate(180deg)}\n")
	return b.Bytes(), nil
}

// nested makes a stylesheet fit for the inside of a rule: what was the page is
// the rule itself, and what is about the root's settings stays outside.
func nested(css []byte) (inside, outside []byte) {
	for line := range bytes.Lines(css) {
		text := string(line)
		for _, root := range []string{":root{", "body{"} {
			if rest, ok := strings.CutPrefix(text, root); ok {
				text = "&{" + rest
			}
		}
		switch {
		case strings.HasPrefix(text, ":root["):
			outside = append(outside, text...)
		case !strings.HasPrefix(text, "html{"):
			inside = append(inside, text...)
		}
	}
	return inside, outside
}
