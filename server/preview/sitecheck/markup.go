package sitecheck

import (
	"bytes"
	"strings"

	"golang.org/x/net/html"
)

// maxHTMLDepth is how deep elements may be nested; browsers cut off there too.
const maxHTMLDepth = 512

// element is an open element.
type element struct {
	tag  string
	line int
	attr attributes
	// named says that the content has something to read out: text, or an image
	// with an alt text.
	named bool
}

// attributes are those of an element, by lower-case name.
type attributes map[string]string

// markup walks over the tokens of a page and keeps track of what is open.
type markup struct {
	c    *checker
	page *page
	open []element
	// foreign is how many svg and math elements are open: there, XML's way of
	// closing tags applies.
	foreign int
	// templates is how many template elements are open.
	templates int
	// ended says that the page's last end tag was read.
	ended bool
	// unclosed counts by tag the elements that were reported as not closed, so
	// that an end tag that comes late is not reported as well.
	unclosed map[string]int
	line     int
}

// checkPage judges a page by itself and keeps what other pages may refer to.
func (c *checker) checkPage(s source) {
	p := newPage(s.file)
	c.pages[s.file] = p
	m := &markup{c: c, page: p, unclosed: map[string]int{}, line: s.line}
	c.checks++
	m.walk(s.text)
	p.finish(c)
}

func (m *markup) fail(line int, format string, args ...any) {
	m.c.fail(RuleHTML, m.page.file, line, format, args...)
}

// walk reads the page. It stops early where elements are nested too deeply.
func (m *markup) walk(text string) {
	z := html.NewTokenizer(strings.NewReader(text))
	for {
		kind := z.Next()
		raw := z.Raw()
		lines := bytes.Count(raw, []byte("\n"))
		switch kind {
		case html.ErrorToken:
			if len(raw) > 0 {
				m.fail(m.line, "the page ends inside a tag")
			}
			m.closeDownTo(0)
			return
		case html.TextToken:
			m.text(string(raw), z)
		case html.DoctypeToken:
			m.page.doctype = true
		case html.CommentToken:
			m.comment(raw)
		case html.StartTagToken, html.SelfClosingTagToken:
			m.startTag(z, raw, kind == html.SelfClosingTagToken)
		case html.EndTagToken:
			name, _ := z.TagName()
			m.endTag(string(name))
		}
		m.line += lines
		if len(m.open) > maxHTMLDepth {
			m.fail(m.line, "elements are nested more than %d deep", maxHTMLDepth)
			return
		}
	}
}

func (m *markup) comment(raw []byte) {
	switch {
	case bytes.HasPrefix(raw, []byte("<!--")):
		if !bytes.HasSuffix(raw, []byte("-->")) {
			m.fail(m.line, "a comment is not closed")
		}
	case m.foreign == 0:
		m.fail(m.line, "%s is neither a tag nor a comment", quote(string(raw)))
	}
}

// text handles the text between two tags.
func (m *markup) text(raw string, z *html.Tokenizer) {
	if len(m.open) == 0 {
		m.stray(raw)
		return
	}
	top := &m.open[len(m.open)-1]
	if !rawText(top.tag) {
		top.named = top.named || strings.TrimSpace(raw) != ""
		return
	}
	// Parts in other languages count only once they end: an element that is
	// not closed takes the rest of the page with it, and that is one mistake.
	m.page.raw = source{file: m.page.file, line: m.line, text: raw}
	top.named = top.tag == "title" && m.foreign > 0
	if top.tag == "title" {
		m.page.raw.text = string(z.Text())
	}
}

// stray judges text outside of all elements. Before the doctype it makes the
// browser fall back on the rules of old, and after the page's end it is shown.
func (m *markup) stray(raw string) {
	if text := strings.Trim(raw, space+"\ufeff"); text != "" && (m.ended || !m.page.doctype) {
		m.fail(m.line, "%s stands outside of the page", quote(text))
	}
}

// startTag handles a start tag.
func (m *markup) startTag(z *html.Tokenizer, raw []byte, selfClosing bool) {
	name, more := z.TagName()
	tag := string(name)
	if tag == "noscript" {
		z.NextIsNotRawText()
	}
	attr := attributes{}
	for more {
		var key, value []byte
		key, value, more = z.TagAttr()
		attr[string(key)] = string(value)
	}
	m.checkAttributeNames(tag, raw)
	if m.foreign == 0 {
		m.checkPlace(tag)
	}
	e := element{tag: tag, line: m.line, attr: attr}
	m.page.enter(m.c, e, m.open)
	if m.foreign == 0 && isVoid(tag) {
		m.markNamed(tag == "img" && strings.TrimSpace(attr["alt"]) != "")
		return
	}
	if selfClosing && (m.foreign > 0 || tag == "svg" || tag == "math") {
		return
	}
	if selfClosing {
		m.fail(m.line, "<%s/> does not close a %s: it needs an end tag", tag, tag)
		return
	}
	if tag == "svg" || tag == "math" {
		m.foreign++
	}
	m.countTemplate(tag, 1)
	m.page.raw = source{file: m.page.file, line: m.line}
	m.open = append(m.open, e)
}

// checkPlace judges whether an element may begin here, and closes a paragraph
// that it ends.
func (m *markup) checkPlace(tag string) {
	if closesParagraph(tag) && len(m.open) > 0 && m.open[len(m.open)-1].tag == "p" {
		m.open = m.open[:len(m.open)-1]
	}
	if nestsInItself(tag) {
		return
	}
	for _, e := range m.open {
		if e.tag == tag {
			m.fail(m.line, "<%s> inside the <%s> of line %d", tag, tag, e.line)
			return
		}
	}
}

// countTemplate notes that a template begins or ends.
func (m *markup) countTemplate(tag string, change int) {
	if tag == "template" {
		m.templates += change
		m.page.inert = m.templates > 0
	}
}

// endTag handles an end tag.
func (m *markup) endTag(tag string) {
	m.ended = m.ended || tag == "html"
	at := len(m.open) - 1
	for at >= 0 && m.open[at].tag != tag {
		at--
	}
	switch {
	case at >= 0:
		m.closeDownTo(at + 1)
		m.pop()
	case m.unclosed[tag] > 0:
		m.unclosed[tag]--
	default:
		m.fail(m.line, "</%s> closes nothing", tag)
	}
}

// closeDownTo closes all but the first n open elements, as a browser does when
// their end tags are missing.
func (m *markup) closeDownTo(n int) {
	for len(m.open) > n {
		e := m.open[len(m.open)-1]
		if !endOptional(e.tag) {
			m.fail(e.line, "<%s> is not closed", e.tag)
			m.unclosed[e.tag]++
			m.page.raw = source{}
		}
		m.pop()
	}
}

// pop closes the innermost element.
func (m *markup) pop() {
	e := m.open[len(m.open)-1]
	m.open = m.open[:len(m.open)-1]
	if e.tag == "svg" || e.tag == "math" {
		m.foreign--
	}
	m.countTemplate(e.tag, -1)
	m.page.leave(m.c, e, m.foreign > 0)
	m.markNamed(e.named || e.attr["aria-label"] != "")
}

// markNamed says that the innermost element has something to read out.
func (m *markup) markNamed(named bool) {
	if named && len(m.open) > 0 {
		m.open[len(m.open)-1].named = true
	}
}

// checkAttributeNames judges the names of a start tag's attributes as they are
// written: the tokenizer drops repeated ones.
func (m *markup) checkAttributeNames(tag string, raw []byte) {
	seen := map[string]bool{}
	for _, name := range attributeNames(raw) {
		name = strings.ToLower(name)
		if seen[name] {
			m.fail(m.line, "<%s> has the attribute %s twice", tag, quote(name))
		} else if strings.ContainsAny(name, "\"'<=") {
			m.fail(m.line, "<%s> has a malformed attribute %s", tag, quote(name))
		}
		seen[name] = true
	}
}

// space are the characters between the parts of a tag.
const space = " \t\r\n\f"

// attributeNames returns the names of the attributes in a start tag, in the
// order in which they are written.
func attributeNames(raw []byte) []string {
	var names []string
	rest := raw[indexAny(raw, space+"/>"):]
	for {
		rest = bytes.TrimLeft(rest, space+"/")
		if len(rest) == 0 || rest[0] == '>' {
			return names
		}
		// A name may begin with an equals sign, but not go on with one.
		end := 1 + indexAny(rest[1:], space+"/=>")
		names = append(names, string(rest[:end]))
		rest = bytes.TrimLeft(rest[end:], space)
		if len(rest) > 0 && rest[0] == '=' {
			rest = skipValue(bytes.TrimLeft(rest[1:], space))
		}
	}
}

// skipValue returns what follows the attribute value that rest begins with.
func skipValue(rest []byte) []byte {
	if len(rest) == 0 || rest[0] != '"' && rest[0] != '\'' {
		return rest[indexAny(rest, space+">"):]
	}
	_, after, _ := bytes.Cut(rest[1:], rest[:1])
	return after
}

// indexAny returns where the first of chars is in s, or the length of s.
func indexAny(s []byte, chars string) int {
	if i := bytes.IndexAny(s, chars); i >= 0 {
		return i
	}
	return len(s)
}
