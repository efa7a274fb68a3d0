package main

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"errors"
	"io"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	eventv1 "github.com/sheenapps/sheen/gen/sheen/event/v1"
)

// envelope is a message as the Connect protocol frames it.
func envelope(t *testing.T, flags byte, message *eventv1.StreamEventsResponse) []byte {
	t.Helper()
	body, err := proto.Marshal(message)
	if err != nil {
		t.Fatal(err)
	}
	if flags&zipFlag != 0 {
		var zipped bytes.Buffer
		w := gzip.NewWriter(&zipped)
		if _, err := w.Write(body); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		body = zipped.Bytes()
	}
	return append(binary.BigEndian.AppendUint32([]byte{flags}, uint32(len(body))), body...)
}

func message(stored time.Time, seqs ...int64) *eventv1.StreamEventsResponse {
	m := &eventv1.StreamEventsResponse{HeadSeq: 1 << 40, ResumeToken: "position"}
	for _, seq := range seqs {
		e := newEvent("00000000-0000-4000-8000-000000000001", seq, newPayload(seq, 512, stored))
		e.CreateTime = timestamppb.New(stored)
		m.Events = append(m.Events, e)
	}
	return m
}

func newTestSubscriber(t *testing.T, until int64) *subscriber {
	t.Helper()
	f, err := newFleet(&Job{Contender: contenderSheen, Channels: []string{"c"}, Subscribers: 1, Until: until, Latency: true})
	if err != nil {
		t.Fatal(err)
	}
	return f.all[0]
}

func TestAStreamThatKeepsThePromise(t *testing.T) {
	t.Parallel()
	stored := time.Now().Add(-time.Second)
	end := message(stored, 53)
	end.End = &eventv1.StreamEnd{
		Reason: eventv1.StreamEndReason_STREAM_END_REASON_RECONNECT, ReconnectAfter: durationpb.New(time.Second),
	}
	s := newTestSubscriber(t, 53)
	var many []int64
	for seq := int64(4); seq <= 52; seq++ {
		many = append(many, seq)
	}
	e := newEnvelopes(io.MultiReader(
		bytes.NewReader(envelope(t, 0, message(stored))),
		bytes.NewReader(envelope(t, 0, message(stored, 1, 2))),
		bytes.NewReader(envelope(t, zipFlag, message(stored, 3))),
		bytes.NewReader(envelope(t, zipFlag, message(stored, many...))), // Larger than the buffer.
		bytes.NewReader(envelope(t, 0, end)),
	))
	for i := range 5 {
		got, err := e.next(s)
		if err != nil || (got != nil) != (i == 4) {
			t.Fatalf("message %d: %v, %v", i, got, err)
		}
	}
	if _, err := e.next(s); !errors.Is(err, io.EOF) {
		t.Errorf("after the last message: %v", err)
	}
	out := s.fleet.outcome()
	if last, token := s.position(); last != 53 || token != "position" || out.Deliveries != 53 || out.Published != stored.UnixNano() {
		t.Errorf("at %d %q after %d deliveries since %d", last, token, out.Deliveries, out.Published)
	}
	for name, l := range map[string]Latencies{"publish": out.SincePublish, "commit": out.SinceCommit} {
		if late := l.quantile(0.5); late < time.Second || late > time.Minute {
			t.Errorf("since %s: %v", name, late)
		}
	}
	select {
	case <-s.fleet.reached():
	default:
		t.Error("the fleet has not noticed that it is there")
	}
}

func TestAStreamThatBreaksThePromise(t *testing.T) {
	t.Parallel()
	now := time.Now()
	damaged := message(now, 1)
	line := damaged.GetEvents()[0].GetLogLine()
	line.Text = "0" + line.GetText()[1:510] + "zz"
	renumbered := message(now, 1)
	renumbered.GetEvents()[0].Seq = 2
	for name, m := range map[string]*eventv1.StreamEventsResponse{
		"a hole":         message(now, 1, 3),
		"a repeat":       message(now, 1, 1),
		"another order":  message(now, 1, 3, 2),
		"a late start":   message(now, 2),
		"damaged bytes":  damaged,
		"a wrong number": renumbered,
		"another kind": {Events: []*eventv1.BuildEvent{{
			Seq: 1, Payload: &eventv1.BuildEvent_AssistantText{AssistantText: &eventv1.AssistantText{Delta: "x"}},
		}}},
	} {
		for _, flags := range []byte{0, zipFlag} {
			s := newTestSubscriber(t, 10)
			if _, err := newEnvelopes(bytes.NewReader(envelope(t, flags, m))).next(s); !errors.Is(err, errBroken) {
				t.Errorf("%s, flags %d: %v", name, flags, err)
			}
		}
	}
}

func TestAStreamThatIsCut(t *testing.T) {
	t.Parallel()
	whole := envelope(t, 0, message(time.Now(), 1, 2, 3))
	for length := range whole {
		s := newTestSubscriber(t, 10)
		_, err := newEnvelopes(bytes.NewReader(whole[:length])).next(s)
		if !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Fatalf("cut to %d bytes: %v", length, err)
		}
	}
	s := newTestSubscriber(t, 10)
	status := append([]byte{endFlag, 0, 0, 0, 2}, "{}"...)
	if _, err := newEnvelopes(bytes.NewReader(status)).next(s); !errors.Is(err, errEnd) {
		t.Errorf("the end of the call: %v", err)
	}
}
