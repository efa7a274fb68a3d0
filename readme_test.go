package sheen_test

import (
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/sheenapps/sheen/server"
)

var update = flag.Bool("update", false, "write the README's table of settings anew")

const (
	tableBegin = "<!-- configuration: begin -->\n"
	tableEnd   = "<!-- configuration: end -->"
)

// The README's table of settings is what the code says.
func TestReadmeListsTheSettings(t *testing.T) {
	t.Parallel()
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	before, rest, begins := strings.Cut(string(readme), tableBegin)
	table, after, ends := strings.Cut(rest, tableEnd)
	if !begins || !ends {
		t.Fatal("README.md has no place for the table of settings")
	}
	want := server.ConfigTable()
	if table == want {
		return
	}
	if !*update {
		t.Fatal("the table of settings in README.md is not current: make generate")
	}
	if err := os.WriteFile("README.md", []byte(before+tableBegin+want+tableEnd+after), 0o600); err != nil {
		t.Fatal(err)
	}
}

// Every file that the README links to exists, and every test that it names is in
// the file that it is said to be in.
func TestReadmeLinksLead(t *testing.T) {
	t.Parallel()
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	links := regexp.MustCompile("\\[(`?[^]]+?`?)]\\(([^)#:]+)\\)").FindAllStringSubmatch(string(readme), -1)
	if len(links) < 20 {
		t.Fatalf("only %d links were found", len(links))
	}
	for _, link := range links {
		name, path := strings.Trim(link[1], "`"), filepath.FromSlash(link[2])
		if _, err := os.Stat(path); err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if !strings.HasPrefix(name, "Test") {
			continue
		}
		file, err := os.ReadFile(path)
		if err != nil || !strings.Contains(string(file), "func "+name+"(") {
			t.Errorf("%s has no %s (%v)", path, name, err)
		}
	}
}
