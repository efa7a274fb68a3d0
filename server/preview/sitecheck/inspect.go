package sitecheck

import (
	"slices"

	"github.com/sheenapps/sheen/server/preview/sitepath"
)

// PageFacts is what a probe wants to know of a page that it was answered with.
type PageFacts struct {
	// Titled says whether there is a title with text.
	Titled bool
	// Assets are the addresses inside the site that the page loads by itself,
	// as rooted paths with their queries, sorted.
	Assets []string
}

// Inspect reads the page f, whose path is where it stands in its site.
func Inspect(f File) PageFacts {
	c := newChecker(Options{})
	c.checkPage(source{file: f.Path, line: 1, text: string(f.Content)})
	facts := PageFacts{Titled: c.pages[f.Path].title}
	for _, ref := range c.references {
		target, err := resolve(ref, ref.address)
		if err != nil || target.Host != siteHost || !ref.loads() {
			continue
		}
		if sitepath.Candidates(target.EscapedPath()) != nil {
			facts.Assets = append(facts.Assets, target.RequestURI())
		}
	}
	slices.Sort(facts.Assets)
	facts.Assets = slices.Compact(facts.Assets)
	return facts
}

// loads says whether showing the page requests the address.
func (r reference) loads() bool {
	switch r.kind {
	case kindAsset, kindStyle, kindScript, kindModule:
		return r.address != "" && r.address[0] != '#'
	default:
		return false
	}
}
