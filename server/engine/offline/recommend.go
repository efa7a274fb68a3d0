package offline

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"unicode"

	"github.com/sheenapps/sheen/server/engine"
	"github.com/sheenapps/sheen/server/engine/analysis"
	"github.com/sheenapps/sheen/server/locale"
)

// maxRecommended is how many recommendations there are at most.
const maxRecommended = 6

// Recommend proposes kinds that the site lacks, those first that suit its business
// most, and none where it has all of them. It fails only with the context, or on a
// plan that cannot be made.
func (*Engine) Recommend(ctx context.Context, req engine.Request, plan *engine.Plan) ([]engine.Recommendation, []engine.Call, error) {
	if ctx.Err() != nil {
		return nil, nil, context.Cause(ctx)
	}
	if plan == nil {
		var err error
		if plan, _, err = planOf(req); err != nil {
			return nil, nil, err
		}
	}
	tag := locale.Resolve(req.Locale, plan.Locale).Tag
	words, err := nextWordsIn(tag)
	if err != nil {
		return nil, nil, err
	}
	s := subjectOf(req, plan)
	fill, turns := s.fill(tag), map[string]int{}
	var list []engine.Recommendation
	kinds := s.lacking()
	for _, kind := range kinds[:min(len(kinds), maxRecommended)] {
		place := s.placeOf(kind)
		list = append(list, words.recommend(kind, s.business, place, turns[place], fill))
		turns[place]++
	}
	return list, []engine.Call{{Key: engine.RecommendKey, Model: Name}}, nil
}

// subject is a site that something is recommended for.
type subject struct {
	business, brand string
	place           analysis.Place
	// has are kinds that the site has, unwanted those that its owner does not want.
	has, unwanted []string
	// guest says that an update of the site would treat it as a guest.
	guest bool
}

// maxBrand bounds the brand in a text, in runes: another engine's title may be long.
const maxBrand = 64

// subjectOf reads a plan, which may be another engine's.
func subjectOf(req engine.Request, plan *engine.Plan) subject {
	s := subject{business: plan.BusinessType, has: plan.Features, unwanted: analysis.Analyze(req.Prompt, req.Locale).Unwanted}
	unfit := func(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) }
	brand := []rune(strings.Join(strings.FieldsFunc(plan.Title, unfit), " "))
	s.brand = strings.TrimSpace(string(brand[:min(len(brand), maxBrand)]))
	if _, known := blueprints[s.business]; !known {
		s.business = analysis.General
	}
	var b brief
	// What is no brief is another engine's, whose site will be a guest here.
	err := json.Unmarshal(plan.Private, &b)
	s.guest, s.place = err != nil || b.Business == "", placeOf(b)
	if isUpdate(req) {
		_, ours := manifestOf(req.Base)
		s.guest = s.guest || !ours
		s.unwanted = append(s.unwanted, wishOf(req.Prompt, req.Locale).remove...)
	}
	return s
}

// fill replaces the placeholders of the texts. What is put in is not read again.
func (s subject) fill(tag string) *strings.Replacer {
	in := ""
	if s.place.Name(baseOf(tag)) != "" {
		in = " " + inPlace(s.place, baseOf(tag))
	}
	return strings.NewReplacer("{brand}", s.brand, "{in}", in)
}

// nextOrders are the kinds that suit a business, the most fitting ones first. They
// are judgments of what its owner would gain most from.
var nextOrders = map[string]string{
	"salon":      "booking gallery testimonials pricing seo social faq newsletter payment portfolio blog",
	"restaurant": "booking contact gallery testimonials seo social newsletter faq payment blog",
	"shop":       "payment testimonials contact faq seo gallery social newsletter blog analytics",
	"saas":       "pricing testimonials contact faq booking blog portfolio darkMode analytics newsletter seo",
	"portfolio":  "portfolio about contact testimonials pricing seo booking gallery darkMode social newsletter",
	"medical":    "booking contact services team faq accessibility pricing seo gallery blog payment newsletter",
	"gym":        "pricing booking team testimonials contact gallery social seo payment newsletter blog faq",
	"agency":     "portfolio services testimonials contact team pricing faq booking blog seo newsletter",
	"event":      "booking pricing team faq payment newsletter social gallery testimonials seo services",
	"blog":       "newsletter about contact social seo darkMode pricing faq analytics gallery",
	"business":   "contact services testimonials pricing faq about seo booking gallery social team",
}

// nextOthers follow in every business.
const nextOthers = "contact about services testimonials seo faq pricing gallery social newsletter booking " +
	"team mobile accessibility portfolio blog analytics payment darkMode"

// lacking returns the kinds to recommend, best first.
func (s subject) lacking() []string {
	var out []string
	for kind := range strings.FieldsSeq(nextOrders[s.business] + " " + nextOthers) {
		if !slices.Contains(out, kind) && !slices.Contains(s.has, kind) && !slices.Contains(s.unwanted, kind) {
			out = append(out, kind)
		}
	}
	return out
}

// placeOf says where on the site an update puts a kind, as a key of the texts.
func (s subject) placeOf(kind string) string {
	add := additionFor(s.business, kind)
	switch {
	case s.guest:
		return "home"
	case add.page.nav:
		return "page"
	case add.page.file != "":
		return "foot"
	case add.on == homeFile:
		return "home"
	case add.on != "":
		return "about"
	}
	return "site"
}
