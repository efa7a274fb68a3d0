package view_test

import (
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/width"
)

// screen is as much of a terminal as the renderer uses: it shows what a user
// would see, scrolled-up lines included.
type screen struct {
	width    int
	rows     [][]rune
	row, col int
	hidden   bool
	wrong    []string
}

func (s *screen) Write(p []byte) (int, error) {
	text := string(p)
	for text != "" {
		r, n := utf8.DecodeRuneInString(text)
		switch {
		case r == '\x1b':
			n = s.escape(text)
		case r == '\r':
			s.col = 0
		case r == '\n':
			s.row++
		case unicode.IsControl(r):
			s.wrong = append(s.wrong, strconv.QuoteRune(r))
		default:
			s.put(r)
		}
		text = text[n:]
	}
	return len(p), nil
}

func (s *screen) put(r rune) {
	cells := 1
	if kind := width.LookupRune(r).Kind(); kind == width.EastAsianWide || kind == width.EastAsianFullwidth {
		cells = 2
	}
	if unicode.In(r, unicode.Mn, unicode.Cf) {
		cells = 0
	}
	if s.col+cells > s.width {
		s.row, s.col = s.row+1, 0
	}
	for len(s.rows) <= s.row {
		s.rows = append(s.rows, nil)
	}
	s.rows[s.row] = append(s.rows[s.row], r)
	s.col += cells
}

// escape obeys one escape code and returns its length.
func (s *screen) escape(text string) int {
	if strings.HasPrefix(text, "\x1b]8;;") {
		return strings.Index(text, "\x1b\\") + 2
	}
	end := strings.IndexFunc(text[2:], unicode.IsLetter) + 2
	argument, _ := strconv.Atoi(text[2:end])
	switch code := text[1 : end+1]; {
	case strings.HasSuffix(code, "A"):
		s.row -= argument
	case code == "[J":
		s.rows = s.rows[:min(len(s.rows), s.row)]
	case code == "[?25l":
		s.hidden = true
	case code == "[?25h":
		s.hidden = false
	case code == "[?2026h", code == "[?2026l", strings.HasSuffix(code, "m"):
	default:
		s.wrong = append(s.wrong, code)
	}
	return end + 1
}

// narrow makes the terminal narrower; it breaks its lines anew.
func (s *screen) narrow(width int) {
	old := s.rows
	s.width, s.rows, s.row, s.col = width, nil, 0, 0
	for i, line := range old {
		if i > 0 {
			s.row, s.col = s.row+1, 0
		}
		for _, r := range line {
			s.put(r)
		}
	}
}

func (s *screen) String() string {
	var text strings.Builder
	for _, row := range s.rows {
		text.WriteString(strings.TrimRight(string(row), " ") + "\n")
	}
	return text.String()
}
