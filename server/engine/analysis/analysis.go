package analysis

import (
	"slices"
	"strings"
)

// MaxPrompt is how many bytes of a prompt are read; the rest is ignored.
const MaxPrompt = 16 << 10

// General is the business type of a prompt that names none of the known ones.
const General = "business"

// BusinessTypes returns the known business types, [General] last.
func BusinessTypes() []string {
	return []string{
		"salon", "restaurant", "shop", "saas", "portfolio", "medical",
		"gym", "agency", "event", "blog", General,
	}
}

// Kinds returns the nineteen kinds of sections that a site can have or a
// suggestion can offer.
func Kinds() []string {
	return []string{
		"contact", "pricing", "faq", "testimonials", "about", "services",
		"portfolio", "team", "booking", "payment", "gallery", "newsletter",
		"blog", "social", "seo", "analytics", "mobile", "accessibility", "darkMode",
	}
}

// Service is something the prompt says the business offers.
type Service struct {
	// Key is the same in every language, such as "haircut".
	Key string
	// Name is its name in the prompt's language.
	Name string
}

// Analysis is what a prompt was found to ask for. It is a value; its slices
// are its own.
type Analysis struct {
	// Language is the prompt's: en, fr, ar, es or de.
	Language string
	// LanguageKnown says that a word or letter of the prompt told its language;
	// otherwise Language is English for want of a better guess.
	LanguageKnown bool
	// Locale is the asked one where it was given, else Language.
	Locale string
	// BusinessType is one of [BusinessTypes].
	BusinessType string
	// Confidence in BusinessType, 0 to 1.
	Confidence float64
	// BrandName is the business's name, at most 48 runes and never empty.
	BrandName string
	// BrandDerived says that BrandName was made up because the prompt has none.
	BrandDerived bool
	// Place is where the business is; the zero value where the prompt names no
	// known city or country.
	Place Place
	// ColorTheme is the user's choice of colors, empty for none.
	ColorTheme string
	// Services are those that the prompt names, in its order.
	Services []Service
	// Personality are adjectives for tone and look: modern, luxury, warm, ...
	Personality []string
	// Audience are those the site is for: families, women, students, ...
	Audience []string
	// Requirements are the kinds that the prompt asks for, in the order of [Kinds].
	Requirements []string
	// Unwanted are the kinds that the prompt forgoes: "without booking".
	Unwanted []string
	// Missing are the kinds that a site of this type wants and the prompt
	// neither asks for nor forgoes, most wanted first, at most six.
	Missing []string
	// Seed is a hash of the prompt for choices that are to be repeatable.
	Seed uint64
}

// Analyze reads prompt. Locale is the language tag the user asked for, or
// empty; it does not change what is read, only [Analysis.Locale].
func Analyze(prompt, locale string) Analysis {
	text := sanitize(prompt)
	tokens := tokenize(text)
	language, known := detectLanguage(text, tokens)
	found := scan(tokens, language)

	a := Analysis{
		Language:      language,
		LanguageKnown: known,
		Locale:        locale,
		Place:         findPlace(tokens, language),
		Services:      found.services(),
		Personality:   found.keys("personality"),
		Audience:      found.keys("audience"),
		Requirements:  inOrder(found.keys("requirement"), Kinds()),
		Unwanted:      inOrder(found.refused("requirement"), Kinds()),
		Seed:          seed(text),
	}
	if a.Locale == "" {
		a.Locale = language
	}
	a.BrandName = findBrand(text, language)
	if a.BrandName != "" {
		// A name is not an offer: "Rose" does not sell roses.
		unnamed := scan(tokenize(strings.Replace(text, a.BrandName, "", 1)), language)
		a.Services = unnamed.services()
		a.BusinessType, a.Confidence = unnamed.business()
	}
	if a.BrandName == "" || a.Confidence == unsure {
		a.BusinessType, a.Confidence = found.business()
	}
	a.Missing = a.missing()
	if a.BrandName == "" {
		a.BrandName, a.BrandDerived = deriveBrand(a), true
	}
	return a
}

// inOrder returns the members of keys in the order of all.
func inOrder(keys, all []string) []string {
	var out []string
	for _, key := range all {
		if slices.Contains(keys, key) {
			out = append(out, key)
		}
	}
	return out
}

// wanted lists the kinds that a site of each type wants, most wanted first.
func wanted(business string) []string {
	switch business {
	case "salon":
		return []string{"booking", "contact", "pricing", "gallery", "testimonials", "team"}
	case "restaurant":
		return []string{"booking", "contact", "gallery", "pricing", "testimonials", "social"}
	case "shop":
		return []string{"payment", "contact", "faq", "testimonials", "newsletter", "social"}
	case "saas":
		return []string{"pricing", "contact", "faq", "testimonials", "analytics", "blog"}
	case "portfolio":
		return []string{"portfolio", "contact", "about", "gallery", "testimonials", "social"}
	case "medical":
		return []string{"booking", "contact", "team", "faq", "services", "accessibility"}
	case "gym":
		return []string{"booking", "pricing", "contact", "team", "testimonials", "gallery"}
	case "agency":
		return []string{"portfolio", "contact", "services", "testimonials", "team", "blog"}
	case "event":
		return []string{"booking", "contact", "pricing", "faq", "payment", "social"}
	case "blog":
		return []string{"newsletter", "about", "contact", "social", "seo", "darkMode"}
	}
	return []string{"contact", "services", "about", "testimonials", "faq", "pricing"}
}

func (a Analysis) missing() []string {
	var out []string
	for _, kind := range wanted(a.BusinessType) {
		if !slices.Contains(a.Requirements, kind) && !slices.Contains(a.Unwanted, kind) {
			out = append(out, kind)
		}
	}
	return out
}
