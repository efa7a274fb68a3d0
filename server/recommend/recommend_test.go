package recommend_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/sheenapps/sheen/server/locale"
	"github.com/sheenapps/sheen/server/recommend"
	"github.com/sheenapps/sheen/server/recommend/rules"
)

func TestQuick(t *testing.T) {
	t.Parallel()
	facts := rules.Facts{BusinessType: "salon", Missing: []string{"phone number"}}
	got := recommend.Quick(facts, 1, "fr-MA")
	want := []recommend.Suggestion{{
		ID:             "qs-contact",
		Kind:           rules.Contact,
		Category:       rules.CategoryFeature,
		Title:          "Ajouter un formulaire de contact",
		Description:    "Vos visiteurs vous écrivent sans quitter la page.",
		Prompt:         locale.Text("fr-MA", "quickSuggestions.contact.prompt", nil),
		TitleKey:       "quickSuggestions.contact.title",
		DescriptionKey: "quickSuggestions.contact.description",
		PromptKey:      "quickSuggestions.contact.prompt",
	}}
	if !slices.Equal(got, want) {
		t.Errorf("Quick = %+v, want %+v", got, want)
	}
	if !strings.Contains(got[0].Prompt, "GSM") {
		t.Errorf("the prompt is not the Moroccan one: %q", got[0].Prompt)
	}
}

func TestQuickChoosesTheSameInEveryLocale(t *testing.T) {
	t.Parallel()
	facts := rules.Facts{BusinessType: "gym", Existing: []string{"tarifs"}}
	want := rules.Suggest(facts, 6)
	for _, tag := range locale.Supported() {
		var got []rules.Kind
		for _, s := range recommend.Quick(facts, 6, tag) {
			got = append(got, s.Kind)
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: %v, want %v", tag, got, want)
		}
	}
}

// Nineteen kinds, three texts, nine locales: 513 strings, none of them a key.
func TestEveryKindIsWordedInEveryLocale(t *testing.T) {
	t.Parallel()
	texts := 0
	for _, tag := range locale.Supported() {
		for _, kind := range rules.Kinds() {
			s := recommend.Quick(rules.Facts{Missing: []string{string(kind)}}, 1, tag)[0]
			for key, text := range map[string]string{
				s.TitleKey: s.Title, s.DescriptionKey: s.Description, s.PromptKey: s.Prompt,
			} {
				if text == "" || text == key || strings.ContainsAny(text, "{}") {
					t.Errorf("%s has no text for %s: %q", tag, key, text)
				}
				texts++
			}
		}
	}
	if texts != 513 {
		t.Errorf("%d texts, want 513", texts)
	}
}

func BenchmarkQuick(b *testing.B) {
	facts := rules.Facts{BusinessType: "hair salon", Missing: []string{"contact details", "price list"}}
	b.ReportAllocs()
	for b.Loop() {
		recommend.Quick(facts, rules.MaxLimit, "ar-EG")
	}
}
