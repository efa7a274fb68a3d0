package build

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"runtime/debug"

	"github.com/jackc/pgx/v5"

	eventv1 "github.com/sheenapps/sheen/gen/sheen/event/v1"
	"github.com/sheenapps/sheen/server/billing"
	"github.com/sheenapps/sheen/server/billing/meter"
	"github.com/sheenapps/sheen/server/crash"
	"github.com/sheenapps/sheen/server/engine"
	"github.com/sheenapps/sheen/server/locale"
	"github.com/sheenapps/sheen/store"
)

// The steps whose results are stored.
const (
	planStep  = "plan"
	writeStep = "write"
	// fixStep and its attempt, such as "fix:1".
	fixStep = "fix"
	// interruptedStep follows a step's name and goes before the attempt, as in
	// "plan:interrupted:1": it holds the time of a step that was stopped.
	interruptedStep = "interrupted"
)

// run is one worker's work on one build, from wherever the last one left it.
type run struct {
	w     *Worker
	build *store.Build
	out   *emitter
	notes *notes
	req   engine.Request
	brand string
	plan  *engine.Plan
	// allowance is what the run may use.
	allowance *allowance
	// calls are the model calls of all attempts.
	calls modelCalls
	// permille is the progress so far; it never falls.
	permille int32
}

func newRun(ctx context.Context, w *Worker, b *store.Build) *run {
	a := analyzed(b)
	r := &run{
		w:        w,
		build:    b,
		out:      newEmitter(w.ender, b),
		notes:    w.takeNotes(ctx, b),
		brand:    a.BrandName,
		permille: b.ProgressPermille,
		req: engine.Request{
			BuildID:   b.ID.String(),
			Operation: engine.Operation(b.Operation),
			Prompt:    b.Prompt,
			Locale:    b.Locale,
		},
	}
	r.allowance = newAllowance(r)
	return r
}

// errPanic says that an engine, or what runs it, panicked.
var errPanic = errors.New("panic")

// recovered is do for which a panic is an error like any other: the build fails
// instead of being taken up again only to panic there.
func (r *run) recovered(ctx context.Context) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("%w: %v\n%s", errPanic, p, debug.Stack())
		}
	}()
	return r.do(ctx)
}

// do walks the build to its end. It returns nil only for a complete build.
func (r *run) do(ctx context.Context) error {
	if err := r.prepare(ctx); err != nil {
		return err
	}
	for {
		next, err := r.phaseWithin(ctx)
		if err != nil {
			return err
		}
		if next == Complete {
			return r.complete(ctx)
		}
		if err := r.advance(ctx, next); err != nil {
			return err
		}
	}
}

// prepare reads what earlier attempts left.
func (r *run) prepare(ctx context.Context) error {
	if r.build.CancelRequestTime != nil {
		return errCancelled
	}
	if r.build.Attempt > MaxAttempts {
		return &failure{reason: ReasonAttemptsExhausted, class: ClassPlatform, retryable: true, err: errAttempts}
	}
	if err := json.Unmarshal(r.build.Answers, &r.req.Answers); err != nil {
		return fmt.Errorf("decode answers: %w", err)
	}
	if err := r.loadBase(ctx); err != nil {
		return err
	}
	if err := r.loadPlan(ctx); err != nil {
		return err
	}
	if err := r.loadCalls(ctx); err != nil {
		return err
	}
	if err := r.allowance.load(ctx); err != nil {
		return err
	}
	if r.build.Attempt > 1 {
		return r.out.emit(ctx, logLine(eventv1.LogLevel_LOG_LEVEL_WARN,
			fmt.Sprintf("The worker was lost; attempt %d goes on from the last finished step.", r.build.Attempt)))
	}
	return nil
}

// phase does the work of the build's state and says which comes next.
func (r *run) phase(ctx context.Context) (State, error) {
	switch state := State(r.build.State); state {
	case Queued:
		return Planning, nil
	case Planning:
		return Coding, r.planSite(ctx)
	case Coding:
		return Testing, r.writeSite(ctx)
	case Testing:
		return r.testSite(ctx)
	case Fixing:
		return Testing, r.fixSite(ctx)
	case Deploying:
		return Complete, r.deploySite(ctx)
	default:
		return "", fmt.Errorf("%w: %s", errTransition, state)
	}
}

// advance moves the build on, with all that is pending, in one transaction.
func (r *run) advance(ctx context.Context, to State) error {
	from := State(r.build.State)
	args := locale.Args{"brand": r.brand}
	if to == Fixing {
		args = locale.Args{"attempt": r.build.FixAttempt + 1, "limit": MaxFixAttempts}
	}
	var moved *store.Build
	err := r.out.commit(ctx, func(tx pgx.Tx) (_ []*eventv1.BuildEvent, err error) {
		if from == Queued {
			if err := r.prolong(ctx, tx); err != nil {
				return nil, err
			}
		}
		moved, err = r.w.queries.BuildTransitionIfState(ctx, tx, &store.BuildTransitionIfStateParams{
			ID: r.build.ID, FromState: string(from), ToState: string(to), LeaseToken: r.build.LeaseToken,
		})
		if errors.Is(err, store.ErrNotFound) {
			return nil, r.w.metrics.refuse(to)
		}
		crash.Point(crash.StateChanging)
		return []*eventv1.BuildEvent{phaseChanged(r.build.Locale, from, to, r.build.Attempt, args)}, err
	})
	if err != nil {
		return err
	}
	r.build = moved
	crash.Point(crash.StateChanged)
	return nil
}

// errWaited says that a build was in the queue for longer than its hold lasts.
var errWaited = errors.New("the build waited until its AI time was no longer held")

// prolong lets the hold of a build that waited for long last for its run too. An
// expired hold ends the build: what was held is its user's again, who may have
// spent it, and nothing was begun. The account comes before the build, as it does
// wherever both are locked.
func (r *run) prolong(ctx context.Context, tx pgx.Tx) error {
	b := r.build
	if b.Free {
		return nil
	}
	if b.StartTime.Add(r.w.timeout + holdSpare).Before(b.CreateTime.Add(holdTTL)) {
		return nil
	}
	_, _, err := r.w.ledger.Extend(ctx, tx, billing.ExtendRequest{AccountID: b.UserID, HoldID: b.HoldID, TTL: holdTTL})
	if closed, ok := errors.AsType[*billing.HoldStateError](err); ok && closed.From == meter.HoldExpired {
		return &failure{reason: ReasonInsufficientAITime, class: ClassUser, retryable: true, err: errWaited}
	}
	return err
}

// progress makes the event of a step; what would fall stays where it is.
func (r *run) progress(s step, permille int32, args locale.Args) *eventv1.BuildEvent {
	r.permille = max(r.permille, permille)
	return progressEvent(progressAt(r.build.Locale, s, r.permille, args))
}

// at makes the event of a step's beginning.
func (r *run) at(s step, args locale.Args) *eventv1.BuildEvent {
	return r.progress(s, stepPlace[s].permille, args)
}

// working measures a call of the engine and stores its result, with the model calls
// that s was told of, under a step's name. The time of a call that was stopped is
// kept too: a cancelled build is charged for it, and one that the content policy
// refused. A call that is made again because its node stopped is nobody's expense.
// No call begins for which there is no AI time left.
func (r *run) working(ctx context.Context, name string, s *sink, call func() (result any, usage engine.Usage, err error)) error {
	if err := r.allowance.boundary(ctx); err != nil {
		return err
	}
	defer r.allowance.begin(ctx)()
	result, usage, callErr := call()
	active, stopped := r.allowance.end()
	if stopped != nil {
		callErr = stopped
	}
	made := s.takeMade()
	if callErr != nil {
		made = failed(made)
		name, result = fmt.Sprintf("%s:%s:%d", name, interruptedStep, r.build.Attempt), nil
		if cause := context.Cause(ctx); cause != nil && !errors.Is(cause, errCancelled) {
			active = 0
		}
	}
	r.allowance.spend(active)
	r.notes.add(noteStep, stepNote{
		Step: name, Attempt: r.build.Attempt, Engine: r.w.engine.Name(), Model: usage.Model,
		InputTokens: usage.InputTokens, OutputTokens: usage.OutputTokens,
		ActiveUS: active.Microseconds(), CostMicros: usage.CostMicros, Failed: callErr != nil,
	})
	data, err := json.Marshal(result)
	if err != nil {
		return fmt.Errorf("encode the step %s: %w", name, err)
	}
	err = r.storeStep(ctx, &store.BuildStepInsertParams{
		BuildID:    r.build.ID,
		LeaseToken: r.build.LeaseToken,
		Step:       name,
		Result:     data,
		ActiveUs:   active.Microseconds(),
	}, made)
	if callErr != nil {
		return callErr
	}
	return err
}

// files reads what the build has written, by path.
func (r *run) files(ctx context.Context) ([]*store.BuildFile, error) {
	return r.w.queries.BuildFileList(ctx, r.w.db, &store.BuildFileListParams{BuildID: r.build.ID})
}

// contents reads the files' contents too.
func (r *run) contents(ctx context.Context) ([]engine.File, error) {
	rows, err := r.files(ctx)
	if err != nil {
		return nil, err
	}
	files := make([]engine.File, len(rows))
	for i, row := range rows {
		if files[i], err = r.blobFile(ctx, row.Path, row.Digest); err != nil {
			return nil, err
		}
	}
	return files, nil
}
