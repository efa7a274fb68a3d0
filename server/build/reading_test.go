package build

import (
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	buildv1 "github.com/sheenapps/sheen/gen/sheen/build/v1"
	eventv1 "github.com/sheenapps/sheen/gen/sheen/event/v1"
	"github.com/sheenapps/sheen/server/event"
	"github.com/sheenapps/sheen/server/locale"
	"github.com/sheenapps/sheen/store"
)

const (
	testBrand = "Salon Belle Époque"
	testFile  = "services/coloration.html"
)

// wordings are all events that a build words from the catalogues, as they are made in
// a locale.
func wordings(tag string) map[string]*eventv1.BuildEvent {
	brand, count := locale.Args{"brand": testBrand}, locale.Args{"count": int32(1200)}
	all := make(map[string]*eventv1.BuildEvent)
	for _, state := range States() {
		args := brand
		if state == Fixing {
			args = locale.Args{"attempt": int32(2), "limit": MaxFixAttempts}
		}
		all["phase "+string(state)] = phaseChanged(tag, Coding, state, 1, args)
	}
	for s, args := range map[step]locale.Args{
		stepAnalyze: nil, stepPlan: brand, stepCheck: {"count": 12}, stepVersion: count, stepPreview: nil, stepProbe: nil,
		stepWrite: {"file": testFile, "index": 3, "count": 12},
	} {
		all["step "+string(s)] = progressEvent(progressAt(tag, s, 500, args))
	}
	for key, args := range map[string]locale.Args{
		"event.waiting.begun": nil, "event.waiting.over": nil, "event.retry.anew": nil, "event.retry.plan": nil,
		"event.retry.files": {"count": 7}, "event.retry.free": nil,
	} {
		all[key] = told(tag, key, args)
	}
	for _, class := range []Class{ClassUser, ClassPlatform, ClassProvider, ClassPolicy, ClassTimeout} {
		all["failed "+string(class)] = failedEvent(newBuildError(ReasonInternal, class, true, tag))
	}
	all["failed tests"] = failedEvent(newBuildError(ReasonTestsFailed, ClassPlatform, true, tag))
	all["superseded"] = cancelled(&store.Build{Locale: tag}, locale.Text(tag, superseded, nil), nil, nil)
	return all
}

func failedEvent(e *buildv1.BuildError) *eventv1.BuildEvent {
	return &eventv1.BuildEvent{Payload: &eventv1.BuildEvent_BuildFailed{BuildFailed: &eventv1.BuildFailed{Error: e}}}
}

// Whatever was written in one locale reads in another as if it had been written there,
// and back: no word and no argument is lost. What is added for that is small.
func TestEventsReadInEveryLocale(t *testing.T) {
	t.Parallel()
	made := make(map[string]map[string]*eventv1.BuildEvent)
	for _, tag := range locale.Supported() {
		made[tag] = wordings(tag)
	}
	for from, events := range made {
		for name, e := range events {
			if grown := proto.Size(e) - proto.Size(withoutKey(e)); grown <= 0 || grown > 100 {
				t.Errorf("%s, %s: the key takes %d bytes", from, name, grown)
			}
			for _, to := range locale.Supported() {
				read := proto.CloneOf(e)
				if !event.Reword(read, to) || !proto.Equal(read, made[to][name]) {
					t.Errorf("%s, from %s to %s:\n%v, want\n%v", name, from, to, read, made[to][name])
				}
			}
		}
	}
	write := made["fr"]["step write"]
	event.Reword(write, "ar-EG")
	if title := write.GetProgress().GetTitle(); !strings.Contains(title, "\u2068"+testFile+"\u2069") {
		t.Errorf("a file's name in Arabic is not isolated: %q", title)
	}
}

func withoutKey(e *eventv1.BuildEvent) *eventv1.BuildEvent {
	old := proto.CloneOf(e)
	switch p := old.GetPayload().(type) {
	case *eventv1.BuildEvent_PhaseChanged:
		p.PhaseChanged.TextKey = nil
	case *eventv1.BuildEvent_Progress:
		p.Progress.TextKey = nil
	case *eventv1.BuildEvent_LogLine:
		p.LogLine.TextKey = nil
	case *eventv1.BuildEvent_BuildCancelled:
		p.BuildCancelled.ReasonKey = nil
	case *eventv1.BuildEvent_BuildFailed:
		p.BuildFailed.Error.MessageKey = ""
	}
	return old
}

// What has no key stays as it was stored: events of before, what the user or an
// outside worker said, and a key that is no longer there.
func TestEventsWithoutAKeyStay(t *testing.T) {
	t.Parallel()
	kept := map[string]*eventv1.BuildEvent{
		"a log line":      logLine(eventv1.LogLevel_LOG_LEVEL_WARN, "The worker was lost."),
		"the user's":      cancelled(&store.Build{Locale: "fr"}, "j'ai changé d'avis", nil, nil),
		"another event":   holdChanged(1, 2, false),
		"an unknown key":  told("fr", "event.gone.away", nil),
		"an empty event":  {},
		"no error at all": failedEvent(nil),
	}
	for name, e := range wordings("fr") {
		kept["old "+name] = withoutKey(e)
	}
	for name, e := range kept {
		before := proto.CloneOf(e)
		if event.Reword(e, "ar") || !proto.Equal(e, before) {
			t.Errorf("%s: %v became %v", name, before, e)
		}
	}
}
