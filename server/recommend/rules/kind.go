package rules

import "slices"

// Kind is a kind of suggestion. Its text is the one that clients, catalogues
// and stored rows use.
type Kind string

// The nineteen kinds.
const (
	Contact       Kind = "contact"
	Pricing       Kind = "pricing"
	FAQ           Kind = "faq"
	About         Kind = "about"
	Services      Kind = "services"
	Team          Kind = "team"
	Booking       Kind = "booking"
	Payment       Kind = "payment"
	Newsletter    Kind = "newsletter"
	Blog          Kind = "blog"
	Social        Kind = "social"
	Testimonials  Kind = "testimonials"
	Portfolio     Kind = "portfolio"
	Gallery       Kind = "gallery"
	DarkMode      Kind = "darkMode"
	SEO           Kind = "seo"
	Analytics     Kind = "analytics"
	Mobile        Kind = "mobile"
	Accessibility Kind = "accessibility"
)

// Category is the group in which a kind is shown.
type Category string

// The categories.
const (
	CategoryFeature       Category = "feature"
	CategoryUI            Category = "ui"
	CategorySEO           Category = "seo"
	CategoryPerformance   Category = "performance"
	CategoryAccessibility Category = "accessibility"
)

var kinds = []Kind{
	Contact, Pricing, FAQ, About, Services, Team, Booking, Payment, Newsletter, Blog, Social,
	Testimonials, Portfolio, Gallery, DarkMode, SEO, Analytics, Mobile, Accessibility,
}

// Kinds returns all kinds in their fixed order.
func Kinds() []Kind { return slices.Clone(kinds) }

// Category returns the category of k, or the empty one when k is not a kind.
func (k Kind) Category() Category {
	switch k {
	case Contact, Pricing, FAQ, About, Services, Team, Booking, Payment, Newsletter, Blog, Social:
		return CategoryFeature
	case Testimonials, Portfolio, Gallery, DarkMode:
		return CategoryUI
	case SEO, Analytics:
		return CategorySEO
	case Mobile:
		return CategoryPerformance
	case Accessibility:
		return CategoryAccessibility
	}
	return ""
}

// universal reports whether k suits every site.
func universal(k Kind) bool { return universals[k] > 0 }
