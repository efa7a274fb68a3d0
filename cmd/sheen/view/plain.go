package view

import (
	"fmt"
	"io"
	"strings"
	"sync"

	buildv1 "github.com/sheenapps/sheen/gen/sheen/build/v1"
	eventv1 "github.com/sheenapps/sheen/gen/sheen/event/v1"
)

// Plain shows a build as lines of text without escape codes.
type Plain struct {
	out, diagnostics io.Writer

	mu    sync.Mutex
	model Model
	text  string
	// file is the last one shown: the step that names it adds nothing.
	file string
}

// NewPlain returns a renderer that writes to out, and logs to diagnostics.
func NewPlain(out, diagnostics io.Writer) *Plain {
	return &Plain{out: out, diagnostics: diagnostics}
}

// Begin writes what is built.
func (p *Plain) Begin(build *buildv1.Build) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.line("Building: " + cleanLine(build.GetPrompt()))
	p.line("Build     " + build.GetId())
}

// Event writes the lines that the event finishes.
func (p *Plain) Event(event *eventv1.BuildEvent) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, e := range p.model.apply(event) {
		if e.kind != entryText {
			p.flush()
		}
		p.entry(e)
	}
}

func (p *Plain) entry(e entry) {
	switch e.kind {
	case entryPhase:
		p.line("\n" + e.text)
	case entryText:
		p.text += e.text
		for {
			line, rest, ended := strings.Cut(p.text, "\n")
			if !ended {
				return
			}
			p.line(strings.TrimRight("    "+line, " "))
			p.text = rest
		}
	case entryFile:
		p.file = e.text
		p.progress(fileText(e))
	case entryStep:
		if p.file == "" || !strings.Contains(e.text, p.file) {
			p.progress(e.text)
		}
	case entryGood:
		p.line("  ok: " + e.text)
	case entryAttention:
		p.line("  note: " + e.text)
	}
}

func (p *Plain) progress(text string) {
	p.line(fmt.Sprintf("[%3d%%] %s", percent(p.model.Permille), text))
}

func fileText(e entry) string {
	if e.removed {
		return "- " + e.text
	}
	text := fmt.Sprintf("+ %s (%s)", e.text, size(e.size))
	if e.purpose != "" {
		text += "  " + e.purpose
	}
	return text
}

// flush ends an unfinished line of text.
func (p *Plain) flush() {
	if strings.TrimSpace(p.text) != "" {
		p.line("    " + strings.TrimSpace(p.text))
	}
	p.text = ""
}

// Note writes the sentence.
func (p *Plain) Note(sentence string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.flush()
	p.line(sentence)
}

// End writes how it ended.
func (p *Plain) End(c Closing) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.flush()
	p.line(fmt.Sprintf("\n%s (%s)", headline(c.Build), took(c.Took)))
	if message := cleanLine(c.Build.GetError().GetMessage()); message != "" {
		p.line("  " + message)
	}
	if url := previewOf(c.Build); url != "" {
		p.line("Preview  " + url)
	}
	p.line("AI time  " + aiTime(c))
	for i, s := range c.Suggestions {
		if i == 0 {
			p.line("Next")
		}
		p.line(fmt.Sprintf("  %d. %s: %s", i+1, cleanLine(s.GetTitle()), cleanLine(s.GetDescription())))
	}
	if c.Serving {
		p.line("Serving the preview until Ctrl-C")
	}
}

// Stop does nothing: there is nothing to give back.
func (*Plain) Stop() {}

// Diagnostics returns the writer for logs.
func (p *Plain) Diagnostics() io.Writer { return p.diagnostics }

func (p *Plain) line(text string) {
	_, _ = fmt.Fprintln(p.out, text)
}
