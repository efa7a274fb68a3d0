package event

import (
	"errors"
	"fmt"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	eventv1 "github.com/sheenapps/sheen/gen/sheen/event/v1"
)

// eventsField is the field number of StreamEventsResponse.events.
const eventsField = 1

// errFrame says that bytes are not a frame.
var errFrame = errors.New("not a frame of events")

// EncodeFrame joins records into the binary form of a StreamEventsResponse that
// has only events. No record is encoded again.
func EncodeFrame(records []Record) []byte {
	size := 0
	for _, r := range records {
		size += len(r.Wire) + 6
	}
	return appendFrame(make([]byte, 0, size), records)
}

// DecodeFrame is the inverse of [EncodeFrame]. It returns an error for anything
// else, and for records that do not follow each other.
func DecodeFrame(frame []byte) ([]Record, error) {
	var records []Record
	for len(frame) > 0 {
		number, kind, n := protowire.ConsumeTag(frame)
		if n < 0 || number != eventsField || kind != protowire.BytesType {
			return nil, errFrame
		}
		wire, m := protowire.ConsumeBytes(frame[n:])
		if m < 0 {
			return nil, errFrame
		}
		record, err := decodeRecord(wire)
		if err != nil {
			return nil, err
		}
		if len(records) > 0 && record.Seq != records[len(records)-1].Seq+1 {
			return nil, errFrame
		}
		records = append(records, record)
		frame = frame[n+m:]
	}
	return records, nil
}

func decodeRecord(wire []byte) (Record, error) {
	var e eventv1.BuildEvent
	if err := proto.Unmarshal(wire, &e); err != nil {
		return Record{}, fmt.Errorf("%w: %w", errFrame, err)
	}
	kind := kindOf(&e)
	if kind == 0 || e.GetSeq() < 1 {
		return Record{}, errFrame
	}
	return Record{
		Seq: e.GetSeq(), Class: e.GetEventClass(), Last: isLast(kind),
		Time: e.GetCreateTime().AsTime(), Wire: wire, text: new(jsonForm),
	}, nil
}
