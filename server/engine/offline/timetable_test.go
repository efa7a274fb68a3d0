package offline_test

import (
	"regexp"
	"strings"
	"testing"

	"github.com/sheenapps/sheen/server/engine"
)

func siteIn(t *testing.T, business, locale, text string) map[string][]byte {
	t.Helper()
	_, rec := build(t, engine.Request{
		Operation: engine.MainBuild, Locale: locale, Prompt: text,
		Answers: []engine.Answer{{QuestionID: "business_type", ChoiceID: business}},
	})
	return rec.Files
}

func TestOpenGraphLocale(t *testing.T) {
	t.Parallel()
	home := string(siteIn(t, "salon", "ar-EG", "موقع باسم النيل في القاهرة")["index.html"])
	for _, want := range []string{`property="og:locale" content="ar_EG"`, `<html lang="ar-EG"`} {
		if !strings.Contains(home, want) {
			t.Errorf("index.html lacks %s", want)
		}
	}
}

// A gym's first class begins after its doors have opened, and its page counts its
// classes as its timetable has them.
func TestTimetable(t *testing.T) {
	t.Parallel()
	files := siteIn(t, "gym", "en", "A website called Iron in London")
	days := regexp.MustCompile(`(?s)<section aria-label="\w+"><h2.*?</section>`).FindAllString(string(files["timetable.html"]), -1)
	if len(days) != 7 {
		t.Fatalf("%d days", len(days))
	}
	classes := 0
	for i, day := range days {
		classes += strings.Count(day, "<li")
		if weekend := i > 4; weekend && strings.Contains(day, "<b>07:") {
			t.Errorf("a class on day %d begins before 08:00: %s", i, day)
		}
	}
	home := string(files["index.html"])
	if classes != 24 || !strings.Contains(home, "Twenty-four classes a week") || !strings.Contains(home, "<b>24</b>") && !strings.Contains(home, ">24<") {
		t.Errorf("%d classes in the timetable; the first page counts others", classes)
	}
}
