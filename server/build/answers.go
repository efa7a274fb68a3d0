package build

import (
	"encoding/json"
	"errors"
	"fmt"

	buildv1 "github.com/sheenapps/sheen/gen/sheen/build/v1"
	"github.com/sheenapps/sheen/server/engine"
	"github.com/sheenapps/sheen/server/engine/analysis"
	"github.com/sheenapps/sheen/server/event"
	"github.com/sheenapps/sheen/server/fault"
	"github.com/sheenapps/sheen/store"
)

// answer puts the answers of a request in place of what was read from the
// prompt. What is stored with the build are choices: "choose for me" is decided
// here, once, so that every attempt and every engine sees the same.
func (sub *submission) answer(given []*buildv1.Answer) error {
	answered, decided, err := sub.analysis.Answered(answersFromProto(given))
	if refused, ok := errors.AsType[*analysis.AnswerError](err); ok {
		return fault.InvalidField(fmt.Sprintf("The field answers is not valid: %s.", refused)).Keyed("error.detail.answersInvalid")
	}
	if err != nil {
		return fmt.Errorf("answers: %w", err)
	}
	sub.analysis = answered
	sub.answers = make([]engine.Answer, len(decided))
	for i, a := range decided {
		sub.answers[i] = engine.Answer{QuestionID: a.QuestionID, ChoiceID: a.ChoiceID, Text: a.Text}
	}
	return nil
}

func answersFromProto(given []*buildv1.Answer) []analysis.Answer {
	out := make([]analysis.Answer, len(given))
	for i, a := range given {
		out[i] = analysis.Answer{
			QuestionID:  event.CleanText(a.GetQuestionId()),
			ChoiceID:    event.CleanText(a.GetChoiceId()),
			Text:        event.CleanText(a.GetText()),
			ChooseForMe: a.GetChooseForMe(),
		}
	}
	return out
}

// analyzed reads a stored build's prompt and what its user answered. Answers
// that cannot be read count as none; the run itself reports them.
func analyzed(b *store.Build) analysis.Analysis {
	a := analysis.Analyze(b.Prompt, b.Locale)
	var answers []engine.Answer
	if err := json.Unmarshal(b.Answers, &answers); err != nil {
		return a
	}
	for _, answer := range answers {
		a = a.WithAnswer(answer.QuestionID, answer.ChoiceID, answer.Text)
	}
	return a
}
