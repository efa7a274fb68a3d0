package offline

import (
	"encoding/json"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/sheenapps/sheen/server/engine"
	"github.com/sheenapps/sheen/server/engine/analysis"
)

// site is a brief with the copy of its editions.
type site struct {
	brief    brief
	place    analysis.Place
	region   region
	colors   palette
	plans    blueprint
	pages    []pageSpec
	editions []*edition
}

// edition is the site in one language.
type edition struct {
	*site
	lang, locale string
	// prefix is the edition's folder, empty or like "fr/".
	prefix string
	text   *copytext
	words  *shared
}

func newSite(b brief) (*site, error) {
	plans, ok := blueprints[b.Business]
	known := func(kind string) bool { return slices.Contains(analysis.Kinds(), kind) }
	if slices.ContainsFunc(b.Extras, func(kind string) bool { return !known(kind) }) {
		return nil, fmt.Errorf("brief with the kinds %q: %w", b.Extras, errBrief)
	}
	if !slices.Contains(languages, baseOf(b.Locale)) || b.Second != "" && !slices.Contains(languages, b.Second) {
		return nil, fmt.Errorf("brief in %q and %q: %w", b.Locale, b.Second, errBrief)
	}
	if !ok || b.Theme < 0 || b.Theme >= len(palettes[b.Business]) {
		return nil, fmt.Errorf("brief for %q with theme %d: %w", b.Business, b.Theme, errBrief)
	}
	s := &site{
		brief: b, place: placeOf(b), region: regionOf(b), plans: plans,
		colors: colorsOf(b), pages: pagesFor(b),
	}
	tags := []string{b.Locale}
	if b.Second != "" {
		tags = append(tags, dialectOf(b, b.Second))
	}
	for i, tag := range tags {
		text, words, err := loadCopy(b, baseOf(tag))
		if err != nil {
			return nil, err
		}
		e := &edition{site: s, lang: baseOf(tag), locale: tag, text: text, words: words}
		if i > 0 {
			e.prefix = baseOf(tag) + "/"
		}
		e.bringForward()
		s.editions = append(s.editions, e)
	}
	return s, nil
}

// bringForward puts the services that the prompt named first and adds those
// that the copy does not know, in the language they were named in.
func (e *edition) bringForward() {
	list := e.text.Lists["services"]
	var first []item
	for _, asked := range e.brief.Services {
		i := slices.IndexFunc(list, func(it item) bool { return slices.Contains(it.Match, asked.Key) })
		switch {
		case i >= 0:
			first = append(first, list[i])
			list = slices.Delete(slices.Clone(list), i, i+1)
		case e.text.Words["service.generic"] != "" && e.lang == e.brief.Language && !answered(first, asked.Key):
			first = append(first, item{
				ID: asked.Key, Name: upperFirst(asked.Name), Text: e.text.Words["service.generic"],
				Icon: "spark", Group: groupOf(list), Price: medianPrice(list), Minutes: 45,
			})
		}
	}
	if list != nil {
		e.text.Lists["services"] = append(first, list...)
	}
}

func answered(items []item, key string) bool {
	return slices.ContainsFunc(items, func(it item) bool { return slices.Contains(it.Match, key) })
}

func groupOf(items []item) string {
	if len(items) == 0 {
		return ""
	}
	return items[0].Group
}

func medianPrice(items []item) float64 {
	var prices []float64
	for _, it := range items {
		prices = append(prices, it.Price)
	}
	slices.Sort(prices)
	if len(prices) == 0 {
		return 0
	}
	return prices[len(prices)/2]
}

func upperFirst(s string) string {
	for i, r := range s {
		return strings.ToUpper(string(r)) + s[i+len(string(r)):]
	}
	return s
}

// plan announces the site's files.
func (s *site) plan() (*engine.Plan, error) {
	private, err := json.Marshal(s.brief)
	if err != nil {
		return nil, fmt.Errorf("plan of %s: %w", s.brief.Business, err)
	}
	main := s.editions[0]
	return &engine.Plan{
		Title:        s.brief.Brand,
		Summary:      main.text.Tagline,
		BusinessType: s.brief.Business,
		Locale:       main.locale,
		Features:     featuresOf(s.brief),
		Files:        s.files(),
		Private:      private,
	}, nil
}

// files lists what render makes, in its order.
func (s *site) files() []engine.PlannedFile {
	words := s.editions[0].words.Words
	files := []engine.PlannedFile{
		{Path: cssFile, Purpose: words["purpose.css"]},
		{Path: jsFile, Purpose: words["purpose.js"]},
		{Path: iconFile, Purpose: words["purpose.icon"]},
	}
	for _, extra := range s.extras() {
		files = append(files, engine.PlannedFile{Path: extra.path, Purpose: words["purpose."+extra.purpose]})
	}
	for _, e := range s.editions {
		for _, p := range e.allPages() {
			purpose := p.title()
			if e.prefix != "" {
				purpose += " (" + words["language."+e.lang] + ")"
			}
			files = append(files, engine.PlannedFile{Path: p.path(), Purpose: purpose})
		}
	}
	return append(files, engine.PlannedFile{Path: manifestFile, Purpose: words["purpose.manifest"]})
}

// allPages returns the edition's pages, one per item where the spec says so.
func (e *edition) allPages() []*page {
	var out []*page
	for _, spec := range e.pages {
		if spec.each == "" {
			out = append(out, &page{edition: e, spec: spec, file: spec.file})
			continue
		}
		for i, it := range e.List(spec.each) {
			out = append(out, &page{
				edition: e, spec: spec, file: path.Join(spec.file, it.ID+".html"), Item: &it, Position: i,
			})
		}
	}
	return out
}
