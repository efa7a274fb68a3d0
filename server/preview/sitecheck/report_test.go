package sitecheck_test

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/sheenapps/sheen/server/preview/sitecheck"
)

func check(s site) sitecheck.Report { return sitecheck.Check(s.files(), sitecheck.Options{}) }

func TestAllowedHostsMayBeAsked(t *testing.T) {
	t.Parallel()
	s := site{"index.html": body(`<img src="https://Images.example.org:8443/x.png" alt=""><img src="https://images.example.net/x.png" alt="">`)}
	report := sitecheck.Check(s.files(), sitecheck.Options{AllowHosts: []string{"images.example.org"}})
	if len(report.Failures) != 1 || !strings.Contains(report.Failures[0].Message, "example.net") {
		t.Errorf("failures %v, want the one of example.net", report.Failures)
	}
}

func TestCheckDoesNotDependOnOrder(t *testing.T) {
	t.Parallel()
	s := site{"a.html": "<p", "b.html": "</p>", "c.css": "a{", "d.js": "(", "e.json": "", "f/g.html": body(`<a href="../x">x</a>`)}
	files := s.files()
	want := sitecheck.Check(files, sitecheck.Options{})
	for range files {
		files = append(files[1:len(files):len(files)], files[0])
		if got := sitecheck.Check(files, sitecheck.Options{}); !reflect.DeepEqual(got, want) {
			t.Fatalf("got %v, want %v", got, want)
		}
	}
}

func TestFingerprint(t *testing.T) {
	t.Parallel()
	broken := check(site{"index.html": body("<b>")})
	if got := check(site{"index.html": body("\n\nmoved<b>")}); got.Fingerprint() != broken.Fingerprint() {
		t.Error("the fingerprint depends on the line")
	}
	others := map[string]sitecheck.Report{
		"none":          check(site{"index.html": body("")}),
		"other message": check(site{"index.html": body("<i>")}),
		"other file":    check(site{"index.html": body(""), "a.html": body("<b>")}),
		"one more":      check(site{"index.html": body("<b>"), "a.html": body("<b>")}),
		"other rule":    check(site{"index.html": body(`<img src="data:,">`)}),
	}
	for name, r := range others {
		if r.Fingerprint() == broken.Fingerprint() {
			t.Errorf("%s has the same fingerprint", name)
		}
	}
}

// The parser of scripts recurses: without a bound, each of these ends the
// process. They have to be refused or survived, in reasonable time.
func TestHostileNesting(t *testing.T) {
	t.Parallel()
	for _, piece := range []string{
		"(", "[", "{", "!", "a=>", "a=", "a?", "if(a)", "a:", "`${", "new ", "do ", "for(;;)", "async a=>",
		"yield ", "+-", "await ", ".a", "()", "?.b", "`x`", "[0]", "f=function(){", "()=>{", "\nif(a)",
		"typeof\n", "if(a)b;else ", "a{a(", "class{a=", "(a,", "[a=>", "else\n", "\n!", "await\n", "a\n.b", "/a/.",
	} {
		t.Run(piece, func(t *testing.T) {
			t.Parallel()
			code := "a" + strings.Repeat(piece, 300_000/len(piece))
			start := time.Now()
			report := check(site{"index.html": body(""), "a.js": code})
			if len(report.Failures) != 1 || report.Failures[0].Check != sitecheck.RuleJavaScript {
				t.Errorf("failures %v, want one of the script", report.Failures)
			}
			if took := time.Since(start); took > 20*time.Second {
				t.Errorf("took %v", took)
			}
		})
	}
}

func TestHostileMarkupTakesLinearTime(t *testing.T) {
	t.Parallel()
	for _, piece := range []string{
		"<div>", "</div>", "<a b", "<a b=", "<p id=x>", "<p x y z", "<!--", "<script>", "<style>a{b:url(x)}</style>",
		"<p style='a:b'>", "<b></i>", "<svg>", "<img srcset='a,b c,", "<li>", "<a href=x>", "&amp;", "<p onclick='a(",
	} {
		t.Run(piece, func(t *testing.T) {
			t.Parallel()
			start := time.Now()
			report := check(site{"index.html": strings.Repeat(piece, 100_000/len(piece))})
			if took := time.Since(start); took > 20*time.Second {
				t.Errorf("took %v", took)
			}
			if report.Passed() || len(report.Failures) > sitecheck.MaxFailures {
				t.Errorf("%d failures", len(report.Failures))
			}
		})
	}
}

func TestReportIsBounded(t *testing.T) {
	t.Parallel()
	report := check(site{"index.html": body(strings.Repeat("<i></b>\n</i>", 2*sitecheck.MaxFailures))})
	if len(report.Failures) != sitecheck.MaxFailures || report.Omitted < sitecheck.MaxFailures {
		t.Errorf("%d failures, %d omitted", len(report.Failures), report.Omitted)
	}
}

func TestInspect(t *testing.T) {
	t.Parallel()
	facts := sitecheck.Inspect(sitecheck.File{Path: "a/b.html", Content: []byte(headBody(
		`<link rel=stylesheet href="../x.css?v=1"><link rel=canonical href="/c"><script src=y.js></script>`,
		`<img src="y.js" alt=""><img src="https://example.org/z.png" alt=""><a href="n.html">n</a><img src="data:," alt=""><svg><use href="#a"/></svg>`))})
	want := sitecheck.PageFacts{Titled: true, Assets: []string{"/a/y.js", "/x.css?v=1"}}
	if !reflect.DeepEqual(facts, want) {
		t.Errorf("got %+v, want %+v", facts, want)
	}
}

func FuzzCheck(f *testing.F) {
	f.Add("index.html", body(`<a href="#x">x</a><script>let a = 1</script>`), "a.css", "a{b:url(c)}")
	f.Add("a.js", "import('x');`${{a:`b`}}`/[/]/", "b.mjs", "export default 1")
	f.Add("x.json", "{", "../x", "\x00")
	f.Add("index.html", `<p a="b"c='d'/e=f =g>`, "i.htm", "<svg><title/><a xlink:href=//x></svg><base href=':'>")
	f.Add("a.svg", `<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b "c">]><svg xmlns="x" y:z="&b;"/>`, "m.webmanifest", `{"icons":[{"src":"//"}]}`)
	f.Add("a.png", "\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR", "b.gif", "GIF89a\x01\x00\x01\x00")
	f.Add("index.html", `<template><p id=a></template><iframe srcdoc="<base href=x><img src=y>"><meta http-equiv=refresh content="0;url=">`, "a.css", "a{b:image-set('c' d('e'), url(f))}")
	f.Fuzz(func(t *testing.T, path1, content1, path2, content2 string) {
		files := []sitecheck.File{{Path: path1, Content: []byte(content1)}, {Path: path2, Content: []byte(content2)}}
		report := sitecheck.Check(files, sitecheck.Options{})
		files[0], files[1] = files[1], files[0]
		if !reflect.DeepEqual(sitecheck.Check(files, sitecheck.Options{}), report) {
			t.Error("the report depends on the order of the files")
		}
		for _, failure := range report.Failures {
			if failure.Message == "" || failure.Check == "" || failure.Line < 0 || failure.Line > 1+strings.Count(content1+content2, "\n") {
				t.Errorf("odd failure %+v", failure)
			}
		}
	})
}

func TestBrokenAttributesAreFound(t *testing.T) {
	t.Parallel()
	content := strings.Repeat("<p style='a:b' onclick='a()'>x</p>\n", 40) + "<p style='a b'>x</p>\n<p onclick='a('>x</p>\n"
	report := check(site{"index.html": body(content)})
	if got, want := summary(report), []string{"index.html:43 css", "index.html:44 javascript"}; !reflect.DeepEqual(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	report = check(site{"index.html": body(strings.Repeat("<p style='a b'>x</p>\n", 100))})
	if len(report.Failures) != 20 {
		t.Errorf("%d failures of the same kind", len(report.Failures))
	}
}
