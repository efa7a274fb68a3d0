package event

import (
	"fmt"
	"maps"
	"slices"

	"google.golang.org/protobuf/proto"

	buildv1 "github.com/sheenapps/sheen/gen/sheen/build/v1"
	eventv1 "github.com/sheenapps/sheen/gen/sheen/event/v1"
	"github.com/sheenapps/sheen/server/locale"
)

// NewTextKey keeps what a text was worded from: its key and its arguments, in an
// order that does not change.
func NewTextKey(key string, args locale.Args) *eventv1.TextKey {
	text := &eventv1.TextKey{Key: key}
	for _, name := range slices.Sorted(maps.Keys(args)) {
		text.Args = append(text.Args, newArgument(name, args[name]))
	}
	return text
}

func newArgument(name string, value any) *eventv1.TextArgument {
	argument := &eventv1.TextArgument{Name: name}
	switch v := value.(type) {
	case int:
		argument.Value = &eventv1.TextArgument_Number{Number: int64(v)}
	case int32:
		argument.Value = &eventv1.TextArgument_Number{Number: int64(v)}
	case int64:
		argument.Value = &eventv1.TextArgument_Number{Number: v}
	default:
		argument.Value = &eventv1.TextArgument_Text{Text: fmt.Sprint(v)}
	}
	return argument
}

// Reword words the texts of an event in another locale, in place, and reports
// whether there was one to word. What has no key, or one that the catalogues do not
// know any more, stays as it is.
func Reword(e *eventv1.BuildEvent, tag string) bool {
	switch p := e.GetPayload().(type) {
	case *eventv1.BuildEvent_PhaseChanged:
		change := p.PhaseChanged
		return rewordBoth(&change.Title, &change.Description, change.GetTextKey(), tag)
	case *eventv1.BuildEvent_Progress:
		progress := p.Progress
		return rewordBoth(&progress.Title, &progress.Description, progress.GetTextKey(), tag)
	case *eventv1.BuildEvent_LogLine:
		return reword(&p.LogLine.Text, p.LogLine.GetTextKey(), "", tag)
	case *eventv1.BuildEvent_BuildCancelled:
		return reword(&p.BuildCancelled.Reason, p.BuildCancelled.GetReasonKey(), "", tag)
	case *eventv1.BuildEvent_BuildFailed:
		return RewordError(p.BuildFailed.GetError(), tag)
	}
	return false
}

// RewordError is [Reword] for the error of a build, which may be nil.
func RewordError(e *buildv1.BuildError, tag string) bool {
	if e == nil {
		return false
	}
	return reword(&e.Message, &eventv1.TextKey{Key: e.GetMessageKey()}, "", tag)
}

func rewordBoth(title, description *string, key *eventv1.TextKey, tag string) bool {
	titled := reword(title, key, ".title", tag)
	return reword(description, key, ".description", tag) || titled
}

func reword(text *string, from *eventv1.TextKey, member, tag string) bool {
	key := from.GetKey() + member
	if from.GetKey() == "" || !locale.Known(key) {
		return false
	}
	args := make(locale.Args, len(from.GetArgs()))
	for _, argument := range from.GetArgs() {
		switch v := argument.GetValue().(type) {
		case *eventv1.TextArgument_Number:
			args[argument.GetName()] = v.Number
		case *eventv1.TextArgument_Text:
			args[argument.GetName()] = v.Text
		}
	}
	*text = locale.Text(tag, key, args)
	return true
}

// reader reads a build's log in a locale; the zero value reads it as it was written.
type reader struct{ tag string }

// newReader reads in the asked locale what was written in own.
func newReader(asked locale.Reading, own string) reader {
	if asked.Tag == own {
		return reader{}
	}
	return reader{asked.Tag}
}

// events words what was decoded from records.
func (r reader) events(events []*eventv1.BuildEvent) {
	if r.tag == "" {
		return
	}
	for _, e := range events {
		Reword(e, r.tag)
	}
}

// snapshot words what a snapshot says in words.
func (r reader) snapshot(snapshot *eventv1.Snapshot) {
	if r.tag != "" {
		RewordError(snapshot.GetBuild().GetError(), r.tag)
	}
}

// records words records. Those that have nothing to word are returned as they are,
// and so is the slice if all are: they are shared with other subscribers.
func (r reader) records(records []Record) []Record {
	if r.tag == "" {
		return records
	}
	var own []Record
	for i, record := range records {
		worded := r.record(record)
		if worded == nil {
			continue
		}
		if own == nil {
			own = slices.Clone(records)
		}
		own[i] = *worded
	}
	if own == nil {
		return records
	}
	return own
}

// record is the record in the reader's locale, worded once however many read it; nil
// if there is nothing to word. A model's text and files have no key.
func (r reader) record(record Record) *Record {
	if record.Class == eventv1.EventClass_EVENT_CLASS_TEXT || record.Class == eventv1.EventClass_EVENT_CLASS_FILES {
		return nil
	}
	shared := record.text
	shared.mu.Lock()
	defer shared.mu.Unlock()
	worded, known := shared.worded[r.tag]
	if !known {
		worded = r.word(record)
		if shared.worded == nil {
			shared.worded = make(map[string]*Record)
		}
		shared.worded[r.tag] = worded
	}
	return worded
}

func (r reader) word(record Record) *Record {
	var e eventv1.BuildEvent
	if proto.Unmarshal(record.Wire, &e) != nil || !Reword(&e, r.tag) {
		return nil
	}
	wire, err := proto.Marshal(&e)
	if err != nil {
		return nil
	}
	record.Wire, record.text = wire, new(jsonForm)
	return &record
}
