package event

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"time"

	"github.com/google/uuid"

	"github.com/sheenapps/sheen/store"
)

// MaxInternalBytes bounds the data of an internal event.
const MaxInternalBytes = 64 << 10

// maxInternalTries bounds the race of those who append internal events to one
// build at a time.
const maxInternalTries = 10

var (
	// ErrInternalEvent says that an internal event is not well formed.
	ErrInternalEvent = errors.New("not an internal event")

	errInternalRace = errors.New("others took every seq")

	internalKind = regexp.MustCompile(`^[a-z][a-z0-9_]{0,63}$`)
)

// InternalEvent is what is kept of a build for debugging.
type InternalEvent struct {
	// Seq counts down from -1.
	Seq int64
	// Kind is a short name, such as "lease_taken".
	Kind string
	// Data is JSON.
	Data       json.RawMessage
	CreateTime time.Time
}

// AppendInternal stores an internal event, in a transaction or by itself. It
// takes no lock on the build, whose log, head and subscribers know nothing of it.
// kind is at most 64 of a-z, 0-9 and _, and begins with a letter; data is JSON of
// at most [MaxInternalBytes]: it returns [ErrInternalEvent] for others.
func (l *Log) AppendInternal(ctx context.Context, db store.DBTX, buildID uuid.UUID, kind string, data json.RawMessage) error {
	data = json.RawMessage(CleanText(string(data)))
	if !internalKind.MatchString(kind) || len(data) > MaxInternalBytes || !json.Valid(data) {
		return fmt.Errorf("%w: %q with %d bytes", ErrInternalEvent, kind, len(data))
	}
	for range maxInternalTries {
		_, err := l.queries.EventInternalAppend(ctx, db, &store.EventInternalAppendParams{
			BuildID: buildID, InternalKind: kind, Payload: data,
		})
		if err == nil {
			return nil
		}
		if !errors.Is(err, store.ErrNotFound) {
			return fmt.Errorf("append an internal event: %w", err)
		}
	}
	return fmt.Errorf("append an internal event: %w", errInternalRace)
}

// InternalPage reads at most limit internal events below a seq, the oldest first;
// 0 begins with the first.
func (l *Log) InternalPage(ctx context.Context, buildID uuid.UUID, beforeSeq int64, limit int32) ([]InternalEvent, error) {
	rows, err := l.queries.EventInternalPage(ctx, l.db, &store.EventInternalPageParams{
		BuildID: buildID, BeforeSeq: beforeSeq, PageSize: limit,
	})
	if err != nil {
		return nil, fmt.Errorf("read internal events: %w", err)
	}
	events := make([]InternalEvent, len(rows))
	for i, row := range rows {
		events[i] = InternalEvent{Seq: row.Seq, Kind: row.InternalKind, Data: row.Payload, CreateTime: row.CreateTime}
	}
	return events, nil
}
