package event

import (
	"context"

	"github.com/google/uuid"
)

// Bus carries batches between nodes. It may lose, repeat and reorder them: a
// feed notices. What it delivers goes to the function given when it was made.
type Bus interface {
	// Publish sends a committed batch to all nodes. It must not block for long.
	Publish(ctx context.Context, batch Batch) error
	// Attach asks for a build's batches and returns once they will come, or
	// after a short while if that is not confirmed.
	Attach(ctx context.Context, buildID uuid.UUID)
	// Detach ends what Attach began.
	Detach(buildID uuid.UUID)
}
