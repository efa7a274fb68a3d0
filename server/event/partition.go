package event

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/sheenapps/sheen/store"
)

// span is the time that one partition covers, ahead how many are made in
// advance: maintenance may be away for three weeks without a consequence.
const (
	span  = 7 * 24 * time.Hour
	ahead = 4
)

// EnsurePartitions makes the partitions of this week and the next four. It may
// run anywhere and at any time; what exists is left alone. Without it nothing is
// lost: the default partition takes the events, and a later run moves them. It
// returns [store.ErrLocked] if a table was in use for too long; the others are
// made nevertheless.
func (l *Log) EnsurePartitions(ctx context.Context, now time.Time) error {
	var errs []error
	for i := range ahead + 1 {
		p := partitionFrom(now.UTC().Truncate(span).Add(time.Duration(i) * span))
		if err := store.CreateEventPartition(ctx, l.db, p); err != nil {
			errs = append(errs, fmt.Errorf("make the partition %s: %w", p.Name, err))
		}
	}
	return errors.Join(errs...)
}

// partitionFrom is the partition of the builds from the week that begins at start.
func partitionFrom(start time.Time) store.EventPartition {
	return store.EventPartition{
		Name: "build_events_" + start.Format("20060102"),
		From: firstID(start),
		To:   firstID(start.Add(span)),
	}
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
