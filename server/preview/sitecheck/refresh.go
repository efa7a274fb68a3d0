package sitecheck

import (
	"strconv"
	"strings"
)

// loopDelay is the shortest pause, in seconds, with which a page may ask for
// itself again: below, nobody can read it.
const loopDelay = 10

// refresh is where a meta element sends the visitor of a page, and after how
// many seconds.
type refresh struct {
	ref   reference
	delay float64
}

// enterRefresh notes where a meta element sends the visitor.
func (p *page) enterRefresh(e element) {
	if !strings.EqualFold(e.attr["http-equiv"], "refresh") {
		return
	}
	delay, rest, _ := strings.Cut(e.attr["content"], ";")
	seconds, err := strconv.ParseFloat(strings.TrimSpace(delay), 64)
	if err != nil {
		seconds = 0
	}
	_, address, _ := strings.Cut(rest, "=")
	e.attr["url"] = strings.Trim(address, ` '"`)
	p.refer(e, "url", kindRefresh)
	if p.refresh == nil {
		p.refresh = &refresh{ref: p.references[len(p.references)-1], delay: seconds}
	}
}

// checkCircles finds the pages that send the visitor round in a circle.
func (c *checker) checkCircles() {
	for name, start := range c.pages {
		if start.refresh == nil {
			continue
		}
		c.checks++
		at := name
		for range c.pages {
			if at = c.sentTo(at); at == name {
				c.fail(RuleLink, name, start.refresh.ref.line, "the page sends the visitor round in a circle")
			}
			if at == name || at == "" {
				break
			}
		}
	}
}

// sentTo returns the file that the page called name sends its visitor to at
// once, or "" if it does not.
func (c *checker) sentTo(name string) string {
	p := c.pages[name]
	if p == nil || p.refresh == nil || p.refresh.delay >= loopDelay {
		return ""
	}
	ref := p.refresh.ref
	ref.base = p.base
	if ref.address == "" {
		return name
	}
	target, err := resolve(ref, ref.address)
	if err != nil || target.Host != siteHost {
		return ""
	}
	next, _ := c.lookup(target)
	return next
}
