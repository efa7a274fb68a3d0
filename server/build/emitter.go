package build

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"

	eventv1 "github.com/sheenapps/sheen/gen/sheen/event/v1"
	"github.com/sheenapps/sheen/server/event"
	"github.com/sheenapps/sheen/store"
)

const (
	// coalesce is how long small events wait for company: 25 writes a second
	// look like typing, and more help nobody.
	coalesce = 40 * time.Millisecond
	// coalesceBytes of text end the wait.
	coalesceBytes = 2 << 10
	// writeTimeout bounds a write that has begun.
	writeTimeout = 10 * time.Second
)

// emitter writes what a run produces to its build: events, finished files and
// progress, in order, each with the lease's token. The first text leaves at once;
// later text and files gather for 40 ms. It is safe for concurrent use.
type emitter struct {
	ender    *ender
	producer event.Producer

	mu        sync.Mutex
	pending   []*eventv1.BuildEvent
	files     map[string]*store.BuildFile
	textBytes int
	spoke     bool
	timer     *time.Timer
	// err is why a write in the background failed, or that it is not known
	// whether one took place; every later one returns it.
	err error
}

func newEmitter(e *ender, p event.Producer) *emitter {
	return &emitter{ender: e, producer: p, files: make(map[string]*store.BuildFile)}
}

// lost reports whether an error says that the build is no longer this worker's.
func lost(err error) bool {
	return errors.Is(err, errLeaseLost) || errors.Is(err, event.ErrLeaseLost) || errors.Is(err, errTransition)
}

// text appends to the assistant's text.
func (e *emitter) text(ctx context.Context, delta string) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.err != nil {
		return e.err
	}
	e.addText(delta)
	e.textBytes += len(delta)
	if !e.spoke || e.textBytes >= coalesceBytes {
		e.spoke = true
		return e.flushLocked(ctx, nil)
	}
	e.flushLater(ctx)
	return nil
}

// addText joins the piece to the one before, if nothing came between.
func (e *emitter) addText(delta string) {
	if n := len(e.pending); n > 0 {
		if last, ok := e.pending[n-1].GetPayload().(*eventv1.BuildEvent_AssistantText); ok {
			last.AssistantText.Delta += delta
			return
		}
	}
	e.pending = append(e.pending, &eventv1.BuildEvent{Payload: &eventv1.BuildEvent_AssistantText{
		AssistantText: &eventv1.AssistantText{Delta: delta},
	}})
}

// file notes a finished file and its events.
func (e *emitter) file(ctx context.Context, file *store.BuildFile, events ...*eventv1.BuildEvent) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.err != nil {
		return e.err
	}
	e.files[file.Path] = file
	e.pending = append(e.pending, events...)
	e.flushLater(ctx)
	return nil
}

// flushLater writes what is pending within the window. The caller holds the lock.
func (e *emitter) flushLater(ctx context.Context) {
	if e.timer != nil {
		return
	}
	e.timer = time.AfterFunc(coalesce, func() {
		e.mu.Lock()
		defer e.mu.Unlock()
		if e.timer == nil {
			return // Somebody flushed in between.
		}
		e.timer = nil
		if ctx.Err() != nil {
			return // The run has ended; whoever settles it writes what is left.
		}
		if err := e.flushLocked(ctx, nil); err != nil {
			e.err = err
		}
	})
}

// emit writes events at once, after all that is pending.
func (e *emitter) emit(ctx context.Context, events ...*eventv1.BuildEvent) error {
	return e.commit(ctx, func(pgx.Tx) ([]*eventv1.BuildEvent, error) { return events, nil })
}

// flush writes what is pending.
func (e *emitter) flush(ctx context.Context) error { return e.commit(ctx, nil) }

// change is what else a transaction does; its events come after all that is
// pending. It may be run again.
type change func(pgx.Tx) ([]*eventv1.BuildEvent, error)

// commit makes a change in the transaction that stores what is pending.
func (e *emitter) commit(ctx context.Context, also change) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.err != nil {
		return e.err
	}
	return e.flushLocked(ctx, also)
}

// discard drops what is pending, because it cannot be stored.
func (e *emitter) discard() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.pending, e.textBytes, e.err = nil, 0, nil
	clear(e.files)
}

// uncertain reports whether an error leaves it open if a write took place.
func uncertain(err error) bool {
	return errors.Is(err, store.ErrUnavailable) || errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled)
}

// flushLocked stores what is pending. What could not be stored stays pending. A
// write that has begun is not cut when the run ends: nobody would know whether
// its events exist, and they would be stored again.
func (e *emitter) flushLocked(ctx context.Context, also change) error {
	if e.timer != nil {
		e.timer.Stop()
		e.timer = nil
	}
	if len(e.pending) == 0 && len(e.files) == 0 && also == nil {
		return nil
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), writeTimeout)
	defer cancel()
	var batch event.Batch
	err := store.InTx(ctx, e.ender.db, func(tx pgx.Tx) (err error) {
		events := e.pending
		if also != nil {
			more, err := also(tx)
			if err != nil {
				return err
			}
			events = slices.Concat(events, more)
		}
		batch, err = e.store(ctx, tx, events)
		return err
	})
	if uncertain(err) {
		e.err = err
	}
	if err != nil {
		return err
	}
	e.pending, e.textBytes = nil, 0
	clear(e.files)
	e.ender.hub.Publish(batch)
	return nil
}

func (e *emitter) store(ctx context.Context, tx pgx.Tx, events []*eventv1.BuildEvent) (event.Batch, error) {
	if err := e.storeFiles(ctx, tx); err != nil {
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
	n, err := e.ender.queries.BuildFileUpsert(ctx, tx, params)
	if err == nil && n == 0 {
		return errLeaseLost
	}
	return err
}

// storeProgress keeps the newest progress in the build's row.
func (e *emitter) storeProgress(ctx context.Context, tx pgx.Tx, events []*eventv1.BuildEvent) error {
	var newest *eventv1.Progress
	for _, event := range events {
		if p := event.GetProgress(); p != nil {
			newest = p
		}
	}
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
