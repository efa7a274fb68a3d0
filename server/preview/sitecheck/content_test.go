package sitecheck_test

import (
	"bytes"
	"image"
	"image/color"
	"image/gif"
	"image/jpeg"
	"image/png"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sheenapps/sheen/server/preview/sitecheck"
)

// picture returns a small picture of a kind.
func picture(t *testing.T, ext string) string {
	t.Helper()
	var b bytes.Buffer
	img := image.NewPaletted(image.Rect(0, 0, 8, 8), color.Palette{color.White, color.Black})
	var err error
	switch ext {
	case "png":
		err = png.Encode(&b, img)
	case "gif":
		err = gif.Encode(&b, img, nil)
	default:
		err = jpeg.Encode(&b, img, nil)
	}
	if err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// with adds a file to a site.
func (s site) with(path, content string) site {
	s[path] = content
	return s
}

func TestContentPasses(t *testing.T) {
	t.Parallel()
	const svg = `<svg xmlns="http://www.w3.org/2000/svg" `
	tests := map[string]site{
		"pictures":        {"index.html": body(""), "a.png": picture(t, "png"), "b.JPG": picture(t, "jpg"), "c.gif": picture(t, "gif")},
		"svg with prefix": {"index.html": body(""), "a.svg": `<?xml version="1.0" encoding="UTF-8"?><!DOCTYPE svg PUBLIC "x" "y">` + svg + `xmlns:xlink="http://www.w3.org/1999/xlink" xml:space="preserve"><a xlink:href="#b"/></svg>`},
		"svg with entity": {"index.html": body(""), "a.svg": `<!DOCTYPE svg [ <!ENTITY n "http://www.w3.org/2000/svg"> ]>` + svg + `><g id="&n;"/></svg>`},
		"site map":        {"index.html": body(""), "sitemap.xml": `<?xml version="1.0"?><urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9"><url><loc>https://example.org/</loc></url></urlset>`},
		"manifest":        {"index.html": headBody(`<link rel=manifest href=m.webmanifest>`, ""), "m.webmanifest": `{"start_url":"./","icons":[{"src":"a.png"}]}`, "a.png": picture(t, "png")},
		"import map": {
			"index.html": headBody(`<script type=importmap>{"imports":{"lib":"./lib.js","parts/":"./parts/"}}</script><script type=module>import 'lib'; import 'parts/a.js'</script>`, ""),
			"lib.js":     "export {}", "parts/a.js": "export {}",
		},
		"template":                     {"index.html": body(`<template><h1></h1><img src="{{src}}" alt=""><input name=x><button></button><p id=a></p></template><p id=a>x</p>`)},
		"frame":                        {"index.html": body(`<iframe title=t srcdoc="<p id=a>x</p><a href='#a'>y</a><img src=i.png alt=z>"></iframe>`), "i.png": picture(t, "png")},
		"pointers":                     {"index.html": body(`<form id=f></form><label for=i>x</label><input id=i form=f list=l><datalist id=l></datalist><button popovertarget=p>x</button><div popover id=p>y</div>`)},
		"refresh":                      {"index.html": headBody(`<meta http-equiv=refresh content="0; url=fr/">`, ""), "fr/index.html": headBody(`<meta http-equiv=refresh content=300>`, `<a href="../">x</a>`)},
		"this year":                    {"index.html": body("<script>document.write(new Date().getFullYear())</script>")},
		"empty file that nobody uses":  {"index.html": body(""), "notes.txt": ""},
		"button with a titled picture": {"index.html": body("<button><svg><title>Close</title></svg></button>")},
		"image set":                    style(`a{background:image-set("i.png" type("image/png"), url("i.png") 2x)} b::before{content:"no.png"}`).with("i.png", picture(t, "png")),
		"comment before the doctype":   {"index.html": "<!-- x -->\n" + body("")},
	}
	for name, s := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if report := check(s); !report.Passed() {
				t.Errorf("failures: %v", report.Failures)
			}
		})
	}
}

func TestContentFails(t *testing.T) {
	t.Parallel()
	whole := picture(t, "png")
	tests := []struct {
		name string
		site site
		want []string
	}{
		{"cut picture", site{"index.html": body(""), "a.png": whole[:len(whole)-20]}, []string{"a.png:0 content"}},
		{"damaged picture", site{"index.html": body(""), "a.png": strings.Replace(whole, "IDAT", "IDAX", 1)}, []string{"a.png:0 content"}},
		{"picture of another kind", site{"index.html": body(""), "a.jpg": whole}, []string{"a.jpg:0 content"}},
		{"text for a picture", site{"index.html": body(""), "a.gif": "a cat"}, []string{"a.gif:0 content"}},
		{"text for a font", site{"index.html": body(""), "a.woff2": "a font"}, []string{"a.woff2:0 content"}},
		{"short film", site{"index.html": body(""), "a.mp4": "x"}, []string{"a.mp4:0 content"}},
		{"page for a text", site{"index.html": body(""), "robots.txt": body("")}, []string{"robots.txt:0 content"}},
		{"broken svg", site{"index.html": body(""), "a.svg": `<svg xmlns="http://www.w3.org/2000/svg">` + "\n<g></svg>"}, []string{"a.svg:2 content"}},
		{"svg without its namespace", site{"index.html": body(""), "a.svg": "<svg/>"}, []string{"a.svg:0 content"}},
		{"svg with a stray prefix", site{"index.html": body(""), "a.svg": `<svg xmlns="http://www.w3.org/2000/svg"><use xlink:href="#a"/></svg>`}, []string{"a.svg:1 content"}},
		{"svg with an entity of HTML", site{"index.html": body(""), "a.svg": `<svg xmlns="http://www.w3.org/2000/svg">&nbsp;</svg>`}, []string{"a.svg:1 content"}},
		{"svg that leaves the site", site{"index.html": body(""), "a.svg": `<svg xmlns="http://www.w3.org/2000/svg"><image href="https://example.org/x.png"/></svg>`}, []string{"a.svg:1 external"}},
		{"empty picture", site{"index.html": body("<img src=a.png alt=x>"), "a.png": ""}, []string{"index.html:3 asset"}},
		{"broken site map", site{"index.html": body(""), "sitemap.xml": "<urlset>"}, []string{"sitemap.xml:1 xml"}},
		{"site map that is none", site{"index.html": body(""), "sitemap.xml": "<html></html>"}, []string{"sitemap.xml:0 xml"}},
		{"manifest that is none", site{"index.html": body(""), "m.webmanifest": `[]`}, []string{"m.webmanifest:0 json"}},
		{"missing icon", site{"index.html": body(""), "m.webmanifest": `{"icons":[{"src":"i.png"}]}`}, []string{"m.webmanifest:0 asset"}},
		{"import map to nowhere", site{"index.html": headBody(`<script type=importmap>{"imports":{"lib":"./lib.js"}}</script>`, "")}, []string{"index.html:2 asset"}},
		{"import map to elsewhere", site{"index.html": headBody(`<script type=importmap>{"imports":{"lib":"https://cdn.example.org/lib.js"}}</script>`, "")}, []string{"index.html:2 external"}},
		{"missing picture of a frame", site{"index.html": body(`<iframe srcdoc="<img src=i.png alt=x>"></iframe>`)}, []string{"index.html:3 asset"}},
		{"list that is not there", site{"index.html": body("<input aria-label=x list=l>")}, []string{"index.html:3 label"}},
		{"page that asks for itself", site{"index.html": headBody(`<meta http-equiv=refresh content=0>`, "")}, []string{"index.html:2 link"}},
		{"circle", site{"index.html": headBody(`<meta http-equiv=refresh content="0;url=a.html">`, ""), "a.html": headBody(`<meta http-equiv=refresh content="1;url=/">`, "")}, []string{"a.html:2 link", "index.html:2 link"}},
		{"refresh to nowhere", site{"index.html": headBody(`<meta http-equiv=refresh content="5;url=a.html">`, "")}, []string{"index.html:2 link"}},
		{"refresh to elsewhere", site{"index.html": headBody(`<meta http-equiv=refresh content="5;url=https://example.org">`, "")}, []string{"index.html:2 external"}},
		{"late document.write", site{"index.html": headBody("<script defer src=a.js></script>", ""), "a.js": "document.write('x')"}, []string{"index.html:2 asset"}},
		{"document.write of a module", site{"index.html": headBody("<script type=module>document.write('x')</script>", "")}, []string{"index.html:2 javascript"}},
		{"fence of Markdown", site{"index.html": "```html\n" + body("") + "```\n"}, []string{"index.html:1 html", "index.html:5 html"}},
		{"empty heading", site{"index.html": strings.Replace(body("x"), "<h1>H</h1>", "<h1> </h1>", 1)}, []string{"index.html:2 heading"}},
		{"other charset", site{"index.html": headBody("<meta charset=iso-8859-1>", "")}, []string{"index.html:2 encoding"}},
		{"zero bytes", site{"index.html": body("x\x00y")}, []string{"index.html:0 encoding"}},
		{"link to the maker's machine", site{"index.html": body(`<a href="http://localhost:3000/">x</a> <a href="file:///C:/a.html">y</a>`)}, []string{"index.html:3 link", "index.html:3 link"}},
		{"missing picture of a set", style(`a{background:image-set("i.png" 1x)}`), []string{"a.css:1 asset"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			report := check(test.site)
			if got := summary(report); !slices.Equal(got, test.want) {
				t.Errorf("got %q, want %q\n%v", got, test.want, report.Failures)
			}
		})
	}
}

func TestFingerprintLeavesOutWhatPasses(t *testing.T) {
	t.Parallel()
	report := func(messages ...string) sitecheck.Report {
		var r sitecheck.Report
		for _, m := range messages {
			r.Failures = append(r.Failures, sitecheck.Failure{Check: sitecheck.RuleBrowser, Path: "index.html", Message: m})
		}
		return r
	}
	want := report("a is taken by line 3", "at app.js:10:7", "of 0b9e0f6a-7a38-4c3b-9f3e-3a9d0b1c2d3e", "x").Fingerprint()
	if got := report("x", "of 1b9e0f6a-7a38-4c3b-9f3e-3a9d0b1c2d3f", "at app.js:9:8", "a is taken by line 44", "x").Fingerprint(); got != want {
		t.Error("lines, places, ids, order or number count")
	}
	if report("page2.html is missing").Fingerprint() == report("page3.html is missing").Fingerprint() {
		t.Error("a number in a name does not count")
	}
}

// Files made to take a parser's time or memory do not.
func TestHostileContentTakesLinearTime(t *testing.T) {
	t.Parallel()
	for path, piece := range map[string]string{
		"a.svg": "<g>", "b.svg": "<g a='b' c='d'/>", "c.xml": "&a;", "d.css": "image-set(", "e.css": `image-set("x"`,
		"index.html": `<iframe srcdoc="<p style='a b'><style>a{</style>">`, "f.html": "<template>", "g.html": `<meta http-equiv=refresh content="0;url=g.html">`,
		"h.html": "<label for=x>",
	} {
		t.Run(path+piece, func(t *testing.T) {
			t.Parallel()
			s := site{"index.html": body(""), path: strings.Repeat(piece, 200_000/len(piece))}
			start := time.Now()
			report := check(s)
			if took := time.Since(start); took > 20*time.Second || report.Passed() {
				t.Errorf("took %v, %d failures", took, len(report.Failures))
			}
		})
	}
}

// A site of many large pictures takes no more memory than one of few.
func TestManyPicturesAreNotAllDecoded(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	img := image.NewPaletted(image.Rect(0, 0, 2000, 2000), color.Palette{color.White, color.Black})
	if err := png.Encode(&b, img); err != nil {
		t.Fatal(err)
	}
	cut := b.String()[:b.Len()-30]
	report := check(site{"index.html": body(""), "a.png": b.String(), "b.png": b.String(), "c.png": cut})
	if !report.Passed() {
		t.Errorf("failures %v", report.Failures)
	}
	if report := check(site{"index.html": body(""), "c.png": cut}); report.Passed() {
		t.Error("a cut picture passes")
	}
}
