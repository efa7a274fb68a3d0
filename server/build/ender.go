package build

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river"

	billingv1 "github.com/sheenapps/sheen/gen/sheen/billing/v1"
	eventv1 "github.com/sheenapps/sheen/gen/sheen/event/v1"
	"github.com/sheenapps/sheen/server/billing"
	"github.com/sheenapps/sheen/server/billing/meter"
	"github.com/sheenapps/sheen/server/crash"
	"github.com/sheenapps/sheen/server/event"
	"github.com/sheenapps/sheen/server/locale"
	"github.com/sheenapps/sheen/server/preview"
	"github.com/sheenapps/sheen/server/recommend"
	"github.com/sheenapps/sheen/store"
)

// ender ends builds: the one place that writes a final state, its charge and its
// last event, in one transaction.
type ender struct {
	db      *store.DB
	queries *store.Queries
	ledger  *billing.Ledger
	log     *event.Log
	hub     *event.Hub
	// appender takes what needs no transaction of its own.
	appender *event.Appender
	origin   preview.Origin
	logger   *slog.Logger
	metrics  *Metrics
	// jobs inserts the job of the build that comes next, and is set before the
	// first use.
	jobs *river.Client[pgx.Tx]
	// lists are the builds' recommendations, and mode says when they are written.
	lists *recommend.Lists
	mode  recommend.Mode
	// engineName is that of the worker's engine.
	engineName string
}

func newEnder(p Ports) *ender {
	if p.Metrics == nil {
		p.Metrics = NewMetrics(nil)
	}
	return &ender{
		db: p.DB, queries: store.New(), ledger: p.Ledger, log: p.Log, hub: p.Hub, appender: p.Appender, origin: p.Origin,
		logger: p.Logger, metrics: p.Metrics,
		lists: recommend.NewLists(p.Recommendations.Timing), mode: p.Recommendations.Mode,
	}
}

// ending is how a build ends.
type ending struct {
	state State
	// failure is set if and only if state is Failed.
	failure *failure
	// reason is what a cancelled build's event says.
	reason string
	// version is the finished site; nil if there is none.
	version *store.Version
	// title names the project.
	title string
}

// keepsFiles reports whether the user decided the end, and what was finished
// until then is theirs.
func (e *ending) keepsFiles() bool {
	return e.state == Cancelled || e.failure != nil && e.failure.reason == ReasonInsufficientAITime
}

func (e *ending) outcome() meter.Outcome {
	switch e.state {
	case Complete:
		return meter.Succeeded
	case Cancelled:
		return meter.Cancelled
	default:
	}
	switch e.failure.class {
	case ClassUser:
		return meter.FailedUser
	case ClassProvider:
		return meter.FailedProvider
	case ClassPolicy:
		return meter.FailedPolicy
	default:
		// The platform's failures, and a build that took too long: nobody pays.
		return meter.FailedPlatform
	}
}

// end ends the build that the caller has seen in b. It returns errTransition,
// and changes nothing, if the build's state or lease is another one by now.
func (e *ender) end(ctx context.Context, b *store.Build, how ending, pending ...*eventv1.BuildEvent) (*store.Build, error) {
	var done *ended
	err := store.InTx(ctx, e.db, func(tx pgx.Tx) (err error) {
		done, err = e.endTx(ctx, tx, b, how, pending...)
		crash.Point(crash.EndWritten)
		return err
	})
	if err != nil {
		return nil, err
	}
	crash.Point(crash.EndCommitted)
	e.announce(ctx, done)
	return done.build, nil
}

// ended is a build that ended in a transaction.
type ended struct {
	build *store.Build
	paid  payment
	// batches are its last events, and the first of the build whose turn it is then.
	batches []event.Batch
}

// announce tells of a build's end, once that is committed.
func (e *ender) announce(ctx context.Context, done *ended) {
	if b := done.build; done.paid.refusal != nil {
		e.logger.ErrorContext(ctx, "build ended whose hold somebody else had closed", "build_id", b.ID, "hold_id", b.HoldID,
			"state", b.State, "charged_seconds", b.ChargedSeconds, "cause", done.paid.refusal)
	}
	e.metrics.count(done.build)
	e.hub.Publish(done.batches...)
}

// endTx ends a build in the caller's transaction, and gives its place to the next
// one of the project. It locks the account, the project, and the builds.
func (e *ender) endTx(
	ctx context.Context, tx pgx.Tx, b *store.Build, how ending, pending ...*eventv1.BuildEvent,
) (*ended, error) {
	paid, err := e.charge(ctx, tx, b, how)
	if err != nil {
		return nil, err
	}
	crash.Point(crash.EndCharged)
	if err := e.closeProject(ctx, tx, b, how); err != nil {
		return nil, err
	}
	stored, err := e.queries.BuildEndIfState(ctx, tx, endParams(b, how, paid.receipt))
	if errors.Is(err, store.ErrNotFound) {
		return nil, e.metrics.refuse(how.state)
	}
	if err != nil {
		return nil, err
	}
	events := slices.Concat(pending, []*eventv1.BuildEvent{
		phaseChanged(b.Locale, State(b.State), how.state, b.Attempt, locale.Args{"brand": how.title}),
		e.lastEvent(stored, how, paid.receipt),
	})
	batch, err := e.log.Append(ctx, tx, event.Producer{BuildID: b.ID, LeaseToken: stored.LeaseToken}, events...)
	if err != nil {
		return nil, err
	}
	stored.HeadSeq = batch.Head()
	if err := e.recommendAfter(ctx, tx, stored); err != nil {
		return nil, err
	}
	next, err := e.release(ctx, tx, b.ProjectID)
	return &ended{build: stored, paid: paid, batches: []event.Batch{batch, next}}, err
}

// closeProject locks the project of a build that ends, and shows what it made.
func (e *ender) closeProject(ctx context.Context, tx pgx.Tx, b *store.Build, how ending) error {
	if how.state != Complete {
		return e.queries.ProjectLock(ctx, tx, &store.ProjectLockParams{ID: b.ProjectID})
	}
	return e.queries.ProjectSetCurrent(ctx, tx, &store.ProjectSetCurrentParams{
		ID: b.ProjectID, VersionID: &how.version.ID, Title: how.title,
	})
}

// payment is what a build's end finds or makes of its hold.
type payment struct {
	// receipt is nil if there was no hold, or somebody else gave it back.
	receipt *billing.Receipt
	// refusal is why the hold could not be charged; nil if it was.
	refusal error
}

// charge ends the build's hold with a charge. A hold that somebody else has closed
// is not charged again, and the build ends all the same: it would never end otherwise.
func (e *ender) charge(ctx context.Context, tx pgx.Tx, b *store.Build, how ending) (payment, error) {
	if b.Free {
		return payment{}, nil
	}
	usage, err := e.queries.BuildUsage(ctx, tx, &store.BuildUsageParams{BuildID: b.ID})
	if err != nil {
		return payment{}, err
	}
	receipt, err := e.ledger.Commit(ctx, tx, billing.CommitRequest{
		AccountID:  b.UserID,
		HoldID:     b.HoldID,
		Outcome:    how.outcome(),
		Active:     time.Duration(usage.ActiveUs) * time.Microsecond,
		Planning:   time.Duration(usage.PlanningUs) * time.Microsecond,
		CostMicros: usage.CostMicros,
	})
	_, closed := errors.AsType[*billing.HoldStateError](err)
	if closed || errors.Is(err, billing.ErrKeyReused) {
		return e.chargedBefore(ctx, tx, b, how, err)
	}
	return payment{receipt: receipt}, err
}

// chargedBefore is what there is of a closed hold. It returns errTransition if
// the build itself was ended meanwhile, and charged in another way.
func (e *ender) chargedBefore(ctx context.Context, tx pgx.Tx, b *store.Build, how ending, refusal error) (payment, error) {
	stored, err := e.queries.BuildByID(ctx, tx, &store.BuildByIDParams{ID: b.ID, UserID: b.UserID})
	if err != nil {
		return payment{}, err
	}
	if stored.State != b.State || stored.LeaseToken != b.LeaseToken {
		return payment{}, e.metrics.refuse(how.state)
	}
	receipt, err := e.ledger.HoldReceipt(ctx, tx, b.UserID, b.HoldID)
	return payment{receipt: receipt, refusal: refusal}, err
}

func endParams(b *store.Build, how ending, receipt *billing.Receipt) *store.BuildEndIfStateParams {
	params := &store.BuildEndIfStateParams{
		ID:         b.ID,
		FromState:  b.State,
		LeaseToken: b.LeaseToken,
		ToState:    string(how.state),
	}
	if receipt != nil {
		params.ChargedSeconds = receipt.Charged
	}
	if how.failure != nil {
		reason, class := string(how.failure.reason), string(how.failure.class)
		params.ErrorReason, params.ErrorClass = &reason, &class
		params.ErrorRetryable = how.failure.retryable
	}
	return params
}

func (e *ender) lastEvent(b *store.Build, how ending, receipt *billing.Receipt) *eventv1.BuildEvent {
	var paid *billingv1.Receipt
	if receipt != nil {
		paid = billing.ReceiptToProto(receipt)
	}
	switch how.state {
	case Complete:
		return &eventv1.BuildEvent{Payload: &eventv1.BuildEvent_BuildCompleted{BuildCompleted: &eventv1.BuildCompleted{
			PreviewUrl: e.origin.URL(how.version.ID), VersionId: how.version.ID.String(), Receipt: paid,
		}}}
	case Cancelled:
		return cancelled(b, how.reason, paid, how.version)
	default:
	}
	return &eventv1.BuildEvent{Payload: &eventv1.BuildEvent_BuildFailed{BuildFailed: &eventv1.BuildFailed{
		Error:      newBuildError(how.failure.reason, how.failure.class, how.failure.retryable, b.Locale),
		Receipt:    paid,
		TestResult: how.failure.report,
	}}}
}

func versionID(v *store.Version) string {
	if v == nil {
		return ""
	}
	return idToProto(&v.ID)
}
