package build

import (
	billingv1 "github.com/sheenapps/sheen/gen/sheen/billing/v1"
	buildv1 "github.com/sheenapps/sheen/gen/sheen/build/v1"
	eventv1 "github.com/sheenapps/sheen/gen/sheen/event/v1"
	"github.com/sheenapps/sheen/server/event"
	"github.com/sheenapps/sheen/server/locale"
	"github.com/sheenapps/sheen/store"
)

// phaseChanged is the event of a transition; from is empty for the first one.
func phaseChanged(tag string, from, to State, attempt int32, args locale.Args) *eventv1.BuildEvent {
	key := "event.phase." + string(to)
	change := &eventv1.PhaseChanged{
		To:          stateToProto(to),
		Title:       locale.Text(tag, key+".title", args),
		Description: locale.Text(tag, key+".description", args),
		Attempt:     attempt,
		TextKey:     event.NewTextKey(key, args),
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
	key := "event.step." + string(s)
	return &eventv1.Progress{
		ProgressPermille: permille,
		StepIndex:        stepPlace[s].index,
		StepCount:        stepCount,
		Title:            locale.Text(tag, key+".title", args),
		Description:      locale.Text(tag, key+".description", args),
		TextKey:          event.NewTextKey(key, args),
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

// told is a log line that a user reads, worded from the catalogues.
func told(tag, key string, args locale.Args) *eventv1.BuildEvent {
	return &eventv1.BuildEvent{Payload: &eventv1.BuildEvent_LogLine{
		LogLine: &eventv1.LogLine{
			Level:   eventv1.LogLevel_LOG_LEVEL_INFO,
			Text:    locale.Text(tag, key, args),
			TextKey: event.NewTextKey(key, args),
		},
	}}
}

// superseded is the key of the reason that a build gets which has to make room.
const superseded = "event.waiting.superseded"

// cancelled is the last event of a build that was stopped. The reason is stored as
// it is worded; one that is word for word ours gets its key back.
func cancelled(b *store.Build, reason string, paid *billingv1.Receipt, v *store.Version) *eventv1.BuildEvent {
	end := &eventv1.BuildCancelled{Reason: reason, Receipt: paid, VersionId: versionID(v)}
	if reason == locale.Text(b.Locale, superseded, nil) {
		end.ReasonKey = event.NewTextKey(superseded, nil)
	}
	return &eventv1.BuildEvent{Payload: &eventv1.BuildEvent_BuildCancelled{BuildCancelled: end}}
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
