package build

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river"

	"github.com/sheenapps/sheen/server/recommend"
)

// RecommendQueue is the queue of AI recommendations.
const RecommendQueue = "recommendations"

// recommendPriority is below that of builds, which is 1.
const recommendPriority = 3

// RecommendArgs is a job: somebody is to write a list of recommendations. Whether
// anything is left to do, the worker finds out; one job too many does no harm.
type RecommendArgs struct {
	BuildID  uuid.UUID `json:"build_id"`
	Revision int32     `json:"revision"`
}

// Kind implements [river.JobArgs].
func (RecommendArgs) Kind() string { return "recommend" }

// InsertOpts implements [river.JobArgsWithInsertOpts].
func (RecommendArgs) InsertOpts() river.InsertOpts {
	return river.InsertOpts{Queue: RecommendQueue, Priority: recommendPriority, MaxAttempts: maxJobAttempts}
}

func insertRecommendJob(ctx context.Context, jobs *river.Client[pgx.Tx], tx pgx.Tx, list recommend.Revision) error {
	if _, err := jobs.InsertTx(ctx, tx, RecommendArgs{BuildID: list.BuildID, Revision: list.Number}, nil); err != nil {
		return fmt.Errorf("insert the recommendations' job: %w", err)
	}
	return nil
}
