package main

import (
	"context"
	"sync"
	"time"

	"connectrpc.com/connect"
	"google.golang.org/protobuf/types/known/timestamppb"

	eventv1 "github.com/sheenapps/sheen/gen/sheen/event/v1"
	"github.com/sheenapps/sheen/gen/sheen/event/v1/eventv1connect"
)

// naive serves StreamEvents as one would write it first: from memory, with a
// Send per event. Nothing is stored. The library's defaults have it zip every
// message for clients that accept it, as the library's own do; the plain variant
// gets clients that do not.
type naive struct {
	eventv1connect.UnimplementedEventServiceHandler

	mu     sync.Mutex
	events []*eventv1.BuildEvent
	wake   chan struct{}
}

func newNaive() *naive { return &naive{wake: make(chan struct{})} }

func (n *naive) start(ctx context.Context, _ *PeerPlan) (string, error) {
	_, handler := eventv1connect.NewEventServiceHandler(n)
	address, err := serveHTTP(ctx, handler)
	return "http://" + address, err
}

func (n *naive) publish(_ context.Context, burst *Burst) error {
	for seq := int64(1); seq <= burst.Count; seq++ {
		n.mu.Lock()
		n.events = append(n.events, newEvent(burst.Channel, seq, newPayload(seq, burst.Size, time.Now())))
		close(n.wake)
		n.wake = make(chan struct{})
		n.mu.Unlock()
	}
	return nil
}

// newEvent is an event as Sheen would send it.
func newEvent(build string, seq int64, text string) *eventv1.BuildEvent {
	return &eventv1.BuildEvent{
		BuildId: build, Seq: seq, CreateTime: timestamppb.Now(), EventClass: eventv1.EventClass_EVENT_CLASS_LOGS,
		Payload: &eventv1.BuildEvent_LogLine{LogLine: &eventv1.LogLine{Level: eventv1.LogLevel_LOG_LEVEL_INFO, Text: text}},
	}
}

// StreamEvents implements the RPC.
func (n *naive) StreamEvents(
	ctx context.Context, req *eventv1.StreamEventsRequest, out *connect.ServerStream[eventv1.StreamEventsResponse],
) error {
	if err := out.Send(&eventv1.StreamEventsResponse{}); err != nil {
		return err
	}
	for next := req.GetAfterSeq(); ; {
		events, wake := n.after(next)
		for _, e := range events {
			if err := out.Send(&eventv1.StreamEventsResponse{Events: []*eventv1.BuildEvent{e}, HeadSeq: e.GetSeq()}); err != nil {
				return err
			}
			next = e.GetSeq()
		}
		if len(events) > 0 {
			continue
		}
		select {
		case <-wake:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (n *naive) after(seq int64) ([]*eventv1.BuildEvent, <-chan struct{}) {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.events[seq:], n.wake
}
