package build

import (
	"context"
	"errors"
	"maps"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	eventv1 "github.com/sheenapps/sheen/gen/sheen/event/v1"
	"github.com/sheenapps/sheen/server/crash"
	"github.com/sheenapps/sheen/server/event"
	"github.com/sheenapps/sheen/store"
)

// settlePause is the longest wait between two tries while the store is away.
const settlePause = 200 * time.Millisecond

// attempt is one write of an emitter: events with the seq of the first, files,
// and perhaps a change that goes with them.
type attempt struct {
	seq    int64
	events []*eventv1.BuildEvent
	// pending is how many of the events were the emitter's pending ones.
	pending int
	files   map[string]*store.BuildFile
	calls   []*store.ModelCall
}

// holds reports whether the n-th pending event belongs to an attempt of which it
// is not known whether it took place: then it must not change.
func (a *attempt) holds(n int) bool { return a != nil && n <= a.pending }

// uncertain reports whether an error leaves it open if a write took place.
func uncertain(err error) bool {
	return errors.Is(err, event.ErrOutcomeUnknown) || errors.Is(err, store.ErrUnavailable) ||
		errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled)
}

// write stores what is pending, then more, until it is known that it is stored or
// cannot be, or until ctx ends.
func (e *emitter) write(ctx context.Context, also change, more []*eventv1.BuildEvent) error {
	for {
		err := e.try(ctx, also, more)
		if conflict, ok := errors.AsType[*event.SeqConflictError](err); ok {
			// Somebody else appended under this lease. Nothing of this was stored.
			e.next = conflict.Head + 1
			continue
		}
		if !uncertain(err) {
			return err
		}
		stored, settleErr := e.settle(ctx)
		if settleErr != nil {
			return errors.Join(err, settleErr)
		}
		if stored {
			return nil
		}
		if pause(ctx) != nil {
			return err
		}
	}
}

// pause waits a little, and returns the cause if ctx has ended.
func pause(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-time.After(rand.N(settlePause)): //nolint:gosec // no secret, a spread
		return nil
	}
}

// try makes one attempt. If its outcome is unknown, it stays open.
func (e *emitter) try(ctx context.Context, also change, more []*eventv1.BuildEvent) error {
	a := &attempt{seq: e.next, events: slices.Concat(e.pending, more), pending: len(e.pending), files: maps.Clone(e.files), calls: slices.Clone(e.calls)}
	var (
		batch event.Batch
		err   error
	)
	if also == nil && len(a.files) == 0 && len(a.calls) == 0 && newestProgress(a.events) == nil {
		batch, err = e.ender.appender.Append(ctx, e.producer, a.seq, a.events...)
	} else {
		batch, err = e.tryTx(ctx, a, also)
	}
	if err == nil {
		e.stored(a, batch)
		return nil
	}
	if uncertain(err) {
		e.open = a
	}
	return err
}

// tryTx makes an attempt that changes more than the log.
func (e *emitter) tryTx(ctx context.Context, a *attempt, also change) (batch event.Batch, err error) {
	asked := a.events
	err = store.InTx(ctx, e.ender.db, func(tx pgx.Tx) (err error) {
		a.events = asked
		if also != nil {
			more, err := also(tx)
			if err != nil {
				return err
			}
			a.events = slices.Concat(asked, more)
		}
		if batch, err = e.store(ctx, tx, a.events); err != nil || len(batch.Records) == 0 {
			return err
		}
		if first := batch.Records[0].Seq; first != a.seq {
			// Stored at another place, it could not be found again by its seq.
			return &event.SeqConflictError{Head: first - 1}
		}
		return nil
	})
	if err == nil {
		e.ender.hub.Publish(batch)
	}
	return batch, err
}

// stored notes that an attempt took place.
func (e *emitter) stored(a *attempt, batch event.Batch) {
	if len(batch.Records) > 0 {
		e.next = batch.Head() + 1
	}
	e.open, e.textBytes = nil, 0
	passed(a)
	e.pending = slices.Clone(e.pending[a.pending:])
	maps.DeleteFunc(e.files, func(path string, file *store.BuildFile) bool { return a.files[path] == file })
	e.dropCalls(a.calls)
}

// passed is where tests may end the process after a write.
func passed(a *attempt) {
	if len(a.files) > 0 {
		crash.Point(crash.FilesCommitted)
	}
	if slices.ContainsFunc(a.events, func(e *eventv1.BuildEvent) bool { return e.GetAssistantText() != nil }) {
		crash.Point(crash.PlanSpoken)
	}
}

// settle finds out whether an open attempt took place. It asks until ctx ends.
func (e *emitter) settle(ctx context.Context) (stored bool, err error) {
	if e.open == nil {
		return false, nil
	}
	for {
		batch, stored, err := e.look(ctx)
		if conflict, ok := errors.AsType[*event.SeqConflictError](err); ok {
			e.next, e.open = conflict.Head+1, nil
			return false, nil
		}
		if err == nil && stored {
			// Published again: nobody knows whether it was.
			e.ender.hub.Publish(batch)
			e.stored(e.open, batch)
			return true, nil
		}
		if !uncertain(err) {
			e.open = nil
			return false, err
		}
		if pause(ctx) != nil {
			return false, err
		}
	}
}

// look asks the store for the open attempt. An attempt without events leaves no
// trace to be found; it does nothing that may not be done again.
func (e *emitter) look(ctx context.Context) (batch event.Batch, stored bool, err error) {
	if len(e.open.events) == 0 {
		return event.Batch{}, false, nil
	}
	err = store.InTx(ctx, e.ender.db, func(tx pgx.Tx) (err error) {
		batch, stored, err = e.ender.log.Repeated(ctx, tx, e.producer, e.open.seq, e.open.events...)
		return err
	})
	return batch, stored, err
}

// store writes an attempt's files, progress and events.
func (e *emitter) store(ctx context.Context, tx pgx.Tx, events []*eventv1.BuildEvent) (event.Batch, error) {
	if err := e.storeFiles(ctx, tx); err != nil {
		return event.Batch{}, err
	}
	if err := e.ender.storeCalls(ctx, tx, e.producer, e.calls); err != nil {
		return event.Batch{}, err
	}
	if err := e.storeProgress(ctx, tx, events); err != nil {
		return event.Batch{}, err
	}
	if len(events) == 0 {
		return event.Batch{}, nil
	}
	return e.ender.log.Append(ctx, tx, e.producer, events...)
}

func (e *emitter) storeFiles(ctx context.Context, tx pgx.Tx) error {
	if len(e.files) == 0 {
		return nil
	}
	params := &store.BuildFileUpsertParams{BuildID: e.producer.BuildID, LeaseToken: e.producer.LeaseToken}
	for _, file := range e.files {
		params.Paths = append(params.Paths, file.Path)
		params.Digests = append(params.Digests, file.Digest)
		params.Sizes = append(params.Sizes, file.SizeBytes)
	}
	crash.Point(crash.FileNoted)
	n, err := e.ender.queries.BuildFileUpsert(ctx, tx, params)
	if err == nil && n == 0 {
		return errLeaseLost
	}
	return err
}

// newestProgress is the last progress among events; nil without one.
func newestProgress(events []*eventv1.BuildEvent) *eventv1.Progress {
	for _, event := range slices.Backward(events) {
		if p := event.GetProgress(); p != nil {
			return p
		}
	}
	return nil
}

// storeProgress keeps the newest progress in the build's row.
func (e *emitter) storeProgress(ctx context.Context, tx pgx.Tx, events []*eventv1.BuildEvent) error {
	newest := newestProgress(events)
	if newest == nil {
		return nil
	}
	n, err := e.ender.queries.BuildProgress(ctx, tx, &store.BuildProgressParams{
		ID:               e.producer.BuildID,
		LeaseToken:       e.producer.LeaseToken,
		ProgressPermille: newest.GetProgressPermille(),
		StepIndex:        newest.GetStepIndex(),
		StepCount:        newest.GetStepCount(),
	})
	if err == nil && n == 0 {
		return errLeaseLost
	}
	return err
}
