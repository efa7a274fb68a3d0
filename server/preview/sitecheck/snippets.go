package sitecheck

import "strings"

// maxBrokenSnippets is how many attributes of a page are reported one by one:
// whoever wrote more of them did it all the same way.
const maxBrokenSnippets = 20

// checkSnippets judges the CSS and JavaScript in the attributes of a page, and
// collects what they load.
func (c *checker) checkSnippets(styles, handlers []source) {
	for _, s := range styles {
		c.scanStyle(s)
	}
	for _, s := range handlers {
		c.scanScript(s, false)
	}
	c.checks += len(styles) + len(handlers)
	c.searchMistakes(styles, maxBrokenSnippets, func(snippets []source) []Failure {
		return cssMistakes(join(snippets, "a{", "}\n"))
	})
	// The line break ends a comment that the handler may end in.
	c.searchMistakes(handlers, maxBrokenSnippets, func(snippets []source) []Failure {
		return scriptMistakes(join(snippets, "(function(event){", "\n});"), false)
	})
}

// searchMistakes reports the snippets, at most limit, that have a mistake, and
// returns how many that were. It judges all of them at once and halves those
// that do not pass, since each call of the parser costs far more than the few
// characters of an attribute.
func (c *checker) searchMistakes(snippets []source, limit int, judge func([]source) []Failure) int {
	if len(snippets) == 0 || limit <= 0 {
		return 0
	}
	mistakes := judge(snippets)
	if len(mistakes) == 0 {
		return 0
	}
	if len(snippets) == 1 {
		first := mistakes[0]
		first.Line = snippets[0].line
		c.failures = append(c.failures, first)
		return 1
	}
	half := len(snippets) / 2
	found := c.searchMistakes(snippets[:half], limit, judge)
	return found + c.searchMistakes(snippets[half:], limit-found, judge)
}

// join returns the snippets as one source, each between before and after.
func join(snippets []source, before, after string) source {
	var b strings.Builder
	for _, s := range snippets {
		b.WriteString(before)
		b.WriteString(s.text)
		b.WriteString(after)
	}
	return source{file: snippets[0].file, line: snippets[0].line, text: b.String()}
}
