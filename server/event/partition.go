package event

import (
	"context"
	"encoding/binary"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/sheenapps/sheen/store"
)

// span is the time that one partition covers, ahead how many are made in
// advance: maintenance may be away for three weeks without a consequence.
const (
	span  = 7 * 24 * time.Hour
	ahead = 4
)

// EnsurePartitions makes the partitions of this week and the next four. It may
// run anywhere and at any time; what exists is left alone.
func (l *Log) EnsurePartitions(ctx context.Context, now time.Time) error {
	for i := range ahead + 1 {
		start := now.UTC().Truncate(span).Add(time.Duration(i) * span)
		if err := l.ensurePartition(ctx, start); err != nil {
			return fmt.Errorf("make the partition of %s: %w", start.Format(time.DateOnly), err)
		}
	}
	return nil
}

func (l *Log) ensurePartition(ctx context.Context, start time.Time) error {
	name := "build_events_" + start.Format("20060102")
	return store.InTx(ctx, l.db, func(tx pgx.Tx) error {
		return store.CreateEventPartition(ctx, tx, name, firstID(start), firstID(start.Add(span)))
	})
}

// firstID is the lowest UUIDv7 of an instant: its first 48 bits are the Unix time
// in milliseconds (RFC 9562, section 5.7).
func firstID(at time.Time) uuid.UUID {
	var wide [8]byte
	binary.BigEndian.PutUint64(wide[:], uint64(at.UnixMilli()))
	var id uuid.UUID
	copy(id[:6], wide[2:])
	return id
}
