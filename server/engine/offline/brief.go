package offline

import (
	"slices"
	"strings"

	"github.com/sheenapps/sheen/server/engine"
	"github.com/sheenapps/sheen/server/engine/analysis"
)

// languages are those that sites can be written in. The first one stands in
// for any other.
var languages = []string{"en", "fr", "ar"}

// brief is all that decides a site's bytes.
type brief struct {
	Business string `json:"business"`
	Brand    string `json:"brand"`
	// City is a key of the gazetteer, Country an ISO code; both may be empty.
	City    string `json:"city,omitempty"`
	Country string `json:"country,omitempty"`
	// Locale is the main edition's tag; Second is the language of the second
	// edition, empty for none.
	Locale string `json:"locale"`
	Second string `json:"second,omitempty"`
	Theme  int    `json:"theme"`
	Seed   uint64 `json:"seed,string"`
	// Services are those that the prompt named, in the prompt's Language.
	Services []service `json:"services,omitempty"`
	Language string    `json:"language"`
	// Extras are the optional sections, in the order of analysis.Kinds.
	Extras []string `json:"extras,omitempty"`
}

type service struct {
	Key  string `json:"key"`
	Name string `json:"name"`
}

// optional are the kinds that a site has only when they are asked for; any
// business can have them.
func optional() []string {
	return []string{"faq", "testimonials", "newsletter", "social", "payment", "darkMode"}
}

// briefFor reads the request. For an update it is the brief of the base with
// the sections added that the prompt asks for; those come back too.
func briefFor(req engine.Request) (b brief, added []string) {
	a := analysis.Analyze(req.Prompt, req.Locale)
	for _, answer := range req.Answers {
		a = a.WithAnswer(answer.QuestionID, answer.ChoiceID, answer.Text)
	}
	b = newBrief(a)
	base, ok := manifestOf(req.Base)
	if req.Operation != engine.Update || !ok {
		return b, nil
	}
	for _, kind := range b.Extras {
		if !slices.Contains(base.Extras, kind) {
			added = append(added, kind)
		}
	}
	base.Extras = ordered(append(slices.Clone(base.Extras), added...))
	if !a.BrandDerived {
		base.Brand = a.BrandName
	}
	return base, added
}

func newBrief(a analysis.Analysis) brief {
	b := brief{
		Business: a.BusinessType,
		Brand:    a.BrandName,
		City:     a.Place.City,
		Country:  a.Place.Country,
		Locale:   a.Locale,
		Seed:     a.Seed,
		Language: a.Language,
		Extras:   extrasOf(a),
	}
	if !slices.Contains(languages, baseOf(b.Locale)) {
		b.Locale = languages[0]
	}
	if slices.Contains(languages, a.Place.Language) && a.Place.Language != baseOf(b.Locale) {
		b.Second = a.Place.Language
	}
	for _, s := range a.Services {
		b.Services = append(b.Services, service{Key: s.Key, Name: s.Name})
	}
	b.Theme = themeOf(b.Business, a.ColorTheme, moodsOf(a), b.Seed)
	return b
}

// extrasOf returns the optional kinds that the prompt asks for.
func extrasOf(a analysis.Analysis) []string {
	var out []string
	for _, kind := range a.Requirements {
		if slices.Contains(optional(), kind) {
			out = append(out, kind)
		}
	}
	return out
}

// ordered sorts kinds as analysis.Kinds does and drops repetitions.
func ordered(kinds []string) []string {
	var out []string
	for _, kind := range analysis.Kinds() {
		if slices.Contains(kinds, kind) {
			out = append(out, kind)
		}
	}
	return out
}

// baseOf returns the language of a tag: "fr" of "fr-MA".
func baseOf(tag string) string {
	language, _, _ := strings.Cut(tag, "-")
	return language
}
