package sitecheck_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/sheenapps/sheen/server/preview/sitecheck"
)

func BenchmarkCheck(b *testing.B) {
	sites := map[string]site{
		"empty":      {"index.html": body("")},
		"styles":     {"index.html": body(strings.Repeat("<p style='color:red'>x</p>", 100))},
		"handlers":   {"index.html": body(strings.Repeat("<p onclick='f()'>x</p>", 100))},
		"small site": {},
	}
	for i := range 6 {
		sites["small site"][fmt.Sprintf("p%d.html", i)] = headBody(`<link rel=stylesheet href=a.css><script src=a.js></script>`,
			strings.Repeat("<section><h2>x</h2><p>Lorem ipsum</p><a href=p1.html>x</a></section>\n", 100))
	}
	sites["small site"]["index.html"] = body("")
	sites["small site"]["a.css"] = strings.Repeat(".a > b:hover { color: red; background: url(data:,) }\n", 300)
	sites["small site"]["a.js"] = strings.Repeat("document.querySelector('a').addEventListener('click', e => { e.preventDefault() })\n", 100)
	for name, s := range sites {
		files := s.files()
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				sitecheck.Check(files, sitecheck.Options{})
			}
		})
	}
}
