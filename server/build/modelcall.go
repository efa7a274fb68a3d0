package build

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"

	"github.com/sheenapps/sheen/server/engine"
	"github.com/sheenapps/sheen/server/event"
	"github.com/sheenapps/sheen/store"
)

const (
	// maxCallKey and maxModelName bound what an engine says of a call, in bytes.
	maxCallKey   = 300
	maxModelName = 200
)

// errCalls says that a build made all the model calls that it may.
var errCalls = errors.New("the build made too many model calls")

// modelCalls are what a build's attempts have called: it numbers the calls of a
// key, so that storing one again changes nothing. It is for one goroutine.
type modelCalls struct {
	count     int
	attempts  map[string]int32
	succeeded map[string]bool
}

// loadCalls reads the calls of earlier attempts.
func (r *run) loadCalls(ctx context.Context) error {
	rows, err := r.w.queries.ModelCallList(ctx, r.w.db, &store.ModelCallListParams{BuildID: r.build.ID})
	if err != nil {
		return err
	}
	r.calls = modelCalls{count: len(rows), attempts: map[string]int32{}, succeeded: map[string]bool{}}
	for _, row := range rows {
		r.calls.attempts[row.Key] = max(r.calls.attempts[row.Key], row.Attempt)
		r.calls.succeeded[row.Key] = r.calls.succeeded[row.Key] || !row.Failed
	}
	return nil
}

// add numbers a call.
func (m *modelCalls) add(c engine.Call) (*store.ModelCall, error) {
	if c.Key == "" || len(c.Key) > maxCallKey || event.CleanText(c.Key) != c.Key {
		return nil, fmt.Errorf("%w: a model call without a proper key", errSite)
	}
	m.count++
	m.attempts[c.Key]++
	return &store.ModelCall{
		Key: c.Key, Attempt: m.attempts[c.Key], Model: event.CleanText(c.Model[:min(len(c.Model), maxModelName)]),
		InputTokens: c.InputTokens, CacheReadTokens: c.CacheReadTokens, CacheWriteTokens: c.CacheWriteTokens,
		OutputTokens: c.OutputTokens, CostMicros: c.CostMicros, Failed: c.Failed,
	}, nil
}

// Called implements [engine.Sink]. A call that succeeded waits for what it made,
// so that both are stored together or neither is.
func (s *sink) Called(_ context.Context, c engine.Call) error {
	call, err := s.run.calls.add(c)
	if err != nil {
		return err
	}
	if call.Failed {
		s.run.out.called(call)
	} else {
		s.made = append(s.made, call)
	}
	if s.run.calls.count > MaxModelCalls {
		return &failure{reason: ReasonLimitExceeded, class: ClassPlatform, err: errCalls}
	}
	return nil
}

// Idle implements [engine.Sink].
func (s *sink) Idle(wait func() error) error {
	defer s.run.allowance.wait()()
	return wait()
}

// takeMade returns the calls whose results are stored now.
func (s *sink) takeMade() []*store.ModelCall {
	made := s.made
	s.made = nil
	for _, call := range made {
		s.run.calls.succeeded[call.Key] = true
	}
	return made
}

// called notes calls that are stored with the next write.
func (e *emitter) called(calls ...*store.ModelCall) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.calls = append(e.calls, calls...)
}

// waiting are the calls that are not known to be stored.
func (e *emitter) waiting() []*store.ModelCall {
	e.mu.Lock()
	defer e.mu.Unlock()
	return slices.Clone(e.calls)
}

// forget drops calls that are stored.
func (e *emitter) forget(calls []*store.ModelCall) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.dropCalls(calls)
}

// dropCalls drops calls that are stored. The caller holds the lock.
func (e *emitter) dropCalls(calls []*store.ModelCall) {
	e.calls = slices.DeleteFunc(slices.Clone(e.calls), func(c *store.ModelCall) bool { return slices.Contains(calls, c) })
}

// storeCalls writes calls under a lease. It returns errLeaseLost if that is
// another's by now.
func (e *ender) storeCalls(ctx context.Context, tx pgx.Tx, lease event.Producer, calls []*store.ModelCall) error {
	if len(calls) == 0 {
		return nil
	}
	params := &store.ModelCallInsertParams{BuildID: lease.BuildID, LeaseToken: lease.LeaseToken, Engine: e.engineName}
	for _, c := range calls {
		params.Keys, params.Attempts = append(params.Keys, c.Key), append(params.Attempts, c.Attempt)
		params.Models, params.Failed = append(params.Models, c.Model), append(params.Failed, c.Failed)
		params.InputTokens = append(params.InputTokens, c.InputTokens)
		params.CacheReadTokens = append(params.CacheReadTokens, c.CacheReadTokens)
		params.CacheWriteTokens = append(params.CacheWriteTokens, c.CacheWriteTokens)
		params.OutputTokens = append(params.OutputTokens, c.OutputTokens)
		params.CostMicros = append(params.CostMicros, c.CostMicros)
	}
	held, err := e.queries.ModelCallInsert(ctx, tx, params)
	if err == nil && held == 0 {
		return errLeaseLost
	}
	return err
}

// storeStep writes a step's result with the calls that are not stored yet, also if
// ctx has ended. What the step cost is what its calls did: all that no earlier step
// has counted.
func (r *run) storeStep(ctx context.Context, step *store.BuildStepInsertParams, made []*store.ModelCall) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), writeTimeout)
	defer cancel()
	calls := append(r.out.waiting(), made...)
	err := store.InTx(ctx, r.w.db, func(tx pgx.Tx) error {
		if err := r.w.storeCalls(ctx, tx, r.out.producer, calls); err != nil {
			return err
		}
		cost, err := r.w.queries.ModelCallUncounted(ctx, tx, &store.ModelCallUncountedParams{BuildID: r.build.ID})
		if err != nil {
			return err
		}
		step.CostMicros = cost
		n, err := r.w.queries.BuildStepInsert(ctx, tx, step)
		if err == nil && n == 0 {
			return errLeaseLost
		}
		return err
	})
	if err == nil {
		r.out.forget(calls)
	}
	return tooLong(ctx, err)
}

// failed are the calls that an engine made for nothing.
func failed(calls []*store.ModelCall) []*store.ModelCall {
	for _, c := range calls {
		c.Failed = true
	}
	return calls
}

// unmended drops the failures of files that a lost worker has mended in this
// attempt: the call that did is not made again.
func (r *run) unmended(failures []engine.Failure) []engine.Failure {
	return slices.DeleteFunc(failures, func(f engine.Failure) bool {
		return r.calls.succeeded[engine.FixKey(r.build.FixAttempt, f.Path)]
	})
}
