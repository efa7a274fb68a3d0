package view

import (
	"strings"
	"unicode"

	"golang.org/x/text/width"
)

// Characters that make text read in another order than it is written; used to
// disguise it, never to write a language.
const (
	leftToRightOverride = '\u202d'
	rightToLeftOverride = '\u202e'
)

const replacement = -1

// cleanText takes out what a terminal would obey instead of show. Line breaks
// stay; tabs become spaces.
func cleanText(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n':
			return r
		case r == '\t':
			return ' '
		case unicode.IsControl(r), r == leftToRightOverride, r == rightToLeftOverride, r == unicode.ReplacementChar:
			return replacement
		default:
			return r
		}
	}, s)
}

// cleanLine is cleanText on one line.
func cleanLine(s string) string {
	return strings.TrimSpace(strings.ReplaceAll(cleanText(s), "\n", " "))
}

// runeWidth returns how many columns a terminal gives a rune.
func runeWidth(r rune) int {
	if unicode.In(r, unicode.Mn, unicode.Me, unicode.Cf) {
		return 0
	}
	switch width.LookupRune(r).Kind() {
	case width.EastAsianWide, width.EastAsianFullwidth:
		return 2 //nolint:mnd // two columns
	default:
		return 1
	}
}

// columns returns how many columns a terminal gives a text without escape codes.
func columns(s string) int {
	n := 0
	for _, r := range s {
		n += runeWidth(r)
	}
	return n
}

// truncate shortens a text to at most limit columns, with an ellipsis.
func truncate(s string, limit int) string {
	if columns(s) <= limit {
		return s
	}
	if limit < 1 {
		return ""
	}
	n := 0
	for i, r := range s {
		if n += runeWidth(r); n > limit-1 {
			return s[:i] + "…"
		}
	}
	return s
}

// pad fills a text with spaces up to at least limit columns.
func pad(s string, limit int) string {
	return s + strings.Repeat(" ", max(0, limit-columns(s)))
}

// wrap breaks one paragraph into lines of at most limit columns, at spaces, and
// inside a word only if it is longer than a line.
func wrap(paragraph string, limit int) []string {
	limit = max(limit, 1)
	var lines []string
	line := ""
	for word := range strings.FieldsSeq(paragraph) {
		joined := word
		if line != "" {
			joined = line + " " + word
		}
		if columns(joined) <= limit {
			line = joined
			continue
		}
		if line != "" {
			lines = append(lines, line)
		}
		for columns(word) > limit {
			head := cut(word, limit)
			lines, word = append(lines, head), word[len(head):]
		}
		line = word
	}
	return append(lines, line)
}

// cut returns the longest head of a word within limit columns, at least one rune.
func cut(word string, limit int) string {
	n := 0
	for i, r := range word {
		if n += runeWidth(r); n > limit && i > 0 {
			return word[:i]
		}
	}
	return word
}

// flow collects text that arrives in pieces and gives it back in wrapped lines.
type flow struct{ open string }

// add takes a piece and returns the lines that it finished: no later piece can
// change them.
func (f *flow) add(piece string, limit int) []string {
	f.open += piece
	var done []string
	for {
		paragraph, rest, ended := strings.Cut(f.open, "\n")
		if !ended {
			break
		}
		done, f.open = append(done, wrap(paragraph, limit)...), rest
	}
	lines := wrap(f.open, limit)
	if len(lines) == 1 {
		return done
	}
	last := lines[len(lines)-1]
	if strings.HasSuffix(f.open, " ") && last != "" {
		last += " "
	}
	f.open = last
	return append(done, lines[:len(lines)-1]...)
}

// end returns what is left and empties the flow.
func (f *flow) end(limit int) []string {
	rest := f.open
	f.open = ""
	if strings.TrimSpace(rest) == "" {
		return nil
	}
	return wrap(rest, limit)
}
