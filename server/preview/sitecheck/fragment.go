package sitecheck

import "strings"

// enterInert notes an element of a template: a script will copy and complete
// it, so only its place is known.
func (p *page) enterInert(e element) {
	if id := e.attr["id"]; id != "" {
		p.copies[id] = true
	}
	p.enterReferences(e)
}

// incomplete says whether an address in a template waits for a script.
func incomplete(address string) bool { return address == "" || strings.Contains(address, "{") }

// maxFrameInline is how many style and script elements such a page may have.
const maxFrameInline = 5

// checkFrame judges the page that an iframe has in its srcdoc attribute. It has
// no file, so nothing can point into it, and it needs no title.
func (c *checker) checkFrame(s source) {
	p := newPage(s.file)
	p.base, p.doctype, p.inline = s.base, true, maxInline-maxFrameInline
	m := &markup{c: c, page: p, unclosed: map[string]int{}, line: s.line}
	m.walk(s.text)
	c.checkSnippets(p.styles, p.handlers)
	for _, ref := range p.references {
		if strings.HasPrefix(ref.address, "#") {
			continue
		}
		ref.base = p.base
		c.refer(ref)
	}
}

// pointer is an attribute that names another element of the page by its id.
type pointer struct {
	line     int
	tag, key string
	id       string
}

// enterPointers notes the ids that the attributes of an element name.
func (p *page) enterPointers(e element) {
	keys := []string{"form", "popovertarget"}
	switch e.tag {
	case "label":
		keys = append(keys, "for")
	case "input":
		keys = append(keys, "list")
	}
	for _, key := range keys {
		if id := e.attr[key]; id != "" {
			p.pointers = append(p.pointers, pointer{line: e.line, tag: e.tag, key: key, id: id})
		}
	}
}

// has says whether something of the page has an id, or may have it once a
// template is copied.
func (p *page) has(id string) bool { return p.ids[id] > 0 || p.copies[id] }

func (p *page) checkPointers(c *checker) {
	for _, at := range p.pointers {
		c.expect(p.has(at.id), RuleLabel, p.file, at.line, "<%s %s=%s>: there is no such id", at.tag, at.key, quote(at.id))
	}
}
