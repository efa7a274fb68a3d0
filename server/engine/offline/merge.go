package offline

import (
	"bytes"
	"slices"
	"strings"
)

// A page is merged line by line: what the engine would write differently now is
// put into the file as it stands, which a person may have changed since.

// hunk replaces the lines [from, to) of a text by others.
type hunk struct {
	from, to int
	lines    []string
}

// splitLines cuts a text into lines that keep their ends.
func splitLines(content []byte) []string {
	var lines []string
	for line := range bytes.Lines(content) {
		lines = append(lines, string(line))
	}
	return lines
}

// matches returns for every line of a which line of b it is, -1 for none: a
// longest common subsequence that begins as early as it can.
func matches(a, b []string) []int {
	out := make([]int, len(a))
	for i := range out {
		out[i] = -1
	}
	start := 0
	for start < len(a) && start < len(b) && a[start] == b[start] {
		out[start] = start
		start++
	}
	endA, endB := len(a), len(b)
	for endA > start && endB > start && a[endA-1] == b[endB-1] {
		endA--
		endB--
		out[endA] = endB
	}
	matchMiddle(a[start:endA], b[start:endB], start, out[start:endA])
	return out
}

// maxTable bounds the memory that two texts are compared with. Texts that differ
// in more lines than that have nothing in common worth finding.
const maxTable = 4 << 20

func matchMiddle(a, b []string, offset int, out []int) {
	width := len(b) + 1
	if len(a) == 0 || len(b) == 0 || (len(a)+1)*width > maxTable {
		return
	}
	longest := make([]int32, (len(a)+1)*width)
	for i, line := range slices.Backward(a) {
		for j, other := range slices.Backward(b) {
			if line == other {
				longest[i*width+j] = longest[(i+1)*width+j+1] + 1
			} else {
				longest[i*width+j] = max(longest[(i+1)*width+j], longest[i*width+j+1])
			}
		}
	}
	for i, j := 0, 0; i < len(a) && j < len(b); {
		switch {
		case a[i] == b[j]:
			out[i] = offset + j
			i++
			j++
		case longest[(i+1)*width+j] >= longest[i*width+j+1]:
			i++
		default:
			j++
		}
	}
}

// hunksOf returns what turns one text into another, in order.
func hunksOf(from, to []string) []hunk {
	var out []hunk
	at, next := matches(from, to), 0
	for i := 0; i <= len(from); {
		end := i
		for end < len(from) && at[end] < 0 {
			end++
		}
		stop := len(to)
		if end < len(from) {
			stop = at[end]
		}
		if end > i || stop > next {
			out = append(out, hunk{from: i, to: end, lines: to[next:stop]})
		}
		i, next = end+1, stop+1
	}
	return out
}

// merge makes the change from earlier to later in kept. Where the lines around a
// change are no longer there, what is new goes to the end of the page's content,
// and what was to be replaced stays as the person left it.
func merge(kept, earlier, later []byte) []byte {
	if bytes.Equal(kept, earlier) {
		return later
	}
	was, lines := splitLines(earlier), splitLines(kept)
	at := matches(was, lines)
	edit := newEdit(lines)
	for _, h := range hunksOf(was, splitLines(later)) {
		if place, length, ok := h.place(at, len(lines)); ok {
			edit.replace(place, length, h.lines)
		} else if h.from == h.to {
			edit.insertStray(h.lines)
		}
	}
	return edit.bytes()
}

// place returns which lines of a changed file a hunk is about; at are those that
// each line of the earlier text has become. It is not ok where they are gone.
func (h hunk) place(at []int, end int) (first, length int, ok bool) {
	if h.from < h.to {
		first = at[h.from]
		for i := h.from; i < h.to; i++ {
			if first < 0 || at[i] != first+i-h.from {
				return 0, 0, false
			}
		}
		return first, h.to - h.from, true
	}
	switch {
	case h.from > 0 && at[h.from-1] >= 0:
		return at[h.from-1] + 1, 0, true
	case h.from < len(at) && at[h.from] >= 0:
		return at[h.from], 0, true
	case len(at) == h.from && !strings.HasPrefix(strings.Join(h.lines, ""), "<"):
		return end, 0, true // Rules at the end of a stylesheet.
	}
	return 0, 0, false
}

// edit collects changes of a text by line, which do not move each other.
type edit struct {
	lines  []string
	before map[int][]string
	gone   map[int]bool
}

func newEdit(lines []string) *edit {
	return &edit{lines: lines, before: map[int][]string{}, gone: map[int]bool{}}
}

func (e *edit) replace(first, length int, lines []string) {
	e.before[first] = append(e.before[first], lines...)
	for i := range length {
		e.gone[first+i] = true
	}
}

// insertStray puts lines that have lost their place where lines of their kind may
// stand. What is only a part of something, such as an entry of a menu that is no
// longer there, is left out.
func (e *edit) insertStray(lines []string) {
	if len(lines) == 0 {
		return
	}
	first := strings.TrimSpace(lines[0])
	switch {
	case startsWithTag(first, "meta", "link", "script"):
		e.insertBefore(lines, "</head>")
	case startsWithTag(first, "section", "nav", "div", "details", "aside"):
		e.insertBefore(lines, "</main>", "</body>", "</html>")
	}
}

func startsWithTag(line string, tags ...string) bool {
	for _, tag := range tags {
		if strings.HasPrefix(line, "<"+tag+" ") || strings.HasPrefix(line, "<"+tag+">") {
			return true
		}
	}
	return false
}

// insertBefore puts lines before the last of the first mark that the text has,
// else at its end. A mark in the middle of a line splits it.
func (e *edit) insertBefore(lines []string, marks ...string) {
	for _, mark := range marks {
		for i := len(e.lines) - 1; i >= 0; i-- {
			at := strings.LastIndex(strings.ToLower(e.lines[i]), mark)
			if at < 0 || e.gone[i] {
				continue
			}
			if head := e.lines[i][:at]; strings.TrimSpace(head) == "" {
				e.before[i] = append(e.before[i], lines...)
			} else {
				e.before[i] = append(e.before[i], head+"\n")
				e.before[i] = append(e.before[i], lines...)
				e.lines[i] = e.lines[i][at:]
			}
			return
		}
	}
	end := len(e.lines)
	e.before[end] = append(e.before[end], lines...)
}

func (e *edit) bytes() []byte {
	var b bytes.Buffer
	for i := 0; i <= len(e.lines); i++ {
		for _, line := range e.before[i] {
			if n := b.Len(); n > 0 && b.Bytes()[n-1] != '\n' {
				b.WriteByte('\n')
			}
			b.WriteString(line)
		}
		if i < len(e.lines) && !e.gone[i] {
			b.WriteString(e.lines[i])
		}
	}
	return b.Bytes()
}
