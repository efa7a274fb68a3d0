package stripe

import (
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"github.com/google/uuid"
	"github.com/stripe/stripe-go/v85"

	"github.com/sheenapps/sheen/server/billing"
)

// Event implements [billing.Payments]. The types are read as they are named in
// the package comment; an API version that is newer than this package's is read
// as far as it says the same.
func (p *Payments) Event(header http.Header, body []byte, now time.Time) (*billing.PaymentEvent, error) {
	if err := verify(header.Get(signatureHeader), body, p.webhookSecret, now); err != nil {
		return nil, err
	}
	var event stripe.Event
	if err := json.Unmarshal(body, &event); err != nil {
		return nil, fmt.Errorf("decode event: %w", err)
	}
	if event.ID == "" || event.Data == nil {
		return &billing.PaymentEvent{}, nil
	}
	read := readers()[event.Type]
	if read == nil {
		return &billing.PaymentEvent{ID: event.ID}, nil
	}
	told, err := read(event.Data.Raw)
	if err != nil {
		return nil, fmt.Errorf("decode %s: %w", event.Type, err)
	}
	told.ID, told.Time = event.ID, time.Unix(event.Created, 0).UTC()
	return told, nil
}

// reader reads the object of an event. An event without a kind is none of ours.
type reader func(object json.RawMessage) (*billing.PaymentEvent, error)

func readers() map[stripe.EventType]reader {
	return map[stripe.EventType]reader{
		stripe.EventTypeCheckoutSessionCompleted:             readSession(billing.PaymentPaid),
		stripe.EventTypeCheckoutSessionAsyncPaymentSucceeded: readSession(billing.PaymentPaid),
		stripe.EventTypeCheckoutSessionAsyncPaymentFailed:    readSession(billing.PaymentFailed),
		stripe.EventTypeCheckoutSessionExpired:               readSession(billing.PaymentFailed),
		stripe.EventTypePaymentIntentSucceeded:               readIntent(billing.PaymentPaid),
		stripe.EventTypePaymentIntentPaymentFailed:           readIntent(billing.PaymentFailed),
		stripe.EventTypeChargeRefunded:                       readCharge,
		stripe.EventTypeChargeDisputeCreated:                 readDispute,
		stripe.EventTypeChargeDisputeFundsWithdrawn:          readDispute,
		stripe.EventTypeChargeDisputeClosed:                  readDispute,
		stripe.EventTypePaymentMethodAttached:                readCard,
	}
}

func readSession(kind billing.PaymentEventKind) reader {
	return func(object json.RawMessage) (*billing.PaymentEvent, error) {
		var session stripe.CheckoutSession
		if err := json.Unmarshal(object, &session); err != nil {
			return nil, err //nolint:wrapcheck // wrapped by the caller
		}
		purchase := purchaseOf(session.Metadata)
		// A completed session may wait for a bank; that is told by another event.
		unpaid := kind == billing.PaymentPaid && session.PaymentStatus != stripe.CheckoutSessionPaymentStatusPaid
		if purchase == uuid.Nil || unpaid {
			return &billing.PaymentEvent{}, nil
		}
		event := &billing.PaymentEvent{Kind: kind, PurchaseID: purchase, Subject: intentID(session.PaymentIntent)}
		if kind == billing.PaymentPaid {
			event.CustomerID = customerID(session.Customer)
			event.PaidMicros, event.CurrencyCode = fromMinor(session.AmountTotal, string(session.Currency))
		}
		return event, nil
	}
}

func readIntent(kind billing.PaymentEventKind) reader {
	return func(object json.RawMessage) (*billing.PaymentEvent, error) {
		var intent stripe.PaymentIntent
		if err := json.Unmarshal(object, &intent); err != nil {
			return nil, err //nolint:wrapcheck // wrapped by the caller
		}
		purchase := purchaseOf(intent.Metadata)
		if purchase == uuid.Nil {
			return &billing.PaymentEvent{}, nil
		}
		event := &billing.PaymentEvent{Kind: kind, PurchaseID: purchase, Subject: intent.ID}
		if kind == billing.PaymentPaid {
			event.CustomerID = customerID(intent.Customer)
			event.PaidMicros, event.CurrencyCode = fromMinor(intent.AmountReceived, string(intent.Currency))
		}
		return event, nil
	}
}

func readCharge(object json.RawMessage) (*billing.PaymentEvent, error) {
	var charge stripe.Charge
	if err := json.Unmarshal(object, &charge); err != nil {
		return nil, err //nolint:wrapcheck // wrapped by the caller
	}
	purchase := purchaseOf(charge.Metadata)
	if purchase == uuid.Nil {
		return &billing.PaymentEvent{}, nil
	}
	event := &billing.PaymentEvent{
		Kind: billing.PaymentRefunded, PurchaseID: purchase, Subject: intentID(charge.PaymentIntent),
	}
	event.RefundedMicros, event.CurrencyCode = fromMinor(charge.AmountRefunded, string(charge.Currency))
	return event, nil
}

// readDispute reads a dispute, which takes the whole payment until it is won.
func readDispute(object json.RawMessage) (*billing.PaymentEvent, error) {
	var dispute stripe.Dispute
	if err := json.Unmarshal(object, &dispute); err != nil {
		return nil, err //nolint:wrapcheck // wrapped by the caller
	}
	event := &billing.PaymentEvent{Subject: intentID(dispute.PaymentIntent), DisputeID: dispute.ID}
	switch dispute.Status {
	case stripe.DisputeStatusNeedsResponse, stripe.DisputeStatusUnderReview, stripe.DisputeStatusLost:
		event.Kind = billing.PaymentDisputed
	case stripe.DisputeStatusWon:
		event.Kind = billing.PaymentDisputeWon
	default: // inquiries, and what takes no money
	}
	return event, nil
}

func readCard(object json.RawMessage) (*billing.PaymentEvent, error) {
	var method stripe.PaymentMethod
	if err := json.Unmarshal(object, &method); err != nil {
		return nil, err //nolint:wrapcheck // wrapped by the caller
	}
	if customerID(method.Customer) == "" {
		return &billing.PaymentEvent{}, nil
	}
	return &billing.PaymentEvent{Kind: billing.PaymentCardChanged, CustomerID: method.Customer.ID}, nil
}

func intentID(intent *stripe.PaymentIntent) string {
	if intent == nil {
		return ""
	}
	return intent.ID
}

func customerID(customer *stripe.Customer) string {
	if customer == nil {
		return ""
	}
	return customer.ID
}
