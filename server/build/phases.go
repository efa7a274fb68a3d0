package build

import (
	"context"
	"errors"
	"time"
)

// PhaseLimit is the longest that a build may be in a state, by the wall clock and
// over all workers that take it up. It is 0 for a state in which nothing is done.
func PhaseLimit(s State) time.Duration {
	switch s {
	case Planning, Testing, Deploying:
		return 3 * time.Minute
	case Coding:
		return 10 * time.Minute
	case Fixing:
		return 5 * time.Minute
	default:
		return 0
	}
}

// phaseWithin does the work of the build's state, and fails the build when that
// takes longer than it may. What bounds the whole build, ctx has already.
func (r *run) phaseWithin(ctx context.Context) (State, error) {
	limit := PhaseLimit(State(r.build.State))
	if limit == 0 || r.build.PhaseTime == nil {
		return r.phase(ctx)
	}
	within, stop := context.WithDeadlineCause(ctx, r.build.PhaseTime.Add(limit), errTimeout)
	defer stop()
	next, err := r.phase(within)
	if err != nil && !lost(err) && errors.Is(context.Cause(within), errTimeout) {
		err = errTimeout
	}
	return next, err
}
