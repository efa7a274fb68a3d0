package view

import (
	buildv1 "github.com/sheenapps/sheen/gen/sheen/build/v1"
	eventv1 "github.com/sheenapps/sheen/gen/sheen/event/v1"
)

// Model is what can be seen of a build at one instant. The zero value is a
// build of which nothing is known yet.
type Model struct {
	// Phase is where the build is, and PhaseTitle says so in its language.
	Phase      buildv1.BuildState
	PhaseTitle string
	// Permille is the progress, 0 to 1000; it never falls.
	Permille int32
	// Step is the current step from 1 of Steps; 0 while unknown.
	Step, Steps int32
	// StepTitle says in the build's language what is done right now.
	StepTitle string
}

// entryKind is the kind of an entry.
type entryKind int

const (
	entryPhase entryKind = iota + 1
	entryText
	entryFile
	entryStep
	entryGood
	entryAttention
)

// entry is something that joins the transcript of a build.
type entry struct {
	kind entryKind
	// text is the title, the delta, the path or the sentence.
	text string
	// size and purpose describe a file.
	size    int64
	purpose string
	removed bool
}

// apply takes the next event in and returns what it adds to the transcript.
// Payloads that it does not know change nothing.
func (m *Model) apply(event *eventv1.BuildEvent) []entry {
	switch p := event.GetPayload().(type) {
	case *eventv1.BuildEvent_PhaseChanged:
		return m.changePhase(p.PhaseChanged)
	case *eventv1.BuildEvent_Progress:
		return m.progress(p.Progress)
	case *eventv1.BuildEvent_AssistantText:
		return []entry{{kind: entryText, text: cleanText(p.AssistantText.GetDelta())}}
	case *eventv1.BuildEvent_FileChanged:
		return []entry{fileEntry(p.FileChanged)}
	case *eventv1.BuildEvent_TestResult:
		return testEntries(p.TestResult)
	case *eventv1.BuildEvent_Warning:
		return []entry{{kind: entryAttention, text: cleanLine(p.Warning.GetMessage())}}
	case *eventv1.BuildEvent_LogLine:
		return logEntries(p.LogLine)
	case *eventv1.BuildEvent_HoldChanged:
		if p.HoldChanged.GetRunningLow() {
			return []entry{{kind: entryAttention, text: "AI time is running low: " + Seconds(p.HoldChanged.GetUsedSeconds()) + " used so far"}}
		}
	case *eventv1.BuildEvent_BuildCompleted:
		m.Permille = fullPermille
		m.finish(buildv1.BuildState_BUILD_STATE_COMPLETE)
	case *eventv1.BuildEvent_BuildFailed:
		m.finish(buildv1.BuildState_BUILD_STATE_FAILED)
	case *eventv1.BuildEvent_BuildCancelled:
		m.finish(buildv1.BuildState_BUILD_STATE_CANCELLED)
	}
	return nil
}

// finish notes a final state whose phase change may have come before or not.
func (m *Model) finish(state buildv1.BuildState) {
	if m.Phase != state {
		m.Phase, m.PhaseTitle = state, ""
	}
}

const fullPermille = 1000

func (m *Model) changePhase(p *eventv1.PhaseChanged) []entry {
	m.Phase, m.PhaseTitle = p.GetTo(), cleanLine(p.GetTitle())
	if m.PhaseTitle == "" {
		m.PhaseTitle = stateName(p.GetTo())
	}
	m.StepTitle = m.PhaseTitle
	if isFinal(m.Phase) { // the closing says it
		return nil
	}
	return []entry{{kind: entryPhase, text: m.PhaseTitle}}
}

func (m *Model) progress(p *eventv1.Progress) []entry {
	m.Permille = max(m.Permille, min(p.GetProgressPermille(), fullPermille))
	m.Step, m.Steps = p.GetStepIndex(), p.GetStepCount()
	title := cleanLine(p.GetTitle())
	if title == "" || title == m.StepTitle {
		return nil
	}
	m.StepTitle = title
	return []entry{{kind: entryStep, text: title}}
}

func fileEntry(f *eventv1.FileChanged) entry {
	return entry{kind: entryFile, text: cleanLine(f.GetPath()), size: f.GetSizeBytes(), purpose: cleanLine(f.GetPurpose()), removed: f.GetRemoved()}
}

func testEntries(r *eventv1.TestResult) []entry {
	if r.GetPassed() {
		return []entry{{kind: entryGood, text: plural(int64(r.GetCheckCount()), "check") + " passed"}}
	}
	entries := []entry{{kind: entryAttention, text: plural(int64(r.GetFailureCount()), "check") + " failed"}}
	const shown = 3
	for i, f := range r.GetFailures() {
		if i == shown {
			break
		}
		entries = append(entries, entry{kind: entryAttention, text: cleanLine(f.GetPath() + ": " + f.GetMessage())})
	}
	return entries
}

// logEntries leaves out what is only for the curious.
func logEntries(l *eventv1.LogLine) []entry {
	if l.GetLevel() < eventv1.LogLevel_LOG_LEVEL_WARN {
		return nil
	}
	return []entry{{kind: entryAttention, text: cleanLine(l.GetText())}}
}

func isFinal(state buildv1.BuildState) bool {
	switch state {
	case buildv1.BuildState_BUILD_STATE_COMPLETE, buildv1.BuildState_BUILD_STATE_FAILED, buildv1.BuildState_BUILD_STATE_CANCELLED:
		return true
	default:
		return false
	}
}
