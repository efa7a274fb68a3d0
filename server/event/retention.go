package event

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/sheenapps/sheen/store"
)

// deleteBuilds is how many builds' events one statement deletes from the default
// partition, where there are hardly ever any.
const deleteBuilds = 20

// Expiry is what became of old events.
type Expiry struct {
	// Dropped are the partitions that are gone.
	Dropped []string
	// Held are partitions that are old enough, and stay because a build in them
	// is not over.
	Held []string
	// Deleted counts the events that were deleted from the default partition.
	Deleted int64
}

// Expire drops the events of builds that began before now - keep, as far as
// whole partitions are so old; keep 0 keeps them for ever. It may run anywhere
// and at any time. It returns [store.ErrLocked] if a table was in use for too
// long; the others are dropped nevertheless.
func (l *Log) Expire(ctx context.Context, now time.Time, keep time.Duration) (Expiry, error) {
	if keep == 0 {
		return Expiry{}, nil
	}
	var expiry Expiry
	before := firstID(now.Add(-keep))
	err := errors.Join(l.dropPartitions(ctx, before, &expiry), l.deleteStrays(ctx, before, &expiry))
	return expiry, err
}

func (l *Log) dropPartitions(ctx context.Context, before uuid.UUID, expiry *Expiry) error {
	partitions, err := store.EventPartitionsBefore(ctx, l.db, before)
	if err != nil {
		return err
	}
	var errs []error
	for _, p := range partitions {
		switch err := store.DropEventPartition(ctx, l.db, p); {
		case errors.Is(err, store.ErrRunning):
			expiry.Held = append(expiry.Held, p.Name)
		case err != nil:
			errs = append(errs, fmt.Errorf("drop the partition %s: %w", p.Name, err))
		default:
			expiry.Dropped = append(expiry.Dropped, p.Name)
		}
	}
	return errors.Join(errs...)
}

// deleteStrays deletes what the default partition caught and no partition took.
func (l *Log) deleteStrays(ctx context.Context, before uuid.UUID, expiry *Expiry) error {
	for {
		deleted, err := store.DeleteDefaultEvents(ctx, l.db, before, deleteBuilds)
		if err != nil || deleted == 0 {
			return err
		}
		expiry.Deleted += deleted
	}
}

// Clock reads the time of the store, which all nodes share: a node whose clock
// is wrong must not drop what is young.
func (l *Log) Clock(ctx context.Context) (time.Time, error) {
	now, err := l.queries.EventClock(ctx, l.db)
	if err != nil {
		return time.Time{}, fmt.Errorf("read the store's clock: %w", err)
	}
	return now, nil
}
