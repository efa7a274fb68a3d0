package faults

import (
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/Shopify/toxiproxy/v2/stream"
	"github.com/Shopify/toxiproxy/v2/toxics"
	"google.golang.org/protobuf/proto"

	eventv1 "github.com/sheenapps/sheen/gen/sheen/event/v1"
)

const (
	// dropEvery is 1 % of the publications.
	dropEvery = 100
	// dropEveryTerminal makes sure that last events are among the lost ones.
	dropEveryTerminal = 3
)

// lostPublications is a toxic between a node and Redis that sends some of the
// publications to a channel that nobody hears. It does so only while it is on.
type lostPublications struct {
	mu    sync.Mutex
	on    bool
	count tally
}

// tally counts publications.
type tally struct {
	seen, terminal               int
	dropped, terminalDropped     int
	sinceDrop, sinceTerminalDrop int
}

// NewState implements [toxics.StatefulToxic].
func (*lostPublications) NewState() any { return &requests{} }

// Pipe implements [toxics.Toxic].
func (l *lostPublications) Pipe(stub *toxics.ToxicStub) {
	connection, ok := stub.State.(*requests)
	if !ok {
		connection = &requests{}
	}
	for {
		select {
		case <-stub.Interrupt:
			return
		case chunk := <-stub.Input:
			if chunk == nil {
				stub.Close()
				return
			}
			var out []byte
			for _, c := range connection.take(chunk.Data) {
				l.judge(c)
				out = append(out, c.raw...)
			}
			if len(out) > 0 {
				stub.Output <- &stream.StreamChunk{Data: out, Timestamp: time.Now()}
			}
		}
	}
}

// set turns the toxic on or off and returns what it did since the last time.
func (l *lostPublications) set(on bool) tally {
	l.mu.Lock()
	defer l.mu.Unlock()
	done := l.count
	l.on, l.count = on, tally{}
	return done
}

// judge sends a publication away, if it is one and its turn has come.
func (l *lostPublications) judge(c command) {
	if name := strings.ToUpper(string(c.word(0))); name != "PUBLISH" && name != "SPUBLISH" || len(c.word(1)) == 0 {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.on && l.count.drop(isTerminalFrame(c.word(2))) {
		c.word(1)[0] = '!'
	}
}

// drop counts a publication and decides whether it is lost.
func (t *tally) drop(terminal bool) bool {
	t.seen++
	t.sinceDrop++
	if terminal {
		t.terminal++
		t.sinceTerminalDrop++
	}
	if t.sinceDrop < dropEvery && t.sinceTerminalDrop < dropEveryTerminal {
		return false
	}
	t.dropped++
	if terminal {
		t.terminalDropped++
	}
	t.sinceDrop %= dropEvery
	t.sinceTerminalDrop %= dropEveryTerminal
	return true
}

// isTerminalFrame reports whether a publication holds a build's last event.
func isTerminalFrame(frame []byte) bool {
	var m eventv1.StreamEventsResponse
	if proto.Unmarshal(frame, &m) != nil {
		return false
	}
	return slices.ContainsFunc(m.GetEvents(), isTerminal)
}

func isTerminal(e *eventv1.BuildEvent) bool {
	return e.GetBuildCompleted() != nil || e.GetBuildFailed() != nil || e.GetBuildCancelled() != nil
}

func TestPublicationsAreLost(t *testing.T) {
	t.Parallel()
	frame := func(e *eventv1.BuildEvent) string {
		data, err := proto.Marshal(&eventv1.StreamEventsResponse{Events: []*eventv1.BuildEvent{e}})
		if err != nil {
			t.Fatal(err)
		}
		return string(data)
	}
	text := frame(&eventv1.BuildEvent{Seq: 1, Payload: &eventv1.BuildEvent_LogLine{LogLine: &eventv1.LogLine{Text: "PUBLISH"}}})
	last := frame(&eventv1.BuildEvent{Seq: 2, Payload: &eventv1.BuildEvent_BuildFailed{BuildFailed: &eventv1.BuildFailed{}}})
	var l lostPublications
	send := func(n int, words ...string) (lost int) {
		for range n {
			c, ok := cutCommand([]byte(encodeCommand(words...)))
			if !ok {
				t.Fatal("no command")
			}
			l.judge(c)
			if string(c.raw) != encodeCommand(words...) {
				lost++
			}
		}
		return lost
	}
	if lost := send(500, "publish", "ch", text); lost != 0 {
		t.Errorf("switched off, %d were lost", lost)
	}
	l.set(true)
	if lost := send(500, "publish", "ch", text); lost != 5 {
		t.Errorf("%d of 500 were lost, want 5", lost)
	}
	if lost := send(30, "SPUBLISH", "ch", last); lost != 10 {
		t.Errorf("%d of 30 last ones were lost, want 10", lost)
	}
	if lost := send(500, "XADD", "ch", text); lost != 0 {
		t.Errorf("%d of what is no publication were lost", lost)
	}
	if got := l.set(false); got.seen != 530 || got.dropped != 15 || got.terminal != 30 || got.terminalDropped != 10 {
		t.Errorf("counted %+v", got)
	}
}
