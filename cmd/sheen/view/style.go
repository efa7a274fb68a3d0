package view

import "strings"

// style writes text with or without colour. Only the sixteen colours of the
// terminal's own theme are used.
type style struct{ color bool }

func (s style) paint(code, text string) string {
	if !s.color || text == "" {
		return text
	}
	return "\x1b[" + code + "m" + text + "\x1b[0m"
}

func (s style) bold(text string) string   { return s.paint("1", text) }
func (s style) dim(text string) string    { return s.paint("2", text) }
func (s style) accent(text string) string { return s.paint("36", text) }
func (s style) good() string              { return s.paint("32", "✓") }
func (s style) bad(text string) string    { return s.paint("31", text) }
func (s style) warn(text string) string   { return s.paint("33", text) }

// link makes an address clickable where the terminal can (OSC 8).
func (s style) link(url string) string {
	if !s.color {
		return url
	}
	return "\x1b]8;;" + url + "\x1b\\" + s.paint("4;36", url) + "\x1b]8;;\x1b\\"
}

// visible returns a line without its escape codes, to measure it.
func visible(line string) string {
	var plain strings.Builder
	for line != "" {
		before, code, found := strings.Cut(line, "\x1b")
		plain.WriteString(before)
		if !found {
			break
		}
		if rest, isLink := strings.CutPrefix(code, "]"); isLink {
			_, line, _ = strings.Cut(rest, "\x1b\\")
			continue
		}
		_, line, _ = strings.Cut(code, "m")
	}
	return plain.String()
}
