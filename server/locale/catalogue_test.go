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
)

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

// A JSON object takes the last of two equal keys without a word.
func TestNoKeyIsWrittenTwice(t *testing.T) {
	t.Parallel()
	for _, tag := range supported {
		raw, err := fs.ReadFile(files, "catalogue/"+tag+".json")
		if err != nil {
			t.Fatal(err)
		}
		keys := regexp.MustCompile(`(?m)^ {2}"([^"]+)":`).FindAllStringSubmatch(string(raw), -1)
		if len(keys) != len(catalogues[tag]) {
			t.Errorf("%s has %d keys in %d lines", tag, len(catalogues[tag]), len(keys))
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
	for _, line := range regexp.MustCompile(`(?m)^//\t([a-z]\S*) +(\{.*)$`).FindAllStringSubmatch(string(doc), -1) {
		listed[line[1]] = line[2]
	}
	for key, message := range catalogues[Default] {
		want := placeholders(message.text)
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
	for name, data := range map[string]string{
		"not JSON": `{`, "nested": `{"a":{"b":"c"}}`, "a list": `["a"]`, "a number": `{"a":1}`,
		"no forms": `{"a":{}}`, "forms of two counts": `{"a":{"b":{"other":"c"},"d":{"other":"e"}}}`,
		"no other": `{"a":{"b":{"one":"c"}}}`, "an unknown category": `{"a":{"b":{"other":"c","several":"d"}}}`,
	} {
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
