package enginetest

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/sheenapps/sheen/server/engine"
	"github.com/sheenapps/sheen/server/engine/analysis"
)

// Bounds of a recommendation, see [engine.Engine] and server/recommend.
const (
	maxRecommended = 6
	maxTitle       = 48
)

// testRecommend asks beside a new site and beside an update, with and without the
// build's plan, in every language.
func testRecommend(t *testing.T, e engine.Engine) {
	fresh, plan := Request(), planned(t, e)
	rec := NewRecorder()
	if _, err := e.Write(context.Background(), fresh, plan, nil, rec.Sink()); err != nil {
		t.Fatalf("Write: %v", err)
	}
	update := Request()
	update.Operation, update.Prompt = engine.Update, "Add a list of frequently asked questions"
	for _, name := range rec.Order {
		update.Base = append(update.Base, engine.File{Path: name, Content: rec.Files[name]})
	}
	change, _, err := e.Plan(context.Background(), update, NewRecorder().Sink())
	if err != nil {
		t.Fatalf("Plan of an update: %v", err)
	}
	for name, test := range map[string]struct {
		req  engine.Request
		plan *engine.Plan
	}{
		"new": {fresh, plan}, "new without a plan": {fresh, nil}, "update": {update, change}, "update without a plan": {update, nil},
	} {
		for _, tag := range []string{"", "en", "fr", "fr-MA", "ar", "ar-EG", "es", "de"} {
			test.req.Locale = tag
			checkRecommend(t, e, name+" in "+tag, test.req, test.plan)
		}
	}
	ctx, cancel := context.WithCancelCause(context.Background())
	cancel(errStopped)
	if list, calls, err := e.Recommend(ctx, fresh, plan); !errors.Is(err, errStopped) || len(list)+len(calls) > 0 {
		t.Errorf("with an ended context: %v, %v, %v", list, calls, err)
	}
}

func checkRecommend(t *testing.T, e engine.Engine, name string, req engine.Request, plan *engine.Plan) {
	t.Helper()
	list, calls, err := e.Recommend(context.Background(), req, plan)
	if err != nil || len(list) == 0 || len(list) > maxRecommended {
		t.Errorf("%s: %d recommendations, want 1 to %d: %v", name, len(list), maxRecommended, err)
		return
	}
	if len(calls) != 1 || calls[0].Key != engine.RecommendKey || calls[0].Model == "" || calls[0].Failed {
		t.Errorf("%s: the calls are %+v", name, calls)
	}
	var kinds, texts []string
	for _, r := range list {
		checkRecommendation(t, name, r)
		if r.Kind != "" && slices.Contains(kinds, r.Kind) || plan != nil && slices.Contains(plan.Features, r.Kind) {
			t.Errorf("%s: %q twice, or there already", name, r.Kind)
		}
		kinds = append(kinds, r.Kind)
		texts = append(texts, r.Title+". "+r.Description, r.Prompt)
	}
	// Without a tag it is the prompt's, which is English.
	want, _, _ := strings.Cut(req.Locale, "-")
	text := strings.Join(texts, "\n")
	if got := analysis.Analyze(text, "").Language; got != want && want+got != "en" {
		t.Errorf("%s: the text is in %s: %s", name, got, text)
	}
}

func checkRecommendation(t *testing.T, name string, r engine.Recommendation) {
	t.Helper()
	for _, text := range []string{r.Title, r.Description, r.Prompt} {
		if text == "" || text != strings.TrimSpace(text) || !utf8.ValidString(text) || strings.ContainsAny(text, "{}<>\n") {
			t.Errorf("%s: %q has a text %q", name, r.Kind, text)
		}
	}
	if utf8.RuneCountInString(r.Title) > maxTitle {
		t.Errorf("%s: the title %q is longer than %d", name, r.Title, maxTitle)
	}
	if r.Kind != "" && !slices.Contains(analysis.Kinds(), r.Kind) ||
		!slices.Contains([]string{"feature", "ui", "seo", "performance", "accessibility"}, r.Category) {
		t.Errorf("%s: %q is of the category %q", name, r.Kind, r.Category)
	}
}
