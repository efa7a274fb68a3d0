package offline

import (
	"bytes"
	"cmp"
	"encoding/xml"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"
)

// extraFile is a file besides pages that an optional kind brings.
type extraFile struct {
	path, purpose string
	content       func() ([]byte, error)
}

// extras lists the files of the optional kinds in a fixed order.
func (s *site) extras() []extraFile {
	var out []extraFile
	for _, script := range []struct{ kind, name string }{
		{"darkMode", "scheme"}, {"accessibility", "access"}, {"analytics", "visits"},
	} {
		if s.brief.has(script.kind) {
			out = append(out, extraFile{"assets/" + script.name + ".js", script.name, func() ([]byte, error) { return scriptFile(script.name) }})
		}
	}
	if s.brief.has("seo") {
		out = append(out,
			extraFile{"sitemap.xml", "sitemap", s.sitemap},
			extraFile{"robots.txt", "robots", func() ([]byte, error) { return robots(s.address()), nil }})
	}
	return out
}

func scriptFile(name string) ([]byte, error) {
	content, err := templateFiles.ReadFile("templates/js/" + name + ".js")
	if err != nil {
		return nil, fmt.Errorf("script: %w", err)
	}
	return content, nil
}

// address is where the site will stand one day: nobody has said it yet, so it is
// one of the addresses that are kept for examples.
func (s *site) address() string {
	return "https://" + cmp.Or(slug(s.brief.Brand), s.brief.Business) + ".example/"
}

// sitemap lists the pages that search engines are to show.
func (s *site) sitemap() ([]byte, error) {
	var pages []string
	for _, e := range s.editions {
		for _, p := range e.allPages() {
			if p.spec.file != thanksFile && p.spec.key != "missing" && p.spec.key != "cart" {
				pages = append(pages, p.path())
			}
		}
	}
	return sitemapOf(s.address(), pages)
}

func sitemapOf(address string, pages []string) ([]byte, error) {
	var b bytes.Buffer
	b.WriteString(`<?xml version="1.0" encoding="UTF-8"?>` + "\n" + `<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">` + "\n")
	for _, name := range pages {
		if path.Base(name) == homeFile {
			name = strings.TrimSuffix(name, homeFile)
		}
		b.WriteString("<url><loc>")
		if err := xml.EscapeText(&b, []byte(address+name)); err != nil {
			return nil, fmt.Errorf("sitemap: %w", err)
		}
		b.WriteString("</loc></url>\n")
	}
	b.WriteString("</urlset>\n")
	return b.Bytes(), nil
}

func robots(address string) []byte {
	return []byte("User-agent: *\nAllow: /\nDisallow: /" + thanksFile + "\nSitemap: " + address + "sitemap.xml\n")
}

// writeSchemes writes the two schemes of a site that has a switch. The site's own
// is what a visitor without a wish sees.
func (p palette) writeSchemes(w io.Writer) {
	other, name, own, foot := p.dark(), "dark", "light", ""
	if p.isDark() {
		// A dark site's foot is black whatever the theme, which light text needs.
		other, name, own, foot = p.light(), "light", "dark", "%s .foot{background:var(--tint)}"
	}
	rules := func(root string) string {
		text := fmt.Sprintf("%s{color-scheme:%s;%s}", root, name, other.properties())
		if foot != "" {
			text += fmt.Sprintf(foot, root)
		}
		return text
	}
	fmt.Fprintf(w, ":root{color-scheme:%s}\n", own)
	fmt.Fprintf(w, "@media (prefers-color-scheme:%s){%s}\n", name, rules(":root:not([data-scheme="+own+"])"))
	fmt.Fprintln(w, rules(":root[data-scheme="+name+"]"))
}

// colorsOf returns the brief's palette, turned and darkened as it says.
func colorsOf(b brief) palette {
	p := palettes[b.Business][b.Theme].recolored(b.Color)
	if b.Dark {
		p = p.dark()
	}
	return p
}

// Has says whether the site was given a kind.
func (p *page) Has(kind string) bool { return p.brief.has(kind) }

// ThemeColor is what a phone paints its own bars with.
func (p *page) ThemeColor() string { return p.colors.paper }

// Breadcrumbs tell search engines where the page stands.
func (p *page) Breadcrumbs() map[string]any {
	entry := func(position int, name, file string) map[string]any {
		return map[string]any{"@type": "ListItem", "position": position, "name": name, "item": p.site.address() + strings.TrimSuffix(p.prefix+file, homeFile)}
	}
	return map[string]any{
		"@context": "https://schema.org", "@type": "BreadcrumbList",
		"itemListElement": []any{entry(1, p.T("home"), homeFile), entry(2, p.title(), p.file)},
	}
}

// Privacy is what the page on privacy says; a site that counts visits says so.
func (p *page) Privacy() []item {
	out := slices.Clone(p.List("privacy"))
	for i := range out {
		if out[i].ID == "not" && p.Has("analytics") {
			out[i].Text = p.T("privacy.analytics")
		}
	}
	return out
}

// Picture names a drawing for a place where the copy names none.
func (p *page) Picture(name string, n int) string {
	suits := map[string][]string{
		"salon": {"tress", "hair"}, "restaurant": {"plate", "table"}, "shop": {"shelf", "compose"}, "saas": {"board", "report", "rules"},
		"medical": {"care", "landscape"}, "gym": {"kettle", "stripes"}, "agency": {"shapes", "compose"}, "event": {"burst", "landscape"},
		"blog": {"landscape", "waves"},
	}[p.brief.Business]
	if suits == nil {
		suits = []string{"compose", "waves"}
	}
	return cmp.Or(name, suits[n%len(suits)])
}

// Priced are the first things of the business that have a price.
func (p *page) Priced() []item {
	const most = 10
	var out []item
	for _, list := range []string{"services", "products"} {
		for _, it := range p.text.Lists[list] {
			if it.Price > 0 && len(out) < most {
				out = append(out, it)
			}
		}
	}
	return out
}

// Tags are the distinct tags of a list, in its order.
func (p *page) Tags(list string) []string {
	var out []string
	for _, it := range p.List(list) {
		if it.Tag != "" && !slices.Contains(out, it.Tag) {
			out = append(out, it.Tag)
		}
	}
	return out
}

// comparison is a line of the table of plans: what it is about, and which plans
// have it.
type comparison struct {
	Name  string
	Marks []bool
}

// Compared lines the plans up by what they include.
func (p *page) Compared() []comparison {
	plans := p.List("plans")
	var out []comparison
	for _, plan := range plans {
		for _, name := range plan.List {
			if slices.ContainsFunc(out, func(c comparison) bool { return c.Name == name }) {
				continue
			}
			line := comparison{Name: name}
			for _, other := range plans {
				line.Marks = append(line.Marks, slices.Contains(other.List, name))
			}
			out = append(out, line)
		}
	}
	return out
}
