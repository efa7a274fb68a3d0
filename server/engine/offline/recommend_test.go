package offline_test

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/sheenapps/sheen/server/engine"
	"github.com/sheenapps/sheen/server/engine/analysis"
	"github.com/sheenapps/sheen/server/engine/enginetest"
	"github.com/sheenapps/sheen/server/engine/offline"
	"github.com/sheenapps/sheen/server/locale"
	"github.com/sheenapps/sheen/server/recommend/rules"
)

func recommend(t *testing.T, req engine.Request, plan *engine.Plan) []engine.Recommendation {
	t.Helper()
	list, calls, err := offline.New(offline.Options{}).Recommend(t.Context(), req, plan)
	if err != nil {
		t.Fatal(err)
	}
	if want := []engine.Call{{Key: engine.RecommendKey, Model: "offline"}}; !reflect.DeepEqual(calls, want) {
		t.Errorf("the calls are %+v, want %+v", calls, want)
	}
	return list
}

// planned is the plan for a request.
func planned(t *testing.T, req engine.Request) (*engine.Plan, error) {
	t.Helper()
	plan, _, err := offline.New(offline.Options{}).Plan(t.Context(), req, enginetest.NewRecorder().Sink())
	return plan, err
}

// only recommends one kind, for a site that has every other one.
func only(t *testing.T, req engine.Request, plan *engine.Plan, kind string) engine.Recommendation {
	t.Helper()
	all := *plan
	all.Features = slices.DeleteFunc(analysis.Kinds(), func(k string) bool { return k == kind })
	list := recommend(t, req, &all)
	if len(list) != 1 || list[0].Kind != kind {
		t.Fatalf("%s: got %+v", kind, list)
	}
	return list[0]
}

// Each kind that is recommended to each business is built by the prompt that comes
// with it: that kind, no other one, and something changes. A plan takes long, so
// each is made in one of the languages; that the prompts of all of them ask for the
// same is what TestNextPromptsAreWishes shows.
func TestRecommendationsAreBuilt(t *testing.T) {
	t.Parallel()
	tags := locale.Supported()
	for b, business := range analysis.BusinessTypes() {
		t.Run(business, func(t *testing.T) {
			t.Parallel()
			plan, rec := build(t, request(business, "en"))
			base := siteFiles(rec)
			for k, kind := range analysis.Kinds() {
				if (testing.Short() || raced) && (b+k)%4 != 0 {
					continue
				}
				req := request(business, "en")
				req.Locale = tags[(b+k)%len(tags)]
				checkBuilt(t, base, plan, req.Locale, only(t, req, plan, kind))
			}
		})
	}
}

func checkBuilt(t *testing.T, base []engine.File, before *engine.Plan, tag string, r engine.Recommendation) {
	t.Helper()
	req := engine.Request{Operation: engine.Update, Prompt: r.Prompt, Locale: tag, Base: base}
	plan, err := planned(t, req)
	if err != nil {
		t.Fatal(err)
	}
	if len(plan.Files) == 0 || len(plan.Dropped) > 0 {
		t.Errorf("%s %s: %q changes %v and drops %v", tag, r.Kind, r.Prompt, plan.Files, plan.Dropped)
	}
	want := slices.DeleteFunc(analysis.Kinds(), func(k string) bool { return k != r.Kind && !slices.Contains(before.Features, k) })
	if !slices.Equal(plan.Features, want) || plan.Title != before.Title {
		t.Errorf("%s %s: after %q the site has %v, want %v", tag, r.Kind, r.Prompt, plan.Features, want)
	}
	// Of the kinds that were there already, it is the one that is made stronger.
	if extras := fmt.Sprintf(`"extras":[%q]`, r.Kind); !strings.Contains(string(plan.Private), extras) || strings.Contains(string(plan.Private), `"color"`) {
		t.Errorf("%s %s: %q is planned as %s", tag, r.Kind, r.Prompt, plan.Private)
	}
}

// A recommendation says where it goes, and there it goes.
func TestRecommendedPlaces(t *testing.T) {
	t.Parallel()
	for business, kinds := range map[string]map[string]string{
		"salon":    {"blog": "blog.html", "contact": "contact.html", "faq": "index.html", "analytics": "visits.html", "about": "about.html"},
		"medical":  {"gallery": "index.html", "about": "about.html"},
		"business": {"booking": "booking.html", "darkMode": "thanks.html", "accessibility": "accessibility.html"},
	} {
		plan, rec := build(t, request(business, "en"))
		req := request(business, "en")
		for kind, file := range kinds {
			r := only(t, req, plan, kind)
			says := map[string]string{
				"index.html": "on the home page", "visits.html": "at the foot of", "accessibility.html": "at the foot of", "thanks.html": "on every page",
				"about.html": "about page",
			}[file]
			if business == "medical" && kind == "about" || says == "" {
				says = "in the menu"
			}
			if !strings.Contains(r.Description, says) || !strings.Contains(r.Description, "Blue Door") {
				t.Errorf("%s %s: %q, want it %s", business, kind, r.Description, says)
			}
			after, err := planned(t, engine.Request{Operation: engine.Update, Prompt: r.Prompt, Base: siteFiles(rec)})
			if err != nil || !slices.ContainsFunc(after.Files, func(f engine.PlannedFile) bool { return f.Path == file }) {
				t.Errorf("%s %s: %+v, %v does not touch %s", business, kind, after, err, file)
			}
		}
	}
}

// A site of another origin gets everything on its first page, and is told so.
func TestRecommendToAGuest(t *testing.T) {
	t.Parallel()
	base := guest("en", "ltr", "Our bakery sells bread and cakes.")
	req := engine.Request{Operation: engine.Update, Prompt: "Add a blog", Base: base}
	said := map[string]int{}
	for _, r := range recommend(t, req, nil) {
		sentences := strings.SplitAfter(r.Description, ". ")
		said[sentences[len(sentences)-1]]++
		if r.Kind == "blog" || !strings.Contains(r.Description, "home page") {
			t.Errorf("%s: %q", r.Kind, r.Description)
		}
		plan, err := planned(t, engine.Request{Operation: engine.Update, Prompt: r.Prompt, Base: base})
		if err != nil || !slices.Equal(plan.Features, []string{r.Kind}) || len(plan.Files) == 0 {
			t.Errorf("%q makes %+v, %v", r.Prompt, plan, err)
		}
	}
	if len(said) != 3 {
		t.Errorf("the place is said in %d ways: %v", len(said), said)
	}
	foreign := &engine.Plan{Title: strings.Repeat("Olive & Sons ", 60), BusinessType: "casino", Locale: "pt", Features: []string{"contact"}}
	list := recommend(t, engine.Request{Operation: engine.MainBuild, Prompt: "x"}, foreign)
	if len(list) != 6 || !strings.Contains(list[0].Description, "home page of Olive & Sons Olive") || len(list[0].Description) > 300 {
		t.Errorf("for another engine's plan: %+v", list)
	}
}

// What the site has, what its owner does not want and what was just taken out is
// not recommended, and what suits the business most comes first.
func TestWhatIsRecommended(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"A hair salon called Iris in Lyon":                              "seo social faq newsletter payment portfolio",
		"A hair salon called Iris in Lyon with an FAQ and a blog":       "seo social newsletter payment portfolio analytics",
		"A hair salon called Iris without a newsletter, without a blog": "seo social faq payment portfolio analytics",
		"A restaurant called Olive":                                     "seo social newsletter faq payment blog",
		"An online shop for ceramics":                                   "payment seo gallery social blog analytics",
		"A software as a service for invoices":                          "booking blog portfolio darkMode analytics newsletter",
		"The portfolio of a photographer":                               "testimonials pricing seo booking gallery darkMode",
		"A dental clinic":                                               "pricing seo gallery blog payment newsletter",
		"A gym":                                                         "gallery social seo payment newsletter blog",
		"A branding agency":                                             "pricing faq booking blog seo newsletter",
		"A conference about bees":                                       "payment newsletter social gallery testimonials seo",
		"A blog about trains":                                           "social seo darkMode pricing faq analytics",
		"A company":                                                     "pricing faq seo booking gallery social",
	} {
		var got []string
		for _, r := range recommend(t, prompt(text), nil) {
			got = append(got, r.Kind)
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%q: %v, want %s", text, got, want)
		}
	}
	_, rec := build(t, prompt("A hair salon called Iris in Lyon with an FAQ"))
	update := engine.Request{Operation: engine.Update, Prompt: "Remove the FAQ", Base: siteFiles(rec)}
	for _, r := range recommend(t, update, nil) {
		if r.Kind == "faq" {
			t.Error("what was just removed is recommended")
		}
	}
	full := &engine.Plan{Title: "Iris", BusinessType: "salon", Locale: "en", Features: analysis.Kinds()}
	if list := recommend(t, update, full); len(list) != 0 {
		t.Errorf("for a site that has everything: %+v", list)
	}
}

// The place, the brand and the locale are those of the site; braces in a name are
// no placeholder.
func TestRecommendationsArePersonal(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ prompt, locale, want string }{
		{"A hair salon called Iris in Lyon", "", "Whoever looks for a hairdresser in Lyon should see your chairs before anybody else's. It works on every page of Iris."},
		{"A hair salon called Iris", "", "Whoever looks for a hairdresser should see your chairs before anybody else's. It works on every page of Iris."},
		{"A hair salon called Iris in Cairo", "fr-MA", "Qui cherche un coiffeur au Caire devrait voir vos fauteuils avant ceux des autres. Chez Iris, toutes les pages en profitent."},
		{"Un salon de coiffure nommé Iris à Lyon", "", "Qui cherche un coiffeur à Lyon devrait voir vos fauteuils avant ceux des autres. Chez Iris, toutes les pages en profitent."},
		{"Un salon de coiffure nommé Iris", "ar-EG", "من يبحث عن كوافير ينبغي أن يرى مقاعدك قبل مقاعد غيرك. وسيعمل ذلك في كل صفحة من موقع Iris."},
		{"A hair salon called Iris", "de-AT", "Wer einen Friseur sucht, sollte Ihre Stühle vor allen anderen sehen. Bei Iris wirkt das auf jeder Seite."},
		{"A hair salon called Iris", "es-MX", "Quien busca peluquería debería ver tus sillones antes que los de nadie. En Iris funcionará en todas las páginas."},
	} {
		req := prompt(test.prompt)
		req.Locale = test.locale
		list := recommend(t, req, nil)
		if list[0].Kind != "seo" || list[0].Description != test.want {
			t.Errorf("%q in %q: %q, want %q", test.prompt, test.locale, list[0].Description, test.want)
		}
	}
	odd := &engine.Plan{Title: "{in}\n\x01{brand}", BusinessType: "salon", Locale: "en"}
	if list := recommend(t, prompt("x"), odd); !strings.HasSuffix(list[0].Description, " of {in} {brand}.") {
		t.Errorf("got %q", list[0].Description)
	}
}

// A kind is of the same category wherever it is proposed.
func TestCategoriesAreThoseOfSuggestions(t *testing.T) {
	t.Parallel()
	req := prompt("A hair salon called Iris")
	plan := &engine.Plan{Title: "Iris", BusinessType: "salon", Locale: "en"}
	for _, kind := range rules.Kinds() {
		if got := only(t, req, plan, string(kind)).Category; got != string(kind.Category()) {
			t.Errorf("%s is of the category %q, want %q", kind, got, kind.Category())
		}
	}
}

func TestSameRequestSameRecommendations(t *testing.T) {
	t.Parallel()
	req := prompt("A hair salon called Iris in Lyon")
	plan, _ := build(t, req)
	first := recommend(t, req, plan)
	for range 3 {
		if again := recommend(t, req, plan); !reflect.DeepEqual(again, first) {
			t.Errorf("got %+v, then %+v", first, again)
		}
	}
	if planned := recommend(t, req, nil); !reflect.DeepEqual(planned, first) {
		t.Errorf("with a plan %+v, without one %+v", first, planned)
	}
}

func BenchmarkRecommend(b *testing.B) {
	e, req := offline.New(offline.Options{}), prompt("A hair salon called Iris in Lyon")
	for b.Loop() {
		if _, _, err := e.Recommend(b.Context(), req, nil); err != nil {
			b.Fatal(err)
		}
	}
}
