package analysis

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Answer is the answer to a question, or one of several where the question
// takes several. One of ChoiceID, Text and ChooseForMe is set.
type Answer struct {
	QuestionID string
	ChoiceID   string
	// Text is the user's own words.
	Text string
	// ChooseForMe leaves the choice to the prompt's hash.
	ChooseForMe bool
}

// AnswerError is an answer that cannot be one.
type AnswerError struct {
	QuestionID string
	// Problem is the rest of a sentence that begins with the question.
	Problem string
}

func (e *AnswerError) Error() string {
	return fmt.Sprintf("the question %q %s", e.QuestionID, e.Problem)
}

// Answered returns a with the answers put in place of what was read, and the
// answers as they count: in the order of [QuestionIDs], without repeats, and with
// a choice in place of every "choose for me". The same analysis and answers give
// the same choices. It returns an [*AnswerError] for an unknown question or
// choice, words where none are welcome or that say nothing, and a question that
// is answered more than once and takes one answer only.
func (a Analysis) Answered(given []Answer) (Analysis, []Answer, error) {
	if err := check(given); err != nil {
		return Analysis{}, nil, err
	}
	sorted := slices.Clone(given)
	slices.SortStableFunc(sorted, func(x, y Answer) int {
		return cmp.Compare(slices.Index(QuestionIDs(), x.QuestionID), slices.Index(QuestionIDs(), y.QuestionID))
	})
	var decided []Answer
	for _, answer := range sorted {
		answers := []Answer{answer}
		if answer.ChooseForMe {
			answers = a.choose(answer.QuestionID)
		}
		for _, answer := range answers {
			if !slices.Contains(decided, answer) {
				decided = append(decided, answer)
				a = a.WithAnswer(answer.QuestionID, answer.ChoiceID, answer.Text)
			}
		}
	}
	return a, decided, nil
}

func check(given []Answer) error {
	for i, answer := range given {
		q, known := question(answer.QuestionID)
		problem := ""
		switch {
		case !known:
			problem = "does not exist"
		case answer.ChoiceID != "" && !slices.Contains(q.Choices, answer.ChoiceID):
			problem = fmt.Sprintf("has no choice %q", answer.ChoiceID)
		case answer.Text != "" && !q.FreeText:
			problem = "is answered by choices only"
		case answer.ChoiceID == "" && !answer.ChooseForMe && cleanName(answer.Text) == "":
			problem = "is answered by nothing that can be read"
		case slices.ContainsFunc(given[:i], func(other Answer) bool { return clash(q, answer, other) }):
			problem = "is answered more than once"
		}
		if problem != "" {
			return &AnswerError{QuestionID: answer.QuestionID, Problem: problem}
		}
	}
	return nil
}

// clash says whether two answers to one question exclude each other.
func clash(q Question, x, y Answer) bool {
	return x.QuestionID == y.QuestionID && (!q.Multiple || x.ChooseForMe || y.ChooseForMe)
}

// choose answers a question for the user: with what the prompt suggests, and
// where it suggests nothing, by its hash. Nothing fits every business as well as
// [General] does, so a type is never drawn.
func (a Analysis) choose(id string) []Answer {
	switch id {
	case BusinessQuestion:
		return []Answer{{QuestionID: id, ChoiceID: a.BusinessType}}
	case BrandQuestion:
		return []Answer{{QuestionID: id, Text: a.BrandName}}
	case FeaturesQuestion:
		return a.chooseFeatures()
	case ThemeQuestion:
		theme := themeFor(a.Personality)
		if theme == "" {
			theme = a.pick(id, Themes())
		}
		return []Answer{{QuestionID: id, ChoiceID: theme}}
	case AudienceQuestion:
		audience := a.pick(id, audiencesOf(a.BusinessType))
		if len(a.Audience) > 0 && slices.Contains(Audiences(), a.Audience[0]) {
			audience = a.Audience[0]
		}
		return []Answer{{QuestionID: id, ChoiceID: audience}}
	}
	return nil
}

// chooseFeatures takes the two that are wanted most and one of the others.
func (a Analysis) chooseFeatures() []Answer {
	const most = 2
	chosen := slices.Clone(a.Missing[:min(most, len(a.Missing))])
	if rest := a.Missing[len(chosen):]; len(rest) > 0 {
		chosen = append(chosen, a.pick(FeaturesQuestion, rest))
	}
	var out []Answer
	for _, kind := range chosen {
		out = append(out, Answer{QuestionID: FeaturesQuestion, ChoiceID: kind})
	}
	return out
}

// pick draws one of options, which are not empty. The question takes part, so
// that the draws of one prompt are not all of the same rank.
func (a Analysis) pick(id string, options []string) string {
	return options[(a.Seed^seed(id))%uint64(len(options))]
}

// WithAnswer returns a with the answer to one question put in place of what was
// read; of a question that takes several answers it adds one. An answer that
// makes no sense changes nothing. Slices of a are left as they are.
func (a Analysis) WithAnswer(questionID, choiceID, text string) Analysis {
	value := cleanName(text)
	switch questionID {
	case BusinessQuestion:
		return a.withBusinessType(choiceID, value)
	case BrandQuestion:
		if value != "" {
			a.BrandName, a.BrandDerived = value, false
		}
	case FeaturesQuestion:
		return a.withFeature(choiceID)
	case ThemeQuestion:
		if choiceID != "" {
			value = cleanName(choiceID)
		}
		a.ColorTheme = strings.ToLower(value)
	case AudienceQuestion:
		return a.withAudience(choiceID, value)
	}
	return a
}

func (a Analysis) withBusinessType(choice, text string) Analysis {
	if !slices.Contains(BusinessTypes(), choice) {
		choice = ""
	}
	if choice == "" && text != "" {
		choice, _ = scan(tokenize(text), a.Language).business()
	}
	if choice == "" {
		return a
	}
	a.BusinessType, a.Confidence = choice, 1
	a.Missing = a.missing()
	if a.BrandDerived {
		a.BrandName = deriveBrand(a)
	}
	return a
}

func (a Analysis) withFeature(kind string) Analysis {
	a.Requirements = inOrder(append(slices.Clone(a.Requirements), kind), Kinds())
	a.Missing = a.missing()
	return a
}

// withAudience takes a choice, the audiences that the words name, or else the
// words themselves.
func (a Analysis) withAudience(choice, text string) Analysis {
	switch named := scan(tokenize(text), a.Language).keys("audience"); {
	case slices.Contains(Audiences(), choice):
		a.Audience = []string{choice}
	case len(named) > 0:
		a.Audience = named
	case text != "":
		a.Audience = []string{text}
	}
	return a
}
