package event

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"connectrpc.com/connect"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"google.golang.org/protobuf/proto"

	errorv1 "github.com/sheenapps/sheen/gen/sheen/error/v1"
	eventv1 "github.com/sheenapps/sheen/gen/sheen/event/v1"
	"github.com/sheenapps/sheen/server/fault"
	"github.com/sheenapps/sheen/store"
)

// ErrOutcomeUnknown says that it could not be found out whether an append took
// place. The cause is in its chain. A caller that gave an expected seq repeats
// the append with the same one, which settles it.
var ErrOutcomeUnknown = errors.New("it is not known whether the events were stored")

// SeqConflictError says that the log does not end where a producer took it to
// end, and that what lies there is not a repeat. Nothing was stored.
type SeqConflictError struct {
	// Head is the seq of the build's newest event.
	Head int64
}

// Error tells the head.
func (e *SeqConflictError) Error() string {
	return fmt.Sprintf("the log ends at %d, not where it was expected to", e.Head)
}

// Fault implements [fault.Faulter].
func (e *SeqConflictError) Fault() *fault.Error {
	return &fault.Error{
		Code:     connect.CodeAborted,
		Reason:   errorv1.ErrorReason_ERROR_REASON_SEQ_CONFLICT,
		Message:  fmt.Sprintf("The build's log ends at %d; the next event is %d.", e.Head, e.Head+1),
		Metadata: map[string]string{"head_seq": strconv.FormatInt(e.Head, 10)},
		Details:  []proto.Message{&errorv1.SeqConflict{HeadSeq: e.Head}},
	}
}

// Repeated finds out what became of an append at expectedSeq, in a transaction
// whose lock on the build's row it takes: whoever tried it before is through. It
// returns the batch as it was stored, or false if the append did not happen and
// would be the next one. Otherwise it returns [ErrLeaseLost], a
// [*SeqConflictError], or [store.ErrNotFound] for an unknown build.
func (l *Log) Repeated(
	ctx context.Context, tx pgx.Tx, p Producer, expectedSeq int64, events ...*eventv1.BuildEvent,
) (batch Batch, repeated bool, err error) {
	rows, err := encodeAll(events)
	if err != nil {
		return Batch{}, false, err
	}
	row, err := l.queries.EventLock(ctx, tx, &store.EventLockParams{BuildID: p.BuildID})
	switch {
	case err != nil:
		return Batch{}, false, fmt.Errorf("lock a build for an append: %w", err)
	case row.LeaseToken != p.LeaseToken || !row.Running:
		return Batch{}, false, ErrLeaseLost
	case row.HeadSeq == expectedSeq-1:
		return Batch{}, false, nil
	}
	batch, err = l.recall(ctx, tx, p.BuildID, row.HeadSeq, expectedSeq, rows)
	return batch, err == nil, err
}

// recall returns the stored batch at a seq if it is these events, or else a
// [*SeqConflictError].
func (l *Log) recall(ctx context.Context, db store.DBTX, buildID uuid.UUID, head, seq int64, events []encoded) (Batch, error) {
	conflict := &SeqConflictError{Head: head}
	if seq < 1 || seq+int64(len(events))-1 > head {
		return Batch{}, conflict
	}
	stored, err := l.queries.EventPage(ctx, db, &store.EventPageParams{
		BuildID: buildID, AfterSeq: seq - 1, PageSize: int32(len(events)), //nolint:gosec // what was sent once
	})
	if err != nil {
		return Batch{}, fmt.Errorf("read events that may be a repeat: %w", err)
	}
	if len(stored) != len(events) {
		return Batch{}, conflict
	}
	for i, row := range stored {
		if row.Seq != seq+int64(i) || !events[i].same(row.Class, row.Kind, row.Payload) {
			return Batch{}, conflict
		}
	}
	return pageBatch(buildID, stored), nil
}

func pageBatch(buildID uuid.UUID, rows []*store.EventPageRow) Batch {
	batch := Batch{BuildID: buildID, Records: make([]Record, len(rows))}
	for i, row := range rows {
		batch.Records[i] = pageRecord(buildID, row)
	}
	return batch
}
