package event

import (
	"context"
	"errors"
	"time"

	"github.com/google/uuid"

	eventv1 "github.com/sheenapps/sheen/gen/sheen/event/v1"
	"github.com/sheenapps/sheen/server/auth"
	"github.com/sheenapps/sheen/server/fault"
	"github.com/sheenapps/sheen/server/locale"
)

// errWaited says that a long poll got nothing in its time.
var errWaited = errors.New("nothing came while waiting")

// listBytes bounds a page: below the 4 MB that gRPC clients accept by default.
const listBytes = 2 << 20

// ListEvents implements the RPC.
func (s *Service) ListEvents(ctx context.Context, req *eventv1.ListEventsRequest) (*eventv1.ListEventsResponse, error) {
	buildID, err := uuid.Parse(req.GetBuildId())
	if err != nil {
		return nil, fault.NotFound()
	}
	position, err := s.log.Position(ctx, buildID, auth.Caller(ctx).UserID)
	if err != nil {
		return nil, err
	}
	after := req.GetAfterSeq()
	if err := s.checkFloor(ctx, buildID, after, position.Head); err != nil {
		return nil, err
	}
	limit := req.GetPageSize()
	if limit == 0 {
		limit = defaultPage
	}
	records, err := s.log.Page(ctx, buildID, after, limit)
	if err != nil {
		return nil, err
	}
	if len(records) == 0 && !position.Final {
		if records, err = s.wait(ctx, buildID, after, position.Head, req.GetWait().AsDuration()); err != nil {
			return nil, err
		}
		records = records[:min(len(records), int(limit))]
	}
	page := s.page(req, buildID, position, cut(records, listBytes))
	reading := locale.Read(req.GetLocale(), position.Locale)
	newReader(reading, position.Locale).events(page.GetEvents())
	reading.Tell(ctx)
	return page, nil
}

// wait returns the first records after a seq, or none when the time is over.
func (s *Service) wait(ctx context.Context, buildID uuid.UUID, after, head int64, d time.Duration) ([]Record, error) {
	if d <= 0 {
		return nil, nil
	}
	cursor, err := s.hub.Subscribe(ctx, buildID, after, head)
	if err != nil {
		return nil, err
	}
	defer cursor.Close()
	ctx, cancel := context.WithTimeoutCause(ctx, d, errWaited)
	defer cancel()
	records, err := cursor.Next(ctx)
	if errors.Is(err, errWaited) || errors.Is(err, ErrDraining) {
		return nil, nil
	}
	return records, err
}

func (s *Service) page(req *eventv1.ListEventsRequest, buildID uuid.UUID, position Position, records []Record) *eventv1.ListEventsResponse {
	classes := newFilter(req.GetClasses())
	next, head, terminal := req.GetAfterSeq(), position.Head, position.Final && req.GetAfterSeq() >= position.Head
	if len(records) > 0 {
		last := records[len(records)-1]
		next, head, terminal = last.Seq, max(head, last.Seq), last.Last
	}
	return &eventv1.ListEventsResponse{
		Events:       decodeAll(classes.apply(records)),
		HeadSeq:      head,
		ResumeToken:  resumeToken(s.tokens, buildID, classes, next),
		Terminal:     terminal,
		NextAfterSeq: next,
	}
}
