package recommend

import (
	"slices"

	"github.com/sheenapps/sheen/server/locale"
)

// Reason says what came of an attempt, or why a list was given up. Its text is the
// stored one.
type Reason string

// The reasons.
const (
	// ReasonReady is no failure.
	ReasonReady Reason = "ready"
	// ReasonProvider is a model provider that could not answer.
	ReasonProvider Reason = "provider_unavailable"
	// ReasonDeadline is a list or an attempt that took too long.
	ReasonDeadline Reason = "deadline"
	// ReasonMalformed is an answer of which nothing can be used.
	ReasonMalformed Reason = "malformed"
	// ReasonNothing is an engine that has nothing to propose.
	ReasonNothing Reason = "nothing"
	// ReasonRefused is the content policy of a provider.
	ReasonRefused Reason = "refused"
	// ReasonTooLong is a site or an answer beyond what the model takes.
	ReasonTooLong Reason = "too_long"
	// ReasonBusy is a list whose turn would have come too late.
	ReasonBusy Reason = "busy"
	// ReasonLost is a worker that is gone, ReasonStopped one that was stopped.
	ReasonLost    Reason = "lost"
	ReasonStopped Reason = "stopped"
	// ReasonInternal is a fault of ours.
	ReasonInternal Reason = "internal"
)

// Reasons returns all reasons for which a list is given up.
func Reasons() []Reason {
	return []Reason{
		ReasonProvider, ReasonDeadline, ReasonMalformed, ReasonNothing, ReasonRefused, ReasonTooLong,
		ReasonBusy, ReasonLost, ReasonStopped, ReasonInternal,
	}
}

// told are the reasons that a user is told; any other is a fault of ours to them.
func told() []Reason {
	return []Reason{
		ReasonProvider, ReasonDeadline, ReasonMalformed, ReasonNothing, ReasonRefused, ReasonTooLong, ReasonBusy, ReasonInternal,
	}
}

// text is a sentence for the user in the locale tag; empty for no reason.
func (r Reason) text(tag string) string {
	if r == "" {
		return ""
	}
	if !slices.Contains(told(), r) {
		r = ReasonInternal
	}
	return locale.Text(tag, "recommendation.failed."+string(r), nil)
}
