package client

import (
	"context"
	"time"
)

// WithSleep replaces waiting; jitter then gives its upper bound.
func WithSleep(sleep func(ctx context.Context, d time.Duration) error) Option {
	return func(c *Client) {
		c.timing.sleep, c.timing.jitter = sleep, func(limit time.Duration) time.Duration { return limit }
	}
}

// WithPatience sets the silence after which a stream is dead.
func WithPatience(d time.Duration) Option {
	return func(c *Client) { c.timing.patience = d }
}

// Jitter is the real jitter.
func Jitter(limit time.Duration) time.Duration { return jitter(limit) }
