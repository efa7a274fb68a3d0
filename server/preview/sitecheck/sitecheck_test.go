package sitecheck_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/sheenapps/sheen/server/preview/sitecheck"
)

// site is path → content.
type site map[string]string

// files returns the site as a list, in an order that is as good as random.
func (s site) files() []sitecheck.File {
	var files []sitecheck.File
	for path, content := range s {
		files = append(files, sitecheck.File{Path: path, Content: []byte(content)})
	}
	return files
}

// body returns a flawless page around content, which begins on line 3.
func body(content string) string { return headBody("", content) }

// headBody returns a flawless page; head is on line 2.
func headBody(head, content string) string {
	return `<!doctype html><html lang="en"><head><title>T</title><meta name="viewport" content="width=device-width">` +
		"\n" + head + "</head><body><h1>H</h1>\n" + content + "\n</body></html>\n"
}

func script(code string) site {
	return site{"index.html": headBody(`<script src="a.js"></script>`, ""), "a.js": code}
}

func style(code string) site {
	return site{"index.html": headBody(`<link rel="stylesheet" href="a.css">`, ""), "a.css": code}
}

// summary returns the failures as "path:line rule", in order.
func summary(r sitecheck.Report) []string {
	var lines []string
	for _, f := range r.Failures {
		lines = append(lines, fmt.Sprintf("%s:%d %s", f.Path, f.Line, f.Check))
	}
	return lines
}

func TestCheckPasses(t *testing.T) {
	t.Parallel()
	module := `<script type="module" src="/js/main.mjs"></script>`
	tests := map[string]site{
		"smallest": {"index.html": body("")},
		"links": {
			"index.html": body(`<nav id="top-nav"><a href="about">a</a> <a href="/about.html#team">b</a> <a href="shop/">c</a>
<a href="shop">d</a> <a href="#top-nav">e</a> <a href="#">f</a> <a href="#top">g</a> <a href="">h</a> <a href="?q=1">i</a>
<a href="https://example.org/x">j</a> <a href="mailto:a@b.c">k</a> <a href="tel:+331">l</a> <a href="caf%C3%A9.html">m</a></nav>`),
			"about.html":      body(`<section id="team"><a href="./">home</a></section>`),
			"shop/index.html": body(`<a href="../about.html#team">x</a> <a name="old">y</a> <a href="#old">z</a>`),
			"café.html":       body(""),
		},
		"assets": {
			"index.html": headBody(`<link rel="stylesheet" href="css/a.css"><link rel="icon" href="/i.svg"><link rel="canonical" href="https://example.org/">`+module,
				`<img src="i.svg" alt=""><img src="i.svg" srcset="i.svg 1x, /i.svg?v=2 2x, data:image/gif;base64,AA== 3x" alt="x">
<video poster="i.svg"><source src="v.mp4"></video><svg><use href="#s"/><symbol id="s"/></svg><p style="background:url(i.svg)">x</p>`),
			"css/a.css":   "@import 'b.css';\n@namespace svg url(http://www.w3.org/2000/svg);\n/* url(nowhere.png) */ a{background:url( \"../i.svg\" ),url(data:image/png;base64,AA)}",
			"css/b.css":   "a::before{content:'url(x)'} :root{--x:{a:b}} @media (width>1px){a{&:hover{color:red}}}",
			"i.svg":       "<svg xmlns='http://www.w3.org/2000/svg'/>",
			"v.mp4":       "\x00\x00\x00\x18ftypmp42",
			"js/main.mjs": "import {a} from './a.js';\nexport * from \"../js/a.js\"; // import 'x'\nimport('./a.js'); const u = `import('./no.js')`;",
			"js/a.js":     "export const a = /[/\"]fetch('https:\\/\\/x')/.test('y') ? 1 : 2",
		},
		"optional end tags": {"index.html": body(`<ul><li>a<li>b</ul><p>x<p>y<div>z</div><dl><dt>a<dd>b</dl>
<table><thead><tr><th>a<tbody><tr><td>b<td>c</table><select aria-label=s><option>a<option selected>b</select><p>z`)},
		"implied html and body end": {"index.html": `<!DOCTYPE html><html lang=fr-CA><meta name=viewport content="width=1"><title>T</title><h1>H</h1>`},
		"form": {"index.html": body(`<form action="thanks.html" method="get"><label>Name <input name="n"></label>
<label for="m">Mail</label><input id="m"><input type="hidden" name="h"><input type="submit"><span id="l">x</span>
<select aria-labelledby="l"><option>1</option></select><textarea title="t"><b></textarea>
<button>Go</button><button aria-label="x"><svg><path d="M0 0"/></svg></button><button><img src="data:," alt="y"></button></form>`), "thanks.html": body("")},
		"scripts that run": {"index.html": body(`<script>if (1 < 2 && "</b>") { document.title += "<p>" }</script>
<script type="application/ld+json">{"@type":"Salon","url":"https://example.org"}</script><script type="text/template"><b></script>
<button onclick="alert('x');return false // ok">x</button><noscript><p>no</p></noscript>`)},
		"script of the site":      script("const u='https://example.org'; fetch('/x.json'); location.href='https://example.org'; // fetch('https://x.y')\nwindow.open('https://a.b','_blank'); Array.from('https://x'); ({import:1}).import; import.meta"),
		"no semicolons":           script(strings.Repeat("const x = () => {\n  return a\n}\nx.y = 'z'\nfoo()\n", 1)),
		"long list":               script("const a=[" + strings.Repeat("{b:'c',d:[1,2]},", 5000) + "];"),
		"long script":             script(strings.Repeat("a.b.c=d=>e(f);\n", 5000)),
		"long without semicolons": script(strings.Repeat("a.b = 'c'\n", 10000)),
	}
	for name, s := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			report := sitecheck.Check(s.files(), sitecheck.Options{})
			if !report.Passed() || report.Checks < 5 {
				t.Errorf("%d checks, failures: %v", report.Checks, report.Failures)
			}
		})
	}
}

func TestCheckFails(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		site site
		want []string
	}{
		{"no index", site{"home.html": body("")}, []string{":0 index"}},
		{"no files", site{}, []string{":0 index"}},
		{"same path in other case", site{"index.html": body(""), "a.txt": "", "A.txt": ""}, []string{"a.txt:0 path"}},
		{"path upwards", site{"index.html": body(""), "../x.txt": ""}, []string{"../x.txt:0 path"}},
		{"hidden path", site{"index.html": body(""), "a/.x": ""}, []string{"a/.x:0 path"}},
		{"backslash in path", site{"index.html": body(""), `a\b.txt`: ""}, []string{`a\b.txt:0 path`}},
		{"too large", site{"index.html": body(""), "a.bin": strings.Repeat("x", sitecheck.MaxBytes)}, []string{":0 size"}},
		{"not UTF-8", site{"index.html": body("\xff")}, []string{"index.html:0 encoding"}},
		{"no doctype", site{"index.html": strings.TrimPrefix(body(""), "<!doctype html>")}, []string{"index.html:0 html"}},
		{"unclosed element", site{"index.html": body("<div>\n<span>x</div>")}, []string{"index.html:4 html"}},
		{"unclosed at the end", site{"index.html": body("<section>")}, []string{"index.html:3 html"}},
		{"stray end tag", site{"index.html": body("x</div>")}, []string{"index.html:3 html"}},
		{"crossed tags", site{"index.html": body("<b><i>x</b></i>")}, []string{"index.html:3 html"}},
		{"paragraph around a block", site{"index.html": body("<p><div>x</div></p>")}, []string{"index.html:3 html"}},
		{"self-closing div", site{"index.html": body("<div/>")}, []string{"index.html:3 html"}},
		{"link in link", site{"index.html": body(`<a href="#">x<a href="#">y</a></a>`)}, []string{"index.html:3 html"}},
		{"duplicate id", site{"index.html": body("<p id=a>x</p>\n<p id=a>y</p>")}, []string{"index.html:4 html"}},
		{"id with a space", site{"index.html": body(`<p id="a b">x</p>`)}, []string{"index.html:3 html"}},
		{"duplicate attribute", site{"index.html": body(`<p class="a" Class='b'>x</p>`)}, []string{"index.html:3 html"}},
		{"missing quote", site{"index.html": body(`<p class="a>x</p><p id="b">y</p>`)}, []string{"index.html:3 html"}},
		{"ends in a tag", site{"index.html": body("") + `<p class="`}, []string{"index.html:5 html"}},
		{"unclosed comment", site{"index.html": body("<!-- x")}, []string{"index.html:3 html"}},
		{"php", site{"index.html": body("<?php echo 1 ?>")}, []string{"index.html:3 html"}},
		{"unclosed script", site{"index.html": body("<script>\nlet a = (")}, []string{"index.html:3 html"}},
		{"unclosed JSON", site{"index.html": body("<script type=application/json>")}, []string{"index.html:3 html"}},
		{"too many styles", site{"index.html": body(strings.Repeat("<style></style>\n", 202))}, []string{"index.html:203 html"}},
		{"too deep", site{"index.html": body(strings.Repeat("<div>", 600))}, []string{"index.html:3 html"}},
		{"no title", site{"index.html": strings.Replace(body(""), "<title>T", "<title> ", 1)}, []string{"index.html:0 title"}},
		{"title of a picture", site{"index.html": strings.Replace(body("<svg><title>x</title></svg>"), "<title>T", "<title>", 1)}, []string{"index.html:0 title"}},
		{"no lang", site{"index.html": strings.Replace(body(""), ` lang="en"`, "", 1)}, []string{"index.html:0 lang"}},
		{"odd lang", site{"index.html": strings.Replace(body(""), `"en"`, `"english please"`, 1)}, []string{"index.html:0 lang"}},
		{"no viewport", site{"index.html": strings.Replace(body(""), "viewport", "x", 1)}, []string{"index.html:0 viewport"}},
		{"no h1", site{"index.html": strings.Replace(body(""), "<h1>H</h1>", "", 1)}, []string{"index.html:0 heading"}},
		{"two h1", site{"index.html": body("<h1>x</h1>")}, []string{"index.html:3 heading"}},
		{"no alt", site{"index.html": body(`<img src="data:,">`)}, []string{"index.html:3 alt"}},
		{"image button without alt", site{"index.html": body(`<input type="image" src="data:,">`)}, []string{"index.html:3 alt"}},
		{"no label", site{"index.html": body("<label>x</label>\n<input name=a>")}, []string{"index.html:4 label"}},
		{"label for another", site{"index.html": body("<label for=b>x</label>\n<select id=a></select>")}, []string{"index.html:3 label", "index.html:4 label"}},
		{"empty button", site{"index.html": body("<button><svg></svg></button>")}, []string{"index.html:3 label"}},
		{"missing page", site{"index.html": body(`<a href="x.html">x</a>`)}, []string{"index.html:3 link"}},
		{"link in other case", site{"index.html": body(`<a href="About.html">x</a>`), "about.html": body("")}, []string{"index.html:3 link"}},
		{"link from a folder", site{"index.html": body(""), "a/b.html": body(`<a href="index.html">x</a>`)}, []string{"a/b.html:3 link"}},
		{"missing form target", site{"index.html": body(`<form action="/send"></form>`)}, []string{"index.html:3 link"}},
		{"missing refresh", site{"index.html": headBody(`<meta http-equiv="refresh" content="0; url=x.html">`, "")}, []string{"index.html:2 link"}},
		{"not an address", site{"index.html": body(`<a href="http://[">x</a>`)}, []string{"index.html:3 link"}},
		{"no host", site{"index.html": body(`<a href="https://">x</a>`)}, []string{"index.html:3 link"}},
		{"missing anchor", site{"index.html": body(`<a href="#x">x</a>`)}, []string{"index.html:3 anchor"}},
		{"missing anchor elsewhere", site{"index.html": body(`<a href="b.html#x">x</a>`), "b.html": body("")}, []string{"index.html:3 anchor"}},
		{"missing image", site{"index.html": body(`<img src="x.png" alt="">`)}, []string{"index.html:3 asset"}},
		{"empty src", site{"index.html": body(`<img src="" alt="">`)}, []string{"index.html:3 asset"}},
		{"missing srcset", site{"index.html": body(`<img srcset="data:, 1x,x.png 2x" alt="">`)}, []string{"index.html:3 asset"}},
		{"missing poster", site{"index.html": body("<video poster=x.png></video>")}, []string{"index.html:3 asset"}},
		{"style sheet of a wrong type", site{"index.html": headBody("<link rel=stylesheet href=a.txt>", ""), "a.txt": ""}, []string{"index.html:2 asset"}},
		{"script of a wrong type", site{"index.html": headBody("<script src=a.ts></script>", ""), "a.ts": ""}, []string{"index.html:2 asset"}},
		{"module as a script", site{"index.html": headBody("<script src=a.js></script>", ""), "a.js": "export {}"}, []string{"index.html:2 asset"}},
		{"external script", site{"index.html": headBody("<script src=https://cdn.example.org/a.js></script>", "")}, []string{"index.html:2 external"}},
		{"external style", site{"index.html": headBody("<link rel=stylesheet href=//cdn.example.org/a.css>", "")}, []string{"index.html:2 external"}},
		{"external by backslash", site{"index.html": body(`<img src="\\cdn.example.org\a.png" alt="">`)}, []string{"index.html:3 external"}},
		{"external frame", site{"index.html": body("<iframe src=https://example.org></iframe>")}, []string{"index.html:3 external"}},
		{"external preconnect", site{"index.html": headBody("<link rel=preconnect href=https://example.org>", "")}, []string{"index.html:2 external"}},
		{"external form", site{"index.html": body("<form action=https://example.org></form>")}, []string{"index.html:3 external"}},
		{"external base", site{"index.html": headBody("<base href=https://example.org/>", "<img src=a.png alt=x>")}, []string{"index.html:2 external", "index.html:3 external"}},
		{"broken style", style("a{color:red}\nb{color:red"), []string{"a.css:2 css"}},
		{"broken inline style", site{"index.html": headBody("<style>a{}\n}</style>", "")}, []string{"index.html:3 css"}},
		{"broken style attribute", site{"index.html": body(`<p style="color red">x</p>`)}, []string{"index.html:3 css"}},
		{"late import", style("a{}\n@import url(a.css);"), []string{"a.css:2 css"}},
		{"deep style", style(strings.Repeat("(", 300_000)), []string{"a.css:1 css"}},
		{"missing font", style("\n@font-face{font-family:x;src:url('x.woff2')}"), []string{"a.css:2 asset"}},
		{"external import", style("@import 'https://fonts.example.org/x.css';"), []string{"a.css:1 external"}},
		{"external background", style("a{background:URL(https://example.org/x.png)}"), []string{"a.css:1 external"}},
		{"broken script", script("let a = 1\nlet a = 2"), []string{"a.js:2 javascript"}},
		{"typescript", script("let a: number = 1"), []string{"a.js:1 javascript"}},
		{"broken inline script", site{"index.html": body("<script>\n\nif (</script>")}, []string{"index.html:5 javascript"}},
		{"broken handler", site{"index.html": body(`<p onclick="a(">x</p>`)}, []string{"index.html:3 javascript"}},
		{"inline import outside a module", site{"index.html": body("<script>import './a.js'</script>"), "a.js": "0"}, []string{"index.html:3 javascript"}},
		{"deep script", script(strings.Repeat("(", 300_000)), []string{"a.js:1 javascript"}},
		{"huge script", script(strings.Repeat(";", 2<<20)), []string{"a.js:0 javascript"}},
		{"missing module", site{"index.html": headBody("<script type=module src=a.js></script>", ""), "a.js": "import x from './b.js'"}, []string{"a.js:1 asset"}},
		{"bare import", site{"index.html": headBody("<script type=module>\nimport 'react'</script>", "")}, []string{"index.html:3 asset"}},
		{"external import of a module", site{"index.html": headBody("<script type=module>import x from 'https://esm.example.org/x'</script>", "")}, []string{"index.html:2 external"}},
		{"external fetch", script("\nfetch(`https://example.org/${1}`)"), []string{"a.js:2 external"}},
		{"external socket", script("new WebSocket('wss://example.org')"), []string{"a.js:1 external"}},
		{"external request", script("x.open('GET', '//example.org')"), []string{"a.js:1 external"}},
		{"external picture by script", script("i.src = 'https://example.org/x.gif'"), []string{"a.js:1 external"}},
		{"broken JSON", site{"index.html": body(""), "a.json": "{\n,}"}, []string{"a.json:2 json"}},
		{"broken structured data", site{"index.html": body("<script type=application/ld+json>\n{'a':1}</script>")}, []string{"index.html:4 json"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			report := sitecheck.Check(test.site.files(), sitecheck.Options{})
			if got := summary(report); !slices.Equal(got, test.want) {
				t.Errorf("got %q, want %q\n%v", got, test.want, report.Failures)
			}
		})
	}
}
