package billing

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/sheenapps/sheen/store"
)

// applyEvents judges what waits for a purchase and makes the purchase, its grants and
// its state what all of its events together say. The account and the purchase
// are locked, and what is due of the account is written. The result does not
// depend on the order in which the events came: it is worked out from all of
// them each time, but for seconds that were used in between.
func (p *Purchases) applyEvents(ctx context.Context, tx store.Tx, purchase *store.Purchase, subject string) error {
	waiting, err := p.queries.PaymentEventWaiting(ctx, tx, &store.PaymentEventWaitingParams{
		Provider: purchase.Provider, PurchaseID: purchase.ID, Subjects: subjectsOf(purchase, subject),
	})
	if err != nil {
		return fmt.Errorf("read waiting payment events: %w", err)
	}
	var applied []*store.PaymentEvent
	for _, event := range waiting {
		state, note, err := p.judge(ctx, tx, purchase, event)
		if err != nil {
			return err
		}
		if err := p.storeJudgment(ctx, tx, purchase, event, state, note); err != nil {
			return err
		}
		if state != eventApplied {
			continue
		}
		applied = append(applied, event)
		if event.Kind == string(PaymentPaid) {
			if err := p.pay(ctx, tx, purchase, event); err != nil {
				return err
			}
		}
	}
	if len(applied) == 0 {
		return nil
	}
	return p.balance(ctx, tx, purchase, applied)
}

// judge says whether a waiting event applies to the purchase as it is by now.
func (p *Purchases) judge(
	ctx context.Context, db store.DBTX, purchase *store.Purchase, event *store.PaymentEvent,
) (state, note string, err error) {
	if purchase.PaymentID != nil && event.Subject != "" && event.Subject != *purchase.PaymentID &&
		event.Subject != textOrEmpty(purchase.ProviderID) {
		return eventIgnored, "about another payment than the one that was granted", nil
	}
	switch PaymentEventKind(event.Kind) {
	case PaymentPaid:
		return p.judgePaid(ctx, db, purchase, event)
	case PaymentFailed:
		return eventApplied, "", nil
	case PaymentRefunded, PaymentDisputed, PaymentDisputeWon, PaymentCardChanged:
	}
	if purchase.PaidTime == nil {
		return eventWaiting, "", nil
	}
	if event.CurrencyCode != "" && event.CurrencyCode != purchase.CurrencyCode {
		return eventIgnored, fmt.Sprintf("in %s, asked were %s", event.CurrencyCode, purchase.CurrencyCode), nil
	}
	return eventApplied, "", nil
}

func (p *Purchases) judgePaid(
	ctx context.Context, db store.DBTX, purchase *store.Purchase, event *store.PaymentEvent,
) (state, note string, err error) {
	if event.AmountMicros != purchase.PriceMicros || event.CurrencyCode != purchase.CurrencyCode {
		return eventIgnored, fmt.Sprintf("paid were %d micro-units of %s, asked were %d of %s",
			event.AmountMicros, event.CurrencyCode, purchase.PriceMicros, purchase.CurrencyCode), nil
	}
	if event.Subject == "" {
		return eventApplied, "", nil
	}
	other, err := absent(p.queries.PurchaseBySubject(ctx, db, &store.PurchaseBySubjectParams{
		Provider: purchase.Provider, Subject: event.Subject,
	}))
	if err != nil {
		return "", "", fmt.Errorf("find payment: %w", err)
	}
	if other != nil && other.ID != purchase.ID {
		return eventIgnored, "the payment has paid another purchase", nil
	}
	return eventApplied, "", nil
}

func (p *Purchases) storeJudgment(
	ctx context.Context, db store.DBTX, purchase *store.Purchase, event *store.PaymentEvent, state, note string,
) error {
	if state == eventIgnored {
		p.log.WarnContext(ctx, "payment event is ignored", "provider", event.Provider, "event", event.ID,
			"kind", event.Kind, "purchase", purchase.ID, "why", note)
	}
	rows, err := p.queries.PaymentEventJudge(ctx, db, &store.PaymentEventJudgeParams{
		Provider: event.Provider, ID: event.ID, PurchaseID: purchase.ID, State: state, Note: note,
	})
	if err := oneRow(rows, err); err != nil {
		return fmt.Errorf("judge payment event: %w", err)
	}
	return nil
}

// pay grants what was bought, unless that was done before. The card comes after
// the seconds: an automatic purchase that waits for a card may not need it any
// more.
func (p *Purchases) pay(ctx context.Context, tx store.Tx, purchase *store.Purchase, event *store.PaymentEvent) error {
	if event.Subject != "" {
		purchase.PaymentID = &event.Subject
	}
	if purchase.PaidTime == nil {
		// The event may have waited: what was bought begins when it can be used.
		paid, err := p.ledger.now(ctx, tx)
		if err != nil {
			return err
		}
		if err := p.ledger.payPurchase(ctx, tx, purchase, paid); err != nil {
			return err
		}
	}
	return p.keepCustomer(ctx, tx, purchase.AccountID, event.CustomerID)
}

// balance makes seconds and state what the purchase's events say.
func (p *Purchases) balance(
	ctx context.Context, tx store.Tx, purchase *store.Purchase, applied []*store.PaymentEvent,
) error {
	facts, err := p.queries.PaymentEventFacts(ctx, tx, &store.PaymentEventFactsParams{PurchaseID: purchase.ID})
	if err != nil {
		return fmt.Errorf("read payment events: %w", err)
	}
	if purchase.PaidTime != nil {
		purchase.RefundedMicros = max(purchase.RefundedMicros, min(facts.RefundedMicros, purchase.PriceMicros))
	}
	wasDisputed := purchase.State == purchaseDisputed
	purchase.State = stateOf(purchase, facts.Disputed, facts.Failed)
	if purchase.PaidTime != nil {
		if err := p.takeOrGiveBack(ctx, tx, purchase, applied[len(applied)-1], wasDisputed); err != nil {
			return err
		}
	}
	return p.ledger.savePurchase(ctx, tx, purchase)
}

// payPurchase grants what was paid for and notes it in the purchase, which is
// locked and not paid yet. It is to be saved.
func (l *Ledger) payPurchase(ctx context.Context, tx store.Tx, purchase *store.Purchase, paid time.Time) error {
	grant, _, err := l.Grant(ctx, tx, PurchaseGrant(purchase, paid))
	if err != nil {
		return fmt.Errorf("grant purchase %s: %w", purchase.ID, err)
	}
	id := uuid.UUID(grant.ID)
	purchase.GrantID, purchase.PaidTime = &id, &paid
	return nil
}

// savePurchase stores a purchase as it stands. Its lock is held.
func (l *Ledger) savePurchase(ctx context.Context, db store.DBTX, purchase *store.Purchase) error {
	rows, err := l.queries.PurchaseUpdate(ctx, db, &store.PurchaseUpdateParams{
		ID: purchase.ID, State: purchase.State, ProviderID: purchase.ProviderID, GrantID: purchase.GrantID,
		PaidTime: purchase.PaidTime, PaymentID: purchase.PaymentID, RefundedMicros: purchase.RefundedMicros,
		RestoredGrantIds: purchase.RestoredGrantIds, DisputedSeconds: purchase.DisputedSeconds,
	})
	if err := oneRow(rows, err); err != nil {
		return fmt.Errorf("store purchase: %w", err)
	}
	return nil
}

// The states of a purchase.
const (
	purchaseOpen     = "open"
	purchasePaid     = "paid"
	purchaseFailed   = "failed"
	purchaseRefunded = "refunded"
	purchaseDisputed = "disputed"
)

// stateOf is the state that a purchase's events give it: an open dispute hides a
// refund, and a payment a failure before or after it.
func stateOf(purchase *store.Purchase, disputed, failed bool) string {
	paid := purchase.PaidTime != nil
	switch {
	case paid && disputed:
		return purchaseDisputed
	case paid && purchase.RefundedMicros == purchase.PriceMicros:
		return purchaseRefunded
	case paid:
		return purchasePaid
	case failed:
		return purchaseFailed
	}
	return purchaseOpen
}
