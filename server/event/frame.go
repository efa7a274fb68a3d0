package event

import (
	"errors"
	"time"

	"google.golang.org/protobuf/encoding/protowire"

	eventv1 "github.com/sheenapps/sheen/gen/sheen/event/v1"
)

const (
	// eventsField is the field number of StreamEventsResponse.events.
	eventsField = 1
	// The field numbers of BuildEvent's header.
	buildField = 1
	seqField   = 2
	timeField  = 3
	classField = 4
)

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

// appendFrame appends records as the events of a StreamEventsResponse.
func appendFrame(dst []byte, records []Record) []byte {
	for _, r := range records {
		dst = protowire.AppendTag(dst, eventsField, protowire.BytesType)
		dst = protowire.AppendBytes(dst, r.Wire)
	}
	return dst
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

// decodeRecord looks only at what a record needs of a BuildEvent: its fields are
// walked over, what is within its payload is not.
func decodeRecord(wire []byte) (Record, error) {
	record := Record{Wire: wire, text: new(jsonForm)}
	var kind protowire.Number
	for rest := wire; len(rest) > 0; {
		number, form, n := protowire.ConsumeTag(rest)
		if n < 0 {
			return Record{}, errFrame
		}
		size := protowire.ConsumeFieldValue(number, form, rest[n:])
		if size < 0 {
			return Record{}, errFrame
		}
		value := rest[n : n+size]
		switch {
		case form == protowire.BytesType && payloadKinds[number] != "":
			kind = number
		case form == protowire.BytesType && number == timeField:
			record.Time = decodeTime(value)
		case form == protowire.VarintType && number == seqField:
			v, _ := protowire.ConsumeVarint(value)
			record.Seq = int64(v) //nolint:gosec // as protobuf does; a negative one is refused below
		case form == protowire.VarintType && number == classField:
			v, _ := protowire.ConsumeVarint(value)
			record.Class = eventv1.EventClass(v) //nolint:gosec // as protobuf does
		}
		rest = rest[n+size:]
	}
	if kind == 0 || record.Seq < 1 {
		return Record{}, errFrame
	}
	record.Last = isLast(kind)
	return record, nil
}

// decodeTime reads a Timestamp behind its length. It is for the metrics: what is
// wrong with it is nobody's loss.
func decodeTime(value []byte) time.Time {
	rest, _ := protowire.ConsumeBytes(value)
	var parts [3]uint64
	for len(rest) > 0 {
		number, form, n := protowire.ConsumeTag(rest)
		if n < 0 || form != protowire.VarintType || number > 2 {
			return time.Time{}
		}
		v, m := protowire.ConsumeVarint(rest[n:])
		if m < 0 {
			return time.Time{}
		}
		parts[number] = v
		rest = rest[n+m:]
	}
	return time.Unix(int64(parts[1]), int64(parts[2])) //nolint:gosec // as protobuf does
}
