package offline

import (
	"embed"
	"encoding/json"
	"fmt"
	"maps"
	"strings"

	"github.com/sheenapps/sheen/server/engine/analysis"
	"github.com/sheenapps/sheen/server/locale"
)

//go:embed copy
var copyFiles embed.FS

// copytext is what a site of one business says in one language.
type copytext struct {
	// Kind is the business as a noun: "Hair salon".
	Kind    string `json:"kind"`
	Tagline string `json:"tagline"`
	// Design is the sentence of the plan on why the site looks as it does.
	Design string `json:"design"`
	Hero   struct {
		Kicker, Title, Lead, Primary, Secondary string
	} `json:"hero"`
	Pages map[string]pageCopy `json:"pages"`
	Heads map[string]head     `json:"heads"`
	Lists map[string][]item   `json:"lists"`
	// Words overrule the shared words.
	Words map[string]string `json:"words"`
}

type pageCopy struct{ Nav, Title, Lead string }

type head struct{ Kicker, Title, Lead string }

// item is an entry of any list; which fields count depends on the list.
type item struct {
	ID, Name, Text, Role, Tag, Group, Meta, Icon, Art string
	// Price is in euros at French prices; a region turns it into its own.
	Price   float64
	Minutes int
	Body    []string
	List    []string
	// Match are the service keys of the analysis that the item answers.
	Match []string
}

// shared are the words of the interface in one language.
type shared struct {
	Words     map[string]string `json:"words"`
	Days      []string          `json:"days"`
	DaysShort []string          `json:"days_short"`
	Lists     map[string][]item `json:"lists"`
	Heads     map[string]head   `json:"heads"`
	// Narrative are the paragraphs of the plan's text.
	Narrative map[string]string `json:"narrative"`
}

// loadCopy reads the copy of a business and the shared words, with the
// placeholders {brand} and {in} filled in.
func loadCopy(b brief, language string) (*copytext, *shared, error) {
	tag := dialectOf(b, language)
	fill := strings.NewReplacer(
		"{brand}", quoteJSON(b.Brand),
		"{in}", quoteJSON(inPlace(placeOf(b), language)),
	)
	text, common := &copytext{}, &shared{}
	if err := readCopy(tag, b.Business, fill, text); err != nil {
		return nil, nil, err
	}
	if err := readCopy(tag, "shared", fill, common); err != nil {
		return nil, nil, err
	}
	if len(b.Extras) > 0 {
		if err := common.complete(tag, fill); err != nil {
			return nil, nil, err
		}
	}
	maps.Copy(common.Words, text.Words)
	return text, common, nil
}

// complete adds what optional kinds and updates say, which most sites do without.
// No key stands in both.
func (s *shared) complete(tag string, fill *strings.Replacer) error {
	more := &shared{}
	if err := readCopy(tag, "more", fill, more); err != nil {
		return err
	}
	maps.Copy(s.Words, more.Words)
	maps.Copy(s.Lists, more.Lists)
	maps.Copy(s.Heads, more.Heads)
	maps.Copy(s.Narrative, more.Narrative)
	return nil
}

func readCopy(tag, name string, fill *strings.Replacer, into any) error {
	all, err := wordings()
	if err != nil {
		return err
	}
	if err := json.Unmarshal([]byte(fill.Replace(string(all[tag+"/"+name+".json"]))), into); err != nil {
		return fmt.Errorf("copy of %s in %s: %w", name, tag, err)
	}
	return nil
}

// dialectOf returns the locale in whose words a business speaks a language: how
// people pay and what they call things is a matter of where the business is, and
// only where nobody said so of where its owner is.
func dialectOf(b brief, language string) string {
	return locale.Resolve(language+"-"+countryOf(b), language).Tag
}

// quoteJSON returns s as it stands between the quotes of a JSON string.
func quoteJSON(s string) string {
	quoted, err := json.Marshal(s)
	if err != nil {
		return "" // a string always encodes
	}
	return string(quoted[1 : len(quoted)-1])
}

func placeOf(b brief) analysis.Place {
	if place, ok := analysis.PlaceByCity(b.City); ok {
		return place
	}
	place, _ := analysis.PlaceByCountry(b.Country)
	return place
}
