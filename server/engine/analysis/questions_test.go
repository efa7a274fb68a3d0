package analysis_test

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"testing"
	"unicode/utf8"

	"github.com/sheenapps/sheen/server/engine/analysis"
)

func idsOf(questions []analysis.Question) []string {
	var out []string
	for _, q := range questions {
		out = append(out, q.ID)
	}
	return out
}

func TestOnlyWhatIsOpenIsAsked(t *testing.T) {
	t.Parallel()
	everything := analysis.QuestionIDs()
	without := func(ids ...string) []string {
		return slices.DeleteFunc(slices.Clone(everything), func(id string) bool { return slices.Contains(ids, id) })
	}
	for prompt, want := range map[string][]string{
		"A website": everything,
		"A hair salon with booking, contact, prices, gallery, reviews and team": without("business_type", "features"),
		`A hair salon called "Odette"`:                                          without("business_type", "brand_name"),
		"Un restaurant chaleureux pour les familles":                            without("business_type", "color_theme", "audience"),
		"صالون فاخر للسيدات":                                                    without("business_type", "color_theme", "audience"),
		"A gym and a restaurant":                                                everything,
		"A plumber":                                                             everything,
	} {
		if got := idsOf(analysis.Questions(analysis.Analyze(prompt, ""))); !slices.Equal(got, want) {
			t.Errorf("%q asks %v, want %v", prompt, got, want)
		}
	}
}

func TestChoicesFitThePrompt(t *testing.T) {
	t.Parallel()
	questions := analysis.Questions(analysis.Analyze("A gym and a restaurant, without booking", ""))
	if got := questions[0].Choices; got[0] != "gym" || got[len(got)-1] != analysis.General || len(got) != len(analysis.BusinessTypes()) {
		t.Errorf("types are offered as %v", got)
	}
	if i := slices.Index(idsOf(questions), "features"); !questions[i].Multiple || slices.Contains(questions[i].Choices, "booking") {
		t.Errorf("features are %+v: booking is unwanted", questions[i])
	}
	for _, q := range questions {
		if words := slices.Contains([]string{"business_type", "brand_name", "audience"}, q.ID); q.FreeText != words {
			t.Errorf("%s takes free text: %v", q.ID, q.FreeText)
		}
	}
}

func TestAnswersTakeEffect(t *testing.T) {
	t.Parallel()
	a, decided, err := analysis.Analyze("A site for my place", "").Answered([]analysis.Answer{
		{QuestionID: "audience", Text: "kids and their parents"},
		{QuestionID: "features", ChoiceID: "faq"},
		{QuestionID: "brand_name", ChooseForMe: true},
		{QuestionID: "features", ChoiceID: "booking"},
		{QuestionID: "features", ChoiceID: "faq"},
		{QuestionID: "color_theme", ChoiceID: "bold"},
		{QuestionID: "business_type", ChoiceID: "gym"},
	})
	if err != nil {
		t.Fatal(err)
	}
	if a.BusinessType != "gym" || a.ColorTheme != "bold" || !slices.Equal(a.Requirements, []string{"faq", "booking"}) ||
		slices.Contains(a.Missing, "booking") || !slices.Equal(a.Audience, []string{"families"}) {
		t.Errorf("%+v", a)
	}
	// The name is one of a gym although it was asked for first.
	name := analysis.Analyze("A site for my place", "").WithAnswer("business_type", "gym", "").BrandName
	want := []analysis.Answer{
		{QuestionID: "business_type", ChoiceID: "gym"},
		{QuestionID: "brand_name", Text: name},
		{QuestionID: "features", ChoiceID: "faq"},
		{QuestionID: "features", ChoiceID: "booking"},
		{QuestionID: "color_theme", ChoiceID: "bold"},
		{QuestionID: "audience", Text: "kids and their parents"},
	}
	if !slices.Equal(decided, want) || a.BrandName != name || a.BrandDerived {
		t.Errorf("decided %+v, want %+v; named %q", decided, want, a.BrandName)
	}
	if b := a.WithAnswer("audience", "", "night owls"); !slices.Equal(b.Audience, []string{"night owls"}) {
		t.Errorf("audience %v", b.Audience)
	}
	if b := a.WithAnswer("features", "sauna", ""); !reflect.DeepEqual(a, b) {
		t.Errorf("an unknown feature changes %v to %v", a, b)
	}
}

func chooseAll() []analysis.Answer {
	var out []analysis.Answer
	for _, id := range analysis.QuestionIDs() {
		out = append(out, analysis.Answer{QuestionID: id, ChooseForMe: true})
	}
	return out
}

// "Choose for me" is a choice: always the same for one prompt, and not the
// same for all.
func TestChooseForMe(t *testing.T) {
	t.Parallel()
	differ := map[string]map[string]bool{}
	for i := range 40 {
		a := analysis.Analyze(fmt.Sprintf("A gym number %d", i), "")
		_, once, err := a.Answered(chooseAll())
		_, again, _ := a.Answered(chooseAll())
		if err != nil || !slices.Equal(once, again) {
			t.Fatalf("%v, then %v: %v", once, again, err)
		}
		for _, answer := range once {
			if answer.ChooseForMe || (answer.ChoiceID == "") == (answer.Text == "") {
				t.Errorf("%+v is no choice", answer)
			}
			if differ[answer.QuestionID] == nil {
				differ[answer.QuestionID] = map[string]bool{}
			}
			differ[answer.QuestionID][answer.ChoiceID+answer.Text] = true
		}
	}
	for id, least := range map[string]int{"business_type": 1, "brand_name": 4, "features": 5, "color_theme": 5, "audience": 4} {
		if got := len(differ[id]); got < least || id == "business_type" && got != 1 {
			t.Errorf("40 prompts choose %d of %s: %v", got, id, differ[id])
		}
	}
	// What the prompt says is chosen before anything is drawn.
	a, _, err := analysis.Analyze("A luxury salon for men without booking", "").Answered(chooseAll())
	if err != nil || a.ColorTheme != "elegant" || !slices.Equal(a.Audience, []string{"men"}) || slices.Contains(a.Requirements, "booking") {
		t.Errorf("%+v, %v", a, err)
	}
}

func TestAnswersThatAreNone(t *testing.T) {
	t.Parallel()
	for name, given := range map[string][]analysis.Answer{
		"unknown question": {{QuestionID: "shoe_size", ChoiceID: "44"}},
		"unknown choice":   {{QuestionID: "color_theme", ChoiceID: "octarine"}},
		"no choices":       {{QuestionID: "brand_name", ChoiceID: "gym"}},
		"words for choice": {{QuestionID: "features", Text: "a sauna"}},
		"no words":         {{QuestionID: "brand_name", Text: " 🎉 "}},
		"nothing":          {{QuestionID: "audience"}},
		"twice":            {{QuestionID: "color_theme", ChoiceID: "warm"}, {QuestionID: "color_theme", ChoiceID: "calm"}},
		"and for me": {
			{QuestionID: "features", ChoiceID: "faq"}, {QuestionID: "features", ChooseForMe: true},
		},
	} {
		_, decided, err := analysis.Analyze("A gym", "").Answered(given)
		refused, ok := errors.AsType[*analysis.AnswerError](err)
		if !ok || refused.QuestionID != given[0].QuestionID || decided != nil {
			t.Errorf("%s: %v, %v", name, decided, err)
		}
	}
}

// The bounds are those of an answer on the wire: at most 16, ids of at most 64
// bytes, words of at most 500.
func FuzzQuestions(f *testing.F) {
	for _, seed := range []string{"", "A salon in Lyon", "\x00\xff", "صالون بدون حجز", "gym restaurant shop blog", "für X, ein", "*"} {
		f.Add(seed, seed)
	}
	f.Fuzz(func(t *testing.T, prompt, text string) {
		a := analysis.Analyze(prompt, "")
		questions := analysis.Questions(a)
		if len(questions) > 5 || !reflect.DeepEqual(questions, analysis.Questions(a)) {
			t.Fatalf("questions %v", questions)
		}
		var all []analysis.Answer
		for _, q := range questions {
			if len(q.Choices) > 11 || !q.FreeText && len(q.Choices) < 1 {
				t.Errorf("%s has %d choices", q.ID, len(q.Choices))
			}
			for i, choice := range q.Choices {
				if q.Multiple || i == 0 {
					all = append(all, analysis.Answer{QuestionID: q.ID, ChoiceID: choice})
				}
			}
		}
		chosen, decided, err := a.Answered(all)
		if err != nil || len(decided) != len(all) || len(all) > 16 {
			t.Fatalf("%v becomes %v: %v", all, decided, err)
		}
		if left := idsOf(analysis.Questions(chosen)); slices.Contains(left, "business_type") {
			t.Errorf("after all answers it still asks %v", left)
		}
		if a, decided, err = a.Answered(chooseAll()); err != nil || len(decided) > 16 {
			t.Fatalf("%v: %v", decided, err)
		}
		for _, answer := range decided {
			if len(answer.ChoiceID) > 64 || len(answer.Text) > 500 || !utf8.ValidString(answer.Text) {
				t.Errorf("%+v", answer)
			}
		}
		for _, id := range []string{"business_type", "brand_name", "audience", "features", text} {
			b, _, err := a.Answered([]analysis.Answer{{QuestionID: id, Text: text}})
			if err == nil && (b.BrandName == "" || len(b.Audience) == 0 || utf8.RuneCountInString(b.Audience[0]) > 48) {
				t.Errorf("%q for %s gives %+v", text, id, b)
			}
		}
	})
}
