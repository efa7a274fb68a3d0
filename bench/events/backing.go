package main

import (
	"context"

	"github.com/sheenapps/sheen/bench/stack"
)

// backing is the Postgres and the Redis that all contenders of a run share.
type backing struct{ *stack.Stack }

func startBacking(ctx context.Context, dir string) (*backing, error) {
	s, err := stack.Start(ctx, dir)
	if err != nil {
		return nil, err
	}
	return &backing{s}, nil
}
