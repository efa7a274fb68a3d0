package stripe

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/stripe/stripe-go/v85"

	"github.com/sheenapps/sheen/server/billing"
)

// The codes of charges that need the user, beside those that Stripe gives.
const (
	codeNoCard       = "no_payment_method"
	codeNeedsTheUser = string(stripe.ErrorCodeAuthenticationRequired)
)

// Charge implements [billing.Payments]: it pays an intent, one per purchase, with
// the card that the customer left last.
func (p *Payments) Charge(ctx context.Context, order billing.PaymentOrder) (*billing.Charge, error) {
	card, err := p.newestCard(ctx, order.CustomerID)
	if err != nil {
		return nil, err
	}
	intent, err := p.intent(ctx, order)
	if err != nil {
		return nil, err
	}
	return p.confirm(ctx, intent.ID, card)
}

// newestCard returns the payment method that the customer left last.
func (p *Payments) newestCard(ctx context.Context, customerID string) (string, error) {
	if customerID == "" {
		return "", &billing.DeclinedError{Code: codeNoCard}
	}
	methods := &stripe.PaymentMethodList{}
	path := stripe.FormatURLPath("/v1/customers/%s/payment_methods", customerID)
	query := url.Values{"type": {"card"}, "limit": {"1"}}
	err := p.backend.CallRaw(http.MethodGet, path, p.key, []byte(query.Encode()), &stripe.Params{Context: ctx}, methods)
	if refusal, ok := errors.AsType[*stripe.Error](err); ok && refusal.Code == stripe.ErrorCodeResourceMissing {
		return "", &billing.DeclinedError{Code: codeNoCard}
	}
	if err != nil {
		return "", translate("list payment methods", err)
	}
	if len(methods.Data) == 0 {
		return "", &billing.DeclinedError{Code: codeNoCard}
	}
	return methods.Data[0].ID, nil
}

// intent makes the purchase's intent, or finds it. It does not name the card,
// which may be another one when the call is repeated.
func (p *Payments) intent(ctx context.Context, order billing.PaymentOrder) (*stripe.PaymentIntent, error) {
	amount, err := ToMinor(order.PriceMicros, order.CurrencyCode)
	if err != nil {
		return nil, err
	}
	params := &stripe.PaymentIntentParams{
		Amount:             new(amount),
		Currency:           stripe.String(strings.ToLower(order.CurrencyCode)),
		Customer:           stripe.String(order.CustomerID),
		Description:        stripe.String(order.Title),
		PaymentMethodTypes: []*string{stripe.String("card")},
		Metadata:           metadata(order),
	}
	params.Context = ctx
	params.SetIdempotencyKey(order.PurchaseID.String())
	intent := &stripe.PaymentIntent{}
	if err := p.post(ctx, "/v1/payment_intents", params, intent); err != nil {
		return nil, translate("make payment intent", err)
	}
	return intent, nil
}

// confirm pays an intent. One that was paid before, by a call whose answer was
// lost, stays paid once.
func (p *Payments) confirm(ctx context.Context, intentID, card string) (*billing.Charge, error) {
	params := &stripe.PaymentIntentConfirmParams{
		PaymentMethod: stripe.String(card),
		OffSession:    new(true),
	}
	params.Context = ctx
	intent := &stripe.PaymentIntent{}
	err := p.post(ctx, stripe.FormatURLPath("/v1/payment_intents/%s/confirm", intentID), params, intent)
	if refusal, ok := errors.AsType[*stripe.Error](err); ok &&
		refusal.Code == stripe.ErrorCodePaymentIntentUnexpectedState && refusal.PaymentIntent != nil {
		intent, err = refusal.PaymentIntent, nil
	}
	if err != nil {
		return nil, translate("confirm payment intent", err)
	}
	switch intent.Status {
	case stripe.PaymentIntentStatusSucceeded:
		return &billing.Charge{ID: intentID}, nil
	case stripe.PaymentIntentStatusProcessing:
		return nil, fmt.Errorf("confirm payment intent: is being processed: %w", billing.ErrPaymentsAway)
	case stripe.PaymentIntentStatusRequiresPaymentMethod, stripe.PaymentIntentStatusCanceled:
		return nil, &billing.DeclinedError{Code: string(intent.Status)}
	case stripe.PaymentIntentStatusRequiresAction, stripe.PaymentIntentStatusRequiresCapture,
		stripe.PaymentIntentStatusRequiresConfirmation:
	}
	return nil, &billing.DeclinedError{Code: codeNeedsTheUser}
}
