package sitecheck

import "strings"

// kind says what a page does with an address.
type kind int

const (
	// kindLink is followed when the visitor asks for it, to anywhere.
	kindLink kind = iota
	// kindForm is sent to; it stays within the site.
	kindForm
	// kindAsset is loaded, with any type.
	kindAsset
	// kindStyle and kindScript are loaded and refused if the type is wrong;
	// so is kindModule, which also has its own rules for addresses.
	kindStyle
	kindScript
	kindModule
	// kindRefresh is followed without anybody's asking; it stays within the site.
	kindRefresh
	// kindRequest is asked for by a script: only its host is judged.
	kindRequest
	// kindHint is connected to ahead of time: only its host is judged.
	kindHint
)

// reference is an address that a file names.
type reference struct {
	file    string
	line    int
	kind    kind
	address string
	// what names the place in a message, such as "<img src>".
	what string
	// base is the address of the page's base element, as written, or empty.
	base string
	// module says that a script is loaded as a module.
	module bool
	// deferred says that a script runs once the page is read.
	deferred bool
}

// refer keeps a reference until all files are known.
func (c *checker) refer(ref reference) { c.references = append(c.references, ref) }

// enterReferences notes the addresses in an element's attributes.
func (p *page) enterReferences(e element) {
	switch e.tag {
	case "a", "area":
		p.refer(e, "href", kindLink)
	case "form":
		p.refer(e, "action", kindForm)
	case "button":
		p.refer(e, "formaction", kindForm)
	case "input":
		p.refer(e, "formaction", kindForm)
		p.refer(e, "src", kindAsset)
	case "script":
		p.refer(e, "src", kindScript)
	case "link":
		p.enterLink(e)
	case "img", "source":
		p.refer(e, "src", kindAsset)
		p.referSet(e, "srcset")
	case "video":
		p.refer(e, "src", kindAsset)
		p.refer(e, "poster", kindAsset)
	case "audio", "track", "iframe", "embed", "frame":
		p.refer(e, "src", kindAsset)
	case "object":
		p.refer(e, "data", kindAsset)
	case "use", "image", "feimage":
		p.refer(e, "href", kindAsset)
		p.refer(e, "xlink:href", kindAsset)
	case "body", "table", "td", "th":
		p.refer(e, "background", kindAsset)
	case "meta":
		p.enterRefresh(e)
	case "base":
		p.refer(e, "href", kindHint)
	}
}

// refer notes the address in the attribute called name, if there is one.
func (p *page) refer(e element, name string, k kind) {
	address, ok := e.attr[name]
	if !ok || p.inert && incomplete(address) {
		return
	}
	_, async := e.attr["async"]
	_, deferred := e.attr["defer"]
	module := strings.EqualFold(strings.TrimSpace(e.attr["type"]), "module")
	p.references = append(p.references, reference{
		file: p.file, line: e.line, kind: k, address: address, what: "<" + e.tag + " " + name + ">",
		module: module, deferred: module || async || deferred,
	})
}

// referSet notes the addresses of a srcset: candidates after commas, each an
// address and a description.
func (p *page) referSet(e element, name string) {
	rest, ok := e.attr[name]
	for ok && !(p.inert && incomplete(rest)) {
		rest = strings.TrimLeft(rest, " \t\r\n\f,")
		end := strings.IndexAny(rest, " \t\r\n\f")
		if end < 0 {
			end = len(rest)
		}
		address := strings.TrimRight(rest[:end], ",")
		if address == "" {
			return
		}
		p.references = append(p.references, reference{
			file: p.file, line: e.line, kind: kindAsset, address: address, what: "<" + e.tag + " " + name + ">",
		})
		// An address that ends in a comma has no description.
		if len(address) == end {
			_, rest, ok = strings.Cut(rest[end:], ",")
		} else {
			rest = rest[end:]
		}
	}
}

// enterLink notes what a link element refers to, by its relation.
func (p *page) enterLink(e element) {
	k := kindLink
	for rel := range strings.FieldsSeq(strings.ToLower(e.attr["rel"])) {
		switch rel {
		case "stylesheet":
			k = kindStyle
		case "modulepreload":
			k = kindModule
		case "icon", "apple-touch-icon", "mask-icon", "manifest", "preload", "prefetch", "prerender":
			k = kindAsset
		case "preconnect", "dns-prefetch":
			k = kindHint
		}
	}
	p.refer(e, "href", k)
	p.referSet(e, "imagesrcset")
}
