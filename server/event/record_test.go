package event

import (
	"bytes"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/timestamppb"

	eventv1 "github.com/sheenapps/sheen/gen/sheen/event/v1"
)

func textEvent(delta string) *eventv1.BuildEvent {
	return &eventv1.BuildEvent{Payload: &eventv1.BuildEvent_AssistantText{
		AssistantText: &eventv1.AssistantText{Delta: delta},
	}}
}

func fileEvent(path string) *eventv1.BuildEvent {
	return &eventv1.BuildEvent{Payload: &eventv1.BuildEvent_FileChanged{
		FileChanged: &eventv1.FileChanged{Path: path, SizeBytes: 1},
	}}
}

func logEvent(line string) *eventv1.BuildEvent {
	return &eventv1.BuildEvent{Payload: &eventv1.BuildEvent_LogLine{
		LogLine: &eventv1.LogLine{Level: eventv1.LogLevel_LOG_LEVEL_INFO, Text: line},
	}}
}

func lastEvent() *eventv1.BuildEvent {
	return &eventv1.BuildEvent{Payload: &eventv1.BuildEvent_BuildCancelled{
		BuildCancelled: &eventv1.BuildCancelled{Reason: "enough"},
	}}
}

// newTextRecord is a record whose payload has about size bytes.
func newTextRecord(t testing.TB, seq int64, size int) Record {
	t.Helper()
	payload, err := proto.Marshal(textEvent(strings.Repeat("x", size)))
	if err != nil {
		t.Fatal(err)
	}
	return newRecord(uuid.Max, seq, eventv1.EventClass_EVENT_CLASS_TEXT, false, time.Unix(seq, 0), payload)
}

// newTextRecords are small records with the seqs from first to last.
func newTextRecords(t testing.TB, first, last int64) []Record {
	t.Helper()
	var records []Record
	for seq := first; seq <= last; seq++ {
		records = append(records, newTextRecord(t, seq, 8))
	}
	return records
}

func TestEveryPayloadHasItsClassAndKnowsWhetherItIsLast(t *testing.T) {
	t.Parallel()
	want := map[protoreflect.Name]struct {
		class eventv1.EventClass
		last  bool
	}{
		"phase_changed":          {eventv1.EventClass_EVENT_CLASS_LIFECYCLE, false},
		"progress":               {eventv1.EventClass_EVENT_CLASS_LIFECYCLE, false},
		"assistant_text":         {eventv1.EventClass_EVENT_CLASS_TEXT, false},
		"file_changed":           {eventv1.EventClass_EVENT_CLASS_FILES, false},
		"log_line":               {eventv1.EventClass_EVENT_CLASS_LOGS, false},
		"test_result":            {eventv1.EventClass_EVENT_CLASS_LIFECYCLE, false},
		"fix_attempt":            {eventv1.EventClass_EVENT_CLASS_LIFECYCLE, false},
		"preview_ready":          {eventv1.EventClass_EVENT_CLASS_LIFECYCLE, false},
		"version_created":        {eventv1.EventClass_EVENT_CLASS_LIFECYCLE, false},
		"recommendations_ready":  {eventv1.EventClass_EVENT_CLASS_LIFECYCLE, false},
		"recommendations_failed": {eventv1.EventClass_EVENT_CLASS_LIFECYCLE, false},
		"hold_changed":           {eventv1.EventClass_EVENT_CLASS_LIFECYCLE, false},
		"warning":                {eventv1.EventClass_EVENT_CLASS_LIFECYCLE, false},
		"build_completed":        {eventv1.EventClass_EVENT_CLASS_LIFECYCLE, true},
		"build_failed":           {eventv1.EventClass_EVENT_CLASS_LIFECYCLE, true},
		"build_cancelled":        {eventv1.EventClass_EVENT_CLASS_LIFECYCLE, true},
	}
	message := (&eventv1.BuildEvent{}).ProtoReflect()
	fields := message.Descriptor().Oneofs().ByName("payload").Fields()
	if fields.Len() != len(want) {
		t.Errorf("%d payloads, %d expected: say here what class a new one has", fields.Len(), len(want))
	}
	for i := range fields.Len() {
		field := fields.Get(i)
		e := &eventv1.BuildEvent{}
		e.ProtoReflect().Set(field, e.ProtoReflect().NewField(field))
		w, ok := want[field.Name()]
		if !ok {
			t.Errorf("%s: nothing is expected of it", field.Name())
			continue
		}
		if kindOf(e) != field.Number() || classOf(e) != w.class || isLast(kindOf(e)) != w.last {
			t.Errorf("%s: kind %d, class %v, last %v", field.Name(), kindOf(e), classOf(e), isLast(kindOf(e)))
		}
	}
	if kindOf(&eventv1.BuildEvent{Seq: 3}) != 0 {
		t.Error("an event without a payload has a kind")
	}
}

// TestARecordIsWhatTheLibraryWouldEncode compares the header, which is written by
// hand.
func TestARecordIsWhatTheLibraryWouldEncode(t *testing.T) {
	t.Parallel()
	far := time.FixedZone("far", 14*3600)
	for _, at := range []time.Time{
		time.Date(2026, 2, 3, 4, 5, 6, 789000, far), time.Unix(0, 0), time.Unix(1, 0), time.Unix(0, 1),
		time.Unix(-1, 999_999_999), time.Date(9999, 12, 31, 23, 59, 59, 999_999_999, time.UTC),
	} {
		for _, seq := range []int64{1, 127, 128, 1<<63 - 1} {
			whole := fileEvent("index.html")
			payload, err := proto.Marshal(whole)
			if err != nil {
				t.Fatal(err)
			}
			id := uuid.New()
			whole.BuildId, whole.Seq, whole.CreateTime, whole.EventClass = id.String(), seq, timestamppb.New(at), fileClass
			want, err := proto.Marshal(whole)
			if err != nil {
				t.Fatal(err)
			}
			if r := newRecord(id, seq, fileClass, false, at, payload); !bytes.Equal(r.Wire, want) || len(want)-len(payload) > headerBytes {
				t.Errorf("%v, %d: %x, not %x", at, seq, r.Wire, want)
			}
		}
	}
}

func TestHeadOfABatch(t *testing.T) {
	t.Parallel()
	if head := (Batch{}).Head(); head != 0 {
		t.Errorf("empty: %d", head)
	}
	if head := (Batch{Records: newTextRecords(t, 4, 6)}).Head(); head != 6 {
		t.Errorf("4 to 6: %d", head)
	}
}

func TestCleanText(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"":                      "",
		"salon à Lyon":          "salon à Lyon",
		"a\x00b\x00":            "ab",
		"\xff":                  "\uFFFD",
		"caf\xc3":               "caf\uFFFD",
		"\xc3\x00\xa9":          "\uFFFD\uFFFD",
		"\xed\xa0\x80 lone":     "\uFFFD lone",
		"line\n\ttab\u2028\x07": "line\n\ttab\u2028\x07",
	} {
		if got := CleanText(in); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}

func FuzzCleanText(f *testing.F) {
	f.Add("a\x00\xff")
	f.Fuzz(func(t *testing.T, s string) {
		clean := CleanText(s)
		if !utf8.ValidString(clean) || strings.Contains(clean, "\x00") || CleanText(clean) != clean {
			t.Errorf("%q: %q", s, clean)
		}
	})
}
