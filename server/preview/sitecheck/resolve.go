package sitecheck

import (
	"net/url"
	"slices"
	"strings"

	"github.com/sheenapps/sheen/server/preview/sitepath"
)

// siteHost stands for the site's own host while addresses are resolved.
const siteHost = "site.invalid"

// checkReferences judges all addresses, now that all files are known.
func (c *checker) checkReferences() {
	for _, ref := range c.references {
		c.checkReference(ref)
	}
}

func (c *checker) checkReference(ref reference) {
	address := strings.Trim(ref.address, " \t\r\n\f")
	if address == "" && (ref.kind == kindLink || ref.kind == kindForm || ref.kind == kindRefresh || ref.kind == kindHint) {
		return // the page itself
	}
	c.checks++
	if address == "" {
		c.fail(RuleAsset, ref.file, ref.line, "%s is empty", ref.what)
		return
	}
	// An address that carries its own content is neither parsed nor requested.
	for _, scheme := range []string{"data:", "blob:", "about:", "javascript:"} {
		if len(address) >= len(scheme) && strings.EqualFold(address[:len(scheme)], scheme) {
			return
		}
	}
	target, err := resolve(ref, address)
	if err != nil {
		c.fail(ref.rule(), ref.file, ref.line, "%s %s is not an address", ref.what, quote(address))
		return
	}
	if target.Host != siteHost || target.Scheme != "http" {
		c.checkExternal(ref, target, address)
		return
	}
	c.checkInternal(ref, target, address)
}

// rule returns the rule that a reference to something missing violates.
func (r reference) rule() Rule {
	if r.kind == kindLink || r.kind == kindForm || r.kind == kindRefresh {
		return RuleLink
	}
	return RuleAsset
}

// resolve returns what an address means in its place.
func resolve(ref reference, address string) (*url.URL, error) {
	base := &url.URL{Scheme: "http", Host: siteHost, Path: "/" + ref.file}
	for _, step := range []string{ref.base, address} {
		if strings.ContainsAny(step, "\\\n\r\t") {
			// Browsers take a backslash for a slash, and drop line breaks.
			step = strings.NewReplacer("\\", "/", "\n", "", "\r", "", "\t", "").Replace(step)
		}
		u, err := url.Parse(step)
		if err != nil {
			return nil, err //nolint:wrapcheck // only whether there is one counts
		}
		if step != "" {
			base = base.ResolveReference(u)
		}
	}
	return base, nil
}

// checkExternal judges an address outside of the site.
func (c *checker) checkExternal(ref reference, target *url.URL, address string) {
	web := target.Scheme == "http" || target.Scheme == "https" || target.Scheme == "ws" || target.Scheme == "wss"
	switch {
	case target.Scheme == "file" || web && privateHost(target.Hostname()):
		c.fail(ref.rule(), ref.file, ref.line, "%s %s leads to the machine of its visitor", ref.what, quote(address))
	case ref.kind == kindLink && !web:
		return // mail, telephone, maps
	case ref.kind == kindForm && (target.Scheme == "mailto" || target.Scheme == "tel"):
		return
	case web && target.Hostname() == "":
		c.fail(ref.rule(), ref.file, ref.line, "%s %s has no host", ref.what, quote(address))
	case ref.kind == kindLink:
		return // going to another site is not a request of this one
	case !slices.Contains(c.opts.AllowHosts, strings.ToLower(target.Hostname())):
		c.fail(RuleExternal, ref.file, ref.line, "%s %s leaves the site", ref.what, quote(address))
	}
}

// privateHost says whether every visitor's machine has that name.
func privateHost(host string) bool {
	return host == "localhost" || strings.HasPrefix(host, "127.") || host == "::1" || host == "0.0.0.0"
}

// checkInternal judges an address inside the site.
func (c *checker) checkInternal(ref reference, target *url.URL, address string) {
	if ref.kind == kindRequest || ref.kind == kindHint {
		return
	}
	if ref.kind == kindModule && ref.what == "import" && !relativeSpecifier(address) {
		if c.explained(address) {
			return
		}
		c.fail(RuleAsset, ref.file, ref.line, "import %s names no file: a browser needs ./, ../ or /", quote(address))
		return
	}
	name, ok := c.lookup(target)
	if !ok {
		c.fail(ref.rule(), ref.file, ref.line, "%s %s does not exist", ref.what, quote(address))
		return
	}
	if message := c.wrongUse(ref, name); message != "" {
		c.fail(RuleAsset, ref.file, ref.line, "%s %s %s", ref.what, quote(address), message)
		return
	}
	c.checkAnchor(ref, target, name, address)
}

// relativeSpecifier says whether a browser takes an import for an address.
func relativeSpecifier(address string) bool {
	return strings.HasPrefix(address, "/") || strings.HasPrefix(address, "./") || strings.HasPrefix(address, "../")
}

// explained says whether an import map tells what the name of an import means.
func (c *checker) explained(name string) bool {
	return slices.ContainsFunc(c.mapped, func(known string) bool {
		return name == known || strings.HasSuffix(known, "/") && strings.HasPrefix(name, known)
	})
}

// lookup returns the file that the preview server would answer with.
func (c *checker) lookup(target *url.URL) (name string, ok bool) {
	for _, candidate := range sitepath.Candidates(target.EscapedPath()) {
		if c.files[candidate.Name] {
			return candidate.Name, true
		}
	}
	return "", false
}

// wrongUse says why a browser would not use the file as it is referred to; it
// is empty when nothing is wrong. Previews are served with nosniff.
func (c *checker) wrongUse(ref reference, name string) string {
	if c.empty[name] {
		return "is empty"
	}
	contentType, _ := sitepath.ContentType(name)
	switch ref.kind {
	case kindStyle:
		if !strings.HasPrefix(contentType, "text/css") {
			return "is not a style sheet"
		}
	case kindScript, kindModule:
		if !strings.HasPrefix(contentType, "text/javascript") {
			return "is not a script"
		}
		if c.modules[name] && ref.kind == kindScript && !ref.module {
			return "is a module and needs type=module"
		}
		if c.writers[name] && ref.deferred {
			return "calls document.write, which does nothing once the page is read"
		}
	default:
	}
	return ""
}

// checkAnchor judges the place within the page that an address names.
func (c *checker) checkAnchor(ref reference, target *url.URL, name, address string) {
	fragment := target.Fragment
	page, isPage := c.pages[name]
	if !isPage || fragment == "" || strings.EqualFold(fragment, "top") || strings.HasPrefix(fragment, ":~:") {
		return
	}
	if !page.has(fragment) {
		c.fail(RuleAnchor, ref.file, ref.line, "%s %s: there is no such place in %s", ref.what, quote(address), name)
	}
}
