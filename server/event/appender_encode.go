package event

import (
	"bytes"
	"errors"
	"fmt"
	"strings"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	eventv1 "github.com/sheenapps/sheen/gen/sheen/event/v1"
)

// errNoPayload says that an event without a payload was appended.
var errNoPayload = errors.New("event has no payload")

// encoded is an event as a row of the log.
type encoded struct {
	class   int16
	kind    int16
	payload []byte
	// framed ends with the payload and begins with room for the header of its
	// record, which is written once the seq is known.
	framed []byte
}

// encodeAll encodes the payloads of events; the rest of an event is set by the log.
func encodeAll(events []*eventv1.BuildEvent) ([]encoded, error) {
	all := make([]encoded, len(events))
	for i, e := range events {
		framed, err := encodePayload(payloadOnly(e))
		if err != nil {
			return nil, fmt.Errorf("encode an event: %w", err)
		}
		payload := framed[headerBytes:len(framed):len(framed)]
		// The payload's field is the only one, so its number is what the bytes
		// begin with.
		kind, _, n := protowire.ConsumeTag(payload)
		if n <= 0 {
			return nil, errNoPayload
		}
		all[i] = encoded{
			class:   int16(classOf(e)), //nolint:gosec // a small enum
			kind:    int16(kind),       //nolint:gosec // a field number of BuildEvent
			payload: payload,
			framed:  framed,
		}
	}
	return all, nil
}

// encodePayload encodes an event, whose text may come from a model, behind room
// for a header. What needs no cleaning is not walked: protobuf refuses invalid
// UTF-8, and a NUL in a text is a zero byte in its encoding.
func encodePayload(e *eventv1.BuildEvent) ([]byte, error) {
	framed, err := encodeFramed(e)
	if err == nil && bytes.IndexByte(framed[headerBytes:], 0) < 0 {
		return framed, nil
	}
	clean := proto.CloneOf(e)
	cleanMessage(clean.ProtoReflect())
	return encodeFramed(clean)
}

func encodeFramed(e *eventv1.BuildEvent) ([]byte, error) {
	options := proto.MarshalOptions{Deterministic: true}
	framed := make([]byte, headerBytes, headerBytes+options.Size(e))
	options.UseCachedSize = true
	return options.MarshalAppend(framed, e) //nolint:wrapcheck // encodeAll says what it was
}

// cleanMessage applies [CleanText] to every string of a message, at any depth.
func cleanMessage(m protoreflect.Message) {
	m.Range(func(field protoreflect.FieldDescriptor, value protoreflect.Value) bool {
		text := field.Kind() == protoreflect.StringKind
		switch {
		case field.IsMap() || (!text && field.Message() == nil):
			// No event holds a map.
		case field.IsList() && text:
			for i := range value.List().Len() {
				value.List().Set(i, protoreflect.ValueOfString(CleanText(value.List().Get(i).String())))
			}
		case field.IsList():
			for i := range value.List().Len() {
				cleanMessage(value.List().Get(i).Message())
			}
		case text:
			m.Set(field, protoreflect.ValueOfString(CleanText(value.String())))
		default:
			cleanMessage(value.Message())
		}
		return true
	})
}

// payloadOnly is an event without what the log itself sets.
func payloadOnly(e *eventv1.BuildEvent) *eventv1.BuildEvent {
	if e.GetBuildId() == "" && e.GetSeq() == 0 && e.GetCreateTime() == nil && e.GetEventClass() == 0 {
		return e
	}
	return &eventv1.BuildEvent{Payload: e.GetPayload()}
}

// CleanText makes text of a model fit for an event: without NUL bytes, which
// Postgres refuses in text, and valid UTF-8, which protobuf demands.
func CleanText(s string) string {
	return strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\x00", "")
}

// same reports whether a stored row is an event that is appended again. Progress
// may have been raised when it was stored.
func (e encoded) same(class, kind int16, payload []byte) bool {
	if e.class != class || e.kind != kind {
		return false
	}
	if bytes.Equal(e.payload, payload) {
		return true
	}
	var asked, stored eventv1.BuildEvent
	if proto.Unmarshal(e.payload, &asked) != nil || proto.Unmarshal(payload, &stored) != nil {
		return false
	}
	if p := asked.GetProgress(); p != nil {
		p.ProgressPermille = max(p.GetProgressPermille(), stored.GetProgress().GetProgressPermille())
	}
	return proto.Equal(&asked, &stored)
}
