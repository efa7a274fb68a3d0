package offline

import (
	"slices"
	"strings"
)

// pageSpec is a page of a business's sites.
type pageSpec struct {
	// key finds the page's copy.
	key, file string
	// sections are names of templates, of heads and of lists, in order.
	sections string
	// nav puts the page into the navigation, foot only into that of the footer.
	nav, foot bool
	// each makes the page once per item of that list, in the folder file.
	each string
}

// blueprint is the structure of a business's sites. What every site has
// besides stands in commonPages.
type blueprint struct {
	pages []pageSpec
	// action is the file that the main button leads to.
	action string
	// listing is the file that the second button leads to.
	listing string
	// about is the file that tells more about the business.
	about string
	// schema is the type of the business in schema.org.
	schema string
}

var blueprints = map[string]blueprint{
	"salon": {action: "booking.html", listing: "services.html", about: "about.html", schema: "HairSalon", pages: []pageSpec{
		{key: "home", file: "index.html", sections: "hero facts services story gallery steps quotes visit cta"},
		{key: "services", file: "services.html", nav: true, sections: "pagehead pricelist steps cta"},
		{key: "about", file: "about.html", nav: true, sections: "pagehead story values team visit"},
		{key: "booking", file: "booking.html", sections: "pagehead bookingform visit"},
	}},
	"restaurant": {action: "booking.html", listing: "menu.html", about: "about.html", schema: "Restaurant", pages: []pageSpec{
		{key: "home", file: "index.html", sections: "hero facts story services gallery quotes visit cta"},
		{key: "menu", file: "menu.html", nav: true, sections: "pagehead menu cta"},
		{key: "about", file: "about.html", nav: true, sections: "pagehead story values team"},
		{key: "booking", file: "booking.html", sections: "pagehead bookingform visit"},
	}},
	"shop": {action: "shop.html", listing: "about.html", about: "about.html", schema: "Store", pages: []pageSpec{
		{key: "home", file: "index.html", sections: "hero facts featured story values quotes newsletter"},
		{key: "shop", file: "shop.html", nav: true, sections: "pagehead products values"},
		{key: "product", file: "products", each: "products", sections: "product featured"},
		{key: "about", file: "about.html", nav: true, sections: "pagehead story values visit"},
		{key: "contact", file: "contact.html", nav: true, sections: "pagehead contactform faq"},
		{key: "cart", file: "cart.html", sections: "pagehead cart"},
	}},
	"saas": {action: "contact.html", listing: "features.html", about: "about.html", schema: "SoftwareApplication", pages: []pageSpec{
		{key: "home", file: "index.html", sections: "hero facts features steps quotes plans cta"},
		{key: "features", file: "features.html", nav: true, sections: "pagehead features values cta"},
		{key: "pricing", file: "pricing.html", nav: true, sections: "pagehead plans faq cta"},
		{key: "about", file: "about.html", nav: true, sections: "pagehead story values team"},
		{key: "contact", file: "contact.html", sections: "pagehead contactform"},
	}},
	"portfolio": {action: "contact.html", listing: "about.html", about: "about.html", schema: "Person", pages: []pageSpec{
		{key: "home", file: "index.html", sections: "hero projects story cta"},
		{key: "project", file: "work", each: "projects", sections: "project cta"},
		{key: "about", file: "about.html", nav: true, sections: "pagehead story services facts"},
		{key: "contact", file: "contact.html", nav: true, sections: "pagehead contactform"},
	}},
	"medical": {action: "booking.html", listing: "services.html", about: "team.html", schema: "MedicalClinic", pages: []pageSpec{
		{key: "home", file: "index.html", sections: "hero facts services story team visit cta"},
		{key: "services", file: "services.html", nav: true, sections: "pagehead services steps cta"},
		{key: "team", file: "team.html", nav: true, sections: "pagehead team values"},
		{key: "info", file: "info.html", nav: true, sections: "pagehead faq visit"},
		{key: "booking", file: "booking.html", sections: "pagehead bookingform visit"},
	}},
	"gym": {action: "booking.html", listing: "timetable.html", about: "about.html", schema: "ExerciseGym", pages: []pageSpec{
		{key: "home", file: "index.html", sections: "hero facts services story plans quotes cta"},
		{key: "timetable", file: "timetable.html", nav: true, sections: "pagehead timetable cta"},
		{key: "pricing", file: "pricing.html", nav: true, sections: "pagehead plans faq cta"},
		{key: "about", file: "about.html", nav: true, sections: "pagehead story team visit"},
		{key: "booking", file: "booking.html", sections: "pagehead bookingform visit"},
	}},
	"agency": {action: "contact.html", listing: "services.html", about: "about.html", schema: "ProfessionalService", pages: []pageSpec{
		{key: "home", file: "index.html", sections: "hero projects services facts quotes cta"},
		{key: "project", file: "work", each: "projects", sections: "project cta"},
		{key: "services", file: "services.html", nav: true, sections: "pagehead services steps cta"},
		{key: "about", file: "about.html", nav: true, sections: "pagehead story values team"},
		{key: "contact", file: "contact.html", sections: "pagehead contactform visit"},
	}},
	"event": {action: "tickets.html", listing: "schedule.html", about: "info.html", schema: "Event", pages: []pageSpec{
		{key: "home", file: "index.html", sections: "hero facts story team schedule plans cta"},
		{key: "schedule", file: "schedule.html", nav: true, sections: "pagehead schedule cta"},
		{key: "speakers", file: "speakers.html", nav: true, sections: "pagehead team cta"},
		{key: "info", file: "info.html", nav: true, sections: "pagehead values faq visit"},
		{key: "tickets", file: "tickets.html", sections: "pagehead plans bookingform"},
	}},
	"blog": {action: "contact.html", listing: "about.html", about: "about.html", schema: "Blog", pages: []pageSpec{
		{key: "home", file: "index.html", sections: "hero articles story newsletter"},
		{key: "article", file: "articles", each: "articles", sections: "article articles newsletter"},
		{key: "about", file: "about.html", nav: true, sections: "pagehead story values"},
		{key: "contact", file: "contact.html", nav: true, sections: "pagehead contactform"},
	}},
	"business": {action: "contact.html", listing: "services.html", about: "about.html", schema: "LocalBusiness", pages: []pageSpec{
		{key: "home", file: "index.html", sections: "hero facts services story steps quotes cta"},
		{key: "services", file: "services.html", nav: true, sections: "pagehead services steps cta"},
		{key: "about", file: "about.html", nav: true, sections: "pagehead story values team"},
		{key: "contact", file: "contact.html", nav: true, sections: "pagehead contactform visit"},
	}},
}

// commonPages end every site.
func commonPages() []pageSpec {
	return []pageSpec{
		{key: "thanks", file: thanksFile, sections: "thanks"},
		{key: "privacy", file: privacyFile, sections: "pagehead prose"},
		{key: "missing", file: "404.html", sections: "missing"},
	}
}

const (
	thanksFile  = "thanks.html"
	privacyFile = "privacy.html"
	visitsFile  = "visits.html"
	homeFile    = "index.html"
)

// sectionKind says which kind of the suggestions a section is.
var sectionKind = map[string]string{
	"contactform": "contact", "visit": "contact", "pricelist": "pricing", "plans": "pricing",
	"menu": "pricing", "faq": "faq", "quotes": "testimonials", "story": "about",
	"services": "services", "features": "services", "team": "team", "bookingform": "booking",
	"gallery": "gallery", "projects": "portfolio", "newsletter": "newsletter",
	"articles": "blog", "social": "social", "payment": "payment", "pricetable": "pricing",
	"compare": "pricing", "cases": "portfolio", "projectgrid": "portfolio", "album": "gallery",
	"voices": "testimonials", "bookbar": "booking",
}

// pagesFor returns the pages of a brief's site: the blueprint's with what the
// optional kinds add to them.
func pagesFor(b brief) []pageSpec {
	pages := slices.Clone(blueprints[b.Business].pages)
	for _, kind := range b.Extras {
		pages = withKind(pages, b.Business, kind)
	}
	return append(pages, commonPages()...)
}

// featuresOf returns the kinds that a brief's site has.
func featuresOf(b brief) []string {
	kinds := []string{"mobile", "accessibility"}
	kinds = append(kinds, b.Extras...)
	for _, page := range pagesFor(b) {
		for section := range strings.FieldsSeq(page.sections) {
			kinds = append(kinds, sectionKind[section])
		}
	}
	return ordered(kinds)
}
