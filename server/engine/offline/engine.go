package offline

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/sheenapps/sheen/server/engine"
)

// Name is the engine's name in configuration.
const Name = "offline"

// Options configure an [Engine]. The zero value writes flat out.
type Options struct {
	// Pace is how fast to write: 0 without a pause, 1 as fast as a person
	// reads (about 15 s for a site), 10 ten times that. Negative is 0.
	Pace float64
	// Wait pauses for d or until ctx ends and then returns its cause. The
	// default uses a timer; tests count instead.
	Wait func(ctx context.Context, d time.Duration) error
}

// Engine writes sites from templates. It is safe for concurrent use.
type Engine struct {
	pace float64
	wait func(ctx context.Context, d time.Duration) error
}

var _ engine.Engine = (*Engine)(nil)

// New returns an engine.
func New(options Options) *Engine {
	e := &Engine{pace: max(options.Pace, 0), wait: options.Wait}
	if e.wait == nil {
		e.wait = engine.Wait
	}
	return e
}

// Name returns [Name].
func (e *Engine) Name() string { return Name }

// Plan streams a designer's explanation of the site, a few words at a time, and
// returns the plan. It fails only with the context or the sink.
func (e *Engine) Plan(ctx context.Context, req engine.Request, sink engine.Sink) (*engine.Plan, engine.Usage, error) {
	plan, text, err := planOf(req)
	if err != nil {
		return nil, usage(), err
	}
	if err := e.say(ctx, text, sink); err != nil {
		return nil, usage(), err
	}
	return plan, usage(), sink.Called(ctx, engine.Call{Key: engine.PlanKey, Model: Name})
}

// planOf returns the plan for a request and what to say about it.
func planOf(req engine.Request) (*engine.Plan, string, error) {
	if isUpdate(req) {
		return planUpdate(req)
	}
	site, err := newSite(briefFor(req))
	if err != nil {
		return nil, "", err
	}
	plan, err := site.plan()
	return plan, narrative(site), err
}

// Write streams the plan's files except those in done.
func (e *Engine) Write(ctx context.Context, req engine.Request, plan *engine.Plan, done []string, sink engine.Sink) (engine.Usage, error) {
	files, err := filesOf(req, plan)
	if err != nil {
		return usage(), err
	}
	rest := slices.DeleteFunc(slices.Clone(files), func(f engine.File) bool {
		return slices.Contains(done, f.Path)
	})
	return usage(), e.stream(ctx, rest, engine.WriteKey, chunksOf(files), sink)
}

// Fix streams the planned files again that failures name or that are missing.
func (e *Engine) Fix(ctx context.Context, req engine.Request, plan *engine.Plan, files []engine.File, failures []engine.Failure, sink engine.Sink) (engine.Usage, error) {
	all, err := filesOf(req, plan)
	if err != nil {
		return usage(), err
	}
	broken := slices.DeleteFunc(slices.Clone(all), func(f engine.File) bool {
		failed := slices.ContainsFunc(failures, func(x engine.Failure) bool { return x.Path == f.Path })
		present := slices.ContainsFunc(files, func(x engine.File) bool { return x.Path == f.Path })
		return present && !failed
	})
	key := func(path string) string { return engine.FixKey(req.FixAttempt, path) }
	return usage(), e.stream(ctx, broken, key, chunksOf(all), sink)
}

// filesOf renders what plan announces, in its order.
func filesOf(req engine.Request, plan *engine.Plan) ([]engine.File, error) {
	if isUpdate(req) {
		return updateOf(req, plan)
	}
	var b brief
	if err := json.Unmarshal(plan.Private, &b); err != nil {
		return nil, fmt.Errorf("plan of another engine: %w", err)
	}
	site, err := newSite(b)
	if err != nil {
		return nil, err
	}
	return site.render()
}

// usage is that of any call: nothing is paid for.
func usage() engine.Usage { return engine.Usage{Model: Name} }
