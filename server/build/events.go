package build

import (
	buildv1 "github.com/sheenapps/sheen/gen/sheen/build/v1"
	eventv1 "github.com/sheenapps/sheen/gen/sheen/event/v1"
	"github.com/sheenapps/sheen/server/locale"
)

// phaseChanged is the event of a transition; from is empty for the first one.
func phaseChanged(tag string, from, to State, attempt int32, args locale.Args) *eventv1.BuildEvent {
	change := &eventv1.PhaseChanged{
		To:          stateToProto(to),
		Title:       locale.Text(tag, "event.phase."+string(to)+".title", args),
		Description: locale.Text(tag, "event.phase."+string(to)+".description", args),
		Attempt:     attempt,
	}
	if from != "" {
		change.From = stateToProto(from)
	}
	return &eventv1.BuildEvent{Payload: &eventv1.BuildEvent_PhaseChanged{PhaseChanged: change}}
}

// step is one of the steps that a user sees; it is also the name in the keys of
// the catalogue.
type step string

// The steps, in their order.
const (
	stepAnalyze step = "analyze"
	stepPlan    step = "plan"
	stepWrite   step = "write"
	stepCheck   step = "check"
	stepVersion step = "version"
	stepPreview step = "preview"
	stepProbe   step = "probe"
)

// stepPlace is where a step lies: its number from 1, and the permille at its
// beginning. The shares follow what a model spends its time on: most of it on
// writing.
var stepPlace = map[step]struct {
	index    int32
	permille int32
}{
	stepAnalyze: {1, 10},
	stepPlan:    {2, 40},
	stepWrite:   {3, writeFrom},
	stepCheck:   {4, writeTo},
	stepVersion: {5, 850},
	stepPreview: {6, 900},
	stepProbe:   {7, 940},
}

const (
	stepCount = 7
	writeFrom = 150
	writeTo   = 780
)

func progressAt(tag string, s step, permille int32, args locale.Args) *eventv1.Progress {
	return &eventv1.Progress{
		ProgressPermille: permille,
		StepIndex:        stepPlace[s].index,
		StepCount:        stepCount,
		Title:            locale.Text(tag, "event.step."+string(s)+".title", args),
		Description:      locale.Text(tag, "event.step."+string(s)+".description", args),
	}
}

func progressEvent(p *eventv1.Progress) *eventv1.BuildEvent {
	return &eventv1.BuildEvent{Payload: &eventv1.BuildEvent_Progress{Progress: p}}
}

func holdChanged(held, used int64, low bool) *eventv1.BuildEvent {
	return &eventv1.BuildEvent{Payload: &eventv1.BuildEvent_HoldChanged{
		HoldChanged: &eventv1.HoldChanged{HeldSeconds: held, UsedSeconds: used, RunningLow: low},
	}}
}

func logLine(level eventv1.LogLevel, text string) *eventv1.BuildEvent {
	return &eventv1.BuildEvent{Payload: &eventv1.BuildEvent_LogLine{
		LogLine: &eventv1.LogLine{Level: level, Text: text},
	}}
}

func previewReady(url, versionID string) *eventv1.BuildEvent {
	return &eventv1.BuildEvent{Payload: &eventv1.BuildEvent_PreviewReady{
		PreviewReady: &eventv1.PreviewReady{PreviewUrl: url, VersionId: versionID},
	}}
}

func versionCreated(v *buildv1.Version) *eventv1.BuildEvent {
	return &eventv1.BuildEvent{Payload: &eventv1.BuildEvent_VersionCreated{
		VersionCreated: &eventv1.VersionCreated{
			VersionId:   v.GetId(),
			Number:      v.GetNumber(),
			Root:        v.GetRoot(),
			FileCount:   v.GetFileCount(),
			Interrupted: v.GetInterrupted(),
		},
	}}
}
