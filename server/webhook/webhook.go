package webhook

import (
	"slices"
	"time"

	"google.golang.org/protobuf/reflect/protoreflect"

	eventv1 "github.com/sheenapps/sheen/gen/sheen/event/v1"
)

// maxEndpoints of a user. The statements that append events know it, too.
const maxEndpoints = 10

// payloads is the oneof of BuildEvent; its fields are the types of events.
var payloads = (&eventv1.BuildEvent{}).ProtoReflect().Descriptor().Oneofs().ByName("payload").Fields()

// standardTypes are sent where nothing else was asked for: those that tell the
// life of a build. Progress, text, files, logs and money are too many for most.
var standardTypes = []string{
	"phase_changed", "preview_ready", "version_created", "recommendations_ready", "recommendations_failed",
	"warning", "build_completed", "build_failed", "build_cancelled",
}

// kindsOf returns the field numbers of types in ascending order, those of the
// standard ones if there are none. It returns an error for the caller if a name is
// not one of a type.
func kindsOf(types []string) ([]int16, error) {
	if len(types) == 0 {
		types = standardTypes
	}
	kinds := make([]int16, 0, len(types))
	for _, name := range types {
		field := payloads.ByName(protoreflect.Name(name))
		if field == nil {
			return nil, unknownType(name)
		}
		kinds = append(kinds, int16(field.Number())) //nolint:gosec // a field number of BuildEvent
	}
	slices.Sort(kinds)
	return slices.Compact(kinds), nil
}

// typeOf is the name of a type; empty for one of a newer version.
func typeOf(kind int16) string {
	field := payloads.ByNumber(protoreflect.FieldNumber(kind))
	if field == nil {
		return ""
	}
	return string(field.Name())
}

const (
	// giveUpAfter is how long a delivery is tried, from its event or its last
	// redelivery on. It is tried once at least.
	giveUpAfter = 24 * time.Hour
	// failingLimit is how long an endpoint may do nothing but fail.
	failingLimit = 5 * 24 * time.Hour
	// maxRetryAfter bounds what a receiver may ask for.
	maxRetryAfter = time.Hour
)

// pauses follow the failures of a delivery; the last one repeats.
var pauses = []time.Duration{
	5 * time.Second, 30 * time.Second, 2 * time.Minute, 10 * time.Minute, 30 * time.Minute,
	time.Hour, 2 * time.Hour, 4 * time.Hour,
}

// nextAttempt is when a delivery is tried again that has failed so many times, at
// least one, since it became pending; ok is false if it is given up. spread, from
// 0 to 1, moves the pause by a fifth both ways, so that what failed together does
// not come back together. A receiver that asks for a longer pause gets it.
func nextAttempt(now, pendingSince time.Time, failures int, asked time.Duration, spread float64) (at time.Time, ok bool) {
	pause := pauses[min(failures, len(pauses))-1]
	pause = time.Duration(float64(pause) * (0.8 + 0.4*spread))
	at = now.Add(max(pause, min(asked, maxRetryAfter)))
	return at, !at.After(pendingSince.Add(giveUpAfter))
}
