package main_test

import (
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/net/html"
)

const demo = "A booking site for my hair salon in Lyon"

// The main job, as the README tells a newcomer to do it: the command ends in
// success, and its preview is a whole site for a salon in Lyon, in English with
// a French edition.
func TestBuildServesThePreview(t *testing.T) {
	t.Parallel()
	p := run(t, t.TempDir(), "build", demo)
	address := p.await(t, `Preview\s+(http://\S+)`)
	pages := crawl(t, address)
	p.signal(t, syscall.SIGINT)
	if status, _ := p.exit(t); status != 0 {
		t.Errorf("exit status %d\n%s", status, p.stderr.String())
	}
	if len(pages) < 5 {
		t.Errorf("the site has only %d pages: %v", len(pages), slices.Sorted(maps.Keys(pages)))
	}
	index := strings.ToLower(pages["/"])
	for _, word := range []string{"hair", "salon", "book", "lyon"} {
		if !strings.Contains(index, word) {
			t.Errorf("the index page does not say %q", word)
		}
	}
	if !strings.Contains(index, `<html lang="en"`) || !strings.Contains(index, `hreflang="fr"`) {
		t.Error("the index page is not English with a way to the French edition")
	}
	if french := pages["/fr/index.html"]; !strings.Contains(french, `<html lang="fr"`) {
		t.Errorf("the French edition is missing; pages: %v", slices.Sorted(maps.Keys(pages)))
	}
}

func TestTheSamePromptGivesTheSameBytes(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	sites := make([]map[string]string, 2)
	for i := range sites {
		p := run(t, dir, "build", demo)
		sites[i] = crawl(t, p.await(t, `Preview\s+(http://\S+)`))
		p.signal(t, syscall.SIGINT)
		p.exit(t)
	}
	if !maps.Equal(sites[0], sites[1]) {
		t.Error("two builds of the same prompt differ")
	}
}

// crawl follows every link of a preview and returns what it finds by path. Every
// answer must be 200, and every page parse.
func crawl(t *testing.T, address string) map[string]string {
	t.Helper()
	base, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]string{}
	todo := []*url.URL{base}
	for len(todo) > 0 {
		at := todo[0]
		todo = todo[1:]
		if _, seen := found[at.Path]; seen {
			continue
		}
		status, body := get(t, at.String())
		if status != http.StatusOK {
			t.Errorf("%s: %d", at.Path, status)
		}
		found[at.Path] = body
		if !strings.HasSuffix(at.Path, ".html") && !strings.HasSuffix(at.Path, "/") {
			continue
		}
		root, err := html.Parse(strings.NewReader(body))
		if err != nil {
			t.Errorf("%s: %v", at.Path, err)
			continue
		}
		for _, ref := range references(root) {
			to, err := at.Parse(ref)
			if err != nil {
				t.Errorf("%s: bad reference %q", at.Path, ref)
				continue
			}
			if to.Host == base.Host {
				to.Fragment, to.RawQuery = "", ""
				todo = append(todo, to)
			}
		}
	}
	return found
}

// references are the addresses that a page leads to or loads.
func references(n *html.Node) []string {
	var refs []string
	for d := range n.Descendants() {
		for _, a := range d.Attr {
			if (a.Key == "href" || a.Key == "src") && !strings.HasPrefix(a.Val, "data:") {
				refs = append(refs, a.Val)
			}
		}
	}
	return refs
}
