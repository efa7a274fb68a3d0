package offline_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"testing"
)

// faults are what copy must not say, by language.
var faults = map[string]*regexp.Regexp{
	// A line must not begin with a mark, and a quotation not end in a space.
	"fr": regexp.MustCompile(`\S [?!;:»]|« `),
	// The English of all sites is American, and so are its hours: whether a clock
	// counts to 12 or to 24 is the region's matter.
	"en": regexp.MustCompile(`(?i)\b(\w*colour|favour\w*|centre|metres?|litres?|grey|programme|(cancel|label|travel|model)l(ed|ing)|organis\w+|realis\w+|fringe)\b|\b(from|until|after) \d+ (to|on)\b|\bafter \d+ [ap]m\b`),
}

// weekdays are wrong in prose about opening where a week's rest is on Friday. A
// region's own words know its week.
var weekdays = map[string]*regexp.Regexp{
	"en": regexp.MustCompile(`\b(Mon|Tues|Wednes|Fri|Satur|Sun)days?\b`),
	"fr": regexp.MustCompile(`(?i)\b(lundi|mardi|mercredi|vendredi|samedi|dimanche)\b`),
	"es": regexp.MustCompile(`(?i)\b(lunes|martes|miércoles|viernes|sábado|domingo)\b`),
	"de": regexp.MustCompile(`\b(Montag|Dienstag|Mittwoch|Freitag|Samstag|Sonntag)(s|nach|vor|\b)`),
}

func TestProse(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("copy/*/*.json")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for _, name := range files {
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		var content any
		if err := json.Unmarshal(data, &content); err != nil {
			t.Fatal(err)
		}
		tag := filepath.Base(filepath.Dir(name))
		fault, day := faults[tag[:2]], weekdays[tag]
		weekly := slices.Contains([]string{"restaurant.json", "gym.json", "salon.json", "more.json"}, filepath.Base(name))
		eachText(content, func(text string) {
			if fault != nil && fault.MatchString(text) {
				t.Errorf("%s says %q: %q", name, fault.FindString(text), text)
			}
			if day != nil && weekly && day.MatchString(text) {
				t.Errorf("%s names a day that is another one elsewhere: %q", name, text)
			}
		})
	}
}
