package build_test

import (
	"bytes"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"strings"
)

// files are a site, by path.
type files map[string]string

// doc is a page that passes all tests around what a test puts into it.
func doc(head, body string) string {
	return `<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>Salon Iris</title>` +
		`<meta name="viewport" content="width=device-width, initial-scale=1">` + head + "</head><body><h1>Salon Iris</h1>\n" +
		body + "\n</body></html>\n"
}

// front is a site of one page.
func front(head, body string) files { return files{"index.html": doc(head, body)} }

// with adds a file.
func (f files) with(path, content string) files {
	f[path] = content
	return f
}

func sheet(css string) files {
	return front(`<link rel="stylesheet" href="site.css">`, "").with("site.css", css)
}

func scripted(code string) files {
	return front(`<script src="site.js"></script>`, "").with("site.js", code)
}

const svgStart = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 1 1">`

// picture returns a small picture: a PNG, or else a JPEG.
func picture(isPNG bool) string {
	var b bytes.Buffer
	img := image.NewPaletted(image.Rect(0, 0, 16, 16), color.Palette{color.White, color.Black})
	if isPNG {
		_ = png.Encode(&b, img)
	} else {
		_ = jpeg.Encode(&b, img, nil)
	}
	return b.String()
}

// flawed is a site with one flaw.
type flawed struct {
	name string
	// rule is what the report has to name.
	rule string
	site files
}

func brokenPages() []flawed {
	return []flawed{
		{"no index", "index", files{"home.html": doc("", "")}},
		{"no doctype", "html", files{"index.html": strings.TrimPrefix(doc("", ""), "<!DOCTYPE html>")}},
		{"element left open", "html", front("", "<section><p>x</p>")},
		{"crossed tags", "html", front("", "<b><i>x</b></i>")},
		{"stray end tag", "html", front("", "x</section>")},
		{"cut in a tag", "html", files{"index.html": doc("", "") + `<p class="`}},
		{"script left open", "html", front("", "<script>let a = 1")},
		{"same id twice", "html", front("", `<p id="a">x</p><p id="a">y</p>`)},
		{"fence of Markdown", "html", files{"index.html": "```html\n" + doc("", "") + "```\n"}},
		{"link in a link", "html", front("", `<a href="#">x<a href="#">y</a></a>`)},
		{"no title", "title", files{"index.html": strings.Replace(doc("", ""), "<title>Salon Iris</title>", "", 1)}},
		{"no language", "lang", files{"index.html": strings.Replace(doc("", ""), ` lang="en"`, "", 1)}},
		{"no viewport", "viewport", files{"index.html": strings.Replace(doc("", ""), "viewport", "x", 1)}},
		{"no heading", "heading", files{"index.html": strings.ReplaceAll(doc("", ""), "h1>", "h2>")}},
		{"empty page", "heading", files{"index.html": strings.Replace(doc("", ""), "<h1>Salon Iris</h1>", "<h1></h1>", 1)}},
		{"picture without a text", "alt", front("", `<img src="data:image/gif;base64,R0lGODlhAQABAAAAACw=">`)},
		{"field without a label", "label", front("", `<form><input name="mail"></form>`)},
		{"label for nobody", "label", front("", `<label for="mail">Mail</label>`)},
		{"button without a text", "label", front("", "<button>"+svgStart+"</svg></button>")},
		{"not UTF-8", "encoding", front("", "caf\xe9")},
		{"other charset", "encoding", front(`<meta http-equiv="content-type" content="text/html; charset=windows-1252">`, "")},
		{"second page broken", "html", front("", `<a href="b.html">b</a>`).with("b.html", doc("", "<div>"))},
	}
}

func brokenReferences() []flawed {
	return []flawed{
		{"missing page", "link", front("", `<a href="about.html">x</a>`)},
		{"page in other case", "link", front("", `<a href="About.html">x</a>`).with("about.html", doc("", ""))},
		{"link to the maker's machine", "link", front("", `<a href="http://localhost:5173/">x</a>`)},
		{"form to nowhere", "link", front("", `<form action="/send"><button>Send</button></form>`)},
		{"round and round", "link", front(`<meta http-equiv="refresh" content="0; url=b.html">`, "").with("b.html", doc(`<meta http-equiv="refresh" content="0; url=/">`, ""))},
		{"missing place", "anchor", front("", `<a href="#prices">x</a>`)},
		{"missing picture", "asset", front("", `<img src="a.png" alt="x">`)},
		{"missing picture of a set", "asset", front("", `<img src="a.png" srcset="a.png 1x, b.png 2x" alt="x">`).with("a.png", picture(true))},
		{"missing style sheet", "asset", front(`<link rel="stylesheet" href="a.css">`, "")},
		{"missing script", "asset", front(`<script src="a.js"></script>`, "")},
		{"missing module", "asset", front(`<script type="module">import "./a.js"</script>`, "")},
		{"module without a path", "asset", front(`<script type="module">import "react"</script>`, "")},
		{"module as a script", "asset", front(`<script src="a.js"></script>`, "").with("a.js", "export {}")},
		{"missing font", "asset", sheet("@font-face{font-family:x;src:url(x.woff2)}")},
		{"missing icon of the manifest", "asset", front(`<link rel="manifest" href="m.webmanifest">`, "").with("m.webmanifest", `{"icons":[{"src":"i.png"}]}`)},
		{"empty style sheet", "asset", sheet("")},
		{"late document.write", "asset", front(`<script src="a.js" defer></script>`, "").with("a.js", "document.write('x')")},
		{"page as a style sheet", "asset", front(`<link rel="stylesheet" href="a.html">`, "").with("a.html", doc("", ""))},
		{"script of another host", "external", front(`<script src="https://cdn.example.org/a.js"></script>`, "")},
		{"font of another host", "external", sheet(`@import url("https://fonts.example.org/css2?family=X");`)},
		{"picture of another host", "external", front("", `<p style="background:url(//img.example.org/a.png)">x</p>`)},
		{"frame of another host", "external", front("", `<iframe title="map" src="https://maps.example.org/"></iframe>`)},
		{"frame with a foreign picture", "external", front("", `<iframe title="t" srcdoc="<img src='https://img.example.org/a.png' alt=''>"></iframe>`)},
		{"request to another host", "external", scripted("fetch('https://api.example.org/v1')")},
		{"socket to another host", "external", scripted("new WebSocket('wss://live.example.org')")},
		{"connection ahead of time", "external", front(`<link rel="preconnect" href="https://fonts.example.org">`, "")},
		{"form to another host", "external", front("", `<form action="https://forms.example.org/x"><button>Send</button></form>`)},
		{"base of another host", "external", front(`<base href="https://example.org/">`, "")},
		{"sent to another host", "external", front(`<meta http-equiv="refresh" content="3; url=https://example.org/">`, "")},
	}
}

func brokenFiles() []flawed {
	return []flawed{
		{"same name in other case", "path", front("", "").with("a.txt", "x").with("A.txt", "y")},
		{"broken style sheet", "css", sheet("h1{color:red")},
		{"broken style element", "css", front("<style>h1{color red}</style>", "")},
		{"broken script", "javascript", scripted("if (")},
		{"TypeScript", "javascript", scripted("let a: number = 1")},
		{"broken handler", "javascript", front("", `<button onclick="go(">x</button>`)},
		{"broken data", "json", front("", "").with("data.json", "{'a':1}")},
		{"broken structured data", "json", front(`<script type="application/ld+json">{,}</script>`, "")},
		{"broken site map", "xml", front("", "").with("sitemap.xml", "<urlset><url></urlset>")},
		{"text for a picture", "content", front("", `<img src="a.png" alt="x">`).with("a.png", "a picture of a cat")},
		{"cut picture", "content", front("", `<img src="a.jpg" alt="x">`).with("a.jpg", picture(false)[:200])},
		{"picture of another kind", "content", front("", `<img src="a.jpg" alt="x">`).with("a.jpg", picture(true))},
		{"broken drawing", "content", front("", `<img src="a.svg" alt="x">`).with("a.svg", svgStart+"<g></svg>")},
		{"drawing that is not shown", "content", front("", `<img src="a.svg" alt="x">`).with("a.svg", "<svg></svg>")},
		{"text for a font", "content", sheet("@font-face{font-family:x;src:url(x.woff2)}").with("x.woff2", "font")},
	}
}

// brokenInBrowser are sites that only a browser finds at fault.
func brokenInBrowser() []flawed {
	return []flawed{
		{"uncaught error", "browser", scripted("document.querySelector('#menu').hidden = true")},
		{"round and round by a script", "browser", scripted("location.href = 'index.html?' + Math.random()")},
		{"nothing to see", "browser", sheet("body > *{display:none}")},
		{"request that fails", "browser", front("", "<script>fetch('prices' + '.json').then(r => r.json()).catch(() => {})</script>")},
	}
}

func goodSites() map[string]files {
	return map[string]files{
		"one page": front("", "<p>Welcome</p>"),
		"links": front("", `<nav id="nav"><a href="about.html?from=home#team">a</a> <a href="./#nav">b</a> <a href="shop/">c</a> <a href="?lang=fr">d</a>
<a href="#top">e</a> <a href="tel:+33100000000">f</a> <a href="https://example.org/">g</a> <a href="mailto:a@example.org?subject=x">h</a></nav>`).
			with("about.html", doc("", `<section id="team"><a href="/">home</a></section>`)).
			with("shop/index.html", doc("", `<a href="../about.html#team">x</a>`)),
		"drawings": front("", svgStart+`<title>Iris</title><defs><symbol id="s"><path d="M0 0h1v1z"/></symbol></defs><use href="#s"/></svg><img src="a.svg" alt="Iris">`).
			with("a.svg", `<?xml version="1.0"?>`+svgStart+"<g/></svg>"),
		"data addresses": front(`<link rel="icon" href="data:,">`, `<img src="data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg'/%3E" alt=""><p style="background:url(data:image/png;base64,AAAA)">x</p>`),
		"templates": front("", `<ul id="list"></ul><template id="row"><li id="item"><img src="{{photo}}" alt=""><button></button></li></template>
<script>const row = document.getElementById("row").content.cloneNode(true); row.querySelector("img").src = "a.png"; row.querySelector("button").textContent = "x"; document.getElementById("list").append(row)</script>`).with("a.png", picture(true)),
		"sets of pictures": front("", `<picture><source srcset="a.jpg 1x, a.jpg?2 2x" type="image/jpeg"><img src="a.png" srcset="a.png 480w, ./a.png?w=800 800w" sizes="50vw" alt="x" loading="lazy"></picture>`).
			with("a.jpg", picture(false)).with("a.png", picture(true)),
		"odd names":        front("", `<a href="caf%C3%A9.html">x</a> <a href="a%20b.html">y</a> <a href="100%25.html">z</a>`).with("café.html", doc("", "")).with("a b.html", doc("", "")).with("100%.html", doc("", "")),
		"from the right":   {"index.html": strings.Replace(doc("", "<p>أهلا وسهلا</p>"), `lang="en"`, `lang="ar" dir="rtl"`, 1)},
		"a frame":          front("", `<iframe title="note" srcdoc="<p id='a'>Hello</p><a href='#a'>up</a><img src='a.png' alt=''>"></iframe>`).with("a.png", picture(true)),
		"modules":          front(`<script type="importmap">{"imports":{"lib":"./js/lib.js"}}</script><script type="module" src="js/main.mjs"></script>`, "").with("js/main.mjs", "import {a} from 'lib'; import('./late.js'); document.title = a;").with("js/lib.js", "export const a = 'x'").with("js/late.js", "export {}"),
		"a form":           front("", `<form action="thanks.html"><label>Name <input name="n" required></label><label for="m">Mail</label><input id="m" type="email" list="l"><datalist id="l"></datalist><button>Send</button></form>`).with("thanks.html", doc("", "")),
		"an app":           front(`<link rel="manifest" href="site.webmanifest"><script type="application/ld+json">{"@type":"HairSalon"}</script>`, "").with("site.webmanifest", `{"start_url":"/","icons":[{"src":"/i.png"}]}`).with("i.png", picture(true)).with("robots.txt", "User-agent: *\n").with("sitemap.xml", `<?xml version="1.0"?><urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9"><url><loc>https://example.org/</loc></url></urlset>`),
		"styles of today":  sheet(`@layer base{h1{color:oklch(50% .1 20);&:hover{color:red}}} @container (width>1px){a{inset:0}} :root{--x:{}} b::before{content:"url(x)"} p{background:image-set("i.png" type("image/png") 1x)}`).with("i.png", picture(true)),
		"a page not found": front("", "").with("404.html", doc("", `<a href="/">home</a>`)),
		"own data":         front("", `<p id="p">…</p><script>fetch("data.json").then(r => r.json()).then(d => { document.getElementById("p").textContent = d.a })</script>`).with("data.json", `{"a":1}`).with("empty.txt", ""),
		"the year":         front("", `<p>© <script>document.write(new Date().getFullYear())</script></p><noscript><p>No script</p></noscript>`),
	}
}
