package sitecheck

import (
	"slices"
	"strings"
)

// jsKind is the kind of a token of JavaScript.
type jsKind int

const (
	jsWord jsKind = iota // a name or a keyword
	jsNumber
	jsString
	// jsTemplate is a piece of a template literal up to a substitution or the end.
	jsTemplate
	jsRegexp
	jsPunctuation // one character, except "=>" and "${"
)

// jsToken is a token of JavaScript.
type jsToken struct {
	kind jsKind
	// text is the value of a string or template, without its quotes and with
	// escapes as they stand, and the token as written otherwise.
	text   string
	offset int
	// newline says that a line break comes before the token.
	newline bool
}

// jsLexer cuts JavaScript into tokens. It knows no grammar: whether a slash
// divides or begins a regular expression is decided by the token before it.
type jsLexer struct {
	text   string
	pos    int
	tokens []jsToken
	// braces has an element for each open brace; true is the brace of a
	// template's substitution.
	braces []bool
}

// lexJS returns the tokens of text, and of anything else without complaint.
func lexJS(text string) []jsToken {
	l := &jsLexer{text: text}
	newline := false
	for l.pos < len(l.text) {
		c := l.text[l.pos]
		switch {
		case c == '\n':
			newline = true
			l.pos++
		case c == ' ' || c == '\t' || c == '\r':
			l.pos++
		case strings.HasPrefix(l.text[l.pos:], "//"):
			l.skipTo("\n", 0)
		case strings.HasPrefix(l.text[l.pos:], "/*"):
			l.skipTo("*/", len("*/"))
		default:
			first := len(l.tokens)
			l.scanToken(c)
			l.tokens[first].newline = newline
			newline = false
		}
	}
	return l.tokens
}

// skipTo moves to where end begins, and past that many of its bytes.
func (l *jsLexer) skipTo(end string, past int) {
	i := strings.Index(l.text[min(l.pos+2, len(l.text)):], end)
	if i < 0 {
		l.pos = len(l.text)
		return
	}
	l.pos += 2 + i + past
}

// scanToken reads the token that begins with c, or for a template, tokens.
func (l *jsLexer) scanToken(c byte) {
	switch {
	case c == '"' || c == '\'':
		l.scanString(c)
	case c == '`':
		l.scanTemplate()
	case c == '/' && l.regexpAllowed():
		l.scanRegexp()
	case c >= '0' && c <= '9':
		l.scanWord(jsNumber)
	case isJSWord(c):
		l.scanWord(jsWord)
	case strings.HasPrefix(l.text[l.pos:], "=>"):
		l.add(jsPunctuation, l.pos, l.pos+2, l.pos+2)
	default:
		l.scanPunctuation(c)
	}
}

// add appends the token whose text is text[start:end] and moves to next.
func (l *jsLexer) add(kind jsKind, start, end, next int) {
	l.tokens = append(l.tokens, jsToken{kind: kind, text: l.text[start:end], offset: start})
	l.pos = next
}

func (l *jsLexer) scanPunctuation(c byte) {
	l.add(jsPunctuation, l.pos, l.pos+1, l.pos+1)
	switch c {
	case '{':
		l.braces = append(l.braces, false)
	case '}':
		if len(l.braces) == 0 {
			return
		}
		inTemplate := l.braces[len(l.braces)-1]
		l.braces = l.braces[:len(l.braces)-1]
		if inTemplate {
			l.pos-- // scanTemplate steps over one character
			l.scanTemplate()
		}
	}
}

func (l *jsLexer) scanString(quote byte) {
	start := l.pos + 1
	for i := start; i < len(l.text); i++ {
		switch l.text[i] {
		case '\\':
			i++
		case quote:
			l.add(jsString, start, i, i+1)
			return
		case '\n':
			l.add(jsString, start, i, i)
			return
		}
	}
	l.add(jsString, start, len(l.text), len(l.text))
}

// scanTemplate reads a piece of a template literal after the character at pos,
// which is the opening quote or the brace that ends a substitution.
func (l *jsLexer) scanTemplate() {
	start := l.pos + 1
	for i := start; i < len(l.text); i++ {
		switch {
		case l.text[i] == '\\':
			i++
		case l.text[i] == '`':
			l.add(jsTemplate, start, i, i+1)
			return
		case strings.HasPrefix(l.text[i:], "${"):
			l.add(jsTemplate, start, i, i)
			l.add(jsPunctuation, i, i+2, i+2)
			l.braces = append(l.braces, true)
			return
		}
	}
	l.add(jsTemplate, start, len(l.text), len(l.text))
}

func (l *jsLexer) scanRegexp() {
	class := false
	i := l.pos + 1
	for ; i < len(l.text) && l.text[i] != '\n'; i++ {
		switch l.text[i] {
		case '\\':
			i++
		case '[':
			class = true
		case ']':
			class = false
		case '/':
			if !class {
				l.add(jsRegexp, l.pos, i+1, i+1)
				return
			}
		}
	}
	i = min(i, len(l.text))
	l.add(jsRegexp, l.pos, i, i)
}

func (l *jsLexer) scanWord(kind jsKind) {
	end := l.pos + 1
	for end < len(l.text) && (isJSWord(l.text[end]) || l.text[end] >= '0' && l.text[end] <= '9') {
		end++
	}
	l.add(kind, l.pos, end, end)
}

// isJSWord says whether c can begin a name. All that is not ASCII can.
func isJSWord(c byte) bool {
	return c == '_' || c == '$' || c == '#' || c >= 0x80 || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}

// regexpAllowed says whether a slash after the tokens so far begins a regular
// expression: after an operator or a keyword it does, after an operand not.
func (l *jsLexer) regexpAllowed() bool {
	if len(l.tokens) == 0 {
		return true
	}
	last := l.tokens[len(l.tokens)-1]
	switch last.kind {
	case jsPunctuation:
		return !slices.Contains([]string{")", "]", "}"}, last.text)
	case jsWord:
		return expectsOperand(last.text)
	default:
		return false
	}
}

// expectsOperand says whether word is a keyword that an expression, a name or a
// statement follows, even on the next line.
func expectsOperand(word string) bool {
	switch word {
	case "as", "async", "await", "case", "class", "const", "default", "delete", "do", "else",
		"export", "extends", "from", "function", "get", "import", "in", "instanceof", "let",
		"new", "of", "return", "set", "static", "throw", "typeof", "var", "void", "yield":
		return true
	}
	return false
}
