package event

import (
	"fmt"
	"sync"
	"time"

	"github.com/google/uuid"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	eventv1 "github.com/sheenapps/sheen/gen/sheen/event/v1"
)

// Record is one event as it is stored and sent. It is not changed once made.
type Record struct {
	Seq   int64
	Class eventv1.EventClass
	// Last says that no event of the build comes after it.
	Last bool
	// Time is the create_time.
	Time time.Time
	// Wire is the whole BuildEvent in protobuf's binary form, encoded once.
	Wire []byte
	// text is its JSON form and what it says in other locales.
	text *jsonForm
}

// jsonForm is what is made of a record when the first subscriber asks for it.
type jsonForm struct {
	once  sync.Once
	bytes []byte
	err   error

	mu sync.Mutex
	// worded are the record in other locales, by tag; nil if there was nothing to
	// word.
	worded map[string]*Record
}

// JSON is the BuildEvent in protobuf's JSON form, encoded once however many ask.
// The result is not to be changed.
func (r Record) JSON() ([]byte, error) {
	r.text.once.Do(func() {
		var e eventv1.BuildEvent
		if r.text.err = proto.Unmarshal(r.Wire, &e); r.text.err == nil {
			r.text.bytes, r.text.err = protojson.Marshal(&e)
		}
	})
	if r.text.err != nil {
		return nil, fmt.Errorf("encode event %d as JSON: %w", r.Seq, r.text.err)
	}
	return r.text.bytes, nil
}

// Batch are records of one build with consecutive seqs.
type Batch struct {
	BuildID uuid.UUID
	Records []Record
}

// Head is the seq of the batch's last record; 0 for an empty one.
func (b Batch) Head() int64 {
	if len(b.Records) == 0 {
		return 0
	}
	return b.Records[len(b.Records)-1].Seq
}

// payloadField is the oneof of BuildEvent.
var payloadField = (&eventv1.BuildEvent{}).ProtoReflect().Descriptor().Oneofs().ByName("payload")

// kindOf is the field number of an event's payload; 0 without one.
func kindOf(e *eventv1.BuildEvent) protoreflect.FieldNumber {
	field := e.ProtoReflect().WhichOneof(payloadField)
	if field == nil {
		return 0
	}
	return field.Number()
}

// classOf is the class of an event, which follows from its payload.
func classOf(e *eventv1.BuildEvent) eventv1.EventClass {
	switch e.GetPayload().(type) {
	case *eventv1.BuildEvent_AssistantText:
		return eventv1.EventClass_EVENT_CLASS_TEXT
	case *eventv1.BuildEvent_FileChanged:
		return eventv1.EventClass_EVENT_CLASS_FILES
	case *eventv1.BuildEvent_LogLine:
		return eventv1.EventClass_EVENT_CLASS_LOGS
	}
	return eventv1.EventClass_EVENT_CLASS_LIFECYCLE
}

// payloadKinds are the names of the payloads by their field numbers.
var payloadKinds = func() map[protoreflect.FieldNumber]protoreflect.Name {
	kinds := make(map[protoreflect.FieldNumber]protoreflect.Name)
	for i := range payloadField.Fields().Len() {
		field := payloadField.Fields().Get(i)
		kinds[field.Number()] = field.Name()
	}
	return kinds
}()

// isLast reports whether a payload, by its field number in BuildEvent, is the
// last one of its build.
func isLast(kind protoreflect.FieldNumber) bool {
	name := payloadKinds[kind]
	return name == "build_completed" || name == "build_failed" || name == "build_cancelled"
}

// newRecord puts a stored payload behind its header. Protobuf messages merge
// when their bytes are joined, so the payload is not decoded.
func newRecord(buildID uuid.UUID, seq int64, class eventv1.EventClass, last bool, created time.Time, payload []byte) Record {
	wire := appendHeader(make([]byte, 0, headerBytes+len(payload)), buildID, seq, class, created)
	return Record{
		Seq: seq, Class: class, Last: last, Time: created,
		Wire: append(wire, payload...), text: new(jsonForm),
	}
}

// headerBytes is room for any header.
const headerBytes = 80

// appendHeader appends what a BuildEvent has besides its payload, as
// [proto.Marshal] would: this is done for every event, in a tenth of the time.
func appendHeader(dst []byte, buildID uuid.UUID, seq int64, class eventv1.EventClass, created time.Time) []byte {
	dst = protowire.AppendTag(dst, buildField, protowire.BytesType)
	dst = protowire.AppendString(dst, buildID.String())
	dst = protowire.AppendTag(dst, seqField, protowire.VarintType)
	dst = protowire.AppendVarint(dst, uint64(seq)) //nolint:gosec // never negative
	dst = appendTime(dst, created)
	dst = protowire.AppendTag(dst, classField, protowire.VarintType)
	return protowire.AppendVarint(dst, uint64(class)) //nolint:gosec // a small enum
}

// appendTime appends create_time, whose fields are left out where they are 0.
func appendTime(dst []byte, created time.Time) []byte {
	var stamp [24]byte
	inner := stamp[:0]
	if seconds := created.Unix(); seconds != 0 {
		inner = protowire.AppendTag(inner, 1, protowire.VarintType)
		inner = protowire.AppendVarint(inner, uint64(seconds)) //nolint:gosec // as protobuf does
	}
	if nanos := created.Nanosecond(); nanos != 0 {
		inner = protowire.AppendTag(inner, 2, protowire.VarintType)
		inner = protowire.AppendVarint(inner, uint64(nanos)) //nolint:gosec // never negative
	}
	dst = protowire.AppendTag(dst, timeField, protowire.BytesType)
	return protowire.AppendBytes(dst, inner)
}
