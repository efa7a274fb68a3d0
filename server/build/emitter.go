package build

import (
	"context"
	"errors"
	"fmt"
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
// progress, in order, each with the lease's token and the seq that it must get.
// The first text leaves at once; later text and files gather for 40 ms. It is safe
// for concurrent use.
type emitter struct {
	ender    *ender
	producer event.Producer

	mu        sync.Mutex
	pending   []*eventv1.BuildEvent
	files     map[string]*store.BuildFile
	calls     []*store.ModelCall
	textBytes int
	spoke     bool
	timer     *time.Timer
	// next is the seq of the next event: only this run appends under its lease.
	next int64
	// open is a write of which it is not known whether it took place; nil if
	// there is none. It is settled before the next one.
	open *attempt
	// err is why a write in the background failed for good; every later one
	// returns it.
	err error
}

// newEmitter begins after the head that the build had when its lease was taken.
func newEmitter(e *ender, b *store.Build) *emitter {
	return &emitter{
		ender:    e,
		producer: event.Producer{BuildID: b.ID, LeaseToken: b.LeaseToken},
		files:    make(map[string]*store.BuildFile),
		next:     b.HeadSeq + 1,
	}
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
	if n := len(e.pending); n > 0 && !e.open.holds(n) {
		if last, ok := e.pending[n-1].GetPayload().(*eventv1.BuildEvent_AssistantText); ok {
			last.AssistantText.Delta += delta
			return
		}
	}
	e.pending = append(e.pending, &eventv1.BuildEvent{Payload: &eventv1.BuildEvent_AssistantText{
		AssistantText: &eventv1.AssistantText{Delta: delta},
	}})
}

// file notes a finished file, the model calls that made it and its events.
func (e *emitter) file(ctx context.Context, file *store.BuildFile, calls []*store.ModelCall, events ...*eventv1.BuildEvent) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.err != nil {
		return e.err
	}
	e.files[file.Path] = file
	e.calls = append(e.calls, calls...)
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
		if err := e.flushLocked(ctx, nil); err != nil && !uncertain(err) {
			e.err = err
		}
	})
}

// emit writes events at once, after all that is pending.
func (e *emitter) emit(ctx context.Context, events ...*eventv1.BuildEvent) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.err != nil {
		return e.err
	}
	return e.flushLocked(ctx, nil, events...)
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
	e.pending, e.calls, e.textBytes, e.open, e.err = nil, nil, 0, nil, nil
	clear(e.files)
}

// flushLocked stores what is pending, then more. What could not be stored stays
// pending. A write that has begun is not cut when the run ends; one whose outcome
// stays unknown until the time is over is settled by the next call.
func (e *emitter) flushLocked(ctx context.Context, also change, more ...*eventv1.BuildEvent) error {
	if e.timer != nil {
		e.timer.Stop()
		e.timer = nil
	}
	if len(e.pending) == 0 && len(e.files) == 0 && len(e.calls) == 0 && also == nil && len(more) == 0 {
		return nil
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), writeTimeout)
	defer cancel()
	if _, err := e.settle(ctx); err != nil {
		return tooLong(ctx, err)
	}
	return tooLong(ctx, e.write(ctx, also, more))
}

// tooLong says of a write that was given up after [writeTimeout] that the store is
// away: it is no fault of the build.
func tooLong(writing context.Context, err error) error {
	if err != nil && writing.Err() != nil && uncertain(err) {
		return fmt.Errorf("%w: %w", store.ErrUnavailable, err)
	}
	return err
}
