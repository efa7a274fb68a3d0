package offline

import (
	"slices"
	"strings"

	"github.com/sheenapps/sheen/server/engine"
	"github.com/sheenapps/sheen/server/engine/analysis"
	"github.com/sheenapps/sheen/server/locale"
)

// languages are those that sites can be written in. The first one stands in
// for any other.
var languages = []string{"en", "fr", "ar", "es", "de"}

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
	// Extras are the kinds that were added, in the order of analysis.Kinds.
	Extras []string `json:"extras,omitempty"`
	// Color is a key of hues that the theme was turned to, Dark says that the
	// site is dark for everybody.
	Color string `json:"color,omitempty"`
	Dark  bool   `json:"dark,omitempty"`
}

type service struct {
	Key  string `json:"key"`
	Name string `json:"name"`
}

// briefFor reads the request for a new site.
func briefFor(req engine.Request) brief {
	a := analysis.Analyze(req.Prompt, req.Locale)
	for _, answer := range req.Answers {
		a = a.WithAnswer(answer.QuestionID, answer.ChoiceID, answer.Text)
	}
	return newBrief(a)
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
		b.Locale = locale.Resolve(b.Locale).Tag
	}
	b.Second = secondOf(a.Place, baseOf(b.Locale))
	for _, s := range a.Services {
		b.Services = append(b.Services, service{Key: s.Key, Name: s.Name})
	}
	b.Theme = themeOf(b.Business, a.ColorTheme, moodsOf(a), b.Seed)
	return b
}

// secondOf returns the language of a second edition: that of the people around the
// business, where the first edition is not in it. A site in a language of a whole
// country that has several ones needs no other one.
func secondOf(place analysis.Place, language string) string {
	several := map[string][]string{
		"BE": {"fr", "de"}, "CA": {"en", "fr"}, "CH": {"de", "fr"}, "LU": {"fr", "de"},
	}[place.Country]
	if place.City == "" && slices.Contains(several, language) ||
		place.Language == language || !slices.Contains(languages, place.Language) {
		return ""
	}
	return place.Language
}

// extrasOf returns the kinds that the prompt asks for and that a site of the
// business does not have of itself.
func extrasOf(a analysis.Analysis) []string {
	own := featuresOf(brief{Business: a.BusinessType})
	return slices.DeleteFunc(slices.Clone(a.Requirements), func(kind string) bool { return slices.Contains(own, kind) })
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
