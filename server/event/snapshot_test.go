package event

import (
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	billingv1 "github.com/sheenapps/sheen/gen/sheen/billing/v1"
	buildv1 "github.com/sheenapps/sheen/gen/sheen/build/v1"
	eventv1 "github.com/sheenapps/sheen/gen/sheen/event/v1"
)

func at(seq int64) *timestamppb.Timestamp { return timestamppb.New(time.Unix(1000+seq, 0)) }

// numbered gives events their seqs and times.
func numbered(events ...*eventv1.BuildEvent) []*eventv1.BuildEvent {
	for i, e := range events {
		e.Seq, e.CreateTime = int64(i+1), at(int64(i+1))
	}
	return events
}

func phaseEvent(to buildv1.BuildState, attempt int32) *eventv1.BuildEvent {
	return &eventv1.BuildEvent{Payload: &eventv1.BuildEvent_PhaseChanged{
		PhaseChanged: &eventv1.PhaseChanged{To: to, Attempt: attempt},
	}}
}

func progressEvent(permille, step int32) *eventv1.BuildEvent {
	return &eventv1.BuildEvent{Payload: &eventv1.BuildEvent_Progress{
		Progress: &eventv1.Progress{ProgressPermille: permille, StepIndex: step, StepCount: 7},
	}}
}

// story is a build with everything that a fold listens to, but for its end.
func story() []*eventv1.BuildEvent {
	return numbered(
		phaseEvent(buildv1.BuildState_BUILD_STATE_QUEUED, 0),
		&eventv1.BuildEvent{Payload: &eventv1.BuildEvent_HoldChanged{HoldChanged: &eventv1.HoldChanged{HeldSeconds: 90}}},
		phaseEvent(buildv1.BuildState_BUILD_STATE_PLANNING, 1),
		progressEvent(100, 2),
		progressEvent(50, 1),
		textEvent("Bonjour"),
		&eventv1.BuildEvent{Payload: &eventv1.BuildEvent_VersionCreated{VersionCreated: &eventv1.VersionCreated{VersionId: "v"}}},
		&eventv1.BuildEvent{Payload: &eventv1.BuildEvent_PreviewReady{PreviewReady: &eventv1.PreviewReady{PreviewUrl: "http://p"}}},
	)
}

func TestFoldOfEveryPrefix(t *testing.T) {
	t.Parallel()
	start := &buildv1.Build{
		Id: "b", BuildSessionId: "s", ProjectId: "p", Locale: "fr", Prompt: "un salon", CreateTime: at(0),
		ParentBuildId: "before", RecommendationId: "qs-faq", Operation: billingv1.Operation_OPERATION_UPDATE,
		// What must be forgotten, as it is of the end.
		State: buildv1.BuildState_BUILD_STATE_COMPLETE, HeadSeq: 99, ProgressPermille: 1000, StepIndex: 7, StepCount: 7,
		VersionId: "v", PreviewUrl: "http://p", EndTime: at(9), StartTime: at(1), Attempt: 1, ChargedSeconds: 5, HeldSeconds: 3,
		Error: &buildv1.BuildError{Retryable: true},
	}
	want := &buildv1.Build{
		Id: "b", BuildSessionId: "s", ProjectId: "p", Locale: "fr", Prompt: "un salon", CreateTime: at(0),
		ParentBuildId: "before", RecommendationId: "qs-faq", Operation: billingv1.Operation_OPERATION_UPDATE, State: buildv1.BuildState_BUILD_STATE_QUEUED,
	}
	fold := NewFold(start)
	if !proto.Equal(fold.Build(), want) {
		t.Fatalf("before the first event: %v", fold.Build())
	}
	changes := []func(){
		1: func() {},
		2: func() { want.HeldSeconds = 90 },
		3: func() { want.State, want.Attempt, want.StartTime = buildv1.BuildState_BUILD_STATE_PLANNING, 1, at(3) },
		4: func() { want.ProgressPermille, want.StepIndex, want.StepCount = 100, 2, 7 },
		5: func() { want.StepIndex = 1 },
		6: func() {},
		7: func() { want.VersionId = "v" },
		8: func() { want.PreviewUrl = "http://p" },
	}
	for _, e := range story() {
		fold.Apply(e)
		changes[e.GetSeq()]()
		want.HeadSeq = e.GetSeq()
		if !proto.Equal(fold.Build(), want) {
			t.Errorf("after event %d:\n%v, want\n%v", e.GetSeq(), fold.Build(), want)
		}
	}
}

func TestFoldOfEveryEnd(t *testing.T) {
	t.Parallel()
	receipt := &billingv1.Receipt{ChargedSeconds: 42}
	failure := &buildv1.BuildError{Message: "no", Retryable: true}
	for _, test := range []struct {
		last     *eventv1.BuildEvent
		state    buildv1.BuildState
		permille int32
		failure  *buildv1.BuildError
	}{
		{&eventv1.BuildEvent{Payload: &eventv1.BuildEvent_BuildCompleted{BuildCompleted: &eventv1.BuildCompleted{Receipt: receipt}}}, buildv1.BuildState_BUILD_STATE_COMPLETE, 1000, nil},
		{&eventv1.BuildEvent{Payload: &eventv1.BuildEvent_BuildFailed{BuildFailed: &eventv1.BuildFailed{Receipt: receipt, Error: failure}}}, buildv1.BuildState_BUILD_STATE_FAILED, 100, failure},
		{&eventv1.BuildEvent{Payload: &eventv1.BuildEvent_BuildCancelled{BuildCancelled: &eventv1.BuildCancelled{Receipt: receipt}}}, buildv1.BuildState_BUILD_STATE_CANCELLED, 100, nil},
	} {
		fold := NewFold(&buildv1.Build{Id: "b"})
		for _, e := range numbered(append(story(), test.last)...) {
			fold.Apply(e)
		}
		b := fold.Build()
		if b.GetState() != test.state || b.GetProgressPermille() != test.permille || b.GetChargedSeconds() != 42 ||
			b.GetHeldSeconds() != 0 || !proto.Equal(b.GetEndTime(), at(9)) || !proto.Equal(b.GetError(), test.failure) {
			t.Errorf("%v: %v", test.state, b)
		}
	}
}

func TestSnapshotKeepsTheNewestOfEveryFile(t *testing.T) {
	t.Parallel()
	file := func(path string, size int64, removed bool) *eventv1.BuildEvent {
		return &eventv1.BuildEvent{Payload: &eventv1.BuildEvent_FileChanged{
			FileChanged: &eventv1.FileChanged{Path: path, SizeBytes: size, Removed: removed},
		}}
	}
	fold := NewFold(&buildv1.Build{})
	for _, e := range numbered(
		file("a", 1, false), file("b", 1, false), file("c", 1, false),
		file("b", 0, true), file("a", 2, false), file("c", 0, true), file("c", 5, false),
	) {
		fold.Apply(e)
	}
	var got []string
	snapshot := fold.Snapshot()
	for _, f := range snapshot.GetFiles() {
		got = append(got, f.GetPath()+strings.Repeat("+", int(f.GetSizeBytes())))
	}
	if !slices.Equal(got, []string{"a++", "c+++++"}) || snapshot.GetSeq() != 7 {
		t.Errorf("%d: %v", snapshot.GetSeq(), got)
	}
}

func TestSnapshotTextIsCutAtTheFront(t *testing.T) {
	t.Parallel()
	for _, over := range []int{-1, 0, 1, 2, 3, 100} {
		fold := NewFold(&buildv1.Build{})
		text := strings.Repeat("€", (snapshotText+over)/3+1) + "end"
		for _, e := range numbered(textEvent(text[:9]), textEvent(text[9:])) {
			fold.Apply(e)
		}
		got := fold.Snapshot().GetAssistantText()
		if !utf8.ValidString(got) || len(got) > snapshotText || len(got) < snapshotText-3 || !strings.HasSuffix(text, got) {
			t.Errorf("%d over: %d bytes, begins with %q", over, len(got), got[:6])
		}
	}
}
