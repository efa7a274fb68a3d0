package offline

import (
	"html/template"
	"path"
	"strings"

	"github.com/sheenapps/sheen/server/engine"
)

// page is a page of an edition. Its methods are what templates call.
type page struct {
	*edition
	spec pageSpec
	// file is the page's path inside its edition.
	file string
	// Item is what the page is about, where there is a page per item.
	Item *item
	// Position is the place of Item in its list.
	Position int
	// Body are the rendered sections.
	Body template.HTML
	// guest are the files of a site that the page is made for without being one
	// of its own; nil for the engine's own sites.
	guest []engine.File
}

// section is a page at one of its sections.
type section struct {
	*page
	Name  string
	Head  head
	Items []item
	// Index is the section's place on the page, 0 is the first.
	Index int
}

// path is the page's path inside the site.
func (p *page) path() string { return p.prefix + p.file }

// title is the page's own, without the brand.
func (p *page) title() string {
	if p.Item != nil {
		return p.Item.Name
	}
	return p.Copy().Title
}

// Copy returns the words of the page.
func (p *page) Copy() pageCopy {
	if c, ok := p.text.Pages[p.spec.key]; ok {
		return c
	}
	return pageCopy{
		Nav: p.T("page." + p.spec.key), Title: p.T("page." + p.spec.key), Lead: p.T("page." + p.spec.key + ".lead"),
	}
}

// DocumentTitle is the title for the browser's tab.
func (p *page) DocumentTitle() string {
	if p.spec.key == "home" {
		return p.brief.Brand + " · " + p.text.Tagline
	}
	return p.title() + " · " + p.brief.Brand
}

// Description is the page's in search results.
func (p *page) Description() string {
	switch {
	case p.Item != nil:
		return p.Item.Text
	case p.spec.key == "home":
		return p.text.Hero.Lead
	}
	return p.Copy().Lead
}

// T returns the interface's words for key.
func (p *page) T(key string) string { return p.words.Words[key] }

// Text returns the business's copy.
func (p *page) Text() *copytext { return p.text }

// Brand is the business's name.
func (p *page) Brand() string { return p.brief.Brand }

// Lang is the edition's language.
func (p *page) Lang() string { return p.lang }

// Locale is the tag of the edition.
func (p *page) Locale() string { return p.locale }

// OpenGraphLocale is the tag as the Open Graph protocol writes it: "ar_EG".
func (p *page) OpenGraphLocale() string { return strings.ReplaceAll(p.locale, "-", "_") }

// Business is the key of the business.
func (p *page) Business() string { return p.brief.Business }

// Key is the key of the page.
func (p *page) Key() string { return p.spec.key }

// Dir is the direction of the language's script.
func (p *page) Dir() string {
	if p.lang == "ar" {
		return "rtl"
	}
	return "ltr"
}

// Initial is the first letter of the brand, for its mark.
func (p *page) Initial() string {
	for _, r := range p.brief.Brand {
		return strings.ToUpper(string(r))
	}
	return ""
}

// Link returns the address of a file of this edition, relative to the page.
func (p *page) Link(file string) string {
	if p.guest != nil && find(p.guest, file) == nil {
		return homeFile
	}
	return p.relative(p.prefix + file)
}

// Asset returns the address of a file of the site, relative to the page.
func (p *page) Asset(file string) string { return p.relative(file) }

func (p *page) relative(to string) string {
	up := strings.Count(p.path(), "/")
	here := path.Dir(p.path()) + "/"
	if rest, ok := strings.CutPrefix(to, here); ok && here != "./" {
		return rest
	}
	return strings.Repeat("../", up) + to
}

// Action and Listing are the targets of the main and of the second button.
func (p *page) Action() string  { return p.Link(p.plans.action) }
func (p *page) Listing() string { return p.Link(p.plans.listing) }

// About is the target of the link after the story.
func (p *page) About() string { return p.Link(p.plans.about) }

// link is an entry of the navigation or of the language switch.
type link struct {
	Href, Label, Lang string
	Current           bool
}

// Nav lists the pages of the navigation.
func (p *page) Nav() []link {
	var out []link
	for _, spec := range p.pages {
		if spec.nav {
			label := (&page{edition: p.edition, spec: spec}).Copy().Nav
			out = append(out, link{Href: p.Link(spec.file), Label: label, Current: spec.file == p.file})
		}
	}
	return out
}

// Foot lists the pages that only the footer leads to.
func (p *page) Foot() []link {
	var out []link
	for _, spec := range p.pages {
		if spec.foot {
			label := (&page{edition: p.edition, spec: spec}).Copy().Nav
			out = append(out, link{Href: p.Link(spec.file), Label: label})
		}
	}
	return out
}

// Languages lists the same page in every edition; nothing where there is one.
func (p *page) Languages() []link {
	if len(p.editions) < 2 {
		return nil
	}
	var out []link
	for _, e := range p.editions {
		out = append(out, link{
			Href: p.relative(e.prefix + p.file), Label: languageNames[e.lang], Lang: e.locale, Current: e == p.edition,
		})
	}
	return out
}

var languageNames = map[string]string{"en": "English", "fr": "Français", "ar": "العربية", "es": "Español", "de": "Deutsch"}

// List returns a list of the copy: the business's own, else one that was written
// for businesses of its type, else one for all.
func (e *edition) List(name string) []item {
	if items, ok := e.text.Lists[name]; ok {
		return items
	}
	if items, ok := e.words.Lists[name+":"+e.brief.Business]; ok {
		return items
	}
	return e.words.Lists[name]
}

// Own returns a list of the business's own copy.
func (p *page) Own(name string) []item { return p.text.Lists[name] }

// HeadOf returns the words over a section.
func (p *page) HeadOf(name string) head {
	if h, ok := p.text.Heads[name]; ok {
		return h
	}
	if h, ok := p.words.Heads[name+":"+p.brief.Business]; ok {
		return h
	}
	return p.words.Heads[name]
}

// ItemLink is the address of an item's page.
func (p *page) ItemLink(folder string, it item) string { return p.Link(folder + "/" + it.ID + ".html") }

// IsHome says whether this is the first page.
func (p *page) IsHome() bool { return p.spec.key == "home" }
