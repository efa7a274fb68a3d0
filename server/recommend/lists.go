package recommend

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/sheenapps/sheen/store"
)

// MaxRevisions is how many lists a build may have.
const MaxRevisions = 10

// ErrLate says that a list is not the caller's to change any more: another attempt
// began, or the list is finished or overdue. Nothing was changed.
var ErrLate = errors.New("the list of recommendations is not this attempt's any more")

// errTransition is a change of state that there is not.
var errTransition = errors.New("a list of recommendations does not change like this")

// Timing is how long things may take. The zero value of a field stands for its
// default.
type Timing struct {
	// Deadline is when a list fails of which nothing has come, from when it was
	// asked for: 60 s.
	Deadline time.Duration
	// Attempt is the longest that an engine may take: 20 s.
	Attempt time.Duration
	// Spare is how much longer nobody else makes an attempt: 5 s.
	Spare time.Duration
	// Pause lies between two attempts: 3 s.
	Pause time.Duration
}

// withDefaults fills what is zero.
func (t Timing) withDefaults() Timing {
	for _, field := range []struct {
		value    *time.Duration
		standard time.Duration
	}{
		{&t.Deadline, time.Minute}, {&t.Attempt, 20 * time.Second}, {&t.Spare, 5 * time.Second}, {&t.Pause, 3 * time.Second},
	} {
		if *field.value == 0 {
			*field.value = field.standard
		}
	}
	return t
}

// Revision names one list of a build.
type Revision struct {
	BuildID uuid.UUID
	// Number counts the lists of a build from 1.
	Number int32
}

// Attempt is one try at a list. Its number is a fencing token: what an attempt
// writes after another one began is refused.
type Attempt struct {
	Revision
	// Number counts the tries from 1; 0 is before the first.
	Number int32
}

// Usage is what an attempt used.
type Usage struct {
	// Engine and Model name who wrote; Model may be empty.
	Engine, Model string
	// InputTokens were read and OutputTokens written.
	InputTokens, OutputTokens int64
	// CostMicros is the provider's price in millionths of a US dollar.
	CostMicros int64
}

// Lists are the stored lists of all builds. Every change of a list takes the row as it
// was seen, so of two that change it one wins. A caller that changes the build too
// has its lock first. It is safe for concurrent use.
type Lists struct {
	// Timing is what the lists are made with, and never changes.
	Timing Timing

	queries *store.Queries
}

// NewLists makes them; of timing, what is zero gets its default.
func NewLists(timing Timing) *Lists {
	return &Lists{Timing: timing.withDefaults(), queries: store.New()}
}

// RequestFirst asks for the first list of a build, and reports whether it did: there
// is nothing to do for a build that has one.
func (l *Lists) RequestFirst(ctx context.Context, db store.DBTX, buildID uuid.UUID) (bool, error) {
	return l.first(ctx, db, buildID, StateQueued)
}

// Skip notes that no list is made for a build, unless one was asked for.
func (l *Lists) Skip(ctx context.Context, db store.DBTX, buildID uuid.UUID) error {
	_, err := l.first(ctx, db, buildID, StateSkipped)
	return err
}

func (l *Lists) first(ctx context.Context, db store.DBTX, buildID uuid.UUID, state State) (bool, error) {
	n, err := l.queries.RecommendationRevisionFirst(ctx, db, &store.RecommendationRevisionFirstParams{
		BuildID: buildID, State: string(state), DeadlineMs: l.Timing.Deadline.Milliseconds(),
	})
	return n > 0, err
}

// RequestNext asks for another list in the name of an idempotency key. The caller has
// the build's lock and has seen that none is open.
func (l *Lists) RequestNext(ctx context.Context, db store.DBTX, list Revision, key string) error {
	return l.queries.RecommendationRevisionNext(ctx, db, &store.RecommendationRevisionNextParams{
		BuildID: list.BuildID, Revision: list.Number, IdempotencyKey: key, DeadlineMs: l.Timing.Deadline.Milliseconds(),
	})
}

// Join has a list that is open answer an idempotency key too. The caller has the
// build's lock.
func (l *Lists) Join(ctx context.Context, db store.DBTX, list Revision, key string) error {
	return l.queries.RecommendationRevisionJoin(ctx, db, &store.RecommendationRevisionJoinParams{
		BuildID: list.BuildID, Revision: list.Number, IdempotencyKey: key,
	})
}

// Begin begins the attempt after the one that the caller has seen. It returns
// [ErrLate] if that is not possible any more.
func (l *Lists) Begin(ctx context.Context, db store.DBTX, seen Attempt) (Attempt, error) {
	n, err := l.queries.RecommendationAttemptBegin(ctx, db, &store.RecommendationAttemptBeginParams{
		BuildID: seen.BuildID, Revision: seen.Revision.Number, Attempt: seen.Number,
		LeaseMs: (l.Timing.Attempt + l.Timing.Spare).Milliseconds(),
	})
	return Attempt{seen.Revision, n}, late(err)
}

// Store finishes a list with checked entries, and returns how long it took from when
// it was asked for. It returns [ErrLate] to an attempt that is not the newest, or
// whose list is overdue.
func (l *Lists) Store(ctx context.Context, db store.DBTX, by Attempt, entries []Draft, used Usage) (time.Duration, error) {
	args := &store.RecommendationStoreParams{
		BuildID: by.BuildID, Revision: by.Revision.Number, Attempt: by.Number,
		Engine: used.Engine, Model: used.Model,
		InputTokens: used.InputTokens, OutputTokens: used.OutputTokens, CostMicros: used.CostMicros,
	}
	for _, e := range entries {
		id, err := uuid.NewV7()
		if err != nil {
			return 0, fmt.Errorf("make an id: %w", err)
		}
		args.Ids = append(args.Ids, id)
		args.Kinds = append(args.Kinds, string(e.Kind))
		args.Categories = append(args.Categories, string(e.Category))
		args.Titles = append(args.Titles, e.Title)
		args.Descriptions = append(args.Descriptions, e.Description)
		args.Prompts = append(args.Prompts, e.Prompt)
	}
	seconds, err := l.queries.RecommendationStore(ctx, db, args)
	return time.Duration(seconds * float64(time.Second)), late(err)
}

// Fail ends an attempt that came to nothing. The list is queued again if that may
// help, and has failed otherwise: then given up is true. It returns [ErrLate] to an
// attempt that is not the newest.
func (l *Lists) Fail(ctx context.Context, db store.DBTX, by Attempt, why Reason, retryable bool, used Usage) (givenUp bool, err error) {
	to := afterFailure(by.Number, why, retryable)
	return to == StateFailed, l.end(ctx, db, by, StateGenerating, to, why, retryable, used)
}

// GiveUp ends a list in the state that it was seen in. It returns [ErrLate] if it is
// in another one by now.
func (l *Lists) GiveUp(ctx context.Context, db store.DBTX, seen Attempt, state State, why Reason) error {
	return l.end(ctx, db, seen, state, StateFailed, why, false, Usage{})
}

func (l *Lists) end(
	ctx context.Context, db store.DBTX, at Attempt, from, to State, why Reason, retryable bool, used Usage,
) error {
	if !from.CanBecome(to) {
		return fmt.Errorf("%w: from %s to %s", errTransition, from, to)
	}
	_, err := l.queries.RecommendationAttemptEnd(ctx, db, &store.RecommendationAttemptEndParams{
		BuildID: at.BuildID, Revision: at.Revision.Number, Attempt: at.Number,
		FromState: string(from), ToState: string(to), Outcome: string(why), Retryable: retryable,
		Engine: used.Engine, Model: used.Model,
		InputTokens: used.InputTokens, OutputTokens: used.OutputTokens, CostMicros: used.CostMicros,
	})
	return late(err)
}

// NoteUsage keeps what an attempt cost that was ended before its answer came.
func (l *Lists) NoteUsage(ctx context.Context, db store.DBTX, by Attempt, used Usage) error {
	return l.queries.RecommendationAttemptUsage(ctx, db, &store.RecommendationAttemptUsageParams{
		BuildID: by.BuildID, Revision: by.Revision.Number, Attempt: by.Number, Engine: used.Engine, Model: used.Model,
		InputTokens: used.InputTokens, OutputTokens: used.OutputTokens, CostMicros: used.CostMicros,
	})
}

func late(err error) error {
	if errors.Is(err, store.ErrNotFound) {
		return ErrLate
	}
	return err
}
