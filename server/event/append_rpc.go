package event

import (
	"context"
	"errors"

	"connectrpc.com/connect"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	errorv1 "github.com/sheenapps/sheen/gen/sheen/error/v1"
	eventv1 "github.com/sheenapps/sheen/gen/sheen/event/v1"
	"github.com/sheenapps/sheen/server/fault"
	"github.com/sheenapps/sheen/store"
)

// ConnectAppender gives the service what AppendEvents stores with, before its
// first use.
func (s *Service) ConnectAppender(a *Appender) { s.appender = a }

// AppendEvents implements the RPC.
func (s *Service) AppendEvents(ctx context.Context, req *eventv1.AppendEventsRequest) (*eventv1.AppendEventsResponse, error) {
	buildID, err := uuid.Parse(req.GetBuildId())
	if err != nil {
		return nil, fault.NotFound()
	}
	events := make([]*eventv1.BuildEvent, len(req.GetEvents()))
	var progress []*eventv1.Progress
	for i, e := range req.GetEvents() {
		events[i] = eventFromProto(e)
		p := events[i].GetProgress()
		if p == nil {
			continue
		}
		if p.GetStepIndex() > p.GetStepCount() {
			return nil, fault.InvalidField("The field step_index of a progress is above its step_count.")
		}
		progress = append(progress, p)
	}
	p := Producer{BuildID: buildID, LeaseToken: req.GetLeaseToken()}
	var batch Batch
	if len(progress) == 0 {
		batch, err = s.appender.Append(ctx, p, req.GetExpectedSeq(), events...)
	} else {
		batch, err = s.appendProgress(ctx, p, req.GetExpectedSeq(), progress, events)
	}
	if errors.Is(err, ErrLeaseLost) {
		return nil, leaseLost()
	}
	if err != nil {
		return nil, err
	}
	return &eventv1.AppendEventsResponse{LastSeq: batch.Head()}, nil
}

// appendProgress stores events with progress among them, and the progress in the
// build's row. Progress that would fall is raised to what was.
func (s *Service) appendProgress(
	ctx context.Context, p Producer, expectedSeq int64, progress []*eventv1.Progress, events []*eventv1.BuildEvent,
) (batch Batch, err error) {
	var repeated bool
	err = store.InTx(ctx, s.log.db, func(tx pgx.Tx) error {
		batch, repeated, err = s.log.Repeated(ctx, tx, p, expectedSeq, events...)
		if err != nil || repeated {
			return err
		}
		if err := s.log.raise(ctx, tx, p, progress); err != nil {
			return err
		}
		batch, err = s.log.Append(ctx, tx, p, events...)
		return err
	})
	if err != nil {
		return Batch{}, err
	}
	if !repeated {
		s.hub.Publish(batch)
	}
	return batch, nil
}

// raise lets no progress fall, neither below the build's nor below one before it,
// and keeps the last one in the build's row.
func (l *Log) raise(ctx context.Context, tx pgx.Tx, p Producer, progress []*eventv1.Progress) error {
	row, err := l.queries.EventLock(ctx, tx, &store.EventLockParams{BuildID: p.BuildID})
	if err != nil {
		return err
	}
	highest := row.ProgressPermille
	for _, step := range progress {
		highest = max(highest, step.GetProgressPermille())
		step.ProgressPermille = highest
	}
	last := progress[len(progress)-1]
	n, err := l.queries.BuildProgress(ctx, tx, &store.BuildProgressParams{
		ID: p.BuildID, LeaseToken: p.LeaseToken,
		ProgressPermille: highest, StepIndex: last.GetStepIndex(), StepCount: last.GetStepCount(),
	})
	if err == nil && n == 0 {
		return ErrLeaseLost
	}
	return err
}

// eventFromProto is an event of a worker outside. The schema allows no other
// payloads: what changes a build's state is the platform's.
func eventFromProto(e *eventv1.NewEvent) *eventv1.BuildEvent {
	switch p := e.GetPayload().(type) {
	case *eventv1.NewEvent_AssistantText:
		return &eventv1.BuildEvent{Payload: &eventv1.BuildEvent_AssistantText{
			AssistantText: &eventv1.AssistantText{Delta: p.AssistantText.GetDelta()},
		}}
	case *eventv1.NewEvent_LogLine:
		return &eventv1.BuildEvent{Payload: &eventv1.BuildEvent_LogLine{
			LogLine: &eventv1.LogLine{Level: p.LogLine.GetLevel(), Text: p.LogLine.GetText()},
		}}
	case *eventv1.NewEvent_Progress:
		return &eventv1.BuildEvent{Payload: &eventv1.BuildEvent_Progress{Progress: &eventv1.Progress{
			ProgressPermille: p.Progress.GetProgressPermille(),
			StepIndex:        p.Progress.GetStepIndex(),
			StepCount:        p.Progress.GetStepCount(),
			Title:            p.Progress.GetTitle(),
			Description:      p.Progress.GetDescription(),
		}}}
	case *eventv1.NewEvent_Warning:
		return &eventv1.BuildEvent{Payload: &eventv1.BuildEvent_Warning{
			Warning: &eventv1.Warning{Code: p.Warning.GetCode(), Message: p.Warning.GetMessage()},
		}}
	}
	return &eventv1.BuildEvent{}
}

func leaseLost() *fault.Error {
	return &fault.Error{
		Code:    connect.CodeAborted,
		Reason:  errorv1.ErrorReason_ERROR_REASON_LEASE_LOST,
		Message: "The lease on the build is no longer yours, or the build is over; stop working on it.",
	}
}
