package billing

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/sheenapps/sheen/server/billing/meter"
	"github.com/sheenapps/sheen/store"
)

// errUnanswered ends an attempt whose charge nobody could tell the result of.
var errUnanswered = errors.New("the provider did not answer for a day")

// errOtherProvider leaves a purchase alone that only another provider knows of: it
// may have been charged there.
var errOtherProvider = errors.New("it was begun with another payment provider")

// purchase returns the attempt's purchase, which it commits before anybody is
// charged. It decides on it once more, with the rule and the balance of now; nil
// says that the attempt is over.
func (t *TopUps) purchase(ctx context.Context, attempt *store.TopupAttempt) (*store.Purchase, error) {
	if attempt.PurchaseID != nil {
		return t.queries.PurchaseByID(ctx, t.db, &store.PurchaseByIDParams{ID: *attempt.PurchaseID})
	}
	var purchase *store.Purchase
	skipped := false
	err := store.InTx(ctx, t.db, func(tx pgx.Tx) (err error) {
		purchase, skipped, err = t.begin(ctx, tx, attempt)
		return err
	})
	if err == nil && skipped {
		t.ledger.topUps.count(topUpSkipped)
	}
	return purchase, err
}

func (t *TopUps) begin(
	ctx context.Context, tx pgx.Tx, attempt *store.TopupAttempt,
) (purchase *store.Purchase, skipped bool, err error) {
	found, err := t.ledger.lockTopUp(ctx, tx, attempt.AccountID)
	if err != nil {
		return nil, false, err
	}
	pending, err := absent(t.queries.TopUpAttemptPending(ctx, tx, &store.TopUpAttemptPendingParams{ID: attempt.ID}))
	if err != nil || pending == nil || pending.PurchaseID != nil {
		return nil, false, err // It was stopped, or another node has begun.
	}
	found.own = attempt.ID
	verdict, err := t.ledger.decideTopUp(ctx, tx, found)
	if err != nil {
		return nil, false, err
	}
	if verdict.decision.Packages == 0 {
		return nil, true, t.conclude(ctx, tx, attempt, found, topUpSkipped, string(verdict.decision.Reason))
	}
	purchase, err = t.open(ctx, tx, verdict)
	if err != nil {
		return nil, false, err
	}
	rows, err := t.queries.TopUpAttemptBegin(ctx, tx, &store.TopUpAttemptBeginParams{ID: attempt.ID, PurchaseID: purchase.ID})
	return purchase, false, oneRow(rows, err)
}

// open writes the purchase that closes the whole gap.
func (t *TopUps) open(ctx context.Context, tx pgx.Tx, v *topUpVerdict) (*store.Purchase, error) {
	id, err := newID()
	if err != nil {
		return nil, err
	}
	n := v.decision.Packages
	if v.sold.Seconds > meter.MaxSeconds/n || v.sold.PriceMicros > math.MaxInt64/n {
		return nil, fmt.Errorf("%d packages %q at once: %w", n, v.sold.ID, ErrInvalid)
	}
	purchase, err := t.queries.TopUpPurchaseInsert(ctx, tx, &store.TopUpPurchaseInsertParams{
		ID: uuid.UUID(id), AccountID: uuid.UUID(v.account.ID), PackageID: v.sold.ID,
		Seconds: n * v.sold.Seconds, PriceMicros: n * v.sold.PriceMicros, CurrencyCode: v.sold.CurrencyCode,
		LifeSeconds: v.sold.lifeSeconds(), Provider: t.payments.Name(), CreateTime: v.now,
	})
	if err != nil {
		return nil, fmt.Errorf("insert purchase: %w", err)
	}
	return purchase, nil
}

// conclude ends an attempt behind the account's lock. One that has been ended stays
// as it is.
func (t *TopUps) conclude(
	ctx context.Context, tx pgx.Tx, attempt *store.TopupAttempt, found topUpCase, state, reason string,
) error {
	_, err := t.queries.TopUpAttemptSettle(ctx, tx, &store.TopUpAttemptSettleParams{
		ID: attempt.ID, State: state, Reason: reason, SettleTime: &found.now,
	})
	if err != nil {
		return fmt.Errorf("settle top-up attempt: %w", err)
	}
	return nil
}

// charged gives the seconds that were paid for, unless a webhook has, and decides
// again: more may have been spent meanwhile.
func (t *TopUps) charged(ctx context.Context, attempt *store.TopupAttempt, purchaseID uuid.UUID, chargeID string) error {
	return t.end(ctx, attempt, topUpCharged, func(tx pgx.Tx, found topUpCase) error {
		if err := t.pay(ctx, tx, purchaseID, chargeID, found); err != nil {
			return err
		}
		if err := t.conclude(ctx, tx, attempt, found, topUpCharged, ""); err != nil {
			return err
		}
		found, err := t.ledger.lockTopUp(ctx, tx, attempt.AccountID)
		if err != nil || !found.rule.Enabled {
			return err
		}
		found.rule = found.rule.Lifted()
		if err := t.ledger.saveTopUpRule(ctx, tx, found); err != nil {
			return err
		}
		return t.ledger.reviewTopUp(ctx, tx, found)
	})
}

// pay marks the purchase paid and grants its seconds, once.
func (t *TopUps) pay(ctx context.Context, tx pgx.Tx, purchaseID uuid.UUID, chargeID string, found topUpCase) error {
	// Webhooks change purchases too.
	purchase, err := t.queries.PurchaseLock(ctx, tx, &store.PurchaseLockParams{ID: purchaseID})
	if err != nil {
		return fmt.Errorf("lock purchase: %w", err)
	}
	if purchase.PaidTime != nil {
		return nil
	}
	if err := t.ledger.payPurchase(ctx, tx, purchase, found.now); err != nil {
		return err
	}
	purchase.State = purchasePaid
	if purchase.ProviderID == nil {
		purchase.ProviderID = &chargeID
	}
	return t.ledger.savePurchase(ctx, tx, purchase)
}

// declined notes that the bank refused, and pauses or suspends the rule.
func (t *TopUps) declined(
	ctx context.Context, attempt *store.TopupAttempt, purchaseID uuid.UUID, refusal *DeclinedError,
) error {
	return t.end(ctx, attempt, topUpDeclined, func(tx pgx.Tx, found topUpCase) error {
		if err := t.close(ctx, tx, purchaseID); err != nil {
			return err
		}
		if err := t.conclude(ctx, tx, attempt, found, topUpDeclined, cmp.Or(refusal.Code, topUpDeclined)); err != nil {
			return err
		}
		found.rule = found.rule.Declined(found.now)
		return t.keep(ctx, tx, found)
	})
}

// failed gives an attempt up, for a while: nothing can be bought here, or nobody
// knows whether it was. In the second case the purchase stays open and counts for
// the cap; the provider's webhook may still tell.
func (t *TopUps) failed(ctx context.Context, attempt *store.TopupAttempt, purchaseID uuid.UUID, cause error) error {
	return t.end(ctx, attempt, topUpFailed, func(tx pgx.Tx, found topUpCase) error {
		reason := "unanswered"
		if errors.Is(cause, ErrPaymentsOff) {
			reason = "payments_off"
			if err := t.close(ctx, tx, purchaseID); err != nil {
				return err
			}
		}
		if err := t.conclude(ctx, tx, attempt, found, topUpFailed, reason); err != nil {
			return err
		}
		found.rule = found.rule.Paused(found.now)
		return t.keep(ctx, tx, found)
	})
}

// end ends an attempt that is pending, in one transaction behind the account's
// lock, and counts it.
func (t *TopUps) end(
	ctx context.Context, attempt *store.TopupAttempt, result string, fn func(tx pgx.Tx, found topUpCase) error,
) error {
	ended := false
	err := store.InTx(ctx, t.db, func(tx pgx.Tx) error {
		found, err := t.ledger.lockTopUp(ctx, tx, attempt.AccountID)
		if err != nil {
			return err
		}
		pending, err := absent(t.queries.TopUpAttemptPending(ctx, tx, &store.TopUpAttemptPendingParams{ID: attempt.ID}))
		if err != nil {
			return fmt.Errorf("read top-up attempt: %w", err)
		}
		ended = pending != nil
		if !ended && result != topUpCharged {
			return nil // Another node was faster. What was paid is granted all the same.
		}
		return fn(tx, found)
	})
	if err == nil && ended {
		t.ledger.topUps.count(result)
	}
	return err
}

// close says that a purchase was not charged.
func (t *TopUps) close(ctx context.Context, tx pgx.Tx, purchaseID uuid.UUID) error {
	_, err := t.queries.TopUpPurchaseFailed(ctx, tx, &store.TopUpPurchaseFailedParams{ID: purchaseID})
	if err != nil {
		return fmt.Errorf("close purchase: %w", err)
	}
	return nil
}

// keep writes the rule's new state, unless the user has turned it off meanwhile.
func (t *TopUps) keep(ctx context.Context, tx pgx.Tx, found topUpCase) error {
	if !found.rule.Enabled {
		return nil
	}
	return t.ledger.saveTopUpRule(ctx, tx, found)
}
