package event

import (
	"strings"

	buildv1 "github.com/sheenapps/sheen/gen/sheen/build/v1"
	eventv1 "github.com/sheenapps/sheen/gen/sheen/event/v1"
)

// snapshotText bounds the assistant's text in a snapshot, in bytes.
const snapshotText = 256 << 10

// Fold is a build as its events tell it. [NewFold] makes one before the first
// event; [Fold.Apply] takes the events in order. It is pure.
type Fold struct {
	seq   int64
	build *buildv1.Build
	text  strings.Builder
	files []*eventv1.FileChanged
	index map[string]int
}

// NewFold begins with what a build is from its start: ids, prompt, locale. What
// changes while it runs is set back to the beginning.
func NewFold(start *buildv1.Build) *Fold {
	return &Fold{
		build: &buildv1.Build{
			Id:               start.GetId(),
			BuildSessionId:   start.GetBuildSessionId(),
			ProjectId:        start.GetProjectId(),
			State:            buildv1.BuildState_BUILD_STATE_QUEUED,
			Locale:           start.GetLocale(),
			Prompt:           start.GetPrompt(),
			CreateTime:       start.GetCreateTime(),
			ParentBuildId:    start.GetParentBuildId(),
			Operation:        start.GetOperation(),
			RecommendationId: start.GetRecommendationId(),
		},
		index: make(map[string]int),
	}
}

// Apply takes the next event.
func (f *Fold) Apply(e *eventv1.BuildEvent) {
	f.seq = e.GetSeq()
	b := f.build
	b.HeadSeq = f.seq
	switch p := e.GetPayload().(type) {
	case *eventv1.BuildEvent_PhaseChanged:
		f.phase(e, p.PhaseChanged)
	case *eventv1.BuildEvent_Progress:
		b.ProgressPermille = max(b.GetProgressPermille(), p.Progress.GetProgressPermille())
		b.StepIndex, b.StepCount = p.Progress.GetStepIndex(), p.Progress.GetStepCount()
	case *eventv1.BuildEvent_AssistantText:
		f.text.WriteString(p.AssistantText.GetDelta())
	case *eventv1.BuildEvent_FileChanged:
		f.file(p.FileChanged)
	case *eventv1.BuildEvent_PreviewReady:
		b.PreviewUrl = p.PreviewReady.GetPreviewUrl()
	case *eventv1.BuildEvent_VersionCreated:
		b.VersionId = p.VersionCreated.GetVersionId()
	case *eventv1.BuildEvent_HoldChanged:
		b.HeldSeconds = p.HoldChanged.GetHeldSeconds()
	case *eventv1.BuildEvent_BuildCompleted:
		b.ProgressPermille = 1000
		f.end(e, buildv1.BuildState_BUILD_STATE_COMPLETE, p.BuildCompleted.GetReceipt().GetChargedSeconds())
	case *eventv1.BuildEvent_BuildFailed:
		b.Error = p.BuildFailed.GetError()
		f.end(e, buildv1.BuildState_BUILD_STATE_FAILED, p.BuildFailed.GetReceipt().GetChargedSeconds())
	case *eventv1.BuildEvent_BuildCancelled:
		f.end(e, buildv1.BuildState_BUILD_STATE_CANCELLED, p.BuildCancelled.GetReceipt().GetChargedSeconds())
	}
}

func (f *Fold) phase(e *eventv1.BuildEvent, p *eventv1.PhaseChanged) {
	f.build.State = p.GetTo()
	f.build.Attempt = max(f.build.GetAttempt(), p.GetAttempt())
	if f.build.GetStartTime() == nil && p.GetTo() != buildv1.BuildState_BUILD_STATE_QUEUED {
		f.build.StartTime = e.GetCreateTime()
	}
}

func (f *Fold) file(file *eventv1.FileChanged) {
	if i, ok := f.index[file.GetPath()]; ok {
		f.files[i] = file
		return
	}
	f.index[file.GetPath()] = len(f.files)
	f.files = append(f.files, file)
}

func (f *Fold) end(e *eventv1.BuildEvent, state buildv1.BuildState, charged int64) {
	f.build.State = state
	f.build.EndTime = e.GetCreateTime()
	f.build.ChargedSeconds = charged
	f.build.HeldSeconds = 0
}

// Build is the build after the last applied event.
func (f *Fold) Build() *buildv1.Build { return f.build }

// Snapshot is everything that a late subscriber needs.
func (f *Fold) Snapshot() *eventv1.Snapshot {
	text := f.text.String()
	if over := len(text) - snapshotText; over > 0 {
		text = strings.ToValidUTF8(text[over:], "")
	}
	files := make([]*eventv1.FileChanged, 0, len(f.files))
	for _, file := range f.files {
		if !file.GetRemoved() {
			files = append(files, file)
		}
	}
	return &eventv1.Snapshot{Seq: f.seq, Build: f.build, AssistantText: text, Files: files}
}
