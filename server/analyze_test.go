package server_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"unicode"

	"connectrpc.com/connect"

	buildv1 "github.com/sheenapps/sheen/gen/sheen/build/v1"
	"github.com/sheenapps/sheen/server"
	"github.com/sheenapps/sheen/server/locale"
	"github.com/sheenapps/sheen/server/servertest"
)

func analyze(ctx context.Context, t *testing.T, c *servertest.Clients, prompt, tag string) *buildv1.AnalyzePromptResponse {
	t.Helper()
	res, err := c.Builds.AnalyzePrompt(ctx, &buildv1.AnalyzePromptRequest{Prompt: prompt, Locale: tag})
	if err != nil {
		t.Fatal(err)
	}
	return res
}

// A prompt of each locale is understood, and the questions come in the locale
// that is asked for, or else in the prompt's language, or else in the browser's.
func TestAnalyzePrompt(t *testing.T) {
	t.Parallel()
	b := servertest.Start(t, func(c *server.Config) { c.Roles.Worker = false })
	user := b.User(t)
	for tag, test := range map[string]struct{ prompt, business, language, first string }{
		"en":    {"A salon with booking", "salon", "en", "What is it called?"},
		"fr":    {"Un restaurant avec réservation", "restaurant", "fr", "Quel est son nom\u202f?"},
		"fr-MA": {"hanout dyali, bghit nbi3 les caftans sans newsletter", "shop", "fr", "Quel est son nom\u202f?"},
		"ar":    {"عيادة أسنان مع حجز", "medical", "ar", "ما اسمه؟"},
		"ar-EG": {"عايز موقع لجيم", "gym", "ar", "اسمه إيه؟"},
		"ar-SA": {"أبغى متجر عبايات", "shop", "ar", "ما اسمه؟"},
		"ar-AE": {"نبا صفحة حق عرس اختي", "event", "ar", "ما اسمه؟"},
		"es":    {"Una tienda de velas", "shop", "es", "¿Cómo se llama?"},
		"de":    {"Eine Buchhaltungssoftware", "saas", "de", "Wie lautet der Name?"},
	} {
		res := analyze(t.Context(), t, user, test.prompt, tag)
		a := res.GetAnalysis()
		if a.GetBusinessType() != test.business || a.GetLanguage() != test.language || a.GetBrandName() != "" || a.GetConfidencePermille() < 600 || a.GetConfidencePermille() > 1000 {
			t.Errorf("%s: %v", tag, a)
		}
		if len(res.GetQuestions()) != 4 || res.GetQuestions()[0].GetText() != test.first {
			t.Errorf("%s: asks %v", tag, res.GetQuestions())
		}
		checkTexts(t, tag, res.GetQuestions())
		if own := analyze(t.Context(), t, user, test.prompt, ""); own.GetQuestions()[0].GetText() != locale.Text(test.language, "question.brand_name.text", nil) {
			t.Errorf("%s without a locale: %v", tag, own.GetQuestions()[0])
		}
	}
	if len(locale.Supported()) != 9 {
		t.Errorf("the locales are %v", locale.Supported())
	}
	ctx, call := connect.NewClientContext(t.Context())
	call.RequestHeader().Set("Accept-Language", "de-AT, en;q=0.5")
	if got := analyze(ctx, t, user, "2049", "").GetQuestions()[0].GetText(); got != "Wofür ist die Website?" {
		t.Errorf("a browser in German is asked %q", got)
	}
	if _, err := user.Builds.AnalyzePrompt(t.Context(), &buildv1.AnalyzePromptRequest{Prompt: "\x00"}); connect.CodeOf(err) != connect.CodeInvalidArgument {
		t.Errorf("a prompt of nothing: %v", err)
	}
}

// checkTexts makes sure that nothing is asked in another script or by its key.
func checkTexts(t *testing.T, tag string, questions []*buildv1.Question) {
	t.Helper()
	for _, q := range questions {
		texts := []string{q.GetText()}
		for _, choice := range q.GetChoices() {
			texts = append(texts, choice.GetText())
		}
		for _, text := range texts {
			arabic := strings.ContainsFunc(text, func(r rune) bool { return unicode.Is(unicode.Arabic, r) })
			if text == "" || strings.Contains(text, "question.") || arabic != strings.HasPrefix(tag, "ar") {
				t.Errorf("%s: %s says %q", tag, q.GetId(), text)
			}
		}
	}
}

// What is offered can be answered: every question as it was asked.
func TestAnswerWhatIsAsked(t *testing.T) {
	t.Parallel()
	b := servertest.Start(t)
	user := b.User(t)
	const prompt = "A website for my place"
	questions := analyze(t.Context(), t, user, prompt, "").GetQuestions()
	var ids []string
	var answers []*buildv1.Answer
	for _, q := range questions {
		ids = append(ids, q.GetId())
		for i, choice := range q.GetChoices() {
			if i == 0 || q.GetMultiple() {
				answers = append(answers, &buildv1.Answer{QuestionId: q.GetId(), Answer: &buildv1.Answer_ChoiceId{ChoiceId: choice.GetId()}})
			}
		}
	}
	if want := []string{"business_type", "brand_name", "features", "color_theme", "audience"}; !slices.Equal(ids, want) {
		t.Errorf("asked %v, want %v", ids, want)
	}
	answers = append(answers, &buildv1.Answer{QuestionId: "brand_name", Answer: &buildv1.Answer_Text{Text: "Dar Zellij"}})
	res, err := user.Builds.StartBuild(t.Context(), &buildv1.StartBuildRequest{Prompt: prompt, Answers: answers})
	if err != nil {
		t.Fatal(err)
	}
	events := watch(t, user, res.GetBuild().GetId())
	file, err := user.Builds.GetFile(t.Context(), &buildv1.GetFileRequest{
		VersionId: events[len(events)-1].GetBuildCompleted().GetVersionId(), Path: "index.html",
	})
	if err != nil || !strings.Contains(string(file.GetContent()), "Dar Zellij") {
		t.Errorf("the site does not have the name: %v", err)
	}
}
