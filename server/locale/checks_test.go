package locale

import (
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	"golang.org/x/text/feature/plural"
)

// whole are the locales that hold every key; the others hold what differs.
var whole = []string{"en", "ar", "fr", "es", "de"}

// allCatalogues are catalogues by tag and key.
type allCatalogues map[string]map[string]entry

// checks are the rules for catalogues. Each returns what is wrong with one
// message.
var checks = map[string]func(all allCatalogues, tag, key string, e entry) string{
	"known key":     checkKnown,
	"placeholders":  checkPlaceholders,
	"categories":    checkCategories,
	"translated":    checkTranslated,
	"spaces":        checkSpaces,
	"characters":    checkCharacters,
	"script":        checkScript,
	"english words": checkEnglishWords,
	"titles":        checkTitle,
	"pairs":         checkPairs,
	"punctuation":   checkPunctuation,
}

func TestCatalogues(t *testing.T) {
	t.Parallel()
	for name := range checks {
		for _, fault := range faults(name, catalogues) {
			t.Errorf("%s: %s", name, fault)
		}
	}
	for _, fault := range append(missing(catalogues), tooEnglish(catalogues)...) {
		t.Error(fault)
	}
}

// faults returns what one check says about all messages.
func faults(check string, all allCatalogues) []string {
	var found []string
	for tag, messages := range all {
		for key, e := range messages {
			if said := checks[check](all, tag, key, e); said != "" {
				found = append(found, fmt.Sprintf("%s: %s %s", tag, key, said))
			}
		}
	}
	return found
}

// missing returns the keys that a whole catalogue lacks.
func missing(all allCatalogues) []string {
	var found []string
	for key := range all[Default] {
		for _, tag := range whole {
			if _, known := all[tag][key]; !known {
				found = append(found, fmt.Sprintf("%s: %s is missing", tag, key))
			}
		}
	}
	return found
}

// sameInEnglish are the messages that another language may share with English.
var sameInEnglish = []string{"FAQ", "Blog", "Newsletter", "Portfolio"}

// tooEnglish returns the catalogues of which more than 3 % is English, allowed
// or not.
func tooEnglish(all allCatalogues) []string {
	var found []string
	for tag, messages := range all {
		same := 0
		for key, e := range messages {
			if strings.EqualFold(e.text, all[Default][key].text) {
				same++
			}
		}
		if tag != Default && same*100 > len(messages)*3 {
			found = append(found, fmt.Sprintf("%s: %d of %d messages are the English ones", tag, same, len(messages)))
		}
	}
	return found
}

func checkKnown(all allCatalogues, _, key string, _ entry) string {
	if _, known := all[Default][key]; !known {
		return "is not in English"
	}
	return ""
}

// texts are all forms of a message.
func (e *entry) texts() []string {
	if e.count == "" {
		return []string{e.text}
	}
	return slices.DeleteFunc(slices.Clone(e.forms[:]), func(text string) bool { return text == "" })
}

// prose is what a person reads: the forms without their placeholders.
func (e *entry) prose() string {
	return placeholder.ReplaceAllString(strings.Join(e.texts(), "\n"), "")
}

var placeholder = regexp.MustCompile(`\{[a-z]+\}`)

func placeholders(text string) []string {
	return slices.Sorted(slices.Values(placeholder.FindAllString(text, -1)))
}

func checkPlaceholders(all allCatalogues, tag, key string, e entry) string {
	english := all[Default][key]
	if e.count != english.count {
		return fmt.Sprintf("counts with %q, English with %q", e.count, english.count)
	}
	if strings.ContainsAny(e.prose(), "{}") {
		return fmt.Sprintf("has a stray brace: %q", e.prose())
	}
	want := placeholders(english.text)
	counted := "{" + e.count + "}"
	for category, text := range e.forms {
		if text == "" && (e.count != "" || category > 0) {
			continue
		}
		if e.count == "" {
			text = e.text
		}
		got := placeholders(text)
		if e.count != "" && isOneNumber(tag, plural.Form(category)) && !slices.Contains(got, counted) {
			got = slices.Sorted(slices.Values(append(got, counted)))
		}
		if !slices.Equal(got, want) {
			return fmt.Sprintf("has %v in %q, English has %v", got, text, want)
		}
	}
	if e.count != "" && !slices.Contains(want, counted) {
		return "counts with " + counted + ", which it never shows"
	}
	return ""
}

// numbersOf returns, by category, some of the numbers that a language puts into
// it.
func numbersOf(tag string) map[plural.Form][]int64 {
	numbers := make(map[plural.Form][]int64)
	for n := range int64(300) {
		category := voices[tag].category(n)
		numbers[category] = append(numbers[category], n)
	}
	return numbers
}

// isOneNumber reports a category of a single number: only its form may write
// the number as a word.
func isOneNumber(tag string, category plural.Form) bool {
	return len(numbersOf(tag)[category]) == 1
}

func checkCategories(_ allCatalogues, tag, _ string, e entry) string {
	if e.count == "" {
		return ""
	}
	needed := numbersOf(tag)
	for name, category := range categories {
		if wanted, there := needed[category] != nil, e.forms[category] != ""; wanted != there {
			return fmt.Sprintf("form %q: there %t, wanted %t", name, there, wanted)
		}
	}
	return ""
}

// No message is that of a locale further up the chain: in a language it would
// not be translated, in a region it would be superfluous.
func checkTranslated(all allCatalogues, tag, key string, e entry) string {
	for _, parent := range voices[tag].chain[1:] {
		above, known := all[parent][key]
		if known && e == above && (parent != Default || !slices.Contains(sameInEnglish, e.text)) {
			return fmt.Sprintf("is the message of %s: %q", parent, e.text)
		}
	}
	return ""
}

// Each region speaks for itself often enough that its readers notice.
func TestRegionsDiffer(t *testing.T) {
	t.Parallel()
	for tag, atLeast := range map[string]int{"ar-EG": 40, "ar-SA": 40, "ar-AE": 40, "fr-MA": 20} {
		if got := len(catalogues[tag]); got < atLeast {
			t.Errorf("%s says %d messages in its own way, want %d", tag, got, atLeast)
		}
	}
	for _, pair := range [][2]string{{"ar-EG", "ar-SA"}, {"ar-EG", "ar-AE"}, {"ar-SA", "ar-AE"}} {
		same := 0
		for key, e := range catalogues[pair[0]] {
			if other, ok := catalogues[pair[1]][key]; ok && other == e {
				same++
			}
		}
		if same > 15 {
			t.Errorf("%v share %d messages, which belong to none of them alone", pair, same)
		}
	}
}

// TestChecksCanFail breaks one message for each way in which a message can be
// wrong and wants the check of that fault, and it only, to find it.
func TestChecksCanFail(t *testing.T) {
	t.Parallel()
	const (
		contact = "quickSuggestions.contact.title"
		told    = "quickSuggestions.about.description"
		writing = "event.step.write.title"
		counted = "event.step.check.description"
	)
	for _, tt := range []struct {
		check, tag, key, raw string
	}{
		{"known key", "fr", "error.build.unheard", `"Jamais vu"`},
		{"placeholders", "de", writing, `"Eine Datei wird geschrieben"`},
		{"placeholders", "de", writing, `"{files} wird geschrieben"`},
		{"placeholders", "de", writing, `"{file} wird { geschrieben"`},
		{"placeholders", "fr", counted, `"{count} fichiers"`},
		{"placeholders", "fr", counted, `{"count": {"one": "Un fichier", "other": "{count} fichiers"}}`},
		{"placeholders", "es", counted, `{"count": {"one": "Un archivo", "other": "Muchos archivos"}}`},
		{"categories", "es", counted, `{"count": {"other": "{count} archivos"}}`},
		{"categories", "de", counted, `{"count": {"one": "Eine Datei", "few": "{count} Dateien", "other": "{count} Dateien"}}`},
		{
			"categories", "ar", counted,
			`{"count": {"one": "ملف واحد", "two": "ملفان", "few": "{count} ملفات", "other": "{count} ملف"}}`,
		},
		{"translated", "ar-EG", "event.phase.failed.title", `"تعذّر البناء"`},
		{"translated", "es", "question.audience.developers", `"Developers"`},
		{"spaces", "de", told, `""`},
		{"spaces", "de", told, `"Menschen zuerst. "`},
		{"spaces", "de", told, `"Menschen  zuerst."`},
		{"characters", "es", told, `"Gente\tprimero."`},
		{"characters", "es", told, `"Gente <b>primero</b>."`},
		{"characters", "es", told, `"Gente\u200bprimero."`},
		{"characters", "de", told, `"Menschen\u00a0zuerst."`},
		{"script", "ar-SA", told, `"الناس يختارون people."`},
		{"script", "ar", told, `"People."`},
		{"script", "fr", told, `"On choisit الناس."`},
		{"english words", "de", told, `"Zeigen Sie the Gesicht."`},
		{"english words", "fr-MA", told, `"On choisit your visage."`},
		{"titles", "de", contact, `"Kontakt hinzufügen."`},
		{"pairs", "de", told, `"Menschen (zuerst."`},
		{"pairs", "de", told, `"Menschen „zuerst."`},
		{"pairs", "es", told, `"Gente «primero."`},
		{"pairs", "es", told, `"Gente primero?"`},
		{"pairs", "es", told, `"¡Gente primero."`},
		{"punctuation", "de", told, `"Menschen \"zuerst\"."`},
		{"punctuation", "fr", told, `"On choisit : des gens."`},
		{"punctuation", "fr", told, `"On choisit ?"`},
		{"punctuation", "fr", told, `"On choisit\u00a0; des gens."`},
		{"punctuation", "fr", told, `"On choisit «des gens»."`},
		{"punctuation", "es", told, `"Gente \"primero\"."`},
		{"punctuation", "ar", told, `"الناس, الناس."`},
		{"punctuation", "ar-EG", told, `"الناس?"`},
		{"punctuation", "en", told, `"People choose people.."`},
		{"punctuation", "en", told, `"People choose people ."`},
	} {
		broken := maps.Clone(allCatalogues(catalogues))
		broken[tt.tag] = maps.Clone(broken[tt.tag])
		var e entry
		if err := json.Unmarshal([]byte(tt.raw), &e); err != nil {
			t.Fatalf("%s: %v", tt.raw, err)
		}
		broken[tt.tag][tt.key] = e
		for name, check := range checks {
			said := check(broken, tt.tag, tt.key, e)
			if want := name == tt.check; want != (said != "") {
				t.Errorf("%s in %s: the check for %s says %q", tt.raw, tt.tag, name, said)
			}
		}
	}
}

func TestMissingAndEnglishAreFound(t *testing.T) {
	t.Parallel()
	broken := maps.Clone(allCatalogues(catalogues))
	broken["de"] = maps.Clone(broken["de"])
	delete(broken["de"], "question.audience.men")
	if got := missing(broken); !slices.Equal(got, []string{"de: question.audience.men is missing"}) {
		t.Errorf("missing: %q", got)
	}
	same := 0
	for key, e := range broken["en"] {
		if broken["de"][key] = e; same > len(broken["en"])*3/100 {
			break
		}
		same++
	}
	if got := tooEnglish(broken); len(got) != 1 || !strings.HasPrefix(got[0], "de: ") {
		t.Errorf("too English: %q", got)
	}
}
