package view_test

import (
	"bytes"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sheenapps/sheen/cmd/sheen/view"
	buildv1 "github.com/sheenapps/sheen/gen/sheen/build/v1"
)

// stopwatch is a clock that a test moves.
type stopwatch struct{ at time.Time }

func (w *stopwatch) now() time.Time { return w.at }

func newManual(s *screen, color bool) (*view.Terminal, *stopwatch) {
	watch := &stopwatch{at: time.Unix(0, 0)}
	return view.NewTerminal(s, view.TerminalOptions{
		Width: func() int { return s.width }, Color: color, Now: watch.now, Manual: true,
	}), watch
}

func TestTerminal(t *testing.T) {
	t.Parallel()
	for name, f := range films() {
		for _, columns := range []int{80, 40} {
			s := &screen{width: columns}
			terminal, watch := newManual(s, true)
			var frames strings.Builder
			play(f, terminal, func(i int) {
				watch.at = watch.at.Add(time.Second)
				terminal.Draw()
				if i%6 == 4 {
					fmt.Fprintf(&frames, "===== after event %d\n%s", i+1, s)
				}
			})
			golden(t, fmt.Sprintf("%s.terminal%d", name, columns), frames.String()+"===== at the end\n"+s.String())
			if s.hidden || len(s.wrong) > 0 {
				t.Errorf("%s: hidden cursor %v, not understood %q", name, s.hidden, s.wrong)
			}
		}
	}
}

func TestTerminalSurvivesResizing(t *testing.T) {
	t.Parallel()
	wide, resized := &screen{width: 80}, &screen{width: 80}
	calm, _ := newManual(wide, true)
	shaken, _ := newManual(resized, true)
	f := salon()
	for _, r := range []view.Renderer{calm, shaken} {
		r.Begin(&buildv1.Build{Prompt: f.prompt})
	}
	for i, event := range f.events[:12] {
		calm.Event(event)
		calm.Draw()
		shaken.Event(event)
		shaken.Draw()
		if i%2 == 1 {
			resized.narrow(80 - 3*i)
			shaken.Draw()
		}
	}
	calm.Stop()
	shaken.Stop()
	letters := func(s *screen) string { return strings.Join(strings.Fields(s.String()), "") } // lines break elsewhere
	if letters(resized) != letters(wide) {
		t.Errorf("the resized terminal shows\n%s\nand not\n%s", resized, wide)
	}
}

func TestTerminalWithoutColor(t *testing.T) {
	t.Parallel()
	var raw bytes.Buffer
	terminal := view.NewTerminal(&raw, view.TerminalOptions{Width: func() int { return 80 }, Manual: true, Now: (&stopwatch{}).now})
	play(salon(), terminal, func(int) { terminal.Draw() })
	for _, code := range []string{"\x1b[0m", "\x1b[1m", "\x1b[36m", "\x1b]8"} {
		if strings.Contains(raw.String(), code) {
			t.Errorf("%q is written", code)
		}
	}
}

func TestTerminalIsGivenBack(t *testing.T) {
	t.Parallel()
	s := &screen{width: 60}
	terminal, _ := newManual(s, true)
	terminal.Note("Starting Sheen")
	terminal.Draw()
	if !s.hidden || !strings.Contains(s.String(), "Starting Sheen") {
		t.Errorf("shows %q, hidden cursor %v", s, s.hidden)
	}
	if _, err := fmt.Fprintln(terminal.Diagnostics(), "level=WARN msg=slow"); err != nil {
		t.Fatal(err)
	}
	terminal.Stop()
	terminal.Stop()
	if got := s.String(); s.hidden || got != "  level=WARN msg=slow\n" {
		t.Errorf("shows %q, hidden cursor %v", got, s.hidden)
	}
}

func TestTerminalAnimates(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	s := &screen{width: 60}
	drawn := make(chan struct{}, 1000)
	terminal := view.NewTerminal(writerFunc(func(p []byte) (int, error) {
		mu.Lock()
		defer mu.Unlock()
		drawn <- struct{}{}
		return s.Write(p)
	}), view.TerminalOptions{Width: func() int { return 60 }})
	play(film{events: script(step(500, 1, 2, "Half")), closing: salon().closing}, terminal, func(int) {
		for range 5 {
			<-drawn
		}
	})
	mu.Lock()
	defer mu.Unlock()
	if !strings.Contains(s.String(), "Your site is ready") || s.hidden {
		t.Errorf("shows\n%s", s)
	}
}

type writerFunc func(p []byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }
