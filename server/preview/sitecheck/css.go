package sitecheck

import (
	"fmt"
	"strings"

	"github.com/evanw/esbuild/pkg/api"
)

// cssSyntax is esbuild's name for the warnings that are mistakes of syntax: a
// browser skips such a rule silently.
const cssSyntax = "css-syntax-error"

// maxCSSDepth is how deep brackets may be nested in a style sheet. The parser
// recurses, and a stack that overflows ends the process.
const maxCSSDepth = 200

// checkCSS judges a style sheet, and collects what it loads.
func (c *checker) checkCSS(s source) {
	c.checks++
	c.failures = append(c.failures, cssMistakes(s)...)
	c.scanStyle(s)
}

// cssMistakes returns what is wrong with a style sheet by itself.
func cssMistakes(s source) []Failure {
	if line, deep := tooDeep(s); deep {
		return []Failure{{
			Check: RuleCSS, Path: s.file, Line: line,
			Message: fmt.Sprintf("brackets are nested more than %d deep", maxCSSDepth),
		}}
	}
	result := api.Transform(s.text, api.TransformOptions{
		Loader: api.LoaderCSS, MinifyWhitespace: true, LogLevel: api.LogLevelSilent,
	})
	var mistakes []Failure
	for _, m := range result.Errors {
		mistakes = append(mistakes, mistakeAt(RuleCSS, s, m))
	}
	for _, m := range result.Warnings {
		if m.ID == cssSyntax || m.ID == "invalid-@import" {
			mistakes = append(mistakes, mistakeAt(RuleCSS, s, m))
		}
	}
	return mistakes
}

// mistakeAt returns what esbuild found in s as a failure.
func mistakeAt(rule Rule, s source, m api.Message) Failure {
	line := s.line
	if m.Location != nil {
		line += m.Location.Line - 1
	}
	text := m.Text
	if len(text) > maxQuote {
		text = text[:maxQuote] + "…"
	}
	return Failure{Check: rule, Path: s.file, Line: line, Message: strings.ToValidUTF8(text, "\uFFFD")}
}

// scanStyle collects what a style sheet loads.
func (c *checker) scanStyle(s source) {
	lines := lineCounter{text: s.text, line: s.line}
	scanCSS(s.text, func(offset int, address string) {
		c.refer(reference{
			file: s.file, line: lines.at(offset), kind: kindAsset, address: address, what: "url()", base: s.base,
		})
	})
}

// tooDeep returns the line on which brackets are nested too deeply, if there is
// one. Brackets in strings and comments count too: nobody writes so many.
func tooDeep(s source) (line int, deep bool) {
	line = s.line
	depth := 0
	for i := range len(s.text) {
		switch s.text[i] {
		case '\n':
			line++
		case '(', '[', '{':
			depth++
		case ')', ']', '}':
			depth = max(0, depth-1)
		}
		if depth > maxCSSDepth {
			return line, true
		}
	}
	return 0, false
}

// scanCSS calls found for every address that a style sheet loads, with its
// offset: url(…) in both forms, and the strings of @import and image-set(). It knows as much
// of the grammar as is needed not to be fooled by comments and strings.
func scanCSS(text string, found func(offset int, address string)) {
	rule := "" // the at-rule in whose prelude the scan is
	set := 0   // how many brackets are open since the name image-set
	for i := 0; i < len(text); {
		rest := text[i:]
		switch {
		case strings.HasPrefix(rest, "/*"):
			i += commentLength(rest)
		case rest[0] == '"' || rest[0] == '\'':
			value, n := cssString(rest)
			if rule == "import" || set == 1 {
				found(i, value)
			}
			i += n
		case rest[0] == '@':
			rule = strings.ToLower(cssName(rest[1:]))
			i += 1 + len(rule)
		case rest[0] == ';' || rest[0] == '{':
			rule = ""
			i++
		case isURLStart(rest):
			value, n := cssURL(rest)
			// A namespace is a name that looks like an address.
			if rule != "namespace" {
				found(i, value)
			}
			if set > 0 && rest[n-1] != ')' {
				set++
			}
			i += n
		case cssName(rest) != "":
			name := cssName(rest)
			i += len(name)
			if set == 0 && strings.HasSuffix(name, "image-set") && strings.HasPrefix(text[i:], "(") {
				set = 1
				i++
			}
		default:
			set = brackets(set, rest[0])
			i++
		}
	}
}

// brackets returns how many brackets are open after c, of those that count.
func brackets(open int, c byte) int {
	switch {
	case open > 0 && c == '(':
		return open + 1
	case open > 0 && c == ')':
		return open - 1
	}
	return open
}

// commentLength returns the length of the comment that s begins with.
func commentLength(s string) int {
	end := strings.Index(s[2:], "*/")
	if end < 0 {
		return len(s)
	}
	return end + 4
}

// cssName returns the letters, digits, hyphens and underscores that s begins
// with.
func cssName(s string) string {
	end := strings.IndexFunc(s, func(r rune) bool {
		return r != '-' && r != '_' && (r < '0' || r > '9') && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z')
	})
	if end < 0 {
		return s
	}
	return s[:end]
}

func isURLStart(s string) bool {
	return len(s) >= 4 && strings.EqualFold(s[:4], "url(")
}

// cssString reads the quoted string that s begins with and returns its value,
// with escapes of single characters resolved, and the length of it all.
func cssString(s string) (value string, length int) {
	var b strings.Builder
	for i := 1; i < len(s); i++ {
		switch s[i] {
		case s[0]:
			return b.String(), i + 1
		case '\n':
			return b.String(), i
		case '\\':
			i++
			if i < len(s) && s[i] != '\n' {
				b.WriteByte(s[i])
			}
		default:
			b.WriteByte(s[i])
		}
	}
	return b.String(), len(s)
}

// cssURL reads the url(…) that s begins with.
func cssURL(s string) (value string, length int) {
	const open = len("url(")
	inner := strings.TrimLeft(s[open:], " \t\r\n\f")
	if inner != "" && (inner[0] == '"' || inner[0] == '\'') {
		value, n := cssString(inner)
		return value, len(s) - len(inner) + n
	}
	end := strings.IndexByte(s, ')')
	if end < 0 {
		return strings.TrimSpace(s[open:]), len(s)
	}
	return strings.TrimSpace(s[open:end]), end + 1
}
