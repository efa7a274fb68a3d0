package build

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river"

	"github.com/sheenapps/sheen/server/engine"
	"github.com/sheenapps/sheen/server/preview"
	"github.com/sheenapps/sheen/server/recommend"
	"github.com/sheenapps/sheen/store"
)

// RecommenderPorts are what writes recommendations beside [Ports]. Engine is required.
type RecommenderPorts struct {
	Ports

	Engine engine.Engine
	// PerMinute is how many model calls for recommendations the node may begin in any
	// minute; 0 is without a limit.
	PerMinute int
	// Minute is how long that minute lasts; 0 is one. It is for tests.
	Minute time.Duration
	// Clock says when the next one may begin; nil is the process's. It is for tests
	// that move time.
	Clock func() time.Time
}

// Recommender writes AI recommendations: the River worker of [RecommendArgs] and, in
// [Recommender.Watch], what ends lists that nobody else does. It is safe for concurrent
// use.
type Recommender struct {
	river.WorkerDefaults[RecommendArgs]
	*ender

	engine engine.Engine
	blobs  *preview.Blobs
	turns  *turns
	clock  func() time.Time
}

// NewRecommender makes it. [Recommender.ConnectJobs] completes it.
func NewRecommender(p RecommenderPorts) *Recommender {
	if p.Clock == nil {
		p.Clock = time.Now
	}
	return &Recommender{
		ender:  newEnder(p.Ports),
		engine: p.Engine,
		blobs:  p.Blobs,
		turns:  newTurns(p.PerMinute, cmp.Or(p.Minute, time.Minute), p.Clock),
		clock:  p.Clock,
	}
}

// ConnectJobs gives it what it puts lists back with, before its first use.
func (r *Recommender) ConnectJobs(jobs *river.Client[pgx.Tx]) { r.jobs = jobs }

// Timeout implements [river.Worker]. An attempt has its own, which always ends first.
func (r *Recommender) Timeout(*river.Job[RecommendArgs]) time.Duration {
	return r.lists.Timing.Attempt + 2*settleTimeout
}

// NextRetry implements [river.Worker].
func (*Recommender) NextRetry(*river.Job[RecommendArgs]) time.Time { return time.Now().Add(jobRetry) }

// Work implements [river.Worker]. It returns an error only when the store is away,
// and snoozes a list whose turn, or whose next attempt, comes later.
func (r *Recommender) Work(ctx context.Context, job *river.Job[RecommendArgs]) error {
	list := recommend.Revision{BuildID: job.Args.BuildID, Number: job.Args.Revision}
	t, err := r.load(ctx, list)
	if errors.Is(err, store.ErrNotFound) {
		return nil // It has ended.
	}
	if err != nil {
		return fmt.Errorf("read a list of recommendations: %w", err)
	}
	if t.state != recommend.StateQueued {
		return nil // Somebody is at it; if they are gone, it is queued again.
	}
	if t.left <= 0 {
		return r.giveUp(ctx, t.seen, t.state, recommend.ReasonDeadline)
	}
	wait, ok := r.turns.take(list, t.left)
	switch {
	case !ok:
		return r.giveUp(ctx, t.seen, t.state, recommend.ReasonBusy)
	case wait > 0:
		return snooze(wait)
	}
	attempt, err := r.lists.Begin(ctx, r.db, t.seen)
	if errors.Is(err, recommend.ErrLate) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("begin an attempt at recommendations: %w", err)
	}
	drafts, used, err := r.ask(ctx, t)
	return r.settleList(ctx, t, attempt, drafts, used, err)
}
