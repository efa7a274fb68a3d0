package offline

import (
	"encoding/json"
	"regexp"
	"strings"
	"testing"
)

// A list of pages or sections ends in one "and": no name of its own has another.
func TestNamesInListsHaveNoAnd(t *testing.T) {
	t.Parallel()
	all, err := wordings()
	if err != nil {
		t.Fatal(err)
	}
	checked := 0
	for name, content := range all {
		var file struct {
			Words map[string]string
			Pages map[string]pageCopy
		}
		if err := json.Unmarshal(content, &file); err != nil {
			t.Fatal(err)
		}
		var words shared
		tag, _, _ := strings.Cut(name, "/")
		if err := json.Unmarshal(all[tag+"/shared.json"], &words); err != nil {
			t.Fatal(err)
		}
		and := words.Words["and"]
		if and == " و" {
			continue // Arabic writes an "and" before every part
		}
		var names []string
		for key, word := range file.Words {
			if prefix, rest, _ := strings.Cut(key, "."); (prefix == "section" || prefix == "kind" || prefix == "page") && !strings.Contains(rest, ".") {
				names = append(names, word)
			}
		}
		for _, page := range file.Pages {
			names = append(names, page.Nav)
		}
		for _, word := range names {
			checked++
			if strings.Contains(word, and) {
				t.Errorf("%s has %q, which lists would give a second %q", name, word, and)
			}
		}
	}
	if checked == 0 {
		t.Error("no name was checked")
	}
}

// A file is one and files are many: the sentence that counts them has no plural.
func TestOneFileChanged(t *testing.T) {
	t.Parallel()
	all, err := wordings()
	if err != nil {
		t.Fatal(err)
	}
	counted := regexp.MustCompile(`\{count\} \p{L}`)
	for _, language := range languages {
		var more shared
		if err := json.Unmarshal(all[language+"/more.json"], &more); err != nil {
			t.Fatal(err)
		}
		said := more.Narrative["changed"]
		if !strings.Contains(said, "{count}") || counted.MatchString(said) {
			t.Errorf("%s says %q", language, said)
		}
	}
}

// A newsletter of a blog comes with its stories and not once a month.
func TestBlogsOwnNewsletter(t *testing.T) {
	t.Parallel()
	for _, language := range languages {
		b := brief{Business: "blog", Brand: "x", Locale: language, Language: language}
		_, common, err := loadCopy(b, language)
		if err != nil {
			t.Fatal(err)
		}
		var shop *shared
		b.Business = "shop"
		if _, shop, err = loadCopy(b, language); err != nil {
			t.Fatal(err)
		}
		if note := common.Words["newsletter.note"]; note == "" || note == shop.Words["newsletter.note"] {
			t.Errorf("%s: a blog says %q as a shop does", language, note)
		}
	}
}
