package build

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"

	eventv1 "github.com/sheenapps/sheen/gen/sheen/event/v1"
	"github.com/sheenapps/sheen/server/billing"
	"github.com/sheenapps/sheen/store"
)

const (
	// extendStep is by how much a hold grows, in seconds, if the account has as
	// much.
	extendStep = 60
	// extendAgain is how much AI time passes before an account that had nothing
	// more is asked again: its user may have bought some.
	extendAgain = 10 * time.Second
	// watchEvery is how often a call is looked at that says nothing.
	watchEvery = 250 * time.Millisecond
)

// errUsedUp says that a build may use no more AI time.
var errUsedUp = errors.New("the build has used all AI time that it may")

// allowance is what a run may use of its account's AI time. When four fifths of
// what is set aside are used, it sets more aside, up to what was approved and
// what the account has; when nothing more is to be had, the run goes on to the
// next boundary between two steps. What is used is the sum of the calls of all
// attempts, measured on a monotonic clock. A build that costs nothing may use what it
// needs. It is safe for concurrent use.
type allowance struct {
	run *run

	mu sync.Mutex
	// held is what is set aside, in seconds.
	held int64
	// spent is what the calls took that are over.
	spent time.Duration
	// began is when the call began that is running, and idle since when it only
	// waits; zero between calls, and while it does not.
	began, idle time.Time
	// next is when more is to be set aside, by what is used.
	next time.Duration
	// warned says that the user knows that little more is to be had.
	warned bool
	// err ends the run.
	err error
}

func newAllowance(r *run) *allowance {
	a := &allowance{run: r}
	a.set(r.build.HeldSeconds)
	return a
}

// set notes what is set aside.
func (a *allowance) set(held int64) {
	a.held = held
	a.next = time.Duration(held) * time.Second * 4 / 5
}

// load reads what earlier attempts used.
func (a *allowance) load(ctx context.Context) error {
	usage, err := a.run.w.queries.BuildUsage(ctx, a.run.w.db, &store.BuildUsageParams{BuildID: a.run.build.ID})
	if err != nil {
		return err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.spent = time.Duration(usage.ActiveUs) * time.Microsecond
	return nil
}

// begin starts to measure a call, and to look after it until stop.
func (a *allowance) begin(ctx context.Context) (stop func()) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.began = a.run.w.clock()
	ctx, cancel := context.WithCancel(ctx)
	var watcher sync.WaitGroup
	watcher.Go(func() { a.watch(ctx) })
	return func() {
		cancel()
		watcher.Wait()
	}
}

// watch keeps the allowance up while an engine says nothing.
func (a *allowance) watch(ctx context.Context) {
	ticker := time.NewTicker(watchEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		if a.keep(ctx) != nil {
			return // The call is told when it says something.
		}
	}
}

// end says how long the call took, and what ended the run meanwhile, if anything
// did.
func (a *allowance) end() (active time.Duration, stopped error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	active = a.running()
	a.began = time.Time{}
	return active, a.err
}

// spend counts the time of a call that is over.
func (a *allowance) spend(active time.Duration) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.spent += active
}

// used is what all calls took until now. The caller holds the lock.
func (a *allowance) used() time.Duration {
	if a.began.IsZero() {
		return a.spent
	}
	return a.spent + a.running()
}

// running is what the call that is running took until now. The caller holds the lock.
func (a *allowance) running() time.Duration {
	if a.idle.IsZero() {
		return a.run.w.clock().Sub(a.began)
	}
	return a.idle.Sub(a.began)
}

// wait takes the time until over is called out of the call that is running: it is
// the platform's own, or a provider's.
func (a *allowance) wait() (over func()) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.idle = a.run.w.clock()
	return func() {
		a.mu.Lock()
		defer a.mu.Unlock()
		if !a.began.IsZero() {
			a.began = a.began.Add(a.run.w.clock().Sub(a.idle))
		}
		a.idle = time.Time{}
	}
}

// keep sets more aside if it is time to. A store that is away is asked again by
// the next call.
func (a *allowance) keep(ctx context.Context) error {
	if a.run.build.Free {
		return nil
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	for a.err == nil && a.used() >= a.next {
		err := a.extend(ctx)
		if err != nil && (ctx.Err() != nil || uncertain(err)) {
			return nil
		}
		a.err = err
	}
	return a.err
}

// boundary is where a run stops that has used all that it may.
func (a *allowance) boundary(ctx context.Context) error {
	if a.run.build.Free {
		return nil
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	for a.err == nil && a.usedUp() {
		before := a.held
		if err := a.extend(ctx); err != nil {
			return err
		}
		if a.held == before {
			a.err = &failure{reason: ReasonInsufficientAITime, class: ClassUser, retryable: true, err: errUsedUp}
		}
	}
	return a.err
}

func (a *allowance) usedUp() bool { return a.used() >= time.Duration(a.held)*time.Second }

// extend sets more aside, and tells of it, under the run's lease.
func (a *allowance) extend(ctx context.Context) error {
	used := int64(a.used() / time.Second)
	// A write that has begun is not cut when the run ends.
	writing, cancel := context.WithTimeout(context.WithoutCancel(ctx), writeTimeout)
	defer cancel()
	var held int64
	var low bool
	err := a.run.out.commit(ctx, func(tx pgx.Tx) (_ []*eventv1.BuildEvent, err error) {
		held, low, err = a.extendTx(writing, tx, used)
		if err != nil || held == a.held && a.warned {
			return nil, err
		}
		return []*eventv1.BuildEvent{holdChanged(held, used, low)}, nil
	})
	if err != nil {
		return err
	}
	if held > a.held {
		a.set(held)
	} else {
		a.next = a.used() + extendAgain
	}
	a.warned = low
	return nil
}

// extendTx says what is held then, and whether four fifths of all that there is
// for the build are used. It sets nothing aside if there is nothing more, and
// none of it stands if the lease is another's.
func (a *allowance) extendTx(ctx context.Context, tx pgx.Tx, used int64) (held int64, low bool, err error) {
	hold, balance, extendErr := a.run.w.ledger.Extend(ctx, tx, a.request())
	_, refused := errors.AsType[*billing.InsufficientError](extendErr)
	// A hold that is closed was perhaps closed by the worker that has the build now.
	_, closed := errors.AsType[*billing.HoldStateError](extendErr)
	switch {
	case refused || closed:
		held, low = a.held, true
	case extendErr != nil:
		return 0, false, extendErr
	default:
		reach := balance.Spendable
		if hold.Max > 0 {
			reach = min(reach, hold.Max-hold.Seconds)
		}
		held, low = hold.Seconds, used*5 >= (hold.Seconds+reach)*4
	}
	n, err := a.run.w.queries.BuildSetHeld(ctx, tx, &store.BuildSetHeldParams{
		ID: a.run.build.ID, LeaseToken: a.run.build.LeaseToken, HeldSeconds: held,
	})
	switch {
	case err == nil && n == 0:
		err = errLeaseLost
	case err == nil && closed:
		err = extendErr
	}
	return held, low, err
}

// request asks for a step more. What was held before numbers a build's extensions
// and is all that they differ by, so whoever asks again, in this attempt or the
// next, gets the first answer and not a second step.
func (a *allowance) request() billing.ExtendRequest {
	return billing.ExtendRequest{
		AccountID: a.run.build.UserID,
		HoldID:    a.run.build.HoldID,
		Key:       fmt.Sprintf("extend:%s:%d", a.run.build.ID, a.held),
		Seconds:   extendStep,
		Partial:   true,
		TTL:       holdTTL,
	}
}
