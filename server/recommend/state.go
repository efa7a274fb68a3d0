package recommend

import "slices"

// State is how far a list of AI recommendations is. Its text is the stored one.
type State string

// The states.
const (
	// StateNone is a build of which no list was asked for.
	StateNone State = "none"
	// StateQueued waits for a worker, StateGenerating has one.
	StateQueued     State = "queued"
	StateGenerating State = "generating"
	// StateReady, StateFailed and StateSkipped are final.
	StateReady   State = "ready"
	StateFailed  State = "failed"
	StateSkipped State = "skipped"
)

// States returns all states in their order.
func States() []State {
	return []State{StateNone, StateQueued, StateGenerating, StateReady, StateFailed, StateSkipped}
}

// next are the states that may follow.
func (s State) next() []State {
	switch s {
	case StateNone:
		return []State{StateQueued, StateSkipped}
	case StateQueued:
		// Without an attempt a list fails that waited for too long.
		return []State{StateGenerating, StateFailed}
	case StateGenerating:
		// It is queued again for another attempt.
		return []State{StateReady, StateQueued, StateFailed}
	case StateReady, StateFailed, StateSkipped:
	}
	return nil
}

// CanBecome reports whether a list may go from one state to another.
func (s State) CanBecome(to State) bool { return slices.Contains(s.next(), to) }

// Open reports whether a list is in the making.
func (s State) Open() bool { return s == StateQueued || s == StateGenerating }

// MaxAttempts is how often a list is tried. One that a stopping node gave back is
// tried again beyond that: nothing has failed.
const MaxAttempts = 2

// afterFailure is what becomes of a list whose attempt, from 1, came to nothing.
func afterFailure(attempt int32, why Reason, retryable bool) State {
	if retryable && (attempt < MaxAttempts || why == ReasonStopped) {
		return StateQueued
	}
	return StateFailed
}
