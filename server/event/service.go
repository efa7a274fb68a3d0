package event

import (
	"context"
	"fmt"
	"time"

	"connectrpc.com/connect"
	"github.com/google/uuid"
	"google.golang.org/protobuf/proto"

	buildv1 "github.com/sheenapps/sheen/gen/sheen/build/v1"
	eventv1 "github.com/sheenapps/sheen/gen/sheen/event/v1"
	"github.com/sheenapps/sheen/gen/sheen/event/v1/eventv1connect"
	"github.com/sheenapps/sheen/server/auth"
	"github.com/sheenapps/sheen/server/fault"
	"github.com/sheenapps/sheen/server/locale"
	"github.com/sheenapps/sheen/server/token"
)

const (
	// defaultHeartbeat is well below the 30 to 60 s of silence after which
	// proxies commonly close a connection.
	defaultHeartbeat = 15 * time.Second
	// defaultLifetime of a stream, spread by a fifth both ways, moves long
	// streams to new nodes and rechecks their credentials.
	defaultLifetime = 15 * time.Minute
	// credentialGrace is how long a stream outlives its caller's credentials.
	credentialGrace = time.Minute
	// defaultPage of ListEvents.
	defaultPage = 200
)

// Describe returns a user's build as it stands, or [store.ErrNotFound]: what a
// snapshot begins with and events do not say.
type Describe func(ctx context.Context, buildID, userID uuid.UUID) (*buildv1.Build, error)

// Service implements EventService.
type Service struct {
	eventv1connect.UnimplementedEventServiceHandler

	log       *Log
	hub       *Hub
	tokens    *token.Codec
	describe  Describe
	heartbeat time.Duration
	lifetime  time.Duration
	appender  *Appender
	timings   *Timings
}

// ServiceOption changes what a [Service] does by default.
type ServiceOption func(*Service)

// WithHeartbeat sets the silence after which a heartbeat is sent.
func WithHeartbeat(d time.Duration) ServiceOption { return func(s *Service) { s.heartbeat = d } }

// WithLifetime sets how long a stream lives, before it is spread.
func WithLifetime(d time.Duration) ServiceOption { return func(s *Service) { s.lifetime = d } }

// NewService serves a log through a hub.
func NewService(log *Log, hub *Hub, tokens *token.Codec, describe Describe, opts ...ServiceOption) *Service {
	s := &Service{
		log: log, hub: hub, tokens: tokens, describe: describe,
		heartbeat: defaultHeartbeat, lifetime: defaultLifetime,
	}
	for _, opt := range opts {
		opt(s)
	}
	return s
}

// ResumeToken is the token of the position after a seq, for all classes.
func (s *Service) ResumeToken(buildID uuid.UUID, seq int64) string {
	return resumeToken(s.tokens, buildID, 0, seq)
}

// StreamEvents implements the RPC.
func (s *Service) StreamEvents(
	ctx context.Context, req *eventv1.StreamEventsRequest, out *connect.ServerStream[eventv1.StreamEventsResponse],
) error {
	stream, position, err := s.prepare(ctx, req)
	if err != nil {
		return err
	}
	// Not through out.Send: the events are encoded already, see Codecs.
	conn := out.Conn()
	locale.Read(req.GetLocale(), position.Locale).Mark(conn.ResponseHeader())
	stream.send = func(m *message) error { return conn.Send(m) }
	return stream.run(ctx, position)
}

// prepare checks that the caller may read the build and where to begin.
func (s *Service) prepare(ctx context.Context, req *eventv1.StreamEventsRequest) (*stream, Position, error) {
	buildID, err := uuid.Parse(req.GetBuildId())
	if err != nil {
		return nil, Position{}, fault.NotFound()
	}
	classes := newFilter(req.GetClasses())
	position, err := s.log.Position(ctx, buildID, auth.Caller(ctx).UserID)
	if err != nil {
		return nil, Position{}, err
	}
	after, err := s.start(ctx, req, buildID, classes, position.Head)
	if err != nil {
		return nil, Position{}, err
	}
	stream := &stream{service: s, buildID: buildID, classes: classes, sent: after}
	stream.reader = newReader(locale.Read(req.GetLocale(), position.Locale), position.Locale)
	if req.GetSnapshot() {
		if stream.snapshot, err = s.snapshot(ctx, buildID, position.Head); err != nil {
			return nil, Position{}, err
		}
		stream.reader.snapshot(stream.snapshot)
		stream.sent = stream.snapshot.GetSeq()
	}
	return stream, position, nil
}

// start is the seq that a stream begins after.
func (s *Service) start(ctx context.Context, req *eventv1.StreamEventsRequest, buildID uuid.UUID, f filter, head int64) (int64, error) {
	after := req.GetAfterSeq()
	if sealed := req.GetResumeToken(); sealed != "" {
		var err error
		if after, err = openResumeToken(s.tokens, buildID, f, sealed); err != nil {
			return 0, tokenInvalid()
		}
	}
	if req.GetSnapshot() {
		return after, nil
	}
	return after, s.checkFloor(ctx, buildID, after, head)
}

// checkFloor refuses a position whose next event is no longer kept.
func (s *Service) checkFloor(ctx context.Context, buildID uuid.UUID, after, head int64) error {
	if after >= head {
		return nil
	}
	floor, err := s.log.Floor(ctx, buildID, head)
	if err != nil {
		return err
	}
	if after < floor-1 {
		return historyGone(floor)
	}
	return nil
}

func (s *Service) snapshot(ctx context.Context, buildID uuid.UUID, head int64) (*eventv1.Snapshot, error) {
	start, err := s.describe(ctx, buildID, auth.Caller(ctx).UserID)
	if err != nil {
		return nil, err
	}
	floor, err := s.log.Floor(ctx, buildID, head)
	if err != nil {
		return nil, err
	}
	if floor > 1 {
		// The history is gone. What is left of the build is its row.
		return &eventv1.Snapshot{Seq: start.GetHeadSeq(), Build: start}, nil
	}
	fold, err := s.log.Fold(ctx, start, head)
	if err != nil {
		return nil, err
	}
	return fold.Snapshot(), nil
}

// Fold reads a build's events up to a seq into a [Fold]. It returns a
// RESUME_TOKEN_EXPIRED fault if the first ones are no longer kept.
func (l *Log) Fold(ctx context.Context, start *buildv1.Build, upTo int64) (*Fold, error) {
	buildID, err := uuid.Parse(start.GetId())
	if err != nil {
		return nil, fmt.Errorf("fold a build: %w", err)
	}
	fold := NewFold(start)
	for fold.seq < upTo {
		records, err := l.Page(ctx, buildID, fold.seq, int32(min(pageSize, upTo-fold.seq))) //nolint:gosec // at most pageSize
		if err != nil {
			return nil, err
		}
		if len(records) == 0 || records[0].Seq != fold.seq+1 {
			floor, err := l.Floor(ctx, buildID, upTo)
			if err != nil {
				return nil, err
			}
			return nil, historyGone(floor)
		}
		for _, e := range decodeAll(records) {
			fold.Apply(e)
		}
	}
	return fold, nil
}

// decodeAll turns records into messages. Records were encoded here, so one that
// cannot be decoded is left empty rather than fatal to its stream.
func decodeAll(records []Record) []*eventv1.BuildEvent {
	events := make([]*eventv1.BuildEvent, len(records))
	for i, r := range records {
		events[i] = &eventv1.BuildEvent{}
		if err := proto.Unmarshal(r.Wire, events[i]); err != nil {
			events[i] = &eventv1.BuildEvent{Seq: r.Seq, EventClass: r.Class}
		}
	}
	return events
}
