package billing

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/sheenapps/sheen/store"
)

// The states of a payment event. One that waits is applied once its purchase is
// known and paid.
const (
	eventApplied = "applied"
	eventWaiting = "waiting"
	eventIgnored = "ignored"
)

// Record stores what the provider tells and applies it, once, in one transaction.
// body is what was signed. What comes again changes nothing; what comes before
// its cause waits for it; what contradicts the purchase is stored with a note and
// has no effect.
func (p *Purchases) Record(ctx context.Context, event *PaymentEvent, body []byte) error {
	row := &store.PaymentEventInsertParams{
		Provider: p.payments.Name(), ID: event.ID, Kind: string(event.Kind), Subject: event.Subject, Body: body,
		State: eventWaiting, DisputeID: event.DisputeID, CustomerID: event.CustomerID,
		AmountMicros: max(event.PaidMicros, event.RefundedMicros), CurrencyCode: event.CurrencyCode,
	}
	return store.InTx(ctx, p.db, func(tx pgx.Tx) error {
		if event.Kind == PaymentCardChanged {
			return p.recordCard(ctx, tx, *row, event.AccountID)
		}
		if err := p.lockSubject(ctx, tx, event.Subject); err != nil {
			return err
		}
		purchase, err := p.find(ctx, tx, event)
		if err != nil {
			return err
		}
		if purchase == nil {
			return p.recordUnknown(ctx, tx, *row, event)
		}
		return p.recordKnown(ctx, tx, *row, purchase)
	})
}

// lockSubject keeps an event that finds no purchase, and what makes the purchase
// known, from missing each other. It comes before all other locks.
func (p *Purchases) lockSubject(ctx context.Context, tx store.Tx, subject string) error {
	if subject == "" {
		return nil
	}
	err := p.queries.PaymentSubjectLock(ctx, tx, &store.PaymentSubjectLockParams{
		Provider: p.payments.Name(), Subject: subject,
	})
	if err != nil {
		return fmt.Errorf("lock payment: %w", err)
	}
	return nil
}

// find returns the purchase that an event is about, or nil. Neither its account
// nor its terms ever change, so they may be read without a lock.
func (p *Purchases) find(ctx context.Context, db store.DBTX, event *PaymentEvent) (*store.Purchase, error) {
	var purchase *store.Purchase
	var err error
	switch {
	case event.PurchaseID != uuid.Nil:
		purchase, err = absent(p.queries.PurchaseByID(ctx, db, &store.PurchaseByIDParams{ID: event.PurchaseID}))
		if purchase != nil && purchase.Provider != p.payments.Name() {
			purchase = nil
		}
	case event.Subject != "":
		purchase, err = absent(p.queries.PurchaseBySubject(ctx, db, &store.PurchaseBySubjectParams{
			Provider: p.payments.Name(), Subject: event.Subject,
		}))
	}
	if err != nil {
		return nil, fmt.Errorf("find purchase: %w", err)
	}
	return purchase, nil
}

// recordUnknown lets an event wait that may be about a payment to come.
func (p *Purchases) recordUnknown(
	ctx context.Context, tx store.Tx, row store.PaymentEventInsertParams, event *PaymentEvent,
) error {
	if event.PurchaseID != uuid.Nil || event.Subject == "" {
		row.State, row.Note = eventIgnored, "there is no such purchase"
		p.log.WarnContext(ctx, "payment event is about no purchase", "provider", row.Provider, "event", row.ID, "kind", row.Kind)
	}
	_, err := p.insertEvent(ctx, tx, row)
	return err
}

// recordKnown stores an event of a purchase and applies all that its purchase
// has not waited for in vain.
func (p *Purchases) recordKnown(
	ctx context.Context, tx store.Tx, row store.PaymentEventInsertParams, found *store.Purchase,
) error {
	if err := p.ledger.settle(ctx, tx, found.AccountID); err != nil {
		return err
	}
	purchase, err := p.queries.PurchaseLock(ctx, tx, &store.PurchaseLockParams{ID: found.ID})
	if err != nil {
		return fmt.Errorf("lock purchase: %w", err)
	}
	row.PurchaseID = &purchase.ID
	isNew, err := p.insertEvent(ctx, tx, row)
	if err != nil || !isNew {
		return err
	}
	return p.applyEvents(ctx, tx, purchase, row.Subject)
}

// recordCard tells that an account has left another card. A customer that no
// account is known by yet is made known by a payment, which tells it too.
func (p *Purchases) recordCard(
	ctx context.Context, tx store.Tx, row store.PaymentEventInsertParams, accountID uuid.UUID,
) error {
	if accountID == uuid.Nil {
		found, err := p.queries.PaymentCustomerAccount(ctx, tx, &store.PaymentCustomerAccountParams{
			Provider: row.Provider, CustomerID: row.CustomerID,
		})
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return fmt.Errorf("find customer: %w", err)
		}
		accountID = found
	}
	if accountID == uuid.Nil {
		row.State, row.Note = eventIgnored, "no account is this customer"
		_, err := p.insertEvent(ctx, tx, row)
		return err
	}
	if err := p.ledger.settle(ctx, tx, accountID); err != nil {
		return err
	}
	row.State = eventApplied
	isNew, err := p.insertEvent(ctx, tx, row)
	if err != nil || !isNew {
		return err
	}
	return p.cardChanged(ctx, tx, accountID)
}

// insertEvent reports whether the event is new.
func (p *Purchases) insertEvent(ctx context.Context, db store.DBTX, row store.PaymentEventInsertParams) (bool, error) {
	rows, err := p.queries.PaymentEventInsert(ctx, db, &row)
	if err != nil {
		return false, fmt.Errorf("store payment event: %w", err)
	}
	return rows == 1, nil
}

// keepCustomer remembers who an account is to the provider. A new one has left a
// card.
func (p *Purchases) keepCustomer(ctx context.Context, tx store.Tx, accountID uuid.UUID, customerID string) error {
	if customerID == "" {
		return nil
	}
	rows, err := p.queries.PaymentCustomerSet(ctx, tx, &store.PaymentCustomerSetParams{
		AccountID: accountID, Provider: p.payments.Name(), CustomerID: customerID,
	})
	if err != nil {
		return fmt.Errorf("store customer: %w", err)
	}
	if rows == 0 {
		return nil
	}
	return p.cardChanged(ctx, tx, accountID)
}

// subjectsOf are the names under which events may have waited for a purchase.
func subjectsOf(purchase *store.Purchase, subject string) []string {
	return []string{
		cmp.Or(subject, textOrEmpty(purchase.PaymentID)), textOrEmpty(purchase.PaymentID), textOrEmpty(purchase.ProviderID),
	}
}
