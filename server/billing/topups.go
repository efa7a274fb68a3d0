package billing

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/sheenapps/sheen/store"
)

const (
	// chargeTimeout is the longest that a provider may take to answer.
	chargeTimeout = 30 * time.Second
	// topUpLease is how long an attempt is one node's, longer than a charge. A
	// second node that takes it after that repeats the charge with the same key.
	topUpLease = time.Minute
	// topUpsAtOnce bounds the charges that a sweep has open.
	topUpsAtOnce = 8
	// topUpRetry is the first wait after a try without an answer; each further
	// one is twice as long, up to topUpRetryMax.
	topUpRetry    = 10 * time.Second
	topUpRetryMax = 30 * time.Minute
	// topUpGiveUp ends the tries. Providers remember an idempotency key for about
	// a day; a charge that is repeated later might be a second one.
	topUpGiveUp = 24 * time.Hour
	// reviewsAtOnce bounds the accounts that one sweep looks at again.
	reviewsAtOnce = 100
)

// TopUps makes the automatic purchases that the [Ledger] decides on. Any number
// of them, on any number of nodes, may work at once. It is safe for concurrent
// use.
type TopUps struct {
	db       *store.DB
	ledger   *Ledger
	payments Payments
	queries  *store.Queries
	log      *slog.Logger
}

// NewTopUps makes the purchases of a ledger with a provider.
func NewTopUps(db *store.DB, ledger *Ledger, payments Payments, log *slog.Logger) *TopUps {
	return &TopUps{db: db, ledger: ledger, payments: payments, queries: ledger.queries, log: log}
}

// Sweep works on all attempts that are due, and decides again for accounts whose
// pause or month is over. It returns once nothing more is due. An attempt that
// fails for want of the store is left to a later sweep.
func (t *TopUps) Sweep(ctx context.Context) error {
	errs := []error{t.review(ctx)}
	for {
		attempts, now, err := t.claim(ctx)
		if err != nil || len(attempts) == 0 {
			return errors.Join(append(errs, err)...)
		}
		worked := make([]error, len(attempts))
		var group sync.WaitGroup
		for i, attempt := range attempts {
			group.Go(func() {
				if err := t.work(ctx, attempt, now); err != nil {
					worked[i] = fmt.Errorf("top-up attempt %s: %w", attempt.ID, err)
				}
			})
		}
		group.Wait()
		errs = append(errs, worked...)
	}
}

func (t *TopUps) claim(ctx context.Context) ([]*store.TopupAttempt, time.Time, error) {
	now, err := t.now(ctx)
	if err != nil {
		return nil, now, err
	}
	attempts, err := t.queries.TopUpAttemptClaimMany(ctx, t.db, &store.TopUpAttemptClaimManyParams{
		Now: now, LeaseUntil: now.Add(topUpLease), MaxAttempts: topUpsAtOnce,
	})
	if err != nil {
		return nil, now, fmt.Errorf("claim top-up attempts: %w", err)
	}
	return attempts, now, nil
}

func (t *TopUps) now(ctx context.Context) (time.Time, error) {
	return t.ledger.now(ctx, t.db)
}

// review decides again for the accounts that are due.
func (t *TopUps) review(ctx context.Context) error {
	now, err := t.now(ctx)
	if err != nil {
		return err
	}
	due, err := t.queries.AutoTopUpDueMany(ctx, t.db, &store.AutoTopUpDueManyParams{Now: now, MaxAccounts: reviewsAtOnce})
	if err != nil {
		return fmt.Errorf("find top-up rules to review: %w", err)
	}
	var errs []error
	for _, accountID := range due {
		err := store.InTx(ctx, t.db, func(tx pgx.Tx) error { return t.reviewAccount(ctx, tx, accountID) })
		if err != nil {
			errs = append(errs, fmt.Errorf("review top-up rule of %s: %w", accountID, err))
		}
	}
	return errors.Join(errs...)
}

func (t *TopUps) reviewAccount(ctx context.Context, tx pgx.Tx, accountID uuid.UUID) error {
	found, err := t.ledger.lockTopUp(ctx, tx, accountID)
	if err != nil {
		return err
	}
	if found.rule.Enabled && (found.rule.ReviewTime.IsZero() || found.rule.ReviewTime.After(found.now)) {
		return nil // Another node was faster.
	}
	_, err = t.queries.AutoTopUpReviewAt(ctx, tx, &store.AutoTopUpReviewAtParams{AccountID: accountID})
	if err != nil {
		return fmt.Errorf("note the review: %w", err)
	}
	return t.ledger.reviewTopUp(ctx, tx, found)
}

// work brings one attempt to its end, or to its next try. It is the attempt's
// only worker unless it takes longer than the lease.
func (t *TopUps) work(ctx context.Context, attempt *store.TopupAttempt, now time.Time) error {
	purchase, err := t.purchase(ctx, attempt)
	if err != nil || purchase == nil {
		return err
	}
	if purchase.PaidTime != nil {
		return t.charged(ctx, attempt, purchase.ID, "") // A webhook was faster.
	}
	if now.Sub(purchase.CreateTime) >= topUpGiveUp {
		return t.failed(ctx, attempt, purchase.ID, errUnanswered)
	}
	if purchase.Provider != t.payments.Name() {
		return t.retry(ctx, attempt, fmt.Errorf("purchase %s: %w", purchase.ID, errOtherProvider))
	}
	charge, err := t.charge(ctx, purchase)
	declined, isDeclined := errors.AsType[*DeclinedError](err)
	switch {
	case err == nil:
		return t.charged(ctx, attempt, purchase.ID, charge.ID)
	case isDeclined:
		return t.declined(ctx, attempt, purchase.ID, declined)
	case errors.Is(err, ErrPaymentsOff):
		return t.failed(ctx, attempt, purchase.ID, err)
	}
	return t.retry(ctx, attempt, err)
}

// charge asks the provider for the money, outside of any transaction.
func (t *TopUps) charge(ctx context.Context, purchase *store.Purchase) (*Charge, error) {
	ctx, cancel := context.WithTimeout(ctx, chargeTimeout)
	defer cancel()
	customerID, err := customer(ctx, t.db, t.payments, purchase.AccountID)
	if err != nil {
		return nil, err
	}
	return t.payments.Charge(ctx, PaymentOrder{
		PurchaseID: purchase.ID, AccountID: purchase.AccountID, CustomerID: customerID,
		Title: (&Package{ID: purchase.PackageID, Seconds: purchase.Seconds}).Title(purchase.Locale), Locale: purchase.Locale,
		PriceMicros: purchase.PriceMicros, CurrencyCode: purchase.CurrencyCode,
	})
}

// retry plans the next try. Whatever went wrong, the provider may have charged:
// only the same purchase may be charged again.
func (t *TopUps) retry(ctx context.Context, attempt *store.TopupAttempt, cause error) error {
	now, err := t.now(ctx)
	if err != nil {
		return err
	}
	wait := topUpRetryMax
	if attempt.Tries < 8 {
		wait = min(topUpRetry<<max(attempt.Tries-1, 0), topUpRetryMax)
	}
	t.log.WarnContext(ctx, "automatic purchase without an answer", "attempt", attempt.ID, "tries", attempt.Tries, "again_in", wait, "cause", cause)
	_, err = t.queries.TopUpAttemptRetryAt(ctx, t.db, &store.TopUpAttemptRetryAtParams{ID: attempt.ID, NextTime: now.Add(wait)})
	if err != nil {
		return fmt.Errorf("plan the next try: %w", err)
	}
	t.ledger.topUps.count(topUpRetried)
	return nil
}
