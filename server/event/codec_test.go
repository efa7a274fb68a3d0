package event

import (
	"bytes"
	"encoding/json"
	"testing"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"

	buildv1 "github.com/sheenapps/sheen/gen/sheen/build/v1"
	eventv1 "github.com/sheenapps/sheen/gen/sheen/event/v1"
)

// TestMessagesAreWhatTheLibraryWouldEncode compares with a message of which
// nothing is encoded beforehand.
func TestMessagesAreWhatTheLibraryWouldEncode(t *testing.T) {
	t.Parallel()
	snapshot := &eventv1.Snapshot{Seq: 4, Build: &buildv1.Build{Id: "x"}, AssistantText: `"<é`}
	end := &eventv1.StreamEnd{Reason: endReconnect, ReconnectAfter: durationpb.New(1500)}
	for name, m := range map[string]*message{
		"heartbeat":    {},
		"one event":    {records: newTextRecords(t, 5, 5)},
		"many events":  {records: newTextRecords(t, 5, 300)},
		"a snapshot":   {rest: eventv1.StreamEventsResponse{Snapshot: snapshot}},
		"the last one": {records: newTextRecords(t, 1, 2), rest: eventv1.StreamEventsResponse{End: end}},
	} {
		m.rest.ResumeToken, m.rest.HeadSeq = "token", 300
		whole := proto.CloneOf(&m.rest)
		whole.Events = decodeAll(m.records)
		want, err := proto.Marshal(whole)
		if err != nil {
			t.Fatal(err)
		}
		got, err := binaryCodec{}.MarshalAppend([]byte("before"), m)
		if err != nil || !bytes.Equal(got, append([]byte("before"), want...)) {
			t.Errorf("%s: binary is another, %v", name, err)
		}
		if want, err = protojson.Marshal(whole); err != nil {
			t.Fatal(err)
		}
		got, err = jsonCodec{"json"}.Marshal(m)
		if err != nil || !bytes.Equal(compact(t, got), compact(t, want)) {
			t.Errorf("%s: JSON is\n%s, %v, not\n%s", name, got, err, want)
		}
	}
}

func compact(t *testing.T, data []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	if err := json.Compact(&out, data); err != nil {
		t.Fatalf("%v in %s", err, data)
	}
	return out.Bytes()
}

// TestEncodingCopies scribbles over what an encoding gave, as the RPC library does
// when it uses the buffer again.
func TestEncodingCopies(t *testing.T) {
	t.Parallel()
	m := &message{records: newTextRecords(t, 1, 3)}
	m.rest.ResumeToken = "token"
	for name, encode := range map[string]func([]byte, any) ([]byte, error){
		"binary": binaryCodec{}.MarshalAppend, "JSON": jsonCodec{"json"}.MarshalAppend,
	} {
		first, err := encode(nil, m)
		if err != nil {
			t.Fatal(err)
		}
		want := bytes.Clone(first)
		clear(first[:cap(first)])
		if again, err := encode(first[:0], m); err != nil || !bytes.Equal(again, want) {
			t.Errorf("%s: the records were changed, %v", name, err)
		}
	}
}

func TestCodecsTakeMessagesOnly(t *testing.T) {
	t.Parallel()
	var into eventv1.StreamEventsRequest
	for name, err := range map[string]error{
		"binary, a string":         second(binaryCodec{}.Marshal("text")),
		"JSON, a string":           second(jsonCodec{"json"}.Marshal("text")),
		"binary, into a string":    binaryCodec{}.Unmarshal(nil, new(string)),
		"JSON, into a string":      jsonCodec{"json"}.Unmarshal([]byte("{}"), new(string)),
		"JSON, nothing":            jsonCodec{"json"}.Unmarshal(nil, &into),
		"JSON, not JSON":           jsonCodec{"json"}.Unmarshal([]byte("{"), &into),
		"binary, not a message":    binaryCodec{}.Unmarshal([]byte{0xff}, &into),
		"JSON, a field's bad type": jsonCodec{"json"}.Unmarshal([]byte(`{"snapshot": "yes"}`), &into),
	} {
		if err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	if err := (jsonCodec{"json"}).Unmarshal([]byte(`{"buildId": "x", "newer": 1}`), &into); err != nil || into.GetBuildId() != "x" {
		t.Errorf("a newer client: %v, %v", &into, err)
	}
}

func second(_ []byte, err error) error { return err }
