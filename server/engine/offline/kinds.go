package offline

import (
	"slices"
	"strings"
)

// addition is how a kind becomes part of a site: a page of its own, or a section
// on a page that is there already.
type addition struct {
	page pageSpec
	// each are pages that come with page, one per item.
	each []pageSpec
	// on is the file that gets section.
	on, section string
	// unless names sections, separated by spaces; where any page has one of them
	// there is nothing to add.
	unless string
	// only names the businesses that it suits; empty is all.
	only string
}

// additions by kind. The first one that a business's own pages do not have is
// made: what comes later makes stronger what is there. A kind without any is
// part of the layout.
var additions = map[string][]addition{
	"contact": {
		{page: pageSpec{key: "contact", file: "contact.html", nav: true, sections: "pagehead contactform"}, unless: "contactform"},
		{on: homeFile, section: "visit"},
	},
	"pricing": {
		{on: homeFile, section: "pricetable", only: "salon restaurant shop"},
		{on: homeFile, section: "plans", unless: "plans"},
		{on: homeFile, section: "compare"},
	},
	"faq": {{on: homeFile, section: "faq"}},
	"testimonials": {
		{on: homeFile, section: "quotes"},
		{page: pageSpec{key: "reviews", file: "reviews.html", foot: true, sections: "pagehead voices cta"}},
	},
	"about": {
		{page: pageSpec{key: "about", file: "about.html", nav: true, sections: "pagehead story values"}},
		{on: "about.html", section: "milestones"},
	},
	"services": {
		{on: homeFile, section: "services", unless: "features"},
		{on: homeFile, section: "promises"},
	},
	"portfolio": {
		{on: homeFile, section: "cases", unless: "projects"},
		{page: pageSpec{key: "work", file: "work.html", nav: true, sections: "pagehead projectgrid cta"}},
	},
	"team": {
		{on: homeFile, section: "team"},
		{page: pageSpec{key: "jobs", file: "jobs.html", foot: true, sections: "pagehead joinus"}},
	},
	"booking": {
		{page: pageSpec{key: "booking", file: "booking.html", nav: true, sections: "pagehead bookingform"}, unless: "bookingform"},
		{on: homeFile, section: "bookbar"},
	},
	"payment": {{on: homeFile, section: "payment"}},
	"gallery": {
		{on: homeFile, section: "gallery"},
		{page: pageSpec{key: "gallery", file: "gallery.html", nav: true, sections: "pagehead album cta"}},
	},
	"newsletter": {
		{on: homeFile, section: "newsletter"},
		{page: pageSpec{key: "newsletter", file: "newsletter.html", foot: true, sections: "pagehead inside newsletter"}},
	},
	"blog": {
		{
			page:   pageSpec{key: "blog", file: "blog.html", nav: true, sections: "pagehead articles"},
			each:   []pageSpec{{key: "article", file: "articles", each: "articles", sections: "article articles"}},
			unless: "articles",
		},
		{page: pageSpec{key: "archive", file: "archive.html", nav: true, sections: "pagehead archive newsletter"}},
	},
	"social":        {{on: homeFile, section: "social"}},
	"analytics":     {{page: pageSpec{key: "visits", file: visitsFile, foot: true, sections: "pagehead visits"}}},
	"accessibility": {{page: pageSpec{key: "accessibility", file: "accessibility.html", foot: true, sections: "pagehead statement"}}},
}

// additionFor returns what a kind adds to the sites of a business; nothing if the
// kind is part of the layout alone.
func additionFor(business, kind string) addition {
	pages := blueprints[business].pages
	for _, candidate := range additions[kind] {
		if candidate.suits(business, pages) {
			return candidate
		}
	}
	return addition{}
}

func (a addition) suits(business string, pages []pageSpec) bool {
	if a.only != "" && !slices.Contains(strings.Fields(a.only), business) {
		return false
	}
	for _, page := range pages {
		sections := strings.Fields(page.sections)
		for name := range strings.FieldsSeq(a.unless) {
			if slices.Contains(sections, name) {
				return false
			}
		}
		if a.page.file == page.file || a.on == page.file && slices.Contains(sections, a.section) {
			return false
		}
	}
	return a.on == "" || slices.ContainsFunc(pages, func(p pageSpec) bool { return p.file == a.on })
}

// withKind returns pages with what a kind adds.
func withKind(pages []pageSpec, business, kind string) []pageSpec {
	add := additionFor(business, kind)
	if add.page.file != "" {
		pages = append(append(pages, add.page), add.each...)
	}
	for i := range pages {
		if add.section != "" && pages[i].file == add.on {
			pages[i].sections = withSection(pages[i].sections, add.section)
		}
	}
	return pages
}

// withSection puts a section before what closes a page.
func withSection(sections, section string) string {
	all := strings.Fields(sections)
	if slices.Contains(all, section) {
		return sections
	}
	at := len(all)
	if last := all[at-1]; last == "cta" || last == "newsletter" && section != "cta" {
		at--
	}
	return strings.Join(slices.Insert(all, at, section), " ")
}

// has says whether the site was given a kind besides its business's own.
func (b brief) has(kind string) bool { return slices.Contains(b.Extras, kind) }
