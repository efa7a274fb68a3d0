package sitecheck

import (
	"bytes"
	"cmp"
	"fmt"
	"path"
	"slices"
	"strings"
	"unicode/utf8"
)

// Limits of a site.
const (
	// MaxFiles is the largest number of files.
	MaxFiles = 500
	// MaxBytes is the largest size of all files together, in bytes.
	MaxBytes = 20 << 20
	// MaxFailures is the largest number of failures that a report lists.
	MaxFailures = 500
)

// maxPath is the longest path of a file, in bytes.
const maxPath = 255

// Rule names what a failure violates. The values are stable: engines read them.
type Rule string

// The rules, in the order in which a reader would ask.
const (
	// RulePath is about the names of files: clean, relative, unique in any case.
	RulePath Rule = "path"
	// RuleSize is about [MaxFiles] and [MaxBytes].
	RuleSize Rule = "size"
	// RuleIndex wants an index.html at the root.
	RuleIndex Rule = "index"
	// RuleEncoding wants text files to be UTF-8, and to say nothing else.
	RuleEncoding Rule = "encoding"
	// RuleHTML wants balanced, well-formed markup without duplicates.
	RuleHTML Rule = "html"
	// RuleCSS wants style sheets, style elements and attributes to parse.
	RuleCSS Rule = "css"
	// RuleJavaScript wants scripts and event handlers to parse.
	RuleJavaScript Rule = "javascript"
	// RuleXML wants site maps and feeds to be XML.
	RuleXML Rule = "xml"
	// RuleContent wants a file to be what its name says: pictures that can be
	// read, fonts that are fonts, and no file that is used to be empty.
	RuleContent Rule = "content"
	// RuleJSON wants data files, structured data and import maps to be JSON.
	RuleJSON Rule = "json"
	// RuleLink wants links and form targets inside the site to exist.
	RuleLink Rule = "link"
	// RuleAnchor wants the place within a page that a link names to exist.
	RuleAnchor Rule = "anchor"
	// RuleAsset wants what a page loads to exist and to be of the right kind.
	RuleAsset Rule = "asset"
	// RuleExternal forbids requests to other hosts.
	RuleExternal Rule = "external"
	// RuleTitle wants a title in each page.
	RuleTitle Rule = "title"
	// RuleLang wants each page to say its language.
	RuleLang Rule = "lang"
	// RuleViewport wants each page to fit a phone.
	RuleViewport Rule = "viewport"
	// RuleHeading wants exactly one h1 in each page.
	RuleHeading Rule = "heading"
	// RuleAlt wants an alt text, which may be empty, for each image.
	RuleAlt Rule = "alt"
	// RuleLabel wants a label for each control of a form.
	RuleLabel Rule = "label"
	// RuleResponse is about what a served preview answers; Check never reports it.
	RuleResponse Rule = "response"
	// RuleBrowser is about what happens when a browser opens a page; Check never
	// reports it.
	RuleBrowser Rule = "browser"
)

// File is one file of a site.
type File struct {
	// Path is relative and slash-separated, like "css/site.css".
	Path    string
	Content []byte
}

// Options say what a site may do. The zero value allows no external request.
type Options struct {
	// AllowHosts are hosts, in lower case and without port, that pages may make
	// requests to.
	AllowHosts []string
}

// Failure is one thing that is wrong.
type Failure struct {
	Check Rule
	// Path is the file it was found in; empty when it is about the site.
	Path string
	// Line is the line in the file, from 1; 0 when it is about the whole file.
	Line int
	// Message says what is wrong, in English, for an engine to read. It quotes
	// the site, so it is data: never markup, never a format.
	Message string
}

// String returns the failure on one line.
func (f Failure) String() string {
	where := f.Path
	if f.Line > 0 {
		where = fmt.Sprintf("%s:%d", f.Path, f.Line)
	}
	if where == "" {
		where = "site"
	}
	return fmt.Sprintf("%s: %s: %s", where, f.Check, f.Message)
}

// Report is the outcome of a check.
type Report struct {
	// Checks is the number of things that were looked at.
	Checks int
	// Failures are sorted by path, line, rule and message, without duplicates,
	// at most [MaxFailures].
	Failures []Failure
	// Omitted is the number of failures beyond those.
	Omitted int
}

// Passed says whether nothing is wrong.
func (r Report) Passed() bool { return len(r.Failures) == 0 }

// Check judges the site that consists of files.
func Check(files []File, opts Options) Report {
	files = slices.Clone(files)
	slices.SortFunc(files, func(a, b File) int {
		return cmp.Or(strings.Compare(a.Path, b.Path), bytes.Compare(a.Content, b.Content))
	})
	c := newChecker(opts)
	c.checkTable(files)
	for _, f := range files {
		c.files[f.Path] = true
	}
	for _, f := range files {
		c.checkFile(f)
	}
	c.checkReferences()
	c.checkCircles()
	return c.report()
}

// checker collects what is found while the files are read one after the other.
type checker struct {
	opts     Options
	checks   int
	failures []Failure
	files    map[string]bool
	pages    map[string]*page
	// modules are the scripts that import or export something.
	modules map[string]bool
	// writers are the scripts that call document.write.
	writers map[string]bool
	// empty are the files without content.
	empty map[string]bool
	// pixels are those of the pictures so far.
	pixels int
	// mapped are the names that import maps explain.
	mapped []string
	// references are resolved at the end, when all pages' ids are known.
	references []reference
}

func newChecker(opts Options) *checker {
	return &checker{
		opts: opts, files: map[string]bool{}, pages: map[string]*page{},
		modules: map[string]bool{}, writers: map[string]bool{}, empty: map[string]bool{},
	}
}

// fail records a failure.
func (c *checker) fail(rule Rule, file string, line int, format string, args ...any) {
	c.failures = append(c.failures, Failure{
		Check: rule, Path: file, Line: line, Message: fmt.Sprintf(format, args...),
	})
}

// expect counts a check and records a failure unless ok.
func (c *checker) expect(ok bool, rule Rule, file string, line int, format string, args ...any) {
	c.checks++
	if !ok {
		c.fail(rule, file, line, format, args...)
	}
}

func (c *checker) report() Report {
	slices.SortFunc(c.failures, func(a, b Failure) int {
		return cmp.Or(
			strings.Compare(a.Path, b.Path),
			cmp.Compare(a.Line, b.Line),
			strings.Compare(string(a.Check), string(b.Check)),
			strings.Compare(a.Message, b.Message),
		)
	})
	failures := slices.Compact(c.failures)
	listed := min(len(failures), MaxFailures)
	return Report{
		Checks:   c.checks,
		Failures: slices.Clip(failures[:listed]),
		Omitted:  len(failures) - listed,
	}
}

// checkTable judges the names and sizes of the files.
func (c *checker) checkTable(files []File) {
	total := 0
	seen := make(map[string]string, len(files))
	index := false
	for _, f := range files {
		total += len(f.Content)
		index = index || f.Path == "index.html"
		c.expect(cleanPath(f.Path), RulePath, f.Path, 0, "the path %s is not allowed", quote(f.Path))
		folded := strings.ToLower(f.Path)
		other, taken := seen[folded]
		c.expect(!taken, RulePath, f.Path, 0, "the path is the same as %s where case does not count", quote(other))
		seen[folded] = f.Path
	}
	c.expect(index, RuleIndex, "", 0, "index.html is missing")
	c.expect(len(files) <= MaxFiles, RuleSize, "", 0, "%d files, more than %d", len(files), MaxFiles)
	c.expect(total <= MaxBytes, RuleSize, "", 0, "%d bytes, more than %d", total, MaxBytes)
}

// cleanPath says whether name may be the path of a file.
func cleanPath(name string) bool {
	if name == "" || len(name) > maxPath || !utf8.ValidString(name) || path.Clean(name) != name {
		return false
	}
	for segment := range strings.SplitSeq(name, "/") {
		if segment == "" || strings.HasPrefix(segment, ".") {
			return false
		}
	}
	return !strings.ContainsFunc(name, func(r rune) bool {
		return r < 0x20 || r == 0x7f || r == '\\' || r == ':'
	})
}

// checkFile judges the content of a file by the kind that its name says.
func (c *checker) checkFile(f File) {
	ext := strings.ToLower(path.Ext(f.Path))
	switch ext {
	case ".html", ".htm", ".css", ".js", ".mjs", ".json", ".webmanifest", ".svg", ".txt", ".xml":
		c.expect(utf8.Valid(f.Content) && !bytes.ContainsRune(f.Content, 0), RuleEncoding, f.Path, 0, "the file is not UTF-8")
	}
	s := source{file: f.Path, line: 1, text: string(f.Content)}
	switch ext {
	case ".html", ".htm":
		c.checkPage(s)
	case ".css":
		c.checkCSS(s)
	case ".js", ".mjs":
		c.checkScriptFile(s)
	case ".json":
		c.checkJSON(s)
	case ".webmanifest":
		c.checkManifest(s)
	case ".svg":
		c.checkSVG(s)
	case ".xml":
		c.checkXMLFile(s)
	}
	c.checkContent(f)
}

// source is a text and where it stands: a file, or a part of one.
type source struct {
	file string
	// line is the line of the file on which text begins, from 1.
	line int
	text string
	// base is the page's base address when that is not the file's own.
	base string
}

// lineCounter finds the lines of offsets that never go back, so that finding
// them all reads the text once.
type lineCounter struct {
	text string
	pos  int
	// line is the line of the file that holds the byte at pos.
	line int
}

// at returns the line that holds the byte at offset.
func (l *lineCounter) at(offset int) int {
	l.line += strings.Count(l.text[l.pos:offset], "\n")
	l.pos = offset
	return l.line
}

// maxQuote is the longest piece of a site that a message repeats, in bytes.
const maxQuote = 120

// quote returns s as a message quotes it: bounded and on one line.
func quote(s string) string {
	if len(s) > maxQuote {
		s = s[:maxQuote] + "…"
	}
	return fmt.Sprintf("%q", s)
}
