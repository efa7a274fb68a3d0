package engine

// RecommendKey is the key of the calls that propose what to do next.
const RecommendKey = "recommend"

// Recommendation is something that could be done with a site next, as an engine
// proposes it: whoever asked checks it before anybody sees it.
type Recommendation struct {
	// Kind is one of the kinds of quick suggestions, such as "booking"; empty for
	// what is none of them.
	Kind string `json:"kind,omitempty"`
	// Category is what it improves: "feature", "ui", "seo", "performance" or
	// "accessibility".
	Category string `json:"category"`
	// Title is a few words, Description one or two sentences and Prompt what the
	// next build is started with, all in the request's locale.
	Title       string `json:"title"`
	Description string `json:"description"`
	Prompt      string `json:"prompt"`
}

// CategoryOf returns the category of one of the kinds: a kind is of the same one in
// every proposal.
func CategoryOf(kind string) string {
	switch kind {
	case "testimonials", "portfolio", "gallery", "darkMode":
		return "ui"
	case "seo", "analytics":
		return "seo"
	case "mobile":
		return "performance"
	case "accessibility":
		return "accessibility"
	}
	return "feature"
}
