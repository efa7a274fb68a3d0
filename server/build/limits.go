package build

import "time"

// The bounds of a build, as GetLimits tells them.
const (
	MaxPromptBytes = 16 << 10
	MaxFiles       = 500
	MaxSiteBytes   = 20 << 20
	MaxModelCalls  = 100
	MaxAttempts    = 3
	// MaxWaiting is how many builds may wait in a project.
	MaxWaiting = 10
)

const (
	// leaseTTL is how long a worker may be silent before its build is another's.
	leaseTTL = 15 * time.Second
	// leaseRenew leaves two tries before the lease runs out.
	leaseRenew = leaseTTL / 3
	// sweepEvery bounds a takeover, together with the lease, to 20 s.
	sweepEvery = 5 * time.Second
	// cancelPoll is how often a node asks which of its builds are to stop.
	cancelPoll = 500 * time.Millisecond
	// DefaultTimeout is the longest that a build may take.
	DefaultTimeout = 15 * time.Minute
)

// Limits are those bounds that a server is configured with.
type Limits struct {
	// BuildTimeout is the longest that a build may take.
	BuildTimeout time.Duration
	// EventRetention is how long events can be read; 0 is for ever.
	EventRetention time.Duration
}
