package event

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"
	"pgregory.net/rapid"

	eventv1 "github.com/sheenapps/sheen/gen/sheen/event/v1"
)

func sameRecord(a, b Record) bool {
	return a.Seq == b.Seq && a.Class == b.Class && a.Last == b.Last && bytes.Equal(a.Wire, b.Wire)
}

func TestFrameRoundTrip(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		first := rapid.Int64Range(1, 1<<62).Draw(rt, "first")
		sizes := rapid.SliceOfN(rapid.IntRange(0, 1<<16), 0, 8).Draw(rt, "sizes")
		var records []Record
		for i, size := range sizes {
			records = append(records, newTextRecord(t, first+int64(i), size))
		}
		got, err := DecodeFrame(EncodeFrame(records))
		if err != nil || !slices.EqualFunc(got, records, sameRecord) {
			rt.Fatalf("%v became %v, %v", seqs(records), seqs(got), err)
		}
	})
}

func TestAFrameIsAResponse(t *testing.T) {
	t.Parallel()
	var res eventv1.StreamEventsResponse
	if err := proto.Unmarshal(EncodeFrame(newTextRecords(t, 3, 5)), &res); err != nil {
		t.Fatal(err)
	}
	if len(res.GetEvents()) != 3 || res.GetEvents()[2].GetSeq() != 5 {
		t.Errorf("decoded as %v", &res)
	}
}

// damagedFrames are frames that must be refused, by what is wrong with them.
func damagedFrames(t testing.TB) map[string][]byte {
	t.Helper()
	good := EncodeFrame(newTextRecords(t, 1, 2))
	response := func(events ...*eventv1.BuildEvent) []byte {
		data, err := proto.Marshal(&eventv1.StreamEventsResponse{Events: events})
		if err != nil {
			t.Fatal(err)
		}
		return data
	}
	other, err := proto.Marshal(&eventv1.StreamEventsResponse{HeadSeq: 4})
	if err != nil {
		t.Fatal(err)
	}
	return map[string][]byte{
		"cut":               good[:len(good)-1],
		"length only":       {0x0a, 0x05},
		"half a tag":        {0x8a},
		"other field":       other,
		"field behind":      append(slices.Clone(good), other...),
		"garbage":           []byte(strings.Repeat("\xff", 40)),
		"gap":               EncodeFrame([]Record{newTextRecord(t, 1, 1), newTextRecord(t, 3, 1)}),
		"repeat":            EncodeFrame([]Record{newTextRecord(t, 1, 1), newTextRecord(t, 1, 1)}),
		"no seq":            response(textEvent("x")),
		"negative seq":      response(&eventv1.BuildEvent{Seq: -1, Payload: textEvent("x").GetPayload()}),
		"no payload":        response(&eventv1.BuildEvent{Seq: 1}),
		"not a BuildEvent":  {0x0a, 0x01, 0xff},
		"after the largest": EncodeFrame([]Record{newTextRecord(t, 1<<63-1, 1), newTextRecord(t, -1<<63, 1)}),
	}
}

func TestDamagedFramesAreRefused(t *testing.T) {
	t.Parallel()
	for name, frame := range damagedFrames(t) {
		if records, err := DecodeFrame(frame); !errors.Is(err, errFrame) || records != nil {
			t.Errorf("%s: %v, %v", name, seqs(records), err)
		}
	}
	if records, err := DecodeFrame(nil); err != nil || len(records) != 0 {
		t.Errorf("empty: %v, %v", records, err)
	}
}

// sameAsProtobuf compares a frame's decoding with that of a message: who reads the
// whole of it must see the same, and nothing that protobuf takes may be refused.
func sameAsProtobuf(t *testing.T, frame []byte, records []Record) {
	t.Helper()
	var res eventv1.StreamEventsResponse
	if proto.Unmarshal(frame, &res) != nil {
		return // Within a payload: that is not looked at.
	}
	same := len(res.GetEvents()) == len(records)
	for i := 0; same && i < len(records); i++ {
		e := res.GetEvents()[i]
		same = e.GetSeq() == records[i].Seq && e.GetEventClass() == records[i].Class &&
			kindOf(e) != 0 && isLast(kindOf(e)) == records[i].Last
	}
	if !same {
		t.Fatalf("%x: %v, and as a message %v", frame, seqs(records), &res)
	}
}

// mustRefuse reports whether a frame is no message, or one that is not only events
// that follow each other.
func mustRefuse(frame []byte) bool {
	var res eventv1.StreamEventsResponse
	if proto.Unmarshal(frame, &res) != nil {
		return true
	}
	whole, err := proto.Marshal(&eventv1.StreamEventsResponse{Events: res.GetEvents()})
	if err != nil || len(whole) != len(frame) {
		return true
	}
	for i, e := range res.GetEvents() {
		if kindOf(e) == 0 || e.GetSeq() < 1 || i > 0 && e.GetSeq() != res.GetEvents()[i-1].GetSeq()+1 {
			return true
		}
	}
	return false
}

func FuzzDecodeFrame(f *testing.F) {
	for _, frame := range damagedFrames(f) {
		f.Add(frame)
	}
	f.Add(EncodeFrame(newTextRecords(f, 1, 5)))
	f.Fuzz(func(t *testing.T, frame []byte) {
		records, err := DecodeFrame(frame)
		if err != nil {
			if !mustRefuse(frame) {
				t.Fatalf("%x is refused: %v", frame, err)
			}
			return
		}
		sameAsProtobuf(t, frame, records)
		for i, r := range records {
			if r.Seq < 1 || i > 0 && r.Seq != records[i-1].Seq+1 {
				t.Fatalf("seqs %v", seqs(records))
			}
		}
		again, err := DecodeFrame(EncodeFrame(records))
		if err != nil || !slices.EqualFunc(again, records, sameRecord) {
			t.Fatalf("not the same again: %v", err)
		}
	})
}
