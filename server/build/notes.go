package build

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/sheenapps/sheen/store"
)

// The kinds of internal events that a worker writes.
const (
	noteLeaseTaken    = "lease_taken"
	noteLeaseLost     = "lease_lost"
	noteAttemptFailed = "attempt_failed"
	noteStep          = "step"
)

const (
	// maxNotes wait to be written; more are dropped.
	maxNotes = 64
	// noteTimeout bounds what a run waits for its notes at its end.
	noteTimeout = time.Second
)

// notes write a run's internal events in the background. A note that cannot be
// written, or not soon, is dropped: no build fails or waits for it. What a user
// or a model said is never part of one. It is safe for concurrent use.
type notes struct {
	w       *Worker
	buildID uuid.UUID
	queue   chan note
	stop    context.CancelFunc
	writer  sync.WaitGroup
}

type note struct {
	kind string
	data any
}

// takeNotes begins a run's notes; they are closed at its end.
func (w *Worker) takeNotes(ctx context.Context, b *store.Build) *notes {
	ctx, stop := context.WithCancel(context.WithoutCancel(ctx))
	n := &notes{w: w, buildID: b.ID, queue: make(chan note, maxNotes), stop: stop}
	n.writer.Go(func() { n.write(ctx) })
	return n
}

// add notes something, unless too much is waiting.
func (n *notes) add(kind string, data any) {
	select {
	case n.queue <- note{kind, data}:
	default:
	}
}

// close writes what is waiting, for a bounded time. Nothing is added after it.
func (n *notes) close() {
	close(n.queue)
	timer := time.AfterFunc(noteTimeout, n.stop)
	n.writer.Wait()
	timer.Stop()
	n.stop()
}

func (n *notes) write(ctx context.Context) {
	for next := range n.queue {
		data, err := json.Marshal(next.data)
		if err == nil {
			err = n.w.log.AppendInternal(ctx, n.w.db, n.buildID, next.kind, data)
		}
		if err != nil {
			n.w.logger.DebugContext(ctx, "an internal event was not written", "build_id", n.buildID, "kind", next.kind, "cause", err)
		}
	}
}

// leaseNote is what is noted about a lease.
type leaseNote struct {
	Attempt    int32  `json:"attempt"`
	LeaseToken int64  `json:"lease_token"`
	HeadSeq    int64  `json:"head_seq"`
	Engine     string `json:"engine"`
}

// failureNote is why an attempt failed. The cause is the types of the errors in
// its chain: their text, which the log has, may quote what a model or a user said.
type failureNote struct {
	Attempt   int32    `json:"attempt"`
	State     string   `json:"state"`
	Reason    Reason   `json:"reason"`
	Class     Class    `json:"class"`
	Retryable bool     `json:"retryable"`
	Cause     []string `json:"cause"`
}

func newFailureNote(b *store.Build, f *failure) failureNote {
	n := failureNote{Attempt: b.Attempt, State: b.State, Reason: f.reason, Class: f.class, Retryable: f.retryable}
	for err := f.err; err != nil; err = errors.Unwrap(err) {
		n.Cause = append(n.Cause, fmt.Sprintf("%T", err))
	}
	return n
}

// stepNote is how long a call of the engine took and what it used.
type stepNote struct {
	Step         string `json:"step"`
	Attempt      int32  `json:"attempt"`
	Engine       string `json:"engine"`
	Model        string `json:"model"`
	InputTokens  int64  `json:"input_tokens"`
	OutputTokens int64  `json:"output_tokens"`
	ActiveUS     int64  `json:"active_us"`
	CostMicros   int64  `json:"cost_micros"`
	Failed       bool   `json:"failed"`
}
