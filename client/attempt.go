package client

import (
	"context"
	"errors"
	"time"

	eventv1 "github.com/sheenapps/sheen/gen/sheen/event/v1"
)

// Why an attempt ended that the server did not end.
var (
	errSilent = errors.New("the stream was silent for three heartbeats")
	errGap    = errors.New("an event is missing")
	errUnsaid = errors.New("the stream ended without saying why")
)

// endKind is how one stream ended.
type endKind int

const (
	// endCut: anything that nobody meant.
	endCut endKind = iota
	// endLeft: the loop was left.
	endLeft
	// endComplete: the build's last event was handed on.
	endComplete
	// endReconnect: the server asks to come back.
	endReconnect
	// endResync: the server can no longer serve the position.
	endResync
)

// ending is how one attempt went.
type ending struct {
	kind endKind
	// err is why, if kind is endCut.
	err error
	// after is how long to wait, if kind is endReconnect.
	after time.Duration
	// progressed says that an event was handed on.
	progressed bool
}

// attempt reads one stream to its end.
func (f *following) attempt(ctx context.Context) ending {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	watchdog := time.AfterFunc(f.client.timing.patience, func() { cancel(errSilent) })
	defer watchdog.Stop()

	stream, err := f.client.Events.StreamEvents(ctx, f.request())
	if err != nil {
		return ending{err: orCause(ctx, err)}
	}
	defer func() {
		_ = stream.Close()
	}()
	var end ending
	for stream.Receive() {
		watchdog.Stop() // how long the loop takes is no fault of the stream
		f.refused = false
		if f.take(stream.Msg(), &end) {
			return end
		}
		watchdog.Reset(f.client.timing.patience)
	}
	end.err = stream.Err()
	if end.err == nil {
		end.err = errUnsaid
	}
	end.err = orCause(ctx, end.err)
	return end
}

// orCause prefers that the stream was silent over how its end looked.
func orCause(ctx context.Context, err error) error {
	if errors.Is(context.Cause(ctx), errSilent) {
		return errSilent
	}
	return err
}

func (f *following) request() *eventv1.StreamEventsRequest {
	req := &eventv1.StreamEventsRequest{BuildId: f.buildID, Classes: f.classes, Locale: f.locale}
	if f.position.Token != "" {
		req.Start = &eventv1.StreamEventsRequest_ResumeToken{ResumeToken: f.position.Token}
	} else {
		req.Start = &eventv1.StreamEventsRequest_AfterSeq{AfterSeq: f.position.Seq}
	}
	return req
}

// take hands the events of one message on. It reports whether the attempt is
// over, and how.
func (f *following) take(msg *eventv1.StreamEventsResponse, end *ending) bool {
	for i, event := range msg.GetEvents() {
		if f.anchored && event.GetSeq() <= f.position.Seq {
			continue
		}
		if f.isGap(event.GetSeq() - 1) {
			return f.reportGap(end)
		}
		if !f.yield(event, nil) {
			end.kind = endLeft
			return true
		}
		end.progressed = true
		f.position.Seq, f.anchored = event.GetSeq(), true
		if i == len(msg.GetEvents())-1 && msg.GetResumeToken() != "" {
			f.position.Token = msg.GetResumeToken()
		}
		f.report()
		if isTerminal(event) {
			end.kind = endComplete
			return true
		}
	}
	if token := msg.GetResumeToken(); token != "" && token != f.position.Token {
		f.position.Token = token
		f.report()
	}
	return f.takeEnd(msg, end)
}

func (f *following) takeEnd(msg *eventv1.StreamEventsResponse, end *ending) bool {
	switch msg.GetEnd().GetReason() {
	case eventv1.StreamEndReason_STREAM_END_REASON_COMPLETE:
		if f.position.Seq < msg.GetHeadSeq() && f.isGap(msg.GetHeadSeq()) {
			return f.reportGap(end)
		}
		end.kind = endComplete
	case eventv1.StreamEndReason_STREAM_END_REASON_RECONNECT:
		end.kind, end.after = endReconnect, msg.GetEnd().GetReconnectAfter().AsDuration()
	case eventv1.StreamEndReason_STREAM_END_REASON_RESYNC:
		end.kind = endResync
	default: // no end, or one of a newer contract: then the stream's own end decides
		return false
	}
	return true
}

// isGap says that something is missing between the position and the event after
// before. With a filter nobody can say.
func (f *following) isGap(before int64) bool {
	return f.anchored && len(f.classes) == 0 && before != f.position.Seq
}

// reportGap ends the attempt. The next one asks by seq: a token may stand after
// what is missing.
func (f *following) reportGap(end *ending) bool {
	f.position.Token = ""
	end.kind, end.err = endCut, errGap
	return true
}

func (f *following) report() {
	if f.save != nil {
		f.save(f.position)
	}
}

func isTerminal(event *eventv1.BuildEvent) bool {
	switch event.GetPayload().(type) {
	case *eventv1.BuildEvent_BuildCompleted, *eventv1.BuildEvent_BuildFailed, *eventv1.BuildEvent_BuildCancelled:
		return true
	default:
		return false
	}
}
