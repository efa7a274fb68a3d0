package billing

import (
	"context"
	"net/http"
	"time"
)

// Manual is the provider of an installation that sells nothing by itself: an
// admin grants what was paid elsewhere.
type Manual struct{}

// Name implements [Payments].
func (Manual) Name() string { return "manual" }

// Checkout implements [Payments]: nothing can be bought.
func (Manual) Checkout(context.Context, PaymentOrder) (*Checkout, error) { return nil, ErrPaymentsOff }

// Charge implements [Payments]: nothing can be bought.
func (Manual) Charge(context.Context, PaymentOrder) (*Charge, error) { return nil, ErrPaymentsOff }

// Event implements [Payments]: there is nobody who could have signed.
func (Manual) Event(http.Header, []byte, time.Time) (*PaymentEvent, error) {
	return nil, ErrPaymentSignature
}
