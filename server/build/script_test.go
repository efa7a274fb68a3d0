package build_test

import (
	"context"
	"slices"
	"sync/atomic"

	"github.com/sheenapps/sheen/server/engine"
)

// script is an engine that does what a test tells it. What is nil does what a
// good engine does.
type script struct {
	planned func(context.Context, engine.Sink) (*engine.Plan, error)
	written func(context.Context, []string, engine.Sink) error
	fixed   func(context.Context, []engine.Failure, engine.Sink) error
	// recommended stands for recommending; a good engine recommends a newsletter.
	recommended func(context.Context, engine.Request, *engine.Plan) ([]engine.Recommendation, []engine.Call, error)
	// usage is what each call says that it cost.
	usage engine.Usage
	// plans, writes and fixes count the calls.
	plans, writes, fixes atomic.Int32
}

var _ engine.Engine = (*script)(nil)

const spoken = "I am going to build a site for the salon."

// salonPlan is the plan of a good engine.
func salonPlan() *engine.Plan {
	return &engine.Plan{Title: "Salon Iris", Locale: "en", Files: []engine.PlannedFile{
		{Path: "index.html", Purpose: "the front page"}, {Path: "about.html", Purpose: "who we are"},
	}}
}

// page is a page that passes all checks.
func page(title string) string {
	return `<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>` + title +
		`</title><meta name="viewport" content="width=device-width, initial-scale=1"></head><body><h1>` +
		title + `</h1></body></html>`
}

func write(ctx context.Context, sink engine.Sink, path, content string) error {
	return sink.File(ctx, engine.Chunk{Path: path, Data: []byte(content), Last: true})
}

// Name implements [engine.Engine].
func (*script) Name() string { return "script" }

// Plan implements [engine.Engine].
func (s *script) Plan(ctx context.Context, _ engine.Request, sink engine.Sink) (*engine.Plan, engine.Usage, error) {
	s.plans.Add(1)
	if err := s.pay(ctx, engine.PlanKey, sink); err != nil {
		return nil, s.usage, err
	}
	if s.planned != nil {
		plan, err := s.planned(ctx, sink)
		return plan, s.usage, err
	}
	return salonPlan(), s.usage, sink.Text(ctx, spoken)
}

// Write implements [engine.Engine].
func (s *script) Write(ctx context.Context, _ engine.Request, plan *engine.Plan, done []string, sink engine.Sink) (engine.Usage, error) {
	s.writes.Add(1)
	if err := s.pay(ctx, "write", sink); err != nil {
		return s.usage, err
	}
	if s.written != nil {
		return s.usage, s.written(ctx, done, sink)
	}
	for _, file := range plan.Files {
		if slices.Contains(done, file.Path) {
			continue
		}
		if err := write(ctx, sink, file.Path, page(file.Path)); err != nil {
			return engine.Usage{}, err
		}
	}
	return s.usage, nil
}

// pay reports a call that cost what the script says.
func (s *script) pay(ctx context.Context, key string, sink engine.Sink) error {
	if s.usage == (engine.Usage{}) {
		return nil
	}
	return sink.Called(ctx, engine.Call{Key: key, Model: s.usage.Model, CostMicros: s.usage.CostMicros})
}

// Fix implements [engine.Engine].
func (s *script) Fix(
	ctx context.Context, _ engine.Request, _ *engine.Plan, _ []engine.File, failures []engine.Failure, sink engine.Sink,
) (engine.Usage, error) {
	s.fixes.Add(1)
	if s.fixed == nil {
		return s.usage, nil
	}
	return s.usage, s.fixed(ctx, failures, sink)
}

// Recommend implements [engine.Engine].
func (s *script) Recommend(
	ctx context.Context, req engine.Request, plan *engine.Plan,
) ([]engine.Recommendation, []engine.Call, error) {
	if s.recommended == nil {
		return []engine.Recommendation{newsletter("Send news")}, nil, nil
	}
	return s.recommended(ctx, req, plan)
}

// newsletter is a good recommendation.
func newsletter(title string) engine.Recommendation {
	return engine.Recommendation{
		Kind: "newsletter", Category: "feature", Title: title,
		Description: "Customers who hear from you come back.", Prompt: "Add a form for a newsletter.",
	}
}
