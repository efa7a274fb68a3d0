package sheen_test

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/sheenapps/sheen/server/build"
)

const (
	lifecycleDoc   = "docs/lifecycle.md"
	lifecycleBegin = "<!-- lifecycle: begin -->\n"
	lifecycleEnd   = "<!-- lifecycle: end -->"
)

// The documentation's diagram and limits are what the code says.
func TestLifecycleIsDocumented(t *testing.T) {
	t.Parallel()
	doc, err := os.ReadFile(lifecycleDoc)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, begins := strings.Cut(string(doc), lifecycleBegin)
	drawn, after, ends := strings.Cut(rest, lifecycleEnd)
	if !begins || !ends {
		t.Fatalf("%s has no place for the diagram", lifecycleDoc)
	}
	want := "\n" + lifecycleDiagram() + "\n" + lifecycleLimits() + "\n"
	if drawn == want {
		return
	}
	if !*update {
		t.Fatalf("the diagram in %s is not current: make generate", lifecycleDoc)
	}
	if err := os.WriteFile(lifecycleDoc, []byte(before+lifecycleBegin+want+lifecycleEnd+after), 0o600); err != nil {
		t.Fatal(err)
	}
}

// lifecycleDiagram draws the states and the transitions between them.
func lifecycleDiagram() string {
	var b strings.Builder
	b.WriteString("```mermaid\nstateDiagram-v2\n    [*] --> QUEUED\n")
	for _, t := range build.Transitions() {
		fmt.Fprintf(&b, "    %s --> %s", stateInDoc(t.From), stateInDoc(t.To))
		if t.To == build.Fixing {
			fmt.Fprintf(&b, ": at most %d times", build.MaxFixAttempts)
		}
		b.WriteByte('\n')
	}
	for _, s := range build.States() {
		if s.Final() {
			fmt.Fprintf(&b, "    %s --> [*]\n", stateInDoc(s))
		}
	}
	b.WriteString("```\n")
	return b.String()
}

// lifecycleLimits lists the longest that a build may take, state by state.
func lifecycleLimits() string {
	var b strings.Builder
	b.WriteString("| state | at most |\n|---|---|\n")
	for _, s := range build.States() {
		if limit := build.PhaseLimit(s); limit > 0 {
			fmt.Fprintf(&b, "| %s | %.0f min |\n", stateInDoc(s), limit.Minutes())
		}
	}
	fmt.Fprintf(&b, "| all together, from the first worker on | `SHEEN_BUILD_TIMEOUT`, %.0f min by default |\n", build.DefaultTimeout.Minutes())
	fmt.Fprintf(&b, "\nA build has at most %d attempts, and at most %d builds wait in a project.\n", build.MaxAttempts, build.MaxWaiting)
	return b.String()
}

func stateInDoc(s build.State) string { return strings.ToUpper(string(s)) }
