package locale

import (
	"io/fs"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"unicode"
)

// whole are the locales that hold every key; the others hold what differs.
var whole = []string{"en", "ar", "fr", "es", "de"}

var placeholder = regexp.MustCompile(`\{[a-z]+\}`)

func TestCataloguesAreTheSupportedLocales(t *testing.T) {
	t.Parallel()
	entries, err := fs.ReadDir(files, "catalogue")
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, entry := range entries {
		got = append(got, strings.TrimSuffix(entry.Name(), ".json"))
	}
	if want := slices.Sorted(slices.Values(Supported())); !slices.Equal(slices.Sorted(slices.Values(got)), want) {
		t.Errorf("catalogues of %v, want %v", got, want)
	}
}

func TestWholeCataloguesHoldTheSameKeys(t *testing.T) {
	t.Parallel()
	english := catalogues[Default]
	for tag, messages := range catalogues {
		for key := range messages {
			if _, known := english[key]; !known {
				t.Errorf("%s: %s is not in English", tag, key)
			}
		}
		if !slices.Contains(whole, tag) {
			continue
		}
		for key := range english {
			if _, known := messages[key]; !known {
				t.Errorf("%s: %s is missing", tag, key)
			}
		}
	}
}

func TestPlaceholdersAgree(t *testing.T) {
	t.Parallel()
	for tag, messages := range catalogues {
		for key, message := range messages {
			got := slices.Sorted(slices.Values(placeholder.FindAllString(message, -1)))
			want := slices.Sorted(slices.Values(placeholder.FindAllString(catalogues[Default][key], -1)))
			if !slices.Equal(got, want) {
				t.Errorf("%s: %s has %v, English has %v", tag, key, got, want)
			}
			if strings.ContainsAny(placeholder.ReplaceAllString(message, ""), "{}") {
				t.Errorf("%s: %s has a stray brace: %q", tag, key, message)
			}
		}
	}
}

// No message is that of a locale further up the chain: in a language it would
// not be translated, in a region it would be superfluous. There is no exception
// so far.
func TestMessagesAreTranslated(t *testing.T) {
	t.Parallel()
	for tag, messages := range catalogues {
		for key, message := range messages {
			for _, parent := range chain(tag)[1:] {
				if catalogues[parent][key] == message {
					t.Errorf("%s: %s is the message of %s: %q", tag, key, parent, message)
				}
			}
		}
	}
}

func TestMessagesAreWellWritten(t *testing.T) {
	t.Parallel()
	for tag, messages := range catalogues {
		for key, message := range messages {
			if message == "" || message != strings.TrimSpace(message) || strings.Contains(message, "  ") {
				t.Errorf("%s: %s has stray spaces or is empty: %q", tag, key, message)
			}
			if strings.ContainsFunc(message, unicode.IsControl) || strings.ContainsAny(message, "<>") {
				t.Errorf("%s: %s holds a control character or markup: %q", tag, key, message)
			}
			if direction(tag) == RTL != strings.ContainsFunc(message, rightToLeft) {
				t.Errorf("%s: %s is in the wrong script: %q", tag, key, message)
			}
			if strings.HasSuffix(key, ".title") && strings.HasSuffix(message, ".") {
				t.Errorf("%s: the title %s ends with a full stop", tag, key)
			}
		}
	}
}

// The package comment tells callers what to pass; it must not be out of date.
func TestDocListsThePlaceholders(t *testing.T) {
	t.Parallel()
	doc, err := os.ReadFile("doc.go")
	if err != nil {
		t.Fatal(err)
	}
	listed := make(map[string]string)
	for _, line := range regexp.MustCompile(`(?m)^//\t(\S+) +(\{.*)$`).FindAllStringSubmatch(string(doc), -1) {
		listed[line[1]] = line[2]
	}
	for key, message := range catalogues[Default] {
		want := slices.Sorted(slices.Values(placeholder.FindAllString(message, -1)))
		if got := slices.Sorted(slices.Values(strings.Fields(listed[key]))); !slices.Equal(got, want) {
			t.Errorf("doc.go says %v for %s, the message has %v", got, key, want)
		}
		delete(listed, key)
	}
	if len(listed) > 0 {
		t.Errorf("doc.go lists unknown keys %v", slices.Sorted(maps.Keys(listed)))
	}
}

func TestLoadRefusesBrokenCatalogues(t *testing.T) {
	t.Parallel()
	good := make(fstest.MapFS)
	for _, tag := range Supported() {
		good["catalogue/"+tag+".json"] = &fstest.MapFile{Data: []byte(`{"a":"b"}`)}
	}
	if _, err := load(good); err != nil {
		t.Fatalf("good files: %v", err)
	}
	for name, data := range map[string]string{"not JSON": `{`, "nested": `{"a":{"b":"c"}}`, "a list": `["a"]`} {
		broken := maps.Clone(good)
		broken["catalogue/ar-AE.json"] = &fstest.MapFile{Data: []byte(data)}
		if _, err := load(broken); err == nil || !strings.Contains(err.Error(), "ar-AE") {
			t.Errorf("%s: error is %v", name, err)
		}
	}
	delete(good, "catalogue/fr.json")
	if _, err := load(good); err == nil {
		t.Error("a missing catalogue is no error")
	}
}
