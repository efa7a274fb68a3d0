package sitecheck

// The tables below follow the HTML standard, sections 13.1.2 and 13.2.6.

// isVoid says whether an element has no content and no end tag.
func isVoid(tag string) bool {
	switch tag {
	case "area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source",
		"track", "wbr", "param":
		return true
	}
	return false
}

// endOptional says whether an element's end tag may be left out.
func endOptional(tag string) bool {
	switch tag {
	case "html", "head", "body", "li", "dt", "dd", "p", "rt", "rp", "optgroup", "option",
		"colgroup", "caption", "thead", "tbody", "tfoot", "tr", "td", "th":
		return true
	}
	return false
}

// closesParagraph says whether an element's start tag ends an open p.
func closesParagraph(tag string) bool {
	switch tag {
	case "address", "article", "aside", "blockquote", "details", "dialog", "div", "dl", "fieldset",
		"figcaption", "figure", "footer", "form", "h1", "h2", "h3", "h4", "h5", "h6", "header",
		"hgroup", "hr", "main", "menu", "nav", "ol", "p", "pre", "search", "section", "table", "ul":
		return true
	}
	return false
}

// nestsInItself says whether an element must not be inside another of its kind:
// a browser would close the outer one.
func nestsInItself(tag string) bool { return tag != "a" && tag != "form" && tag != "button" }

// rawText says whether an element's content is one piece of text.
func rawText(tag string) bool {
	switch tag {
	case "script", "style", "textarea", "title", "iframe":
		return true
	}
	return false
}
