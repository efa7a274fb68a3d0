package billing

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/google/uuid"
)

// Payments is a payment provider. Its methods are safe for concurrent use. What
// it is asked for carries the purchase's id as an idempotency key, so a call
// whose answer was lost may be repeated.
type Payments interface {
	// Name names the provider in what is stored, such as "stripe".
	Name() string
	// Checkout opens a payment page for a purchase. It returns
	// [ErrPaymentsOff] where nothing can be bought, and an error that wraps
	// [ErrPaymentsAway] where trying again helps.
	Checkout(ctx context.Context, order PaymentOrder) (*Checkout, error)
	// Charge takes the money for a purchase from the card that the account left,
	// without the user. It returns [*DeclinedError], [ErrPaymentsOff] and errors
	// that wrap [ErrPaymentsAway], after which the charge may have happened.
	Charge(ctx context.Context, order PaymentOrder) (*Charge, error)
	// Event checks the signature of a webhook's body, at most 1 MiB, and reads
	// it. It returns [ErrPaymentSignature] for a body that the provider has not
	// signed lately. An event that is none of Sheen's business has no Kind.
	Event(header http.Header, body []byte, now time.Time) (*PaymentEvent, error)
}

// Errors of payment providers.
var (
	// ErrPaymentsOff says that nothing can be bought here.
	ErrPaymentsOff = errors.New("no payment provider is configured")
	// ErrPaymentsAway says that the provider cannot be reached or is too busy.
	ErrPaymentsAway = errors.New("payment provider is away")
	// ErrPaymentSignature says that a webhook is not the provider's, or is old.
	ErrPaymentSignature = errors.New("webhook signature is not valid")
)

// DeclinedError is a charge that the card's bank refused, or that needs the user.
type DeclinedError struct {
	// Code is the provider's reason, such as "insufficient_funds",
	// "authentication_required" or "no_payment_method".
	Code string
}

func (e *DeclinedError) Error() string { return "payment was declined: " + e.Code }

// PaymentOrder is what a provider needs to know of a purchase.
type PaymentOrder struct {
	PurchaseID uuid.UUID
	AccountID  uuid.UUID
	// Title is the package's name in the user's language, Locale that language.
	Title, Locale string
	PriceMicros   int64
	CurrencyCode  string
	// CustomerID is who the account is to the provider; empty if it has not paid
	// there before. A charge needs it.
	CustomerID string
	// SuccessURL and CancelURL are where a payment page leads; not used by a
	// charge.
	SuccessURL, CancelURL string
}

// Checkout is a payment page.
type Checkout struct {
	// ID is the provider's id of it.
	ID  string
	URL string
}

// Charge is a payment that was taken.
type Charge struct {
	// ID is the provider's id of it.
	ID string
}

// PaymentEventKind says what happened to a payment.
type PaymentEventKind string

// The kinds of payment events that matter. Amounts are totals so far, so that a
// repeat or a late one changes nothing.
const (
	PaymentPaid     PaymentEventKind = "paid"
	PaymentFailed   PaymentEventKind = "failed"
	PaymentRefunded PaymentEventKind = "refunded"
	PaymentDisputed PaymentEventKind = "disputed"
	// PaymentDisputeWon gives back what a dispute took.
	PaymentDisputeWon PaymentEventKind = "dispute_won"
	// PaymentCardChanged says that the account has left another card.
	PaymentCardChanged PaymentEventKind = "card_changed"
)

// PaymentEvent is what a provider tells.
type PaymentEvent struct {
	// ID is the provider's, the same for each delivery.
	ID   string
	Kind PaymentEventKind
	// PurchaseID is the purchase that it is about; [uuid.Nil] where the event
	// names it by Subject only.
	PurchaseID uuid.UUID
	// AccountID is whose card has changed; [uuid.Nil] where the event names it by
	// CustomerID only.
	AccountID uuid.UUID
	// CustomerID is who paid, to the provider, where a later charge may use the card.
	CustomerID string
	// DisputeID is the provider's id of the dispute that was opened or won.
	DisputeID string
	// Subject is the provider's id of the payment, the same in all events of one.
	Subject string
	// RefundedMicros is the sum of all refunds of the payment, in micro-units of
	// CurrencyCode.
	RefundedMicros int64
	// PaidMicros is what was paid.
	PaidMicros   int64
	CurrencyCode string
	Time         time.Time
}
