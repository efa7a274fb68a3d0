package event

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/google/uuid"
	"google.golang.org/protobuf/types/known/durationpb"

	eventv1 "github.com/sheenapps/sheen/gen/sheen/event/v1"
	"github.com/sheenapps/sheen/server/auth"
)

// Why a wait ended without records.
var (
	errHeartbeat = errors.New("time for a heartbeat")
	errLifetime  = errors.New("the stream has lived long enough")
)

// The reasons that a stream gives for its end.
const (
	endComplete  = eventv1.StreamEndReason_STREAM_END_REASON_COMPLETE
	endReconnect = eventv1.StreamEndReason_STREAM_END_REASON_RECONNECT
)

// drainSpread is the longest that a client is asked to wait before it connects
// again when a node drains, so that not all come at once.
const drainSpread = time.Second

// stream is one StreamEvents call. All its messages come from one goroutine.
type stream struct {
	service  *Service
	buildID  uuid.UUID
	classes  filter
	sent     int64
	snapshot *eventv1.Snapshot
	send     func(*eventv1.StreamEventsResponse) error
}

func (s *stream) run(ctx context.Context, start Position) error {
	// Subscribed before the first message: what that says about the head is
	// what the rest goes on from.
	cursor, err := s.service.hub.Subscribe(ctx, s.buildID, s.sent)
	if err != nil {
		return err
	}
	defer cursor.Close()
	if start.Final && s.sent >= start.Head {
		return s.finish(&eventv1.StreamEventsResponse{HeadSeq: cursor.Head(), Snapshot: s.snapshot}, endComplete, 0)
	}
	if err := s.message(&eventv1.StreamEventsResponse{HeadSeq: cursor.Head(), Snapshot: s.snapshot}); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeoutCause(ctx, s.lifetime(ctx), errLifetime)
	defer cancel()
	for {
		if done, err := s.step(ctx, cursor); done || err != nil {
			return err
		}
	}
}

// lifetime spreads the end of streams that began together, and ends none later
// than a minute after its caller's credentials.
func (s *stream) lifetime(ctx context.Context) time.Duration {
	life := s.service.lifetime
	life += time.Duration((rand.Float64() - 0.5) * 0.4 * float64(life)) //nolint:gosec // no secret, a spread
	if expire := auth.Caller(ctx).ExpireTime; !expire.IsZero() {
		life = min(life, time.Until(expire)+credentialGrace)
	}
	return life
}

// step sends the next message and says whether it was the last one.
func (s *stream) step(ctx context.Context, cursor *Cursor) (done bool, err error) {
	wait, cancel := context.WithTimeoutCause(ctx, s.service.heartbeat, errHeartbeat)
	records, err := cursor.Next(wait)
	cancel()
	switch {
	case errors.Is(err, errHeartbeat):
		return false, s.message(&eventv1.StreamEventsResponse{HeadSeq: cursor.Head()})
	case errors.Is(err, ErrDraining):
		return true, s.finish(&eventv1.StreamEventsResponse{HeadSeq: cursor.Head()}, endReconnect, rand.N(drainSpread)) //nolint:gosec // no secret, a spread
	case errors.Is(err, errLifetime):
		return true, s.finish(&eventv1.StreamEventsResponse{HeadSeq: cursor.Head()}, endReconnect, 0)
	case err != nil:
		return true, err
	}
	last := records[len(records)-1]
	s.sent = last.Seq
	events := decodeAll(s.classes.apply(records))
	if last.Last {
		return true, s.finish(&eventv1.StreamEventsResponse{Events: events, HeadSeq: last.Seq}, endComplete, 0)
	}
	return false, s.message(&eventv1.StreamEventsResponse{Events: events, HeadSeq: max(last.Seq, cursor.Head())})
}

// finish sends the last message.
func (s *stream) finish(m *eventv1.StreamEventsResponse, reason eventv1.StreamEndReason, after time.Duration) error {
	m.End = &eventv1.StreamEnd{Reason: reason, ReconnectAfter: durationpb.New(after)}
	return s.message(m)
}

// message sends a message with the position after it.
func (s *stream) message(m *eventv1.StreamEventsResponse) error {
	m.ResumeToken = resumeToken(s.service.tokens, s.buildID, s.classes, s.sent)
	return s.send(m)
}
