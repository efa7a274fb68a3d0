package view

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"time"

	buildv1 "github.com/sheenapps/sheen/gen/sheen/build/v1"
	eventv1 "github.com/sheenapps/sheen/gen/sheen/event/v1"
)

const (
	frameInterval = 60 * time.Millisecond
	// glide is the part of its way that the bar goes in one frame.
	glide = 0.2
	// settled is how near to its goal the bar jumps there, in permille.
	settled = 2

	hideCursor = "\x1b[?25l"
	showCursor = "\x1b[?25h"
	// Between these two a terminal that can shows nothing half-drawn.
	beginFrame = "\x1b[?2026h"
	endFrame   = "\x1b[?2026l"
	eraseBelow = "\x1b[J"
)

// TerminalOptions say how to draw.
type TerminalOptions struct {
	// Width returns the current number of columns.
	Width func() int
	// Color allows colours and links.
	Color bool
	// Now tells the time; nil is the machine's clock.
	Now func() time.Time
	// Manual leaves the drawing to calls of Draw, for tests.
	Manual bool
}

// Terminal shows a build live: what is finished scrolls up, and below it stand
// the sentence that is being written and a progress bar.
type Terminal struct {
	opts  TerminalOptions
	style style

	mu      sync.Mutex
	out     io.Writer
	began   time.Time
	model   Model
	text    flow
	queue   []string
	live    []string
	shown   float64
	beat    int
	note    string
	ended   bool
	stopped bool

	stop chan struct{}
	done chan struct{}
}

// NewTerminal returns a renderer that draws on out and starts to draw. Call Stop.
func NewTerminal(out io.Writer, opts TerminalOptions) *Terminal {
	if opts.Now == nil {
		opts.Now = time.Now
	}
	t := &Terminal{opts: opts, style: style{color: opts.Color}, out: out, began: opts.Now(), stop: make(chan struct{}), done: make(chan struct{})}
	t.write(hideCursor)
	if opts.Manual {
		close(t.done)
		return t
	}
	go t.animate()
	return t
}

func (t *Terminal) animate() {
	defer close(t.done)
	ticker := time.NewTicker(frameInterval)
	defer ticker.Stop()
	for {
		select {
		case <-t.stop:
			return
		case <-ticker.C:
			t.Draw()
		}
	}
}

// Begin shows what is built.
func (t *Terminal) Begin(build *buildv1.Build) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.note = ""
	t.queue = append(t.queue, paintTitle(build.GetPrompt(), t.width(), t.style)...)
}

// Event takes the event in; the next frame shows it.
func (t *Terminal) Event(event *eventv1.BuildEvent) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, e := range t.model.apply(event) {
		if e.kind == entryText {
			t.queue = append(t.queue, t.paintText(t.text.add(e.text, textWidth(t.width())))...)
			continue
		}
		if e.kind == entryStep { // the bar shows it
			continue
		}
		t.endText()
		t.queue = append(t.queue, paintEntry(e, t.width(), t.style)...)
	}
}

func (t *Terminal) endText() {
	t.queue = append(t.queue, t.paintText(t.text.end(textWidth(t.width())))...)
}

func (t *Terminal) paintText(lines []string) []string {
	painted := make([]string, 0, len(lines))
	for _, line := range lines {
		painted = append(painted, strings.TrimRight("    "+line, " "))
	}
	return painted
}

// Note shows the sentence instead of the current step.
func (t *Terminal) Note(sentence string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.note = sentence
	if t.ended {
		t.queue = append(t.queue, "  "+t.style.dim(sentence))
	}
}

// End shows how it ended and stops drawing.
func (t *Terminal) End(c Closing) {
	t.mu.Lock()
	t.endText()
	title := ""
	if t.model.Phase == c.Build.GetState() {
		title = t.model.PhaseTitle
	}
	t.queue = append(t.queue, paintClosing(c, title, t.width(), t.style)...)
	t.ended = true
	t.mu.Unlock()
	t.Draw()
}

// Stop shows what is finished, takes the bar away and gives the cursor back.
func (t *Terminal) Stop() {
	t.mu.Lock()
	if t.stopped {
		t.mu.Unlock()
		return
	}
	t.stopped = true
	t.endText()
	t.ended = true
	t.mu.Unlock()
	close(t.stop)
	<-t.done
	t.Draw()
	t.write(showCursor)
}

// Diagnostics returns a writer whose lines join the finished ones.
func (t *Terminal) Diagnostics() io.Writer { return diagnostics{t} }

type diagnostics struct{ t *Terminal }

func (d diagnostics) Write(p []byte) (int, error) {
	d.t.mu.Lock()
	defer d.t.mu.Unlock()
	for line := range strings.Lines(string(p)) {
		d.t.queue = append(d.t.queue, "  "+d.t.style.dim(cleanLine(line)))
	}
	return len(p), nil
}

// Draw shows the next frame.
func (t *Terminal) Draw() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.advance()
	live := t.liveLines()
	if len(t.queue) == 0 && slices.Equal(live, t.live) {
		return
	}
	var frame bytes.Buffer
	frame.WriteString(beginFrame)
	frame.WriteString(t.eraseLive())
	for _, line := range t.queue {
		frame.WriteString(line + "\r\n")
	}
	frame.WriteString(strings.Join(live, "\r\n"))
	frame.WriteString("\r") // an echoed Ctrl-C then lands on the margin and breaks no line
	frame.WriteString(endFrame)
	t.queue, t.live = nil, live
	_, _ = t.out.Write(frame.Bytes())
}

// advance moves the bar a part of its way, so that it glides.
func (t *Terminal) advance() {
	t.beat++
	way := float64(t.model.Permille) - t.shown
	if way < settled {
		t.shown = float64(t.model.Permille)
		return
	}
	t.shown += way * glide
}

// liveLines is what stands below the finished lines.
func (t *Terminal) liveLines() []string {
	if t.ended {
		return nil
	}
	width := t.width()
	var lines []string
	if t.text.open != "" {
		lines = t.paintText(wrap(t.text.open, textWidth(width)))
	}
	st := status{permille: t.shown, model: t.model, elapsed: t.opts.Now().Sub(t.began), beat: t.beat / 2, note: t.note}
	return append(lines, "", paintBar(st, width, t.style))
}

// eraseLive goes to the first live line and clears from there. A terminal that
// became narrower has broken the lines anew, which takes more rows.
func (t *Terminal) eraseLive() string {
	if len(t.live) == 0 {
		return "\r" + eraseBelow // the terminal may have echoed a Ctrl-C
	}
	rows := 0
	for _, line := range t.live {
		rows += max(1, (columns(visible(line))+t.width()-1)/t.width())
	}
	if rows == 1 {
		return "\r" + eraseBelow
	}
	return fmt.Sprintf("\r\x1b[%dA%s", rows-1, eraseBelow)
}

func (t *Terminal) width() int { return max(1, t.opts.Width()) }

func (t *Terminal) write(code string) {
	_, _ = io.WriteString(t.out, code)
}
