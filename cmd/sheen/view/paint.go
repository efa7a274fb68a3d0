package view

import (
	"fmt"
	"strings"
	"time"

	buildv1 "github.com/sheenapps/sheen/gen/sheen/build/v1"
	recommendationv1 "github.com/sheenapps/sheen/gen/sheen/recommendation/v1"
)

const (
	// maxText is the widest column that reads well.
	maxText  = 76
	textEdge = 4
	maxBar   = 28
	minBar   = 8
	maxPath  = 28
	// narrow is the width below which the bar's line leaves out what it can.
	narrow = 50
)

// textWidth is how wide a paragraph may be on a terminal.
func textWidth(width int) int { return max(1, min(maxText, width-textEdge-1)) }

// paintTitle is the first thing to see.
func paintTitle(prompt string, width int, s style) []string {
	lines := []string{""}
	for i, line := range wrap(cleanLine(prompt), max(1, textWidth(width)-textEdge)) {
		head := "        "
		if i == 0 {
			head = "  " + s.accent(s.bold("Sheen")) + " "
		}
		lines = append(lines, head+s.bold(line))
	}
	return lines
}

// paintEntry paints what is not text. Each entry of one line, so that what was
// printed stays as it is.
func paintEntry(e entry, width int, s style) []string {
	switch e.kind {
	case entryPhase:
		return []string{"", "  " + s.accent("●") + " " + s.bold(truncate(e.text, width-textEdge))}
	case entryFile:
		return []string{paintFile(e, width, s)}
	case entryGood:
		return indent(s.good()+" ", wrap(e.text, textWidth(width)-2))
	case entryAttention:
		return indent(s.warn("!")+" ", wrap(e.text, textWidth(width)-2))
	case entryStep, entryText:
	}
	return nil
}

// edge is the space before what belongs to a phase.
const edge = "    "

// indent puts head before the first line and as much space before the others.
func indent(head string, lines []string) []string {
	painted := make([]string, 0, len(lines))
	for i, line := range lines {
		if i > 0 {
			head = strings.Repeat(" ", columns(visible(head)))
		}
		painted = append(painted, edge+head+line)
	}
	return painted
}

func paintFile(e entry, width int, s style) string {
	if e.removed {
		return edge + s.dim("− "+truncate(e.text, width-textEdge-3))
	}
	const sizeColumn = 9
	path := pad(truncate(e.text, maxPath), maxPath)
	line := fmt.Sprintf("%s %*s", path, sizeColumn, size(e.size))
	left := width - textEdge - 3 - columns(line)
	if left < 0 {
		return edge + s.good() + " " + truncate(e.text, width-textEdge-3)
	}
	const gap = 2
	if left > minBar && e.purpose != "" {
		line += s.dim(strings.Repeat(" ", gap) + truncate(e.purpose, left-gap))
	}
	return edge + s.good() + " " + line
}

// status is what the bar's line shows.
type status struct {
	permille float64
	model    Model
	elapsed  time.Duration
	beat     int
	note     string
}

// paintBar paints the line that moves.
func paintBar(st status, width int, s style) string {
	beats := []rune("⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏")
	bar := max(minBar, min(maxBar, width/3))
	left := fmt.Sprintf("%s %s %3d%%", s.accent(string(beats[st.beat%len(beats)])), drawBar(st.permille, bar, s), percent(int32(st.permille)))
	if width < narrow {
		return "  " + left
	}
	what := st.model.StepTitle
	if st.note != "" {
		what = st.note
	}
	right := clock(st.elapsed)
	if st.model.Steps > 0 {
		right = fmt.Sprintf("%d/%d  %s", st.model.Step, st.model.Steps, right)
	}
	room := width - 1 - 2 - columns(visible(left)) - 4 - columns(right)
	return "  " + left + "  " + truncate(what, room) + "  " + s.dim(right)
}

func drawBar(permille float64, cells int, s style) string {
	halves := int(permille / fullPermille * float64(2*cells))
	full := halves / 2 //nolint:mnd // two halves
	filled, rest := strings.Repeat("━", full), cells-full
	if halves%2 == 1 {
		filled += "╸"
		rest--
	}
	return s.accent(filled) + s.dim(strings.Repeat("─", rest))
}

// paintClosing is the last thing to see.
func paintClosing(c Closing, title string, width int, s style) []string {
	if title == "" {
		title = headline(c.Build)
	}
	mark := s.bad("✗")
	switch c.Build.GetState() {
	case buildv1.BuildState_BUILD_STATE_COMPLETE:
		mark = s.good()
	case buildv1.BuildState_BUILD_STATE_CANCELLED:
		mark = s.warn("■")
	default:
	}
	lines := []string{"", "  " + mark + " " + s.bold(title) + "  " + s.dim("in "+took(c.Took))}
	if message := cleanLine(c.Build.GetError().GetMessage()); message != "" {
		lines = append(lines, indent("", wrap(message, textWidth(width)))...)
	}
	lines = append(lines, "")
	if url := previewOf(c.Build); url != "" {
		lines = append(lines, edge+s.dim("Preview")+"   "+s.link(url))
	}
	lines = append(lines, edge+s.dim("AI time")+"   "+aiTime(c), "    "+s.dim("Build")+"     "+c.Build.GetId())
	lines = append(lines, paintSuggestions(c.Suggestions, width, s)...)
	if c.Serving {
		lines = append(lines, "", "  "+s.dim("The preview is served until you press Ctrl-C."))
	}
	return append(lines, "")
}

func paintSuggestions(suggestions []*recommendationv1.QuickSuggestion, width int, s style) []string {
	if len(suggestions) == 0 {
		return nil
	}
	lines := []string{"", "  " + s.bold("What next?")}
	for i, next := range suggestions {
		const number = 3
		room := textWidth(width) - number
		lines = append(lines, indent(s.accent(fmt.Sprintf("%d  ", i+1)), wrap(cleanLine(next.GetTitle()), room))...)
		for _, line := range wrap(cleanLine(next.GetDescription()), room) {
			lines = append(lines, "       "+s.dim(line))
		}
	}
	return lines
}
