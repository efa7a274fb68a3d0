package sitecheck

import (
	"maps"
	"slices"
	"strings"
)

// maxInline is how many style and script elements and frames a page may have.
const maxInline = 200

// page is what a page says about itself.
type page struct {
	file string
	// ids are the places that an anchor may name, with the line of the first.
	ids map[string]int
	// copies are the ids inside templates.
	copies  map[string]bool
	doctype bool
	title   bool
	lang    bool
	view    bool
	h1      []int // the lines of the main headings
	// raw is the text of the element that is open, where that is one piece.
	raw source
	// base is the address of the base element, as written.
	base string
	// labels are the ids that label elements are for.
	labels map[string]bool
	// controls wait for a label until the end of the page.
	controls []element
	// inline is the number of style and script elements and frames so far.
	inline int
	// styles and handlers are the CSS and JavaScript in attributes.
	styles   []source
	handlers []source
	// pointers name other elements of the page.
	pointers []pointer
	// frames are the pages in the attributes of iframes.
	frames []source
	// refresh is where the visitor is sent; nil if nowhere.
	refresh *refresh
	// inert says that the element is inside a template.
	inert bool
	// references are completed with base at the end of the page.
	references []reference
}

func newPage(file string) *page {
	return &page{file: file, ids: map[string]int{}, copies: map[string]bool{}}
}

// validLanguage says whether tag has the shape of a BCP 47 tag, which is all
// that can be judged without the registry.
func validLanguage(tag string) bool {
	for i, part := range strings.Split(tag, "-") {
		letters := strings.Trim(part, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ") == ""
		digits := strings.Trim(part, "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ") == ""
		if len(part) > 8 || i == 0 && (!letters || len(part) < 2) || i > 0 && (!digits || part == "") {
			return false
		}
	}
	return true
}

// enter handles the start of an element; open are those around it.
func (p *page) enter(c *checker, e element, open []element) {
	if p.inert {
		p.enterInert(e)
		return
	}
	p.enterID(c, e)
	p.enterPointers(e)
	switch e.tag {
	case "html":
		p.lang = validLanguage(e.attr["lang"])
	case "meta":
		if strings.EqualFold(e.attr["name"], "viewport") && strings.Contains(e.attr["content"], "width") {
			p.view = true
		}
		p.enterCharset(c, e)
	case "base":
		if href, ok := e.attr["href"]; ok && p.base == "" {
			p.base = href
		}
	case "h1":
		p.h1 = append(p.h1, e.line)
	case "img", "area":
		p.enterImage(c, e)
	case "iframe":
		if text := e.attr["srcdoc"]; text != "" && p.admit(c, e) {
			p.frames = append(p.frames, source{file: p.file, line: e.line, text: text})
		}
	case "label":
		if p.labels == nil {
			p.labels = map[string]bool{}
		}
		p.labels[e.attr["for"]] = true
	case "input", "select", "textarea":
		p.enterControl(c, e, open)
	}
	p.enterCode(e)
	p.enterReferences(e)
}

// enterID records the id of an element.
func (p *page) enterID(c *checker, e element) {
	id, ok := e.attr["id"]
	if ok {
		first, taken := p.ids[id]
		c.expect(!taken, RuleHTML, p.file, e.line, "the id %s is taken by line %d", quote(id), first)
		c.expect(id != "" && !strings.ContainsAny(id, " \t\r\n\f"), RuleHTML, p.file, e.line,
			"%s cannot be an id", quote(id))
		if !taken {
			p.ids[id] = e.line
		}
	}
	if name := e.attr["name"]; e.tag == "a" && name != "" && p.ids[name] == 0 {
		p.ids[name] = e.line
	}
}

// enterCharset judges what a page says of its encoding: previews are served as
// UTF-8, and a copy elsewhere must not be taken for anything else.
func (p *page) enterCharset(c *checker, e element) {
	charset := e.attr["charset"]
	if strings.EqualFold(e.attr["http-equiv"], "content-type") {
		_, charset, _ = strings.Cut(strings.ToLower(e.attr["content"]), "charset=")
	}
	if charset = strings.TrimSpace(charset); charset != "" {
		c.expect(strings.EqualFold(charset, "utf-8"), RuleEncoding, p.file, e.line, "the page says that it is %s; it has to be UTF-8", quote(charset))
	}
}

func (p *page) enterImage(c *checker, e element) {
	_, alt := e.attr["alt"]
	_, href := e.attr["href"]
	if e.tag == "img" || href {
		c.expect(alt, RuleAlt, p.file, e.line, "<%s> has no alt text", e.tag)
	}
}

// enterControl notes a control that needs a label and is not inside one.
func (p *page) enterControl(c *checker, e element, open []element) {
	switch strings.ToLower(e.attr["type"]) {
	case "hidden", "submit", "reset", "button":
		if e.tag == "input" {
			return
		}
	case "image":
		c.expect(e.attr["alt"] != "", RuleAlt, p.file, e.line, "<input type=image> has no alt text")
		return
	}
	for _, around := range open {
		if around.tag == "label" {
			return
		}
	}
	p.controls = append(p.controls, e)
}

// enterCode notes the CSS and JavaScript in attributes, in order of their names.
func (p *page) enterCode(e element) {
	for _, name := range slices.Sorted(maps.Keys(e.attr)) {
		s := source{file: p.file, line: e.line, text: e.attr[name], base: p.base}
		switch {
		case name == "style":
			p.styles = append(p.styles, s)
		case strings.HasPrefix(name, "on") && len(name) > len("on"):
			p.handlers = append(p.handlers, s)
		}
	}
}

// leave handles the end of an element.
func (p *page) leave(c *checker, e element, foreign bool) {
	raw := p.raw
	raw.base = p.base
	if rawText(e.tag) {
		p.raw = source{}
		if raw.line == 0 {
			return // the element was not closed, so nobody knows what is in it
		}
	}
	if (e.tag == "style" || e.tag == "script") && !p.admit(c, e) {
		return
	}
	switch e.tag {
	case "title":
		p.title = p.title || !foreign && strings.TrimSpace(raw.text) != ""
	case "style":
		c.checkCSS(raw)
	case "script":
		p.leaveScript(c, e, raw)
	case "h1":
		c.expect(p.inert || e.named, RuleHeading, p.file, e.line, "<h1> has no text")
	case "button":
		named := p.inert || e.named || e.attr["aria-label"] != "" || e.attr["aria-labelledby"] != "" || e.attr["title"] != ""
		c.expect(named, RuleLabel, p.file, e.line, "<button> has no text")
	}
}

// admit says whether one more style, script or frame is judged: each is a call of
// a parser, and nobody needs so many.
func (p *page) admit(c *checker, e element) bool {
	p.inline++
	if p.inline == maxInline+1 {
		c.fail(RuleHTML, p.file, e.line, "the page has too many styles, scripts and frames")
	}
	return p.inline <= maxInline
}

// leaveScript judges an inline script by its type.
func (p *page) leaveScript(c *checker, e element, raw source) {
	if _, external := e.attr["src"]; external {
		return
	}
	switch strings.ToLower(strings.TrimSpace(e.attr["type"])) {
	case "", "text/javascript", "application/javascript":
		c.checkScript(raw, false)
	case "module":
		c.checkScript(raw, true)
	case "importmap":
		c.readImportMap(raw)
	case "application/json", "application/ld+json", "speculationrules":
		c.checkJSON(raw)
	}
}

// finish judges the page as a whole.
func (p *page) finish(c *checker) {
	c.expect(p.doctype, RuleHTML, p.file, 0, "<!doctype html> is missing")
	c.expect(p.title, RuleTitle, p.file, 0, "the page has no title")
	c.expect(p.lang, RuleLang, p.file, 0, "<html> does not say the language")
	c.expect(p.view, RuleViewport, p.file, 0, "<meta name=viewport> with a width is missing")
	c.expect(len(p.h1) > 0, RuleHeading, p.file, 0, "the page has no h1")
	for _, line := range p.h1[min(1, len(p.h1)):] {
		c.expect(false, RuleHeading, p.file, line, "the page has more than one h1")
	}
	for _, e := range p.controls {
		c.expect(p.labeled(e), RuleLabel, p.file, e.line, "<%s name=%s> has no label", e.tag, quote(e.attr["name"]))
	}
	p.checkPointers(c)
	c.checkSnippets(p.styles, p.handlers)
	for _, s := range p.frames {
		s.base = p.base
		c.checkFrame(s)
	}
	for _, ref := range p.references {
		ref.base = p.base
		c.refer(ref)
	}
}

// labeled says whether a control outside of any label element has a label.
func (p *page) labeled(e element) bool {
	if e.attr["aria-label"] != "" || e.attr["title"] != "" {
		return true
	}
	if id := e.attr["id"]; id != "" && p.labels[id] {
		return true
	}
	for id := range strings.FieldsSeq(e.attr["aria-labelledby"]) {
		if p.ids[id] > 0 {
			return true
		}
	}
	return false
}
