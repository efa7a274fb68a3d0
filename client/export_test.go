package client

import (
	"context"
	"time"
)

// WithSleep replaces waiting; jitter then gives its upper bound.
func WithSleep(sleep func(ctx context.Context, d time.Duration) error) Option {
	return func(c *Client) {
		c.timing = timing{sleep: sleep, jitter: func(limit time.Duration) time.Duration { return limit }}
	}
}

// Jitter is the real jitter.
func Jitter(limit time.Duration) time.Duration { return jitter(limit) }
