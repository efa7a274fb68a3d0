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

// The reasons that a stream gives for its end.
const (
	endComplete  = eventv1.StreamEndReason_STREAM_END_REASON_COMPLETE
	endReconnect = eventv1.StreamEndReason_STREAM_END_REASON_RECONNECT
	endResync    = eventv1.StreamEndReason_STREAM_END_REASON_RESYNC
)

// How a stream ended, in the metrics, if it did not say so itself.
const (
	endedLeft  = "left"
	endedError = "error"
)

// drainSpread is the longest that a client is asked to wait before it connects
// again when a node drains, so that not all come at once.
const drainSpread = time.Second

// stream is one subscriber's view of a build's log. All its messages come from
// one goroutine.
type stream struct {
	service  *Service
	buildID  uuid.UUID
	classes  filter
	reader   reader
	snapshot *eventv1.Snapshot
	// send takes a message to the client; it has copied it when it returns.
	send func(*message) error

	cursor *Cursor
	sent   int64
	// beat is when a heartbeat is due, death when the stream has lived long
	// enough; alarm fires at the sooner one.
	beat, death time.Time
	alarm       *time.Timer
	// slow says that the last batch of the past took long to send.
	slow bool
	// end is the reason that the stream gave.
	end eventv1.StreamEndReason
}

// run sends messages until the stream ends. start is the build's position as it
// was read just before.
func (s *stream) run(ctx context.Context, start Position) (err error) {
	s.service.hub.metrics.streamOpened()
	defer func() { s.service.hub.metrics.streamEnded(s.reason(ctx, err)) }()
	if s.snapshot == nil && s.sent > start.Head {
		return s.resync()
	}
	// Subscribed before the first message: what that says about the head is
	// what the rest goes on from.
	if s.cursor, err = s.service.hub.Subscribe(ctx, s.buildID, s.sent, start.Head); err != nil {
		return err
	}
	defer s.cursor.Close()
	if done, err := s.begin(start); done || err != nil {
		return err
	}
	s.death = time.Now().Add(s.lifetime(ctx))
	s.alarm = time.NewTimer(s.service.heartbeat)
	defer s.alarm.Stop()
	for {
		if done, err := s.step(ctx); done || err != nil {
			return err
		}
	}
}

// begin sends the first message, which is the last one too if nothing follows.
func (s *stream) begin(start Position) (done bool, err error) {
	first := s.message(nil)
	first.rest.Snapshot = s.snapshot
	if start.Final && s.sent >= start.Head {
		return true, s.finish(first, endComplete, 0)
	}
	return false, s.deliver(first)
}

func (s *stream) reason(ctx context.Context, err error) string {
	switch {
	case err == nil && s.end == endComplete:
		return "complete"
	case err == nil && s.end == endReconnect:
		return "reconnect"
	case err == nil:
		return "resync"
	case ctx.Err() != nil:
		return endedLeft
	default:
		return endedError
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

// step waits for what comes next and says whether the stream has ended.
func (s *stream) step(ctx context.Context) (done bool, err error) {
	now := time.Now()
	if !now.Before(s.death) {
		return true, s.finish(s.message(nil), endReconnect, 0)
	}
	s.alarm.Reset(min(s.beat.Sub(now), s.death.Sub(now)))
	if s.cursor.behind() {
		return s.catchUp(ctx)
	}
	return s.next(ctx)
}

// next sends what comes next, as soon as it comes.
func (s *stream) next(ctx context.Context) (done bool, err error) {
	records, err := s.cursor.next(ctx, s.alarm.C)
	if err == nil {
		return s.take(records)
	}
	return s.idle(ctx, err)
}

// catchUp sends a batch of what is no longer in the feed, when it is this stream's
// turn. A reader that was slow the last time waits for its own connection anyway,
// and needs no turn: however many there are of them, nobody waits for them.
func (s *stream) catchUp(ctx context.Context) (done bool, err error) {
	if !s.slow {
		defer s.service.hub.turns.take(ctx)()
	}
	began := time.Now()
	done, err = s.next(ctx)
	s.slow = time.Since(began) > turnTime
	return done, err
}

// idle is what follows a wait without records.
func (s *stream) idle(ctx context.Context, why error) (done bool, err error) {
	switch {
	case errors.Is(why, errIdle):
		return s.heartbeat(ctx)
	case errors.Is(why, ErrDraining):
		return true, s.finish(s.message(nil), endReconnect, rand.N(drainSpread)) //nolint:gosec // no secret, a spread
	case errors.Is(why, errGap) && s.dropped(ctx):
		return true, s.resync()
	default:
		return true, why
	}
}

// take sends what the filter admits of the next records. What it does not admit
// moves the position; the next message says so.
func (s *stream) take(records []Record) (done bool, err error) {
	last := records[len(records)-1]
	s.sent = last.Seq
	m := s.message(s.reader.records(s.classes.apply(records)))
	if last.Last {
		return true, s.finish(m, endComplete, 0)
	}
	if len(m.records) == 0 {
		return false, nil
	}
	s.service.hub.metrics.sent(last, m.rest.GetHeadSeq())
	return false, s.deliver(m)
}

// heartbeat also notices a reader so slow that retention has overtaken it.
func (s *stream) heartbeat(ctx context.Context) (done bool, err error) {
	if time.Now().Before(s.beat) {
		return false, nil // It was the end of its life that came.
	}
	if s.cursor.Head() > s.sent && s.dropped(ctx) {
		return true, s.resync()
	}
	return false, s.deliver(s.message(nil))
}

// dropped reports whether what follows the position is no longer kept.
func (s *stream) dropped(ctx context.Context) bool {
	floor, err := s.service.log.Floor(ctx, s.buildID, s.cursor.Head())
	return err == nil && floor > s.sent+1
}

// resync ends a stream whose position the log cannot serve: it is beyond the
// head, as after an old backup, or below the floor.
func (s *stream) resync() error { return s.finish(s.message(nil), endResync, 0) }

// message is one with the position after it.
func (s *stream) message(records []Record) *message {
	m := &message{records: records, position: s.sent}
	m.rest.HeadSeq = s.sent
	if s.cursor == nil {
		m.rest.ResumeToken = s.token()
		return m
	}
	m.rest.HeadSeq = max(s.sent, s.cursor.Head())
	m.rest.ResumeToken = s.cursor.feed.sealed(s.sent, s.classes, s.token)
	return m
}

func (s *stream) token() string {
	return resumeToken(s.service.tokens, s.buildID, s.classes, s.sent)
}

// finish sends the last message.
func (s *stream) finish(m *message, reason eventv1.StreamEndReason, after time.Duration) error {
	s.end = reason
	m.rest.End = &eventv1.StreamEnd{Reason: reason, ReconnectAfter: durationpb.New(after)}
	return s.deliver(m)
}

func (s *stream) deliver(m *message) error {
	s.beat = time.Now().Add(s.service.heartbeat)
	return s.send(m)
}
