package build

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river"

	"github.com/sheenapps/sheen/server/crash"
	"github.com/sheenapps/sheen/server/engine"
	"github.com/sheenapps/sheen/server/preview"
	"github.com/sheenapps/sheen/store"
)

// Probe asks a deployed preview whether it answers.
type Probe func(ctx context.Context, url string) error

// Visit looks at the files of a site, by path, as a visitor would, before they
// become a version. Its error is the platform's.
type Visit func(ctx context.Context, files map[string]preview.Digest) (preview.Visit, error)

// WorkerPorts are what a worker needs beside [Ports]. All fields but Visit, Clock
// and BlobPatience are required.
type WorkerPorts struct {
	Ports

	// LeaseDB is a small pool of its own, so that a lease is renewed even when
	// the work has all connections.
	LeaseDB *store.DB
	Engine  engine.Engine
	Probe   Probe
	// Visit is part of the tests; nil leaves it out.
	Visit Visit
	// Timeout is the longest that a build may take from its first attempt on.
	Timeout time.Duration
	// Clock measures AI time; nil is the process's monotonic clock. It is for
	// tests that move time.
	Clock func() time.Time
	// BlobPatience is how long a build waits for the store of blobs while that is
	// away; 0 means a minute.
	BlobPatience time.Duration
}

// Worker works on builds: the River worker of [JobArgs] and, in [Worker.Watch],
// what looks after builds whose worker is gone. It is safe for concurrent use.
type Worker struct {
	river.WorkerDefaults[JobArgs]
	*ender

	leaseDB *store.DB
	engine  engine.Engine
	probe   Probe
	visit   Visit
	blobs   *preview.Blobs
	timeout time.Duration
	clock   func() time.Time
	// blobPatience is that of [WorkerPorts].
	blobPatience time.Duration

	mu      sync.Mutex
	running map[held]context.CancelCauseFunc
}

// held is a build under one lease: a run that lost its lease may still be there
// when the next one of the same node begins.
type held struct {
	buildID    uuid.UUID
	leaseToken int64
}

// NewWorker makes a worker. [Worker.ConnectJobs] completes it.
func NewWorker(p WorkerPorts) *Worker {
	w := &Worker{
		ender:   newEnder(p.Ports),
		leaseDB: p.LeaseDB,
		engine:  p.Engine,
		probe:   p.Probe,
		visit:   p.Visit,
		blobs:   p.Blobs,
		timeout: p.Timeout,
		clock:   p.Clock,
		running: make(map[held]context.CancelCauseFunc),

		blobPatience: p.BlobPatience,
	}
	w.engineName = p.Engine.Name()
	if w.clock == nil {
		w.clock = time.Now
	}
	if w.blobPatience == 0 {
		w.blobPatience = blobPatience
	}
	return w
}

// ConnectJobs gives the worker what it puts builds back with, before its first use.
func (w *Worker) ConnectJobs(jobs *river.Client[pgx.Tx]) { w.jobs = jobs }

// Timeout implements [river.Worker]. Builds have their own, which always ends
// first; after this one the job system clears away the jobs of nodes that are gone.
func (w *Worker) Timeout(*river.Job[JobArgs]) time.Duration { return w.timeout + jobSpare }

// NextRetry implements [river.Worker].
func (*Worker) NextRetry(*river.Job[JobArgs]) time.Time { return time.Now().Add(jobRetry) }

// Work implements [river.Worker]. It returns an error only when the store is
// away: then the job, or the sweeper, comes again.
func (w *Worker) Work(ctx context.Context, job *river.Job[JobArgs]) error {
	b, err := w.queries.BuildLeaseTake(ctx, w.db, &store.BuildLeaseTakeParams{ID: job.Args.BuildID, TtlMs: leaseTTL.Milliseconds()})
	if errors.Is(err, store.ErrNotFound) {
		return nil // It is over, or somebody else works on it.
	}
	if err != nil {
		return fmt.Errorf("take the lease: %w", err)
	}
	work, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	work, stop := context.WithDeadlineCause(work, b.StartTime.Add(w.timeout), errTimeout)
	defer stop()
	defer w.register(held{b.ID, b.LeaseToken}, cancel)()

	var keeper sync.WaitGroup
	keeper.Go(func() { w.keepLease(work, b, cancel) })
	r := newRun(ctx, w, b)
	defer r.notes.close()
	crash.Point(crash.LeaseTaken)
	r.notes.add(noteLeaseTaken, leaseNote{b.Attempt, b.LeaseToken, b.HeadSeq, w.engine.Name()})
	err = r.recovered(work)
	if err != nil {
		err = w.settle(ctx, work, r, err)
	}
	cancel(nil)
	keeper.Wait()
	return err
}

// register notes a running build, so that its user can stop it.
func (w *Worker) register(run held, cancel context.CancelCauseFunc) (forget func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.running[run] = cancel
	return func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		delete(w.running, run)
	}
}

// keepLease renews a build's lease until ctx ends, and ends it when the lease is
// another's or could not be renewed for as long as it lasts.
func (w *Worker) keepLease(ctx context.Context, b *store.Build, cancel context.CancelCauseFunc) {
	ticker := time.NewTicker(leaseRenew)
	defer ticker.Stop()
	renewed := time.Now()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		stopping, err := w.renew(ctx, b)
		switch {
		case err != nil && ctx.Err() != nil:
			return // The run ended meanwhile; that is why.
		case errors.Is(err, store.ErrNotFound), err != nil && time.Since(renewed) > leaseTTL:
			cancel(errLeaseLost)
			return
		case err != nil:
			w.logger.WarnContext(ctx, "lease was not renewed", "build_id", b.ID, "cause", err)
		case stopping:
			cancel(errCancelled)
			return
		default:
			renewed = time.Now()
		}
	}
}

func (w *Worker) renew(ctx context.Context, b *store.Build) (cancelRequested bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, leaseRenew)
	defer cancel()
	return w.queries.BuildLeaseRenew(ctx, w.leaseDB, &store.BuildLeaseRenewParams{
		ID: b.ID, LeaseToken: b.LeaseToken, TtlMs: leaseTTL.Milliseconds(),
	})
}

// settleTimeout bounds what is written after a build's context has ended.
const settleTimeout = 10 * time.Second

// settle decides what becomes of a build whose run did not complete it.
func (w *Worker) settle(job, work context.Context, r *run, err error) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(job), settleTimeout)
	defer cancel()
	if cause := context.Cause(work); cause != nil {
		err = cause
		if job.Err() != nil && !ours(cause) {
			err = errStopping
		}
	}
	w.logger.InfoContext(ctx, "run ended", "build_id", r.build.ID, "state", r.build.State, "cause", err)
	switch {
	case lost(err):
		r.notes.add(noteLeaseLost, leaseNote{r.build.Attempt, r.build.LeaseToken, r.build.HeadSeq, w.engine.Name()})
		return nil // Another worker has the build; nothing of ours can be written.
	case errors.Is(err, errStopping):
		return w.giveBack(ctx, r)
	case errors.Is(err, store.ErrUnavailable):
		return w.giveBackLater(ctx, r, err)
	case errors.Is(err, errCancelled):
		return w.finish(ctx, r, ending{state: Cancelled, reason: w.cancelReason(ctx, r)})
	}
	failed := classify(err)
	if failed.reason == ReasonInternal {
		// Nobody foresaw this, somebody has to look at it.
		w.logger.ErrorContext(ctx, "build failed by a defect", "build_id", r.build.ID, "state", r.build.State, "cause", err)
	}
	r.notes.add(noteAttemptFailed, newFailureNote(r.build, failed))
	return w.finish(ctx, r, ending{state: Failed, failure: failed})
}

func ours(cause error) bool {
	return errors.Is(cause, errLeaseLost) || errors.Is(cause, errCancelled) || errors.Is(cause, errTimeout)
}

// classify says at whose door an error lies.
func classify(err error) *failure {
	if f, ok := errors.AsType[*failure](err); ok {
		return f
	}
	if p, ok := errors.AsType[*engine.ProviderError](err); ok {
		return &failure{reason: ReasonProviderUnavailable, class: ClassProvider, retryable: p.Retryable, err: err}
	}
	switch {
	case errors.Is(err, engine.ErrTooLong):
		return &failure{reason: ReasonLimitExceeded, class: ClassPlatform, err: err}
	case errors.Is(err, engine.ErrRefused):
		return &failure{reason: ReasonPolicyViolation, class: ClassPolicy, err: err}
	case errors.Is(err, errTimeout):
		return &failure{reason: ReasonDeadlineExceeded, class: ClassTimeout, retryable: true, err: err}
	}
	return &failure{reason: ReasonInternal, class: ClassPlatform, retryable: true, err: err}
}

// finish ends a build early: what was written is kept as an interrupted version.
func (w *Worker) finish(ctx context.Context, r *run, how ending) error {
	switch err := r.out.flush(ctx); {
	case err == nil || lost(err): // The transition decides whose the build is.
	case uncertain(err):
		return err
	default:
		w.logger.ErrorContext(ctx, "last events cannot be stored", "build_id", r.build.ID, "cause", err)
		r.out.discard()
	}
	crash.Point(crash.CancelObeyed)
	if how.keepsFiles() {
		version, err := r.keepInterrupted(ctx)
		if err != nil && !lost(err) {
			return err
		}
		how.version = version
	}
	if _, err := w.end(ctx, r.build, how); err != nil && !lost(err) {
		return err
	}
	return nil
}

func (w *Worker) cancelReason(ctx context.Context, r *run) string {
	b, err := w.queries.BuildByID(ctx, w.db, &store.BuildByIDParams{ID: r.build.ID, UserID: r.build.UserID})
	if err != nil {
		return r.build.CancelReason
	}
	return b.CancelReason
}

// giveBack puts a build back into the queue: the node stops, and the attempt
// does not count.
func (w *Worker) giveBack(ctx context.Context, r *run) error {
	if err := r.out.flush(ctx); err != nil {
		w.logger.WarnContext(ctx, "last events were not stored", "build_id", r.build.ID, "cause", err)
	}
	crash.Point(crash.GivingBack)
	return w.returnLease(ctx, r)
}

// returnEvery is how often the store is asked whether it takes a build back.
const returnEvery = 250 * time.Millisecond

// giveBackLater stores what is pending and puts a build back into the queue once
// the store is there again. Without that it would stand still for the rest of its
// lease. If the store stays away, that is what happens: cause goes to the job system.
func (w *Worker) giveBackLater(ctx context.Context, r *run, cause error) error {
	ticker := time.NewTicker(returnEvery)
	defer ticker.Stop()
	for {
		err := r.out.flush(ctx)
		if !uncertain(err) {
			err = w.returnLease(ctx, r)
		}
		if !uncertain(err) {
			return err
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return cause
		}
	}
}

// returnLease ends a run's lease and queues its build. If the lease is another's
// by now, there is nothing to do.
func (w *Worker) returnLease(ctx context.Context, r *run) error {
	return store.InTx(ctx, w.db, func(tx pgx.Tx) error {
		n, err := w.queries.BuildLeaseReturn(ctx, tx, &store.BuildLeaseReturnParams{ID: r.build.ID, LeaseToken: r.build.LeaseToken})
		if err != nil || n == 0 {
			return err
		}
		return insertJob(ctx, w.jobs, tx, r.build.ID)
	})
}
