package build

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path"
	"runtime/debug"
	"time"

	"github.com/google/uuid"

	"github.com/sheenapps/sheen/server/engine"
	"github.com/sheenapps/sheen/server/preview"
	"github.com/sheenapps/sheen/server/recommend"
	"github.com/sheenapps/sheen/server/recommend/rules"
	"github.com/sheenapps/sheen/store"
)

// task is a list that is to be written.
type task struct {
	seen  recommend.Attempt
	state recommend.State
	build *store.Build
	// plan is nil while there is none.
	plan *engine.Plan
	// base is the version that an update changes; nil without one.
	base *uuid.UUID
	// left is how long the list had to its deadline at the time loaded.
	left   time.Duration
	loaded time.Time
}

// load reads what has to be known about a list, or returns [store.ErrNotFound] if it
// has ended.
func (r *Recommender) load(ctx context.Context, list recommend.Revision) (*task, error) {
	row, err := r.queries.RecommendationWork(ctx, r.db, &store.RecommendationWorkParams{
		BuildID: list.BuildID, Revision: list.Number,
	})
	if err != nil {
		return nil, err
	}
	t := &task{
		seen:  recommend.Attempt{Revision: list, Number: row.Attempt},
		state: recommend.State(row.State), build: &row.Build,
		left: time.Duration(row.LeftMs) * time.Millisecond, loaded: r.clock(),
	}
	if t.build.Operation == string(engine.Update) {
		// One that no worker has taken yet changes what is current.
		if t.base = t.build.BaseVersionID; t.base == nil {
			t.base = row.CurrentVersionID
		}
	}
	t.plan, err = decodePlan(row.Plan)
	return t, err
}

func decodePlan(stored json.RawMessage) (*engine.Plan, error) {
	if len(stored) == 0 {
		return nil, nil //nolint:nilnil // there need not be one
	}
	plan := new(engine.Plan)
	if err := json.Unmarshal(stored, plan); err != nil {
		return nil, fmt.Errorf("decode the plan: %w", err)
	}
	return plan, nil
}

// taken are the kinds that the site of a task has or will have.
func (t *task) taken() []rules.Kind {
	a := analyzed(t.build)
	facts := factsOf(&a)
	if t.plan != nil {
		facts.Existing = t.plan.Features
	}
	return rules.Taken(facts)
}

// errAttemptTimeout says that an engine took longer than an attempt may.
var errAttemptTimeout = errors.New("the attempt took longer than it may")

// ask has the engine write a list, within the time of an attempt. A panic is an error
// like any other.
func (r *Recommender) ask(ctx context.Context, t *task) (drafts []recommend.Draft, used recommend.Usage, err error) {
	used.Engine = r.engine.Name()
	ctx, cancel := context.WithTimeoutCause(ctx, min(r.lists.Timing.Attempt, t.left), errAttemptTimeout)
	defer cancel()
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("%w: %v\n%s", errPanic, p, debug.Stack())
		}
	}()
	req, err := r.request(ctx, t)
	if err != nil {
		return nil, used, causeOf(ctx, err)
	}
	list, calls, err := r.engine.Recommend(ctx, req, t.plan)
	for _, call := range calls {
		used.Model = call.Model
		used.InputTokens += call.InputTokens + call.CacheReadTokens + call.CacheWriteTokens
		used.OutputTokens += call.OutputTokens
		used.CostMicros += call.CostMicros
	}
	for _, e := range list {
		drafts = append(drafts, recommend.Draft{
			Kind: rules.Kind(e.Kind), Category: rules.Category(e.Category),
			Title: e.Title, Description: e.Description, Prompt: e.Prompt,
		})
	}
	return drafts, used, causeOf(ctx, err)
}

// causeOf says of an error that came after ctx had ended why that was.
func causeOf(ctx context.Context, err error) error {
	if err != nil && ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return err
}

// request is what the engine is told of the build.
func (r *Recommender) request(ctx context.Context, t *task) (engine.Request, error) {
	req := engine.Request{
		BuildID:   t.build.ID.String(),
		Operation: engine.Operation(t.build.Operation),
		Prompt:    t.build.Prompt,
		Locale:    t.build.Locale,
	}
	if err := json.Unmarshal(t.build.Answers, &req.Answers); err != nil {
		return req, fmt.Errorf("decode answers: %w", err)
	}
	if t.base == nil {
		return req, nil
	}
	rows, err := r.queries.VersionFileList(ctx, r.db, &store.VersionFileListParams{VersionID: *t.base, PageSize: MaxFiles})
	if err != nil {
		return req, err
	}
	req.Base, err = r.readable(ctx, rows)
	return req, err
}

const (
	// maxRead is how much of one file of a base is read for its recommendations, and
	// maxReadAll of all: pages say what a site has, what they show does not.
	maxRead    = 256 << 10
	maxReadAll = 2 << 20
)

// readable are a base's files, those with text in full and the rest by name.
func (r *Recommender) readable(ctx context.Context, rows []*store.VersionFile) ([]engine.File, error) {
	files, left := make([]engine.File, len(rows)), int64(maxReadAll)
	for i, row := range rows {
		files[i].Path = row.Path
		kind := path.Ext(row.Path)
		if kind != ".html" && kind != ".json" || row.SizeBytes > min(maxRead, left) {
			continue
		}
		content, err := r.blobs.Get(ctx, preview.Digest(row.Digest))
		if err != nil {
			return nil, err
		}
		files[i].Content = content
		left -= row.SizeBytes
	}
	return files, nil
}
