package event

import (
	"log/slog"
	"sync/atomic"
)

// condition is whether some use of a server works. It logs a change of that, not
// each failure. It is safe for concurrent use.
type condition struct {
	log  *slog.Logger
	away atomic.Bool
}

func newCondition(log *slog.Logger, use, server string) *condition {
	return &condition{log: log.With("use", use, "server", server)}
}

func (c *condition) failed(err error) {
	if !c.away.Swap(true) {
		c.log.Warn("events go without Redis", "cause", err)
	}
}

func (c *condition) works() {
	if c.away.Load() && c.away.Swap(false) {
		c.log.Info("events go over Redis again")
	}
}
