package analysis

import "slices"

// The ids of the questions.
const (
	BusinessQuestion = "business_type"
	BrandQuestion    = "brand_name"
	FeaturesQuestion = "features"
	ThemeQuestion    = "color_theme"
	AudienceQuestion = "audience"
)

// Question is something that a prompt leaves open. Its id and those of its
// choices are the same in every language.
type Question struct {
	ID string
	// Choices are at most eleven, the likeliest first; there may be none.
	Choices []string
	// FreeText says that the user's own words are an answer too.
	FreeText bool
	// Multiple says that more than one choice can be given.
	Multiple bool
}

// QuestionIDs returns the ids of all questions, the most useful one first. Later
// answers may depend on earlier ones: a name that is made up suits the business.
func QuestionIDs() []string {
	return []string{BusinessQuestion, BrandQuestion, FeaturesQuestion, ThemeQuestion, AudienceQuestion}
}

// Everyone is the audience of whoever wants none in particular.
const Everyone = "everyone"

// Audiences returns the audiences that words tell and that can be chosen.
func Audiences() []string {
	return []string{
		"families", "women", "men", "students", "professionals", "businesses",
		"tourists", "seniors", "developers", Everyone,
	}
}

// Themes returns the color themes that can be chosen.
func Themes() []string {
	return []string{"warm", "calm", "modern", "elegant", "natural", "bold"}
}

// question returns the question with every choice that is ever offered, and
// whether there is such a question.
func question(id string) (Question, bool) {
	q := Question{ID: id}
	switch id {
	case BusinessQuestion:
		q.Choices, q.FreeText = BusinessTypes(), true
	case BrandQuestion:
		q.FreeText = true
	case FeaturesQuestion:
		q.Choices, q.Multiple = Kinds(), true
	case ThemeQuestion:
		q.Choices = Themes()
	case AudienceQuestion:
		q.Choices, q.FreeText = Audiences(), true
	default:
		return Question{}, false
	}
	return q, true
}

// Questions returns what a leaves open, at most five, the most useful first. It
// is a pure function.
func Questions(a Analysis) []Question {
	var out []Question
	for _, id := range QuestionIDs() {
		if q, known := question(id); known && a.leavesOpen(id) {
			q.Choices = a.offered(q)
			out = append(out, q)
		}
	}
	return out
}

// sure is the confidence from which nobody is asked for the business type: two
// types that are equally likely stay below it.
const sure = 0.6

func (a Analysis) leavesOpen(id string) bool {
	switch id {
	case BusinessQuestion:
		return a.Confidence < sure || a.BusinessType == General && a.Confidence < 1
	case BrandQuestion:
		return a.BrandDerived
	case FeaturesQuestion:
		return len(a.Missing) > 0
	case ThemeQuestion:
		return a.ColorTheme == "" && themeFor(a.Personality) == ""
	case AudienceQuestion:
		return len(a.Audience) == 0
	}
	return false
}

// offered returns the choices of q that make sense here, the likeliest first.
func (a Analysis) offered(q Question) []string {
	switch q.ID {
	case BusinessQuestion:
		return first(a.BusinessType, q.Choices)
	case FeaturesQuestion:
		return slices.Clone(a.Missing)
	case AudienceQuestion:
		return append(audiencesOf(a.BusinessType), Everyone)
	}
	return q.Choices
}

// first returns all with one moved to the front; General stays the last resort.
func first(one string, all []string) []string {
	if one == General {
		return all
	}
	out := []string{one}
	for _, other := range all {
		if other != one {
			out = append(out, other)
		}
	}
	return out
}

// audiencesOf returns whom a business of that type is usually for.
func audiencesOf(business string) []string {
	switch business {
	case "salon":
		return []string{"women", "men", "families", "professionals"}
	case "restaurant":
		return []string{"families", "tourists", "professionals", "students"}
	case "shop":
		return []string{"women", "men", "families", "students"}
	case "saas":
		return []string{"businesses", "professionals", "developers"}
	case "medical":
		return []string{"families", "seniors", "women"}
	case "gym":
		return []string{"professionals", "women", "men", "students", "seniors"}
	case "portfolio", "agency":
		return []string{"businesses", "professionals"}
	case "event":
		return []string{"professionals", "families", "students", "developers"}
	case "blog":
		return []string{"students", "professionals", "families", "tourists"}
	}
	return []string{"families", "businesses", "professionals", "seniors"}
}

// themeFor returns the theme that the first telling adjective asks for, or
// nothing.
func themeFor(personality []string) string {
	for _, adjective := range personality {
		switch adjective {
		case "warm", "calm", "modern", "elegant", "natural", "bold":
			return adjective
		case "luxury":
			return "elegant"
		case "minimal", "professional":
			return "modern"
		case "playful":
			return "bold"
		case "traditional":
			return "natural"
		}
	}
	return ""
}
