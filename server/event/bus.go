package event

import (
	"context"

	"github.com/google/uuid"
)

// Bus carries batches between nodes. It may lose, repeat and reorder them: a
// feed notices. What it delivers goes to the function given when it was made.
type Bus interface {
	// Publish sends committed batches to all nodes. It never blocks: it loses
	// rather than waits.
	Publish(batches ...Batch)
	// Attach asks for a build's batches and returns once they will come, or
	// after a short while if that is not confirmed.
	Attach(ctx context.Context, buildID uuid.UUID)
	// Detach ends what Attach began. It never blocks, and takes effect before an
	// Attach that is called after it.
	Detach(buildID uuid.UUID)
	// Recent returns records that the bus still has, from afterSeq+1 on and
	// without a hole; none if it lacks that one, is slow, or is away.
	Recent(ctx context.Context, buildID uuid.UUID, afterSeq int64, limit int) []Record
}
