package event

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"google.golang.org/protobuf/reflect/protoreflect"

	eventv1 "github.com/sheenapps/sheen/gen/sheen/event/v1"
	"github.com/sheenapps/sheen/store"
)

// ErrLeaseLost says that a producer's lease is no longer its own. It must stop;
// nothing of what it tried to write exists.
var ErrLeaseLost = errors.New("the lease on the build is lost")

// Producer is the right to append to a build's log.
type Producer struct {
	BuildID uuid.UUID
	// LeaseToken is the fencing token of the build's lease; 0 before a worker
	// has ever taken it.
	LeaseToken int64
}

// Log is the stored log of all builds. It is safe for concurrent use.
type Log struct {
	db      *store.DB
	queries *store.Queries
}

// NewLog makes the log of a store.
func NewLog(db *store.DB) *Log { return &Log{db: db, queries: store.New()} }

// Append stores events at the end of a build's log, in the caller's transaction,
// and locks the build's row until its end. Only the payload of each event counts;
// the rest is set here. The caller hands the batch to [Hub.Publish] once the
// transaction is committed. It returns [ErrLeaseLost] for a stale token. What
// needs no transaction of its own goes through an [Appender].
func (l *Log) Append(ctx context.Context, tx pgx.Tx, p Producer, events ...*eventv1.BuildEvent) (Batch, error) {
	rows, err := encodeAll(events)
	if err != nil {
		return Batch{}, err
	}
	args := &store.EventAppendParams{
		BuildID: p.BuildID, LeaseToken: p.LeaseToken,
		// Not nil, which would be NULL: no events are an empty batch.
		Classes: make([]int16, 0, len(rows)), Kinds: make([]int16, 0, len(rows)), Payloads: make([][]byte, 0, len(rows)),
	}
	for _, row := range rows {
		args.Classes = append(args.Classes, row.class)
		args.Kinds = append(args.Kinds, row.kind)
		args.Payloads = append(args.Payloads, row.payload)
	}
	row, err := l.queries.EventAppend(ctx, tx, args)
	if errors.Is(err, store.ErrNotFound) {
		return Batch{}, ErrLeaseLost
	}
	if err != nil {
		return Batch{}, fmt.Errorf("append events: %w", err)
	}
	return newBatch(p.BuildID, row.HeadSeq-int64(len(rows)), row.CreateTime, rows), nil
}

// newBatch makes the batch of rows that were stored after a seq. The records take
// over the rows' bytes, so it is called once for a row.
func newBatch(buildID uuid.UUID, after int64, created time.Time, rows []encoded) Batch {
	batch := Batch{BuildID: buildID, Records: make([]Record, len(rows))}
	texts := make([]jsonForm, len(rows))
	var header [headerBytes]byte
	for i, row := range rows {
		seq, class := after+int64(i)+1, eventv1.EventClass(row.class)
		used := appendHeader(header[:0], buildID, seq, class, created)
		start := headerBytes - len(used)
		copy(row.framed[start:], used)
		batch.Records[i] = Record{
			Seq: seq, Class: class, Last: isLast(protoreflect.FieldNumber(row.kind)), Time: created,
			Wire: row.framed[start:], text: &texts[i],
		}
	}
	return batch
}

// Page reads at most limit records after a seq, ascending. A full page may be
// followed by more.
func (l *Log) Page(ctx context.Context, buildID uuid.UUID, afterSeq int64, limit int32) ([]Record, error) {
	rows, err := l.queries.EventPage(ctx, l.db, &store.EventPageParams{BuildID: buildID, AfterSeq: afterSeq, PageSize: limit})
	if err != nil {
		return nil, fmt.Errorf("read events: %w", err)
	}
	records := make([]Record, len(rows))
	for i, row := range rows {
		records[i] = pageRecord(buildID, row)
	}
	return records, nil
}

func pageRecord(buildID uuid.UUID, row *store.EventPageRow) Record {
	return newRecord(buildID, row.Seq, eventv1.EventClass(row.Class),
		isLast(protoreflect.FieldNumber(row.Kind)), row.CreateTime, row.Payload)
}

// Heads reads the heads of builds in one query; unknown builds are left out.
func (l *Log) Heads(ctx context.Context, builds []uuid.UUID) (map[uuid.UUID]int64, error) {
	rows, err := l.queries.EventHeads(ctx, l.db, &store.EventHeadsParams{BuildIds: builds})
	if err != nil {
		return nil, fmt.Errorf("read heads: %w", err)
	}
	heads := make(map[uuid.UUID]int64, len(rows))
	for _, row := range rows {
		heads[row.ID] = row.HeadSeq
	}
	return heads, nil
}

// Position is how far a build is.
type Position struct {
	Head int64
	// Final says that no more events come.
	Final bool
	// Locale is the one that the build's texts were written in.
	Locale string
}

// Position returns how far a user's build is, or [store.ErrNotFound].
func (l *Log) Position(ctx context.Context, buildID, userID uuid.UUID) (Position, error) {
	row, err := l.queries.EventBuild(ctx, l.db, &store.EventBuildParams{BuildID: buildID, UserID: userID})
	if err != nil {
		return Position{}, fmt.Errorf("read a build's position: %w", err)
	}
	return Position{Head: row.HeadSeq, Final: row.Final, Locale: row.Locale}, nil
}

// Floor returns the first seq of a build that can be read: one past the head
// when all of its history is gone.
func (l *Log) Floor(ctx context.Context, buildID uuid.UUID, head int64) (int64, error) {
	seq, err := l.queries.EventFloor(ctx, l.db, &store.EventFloorParams{BuildID: buildID})
	if errors.Is(err, store.ErrNotFound) {
		return head + 1, nil
	}
	if err != nil {
		return 0, fmt.Errorf("read a build's floor: %w", err)
	}
	return seq, nil
}
