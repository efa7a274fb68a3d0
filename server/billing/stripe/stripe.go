package stripe

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/stripe/stripe-go/v85"

	"github.com/sheenapps/sheen/server/billing"
)

// Name names the provider in what is stored.
const Name = "stripe"

const (
	// callTimeout bounds one try of a call; retries bounds the tries after the
	// first. Together they stay below what a CreateCheckout may take, 15 s.
	callTimeout = 4 * time.Second
	retries     = 2
	// firstPause and lastPause are what is waited for another call that makes the
	// same, doubled each time: 1.5 s in all.
	firstPause = 100 * time.Millisecond
	lastPause  = 800 * time.Millisecond
)

// The metadata that ties what is Stripe's to what is ours.
const (
	metadataPurchase = "purchase_id"
	metadataAccount  = "account_id"
)

// Options configure [New].
type Options struct {
	// Key is the secret key, sk_….
	Key string
	// WebhookSecret signs webhooks, whsec_….
	WebhookSecret string
	// APIURL is where Stripe is; empty is Stripe's own.
	APIURL string
}

// Payments is Stripe. It is safe for concurrent use.
type Payments struct {
	key, webhookSecret string
	backend            stripe.Backend
}

var _ billing.Payments = (*Payments)(nil)

// New returns Stripe as seen with a key. It makes no call.
func New(options Options) *Payments {
	return &Payments{
		key: options.Key, webhookSecret: options.WebhookSecret,
		backend: stripe.GetBackendWithConfig(stripe.APIBackend, &stripe.BackendConfig{
			URL:        stripe.String(cmp.Or(options.APIURL, stripe.APIURL)),
			HTTPClient: &http.Client{Timeout: callTimeout},
			// What matters of its log comes back as an error.
			LeveledLogger:     &stripe.LeveledLogger{Level: stripe.LevelNull},
			MaxNetworkRetries: stripe.Int64(retries),
			EnableTelemetry:   new(false),
		}),
	}
}

// Name implements [billing.Payments].
func (*Payments) Name() string { return Name }

// Checkout implements [billing.Payments]. The card is kept for later charges, with
// the account's customer or a new one.
func (p *Payments) Checkout(ctx context.Context, order billing.PaymentOrder) (*billing.Checkout, error) {
	amount, err := ToMinor(order.PriceMicros, order.CurrencyCode)
	if err != nil {
		return nil, err
	}
	session := &stripe.CheckoutSession{}
	err = p.post(ctx, "/v1/checkout/sessions", sessionParams(ctx, order, amount), session)
	if refusal, ok := errors.AsType[*stripe.Error](err); ok && order.CustomerID != "" &&
		refusal.Code == stripe.ErrorCodeResourceMissing && refusal.Param == "customer" {
		// Somebody has deleted the customer at Stripe. The refusal is kept under the key.
		order.CustomerID = ""
		params := sessionParams(ctx, order, amount)
		params.SetIdempotencyKey(order.PurchaseID.String() + ":new-customer")
		err = p.post(ctx, "/v1/checkout/sessions", params, session)
	}
	if err != nil {
		return nil, translate("open checkout session", err)
	}
	return &billing.Checkout{ID: session.ID, URL: session.URL}, nil
}

func sessionParams(ctx context.Context, order billing.PaymentOrder, amount int64) *stripe.CheckoutSessionParams {
	params := &stripe.CheckoutSessionParams{
		Mode:              stripe.String(string(stripe.CheckoutSessionModePayment)),
		SuccessURL:        stripe.String(order.SuccessURL),
		CancelURL:         stripe.String(order.CancelURL),
		ClientReferenceID: stripe.String(order.AccountID.String()),
		Locale:            stripe.String(pageLocale(order.Locale)),
		Metadata:          metadata(order),
		LineItems: []*stripe.CheckoutSessionLineItemParams{{
			Quantity: stripe.Int64(1),
			PriceData: &stripe.CheckoutSessionLineItemPriceDataParams{
				Currency:    stripe.String(strings.ToLower(order.CurrencyCode)),
				UnitAmount:  new(amount),
				ProductData: &stripe.CheckoutSessionLineItemPriceDataProductDataParams{Name: stripe.String(order.Title)},
			},
		}},
		PaymentIntentData: &stripe.CheckoutSessionPaymentIntentDataParams{
			SetupFutureUsage: stripe.String(string(stripe.PaymentIntentSetupFutureUsageOffSession)),
			Metadata:         metadata(order),
		},
	}
	if order.CustomerID == "" {
		params.CustomerCreation = stripe.String(string(stripe.CheckoutSessionCustomerCreationAlways))
	} else {
		params.Customer = stripe.String(order.CustomerID)
	}
	params.Context = ctx
	params.SetIdempotencyKey(order.PurchaseID.String())
	return params
}

// post calls Stripe, and again while another call with the same key is at work.
func (p *Payments) post(ctx context.Context, path string, params stripe.ParamsContainer, result stripe.LastResponseSetter) error {
	for pause := firstPause; ; pause *= 2 {
		err := p.backend.Call(http.MethodPost, path, p.key, params, result)
		refusal, ok := errors.AsType[*stripe.Error](err)
		if !ok || refusal.HTTPStatusCode != http.StatusConflict || pause > lastPause {
			return err //nolint:wrapcheck // translated by the caller
		}
		select {
		case <-ctx.Done():
			return err //nolint:wrapcheck // as above
		case <-time.After(pause):
		}
	}
}

func metadata(order billing.PaymentOrder) map[string]string {
	return map[string]string{
		metadataPurchase: order.PurchaseID.String(),
		metadataAccount:  order.AccountID.String(),
	}
}

// pageLocale is one that Stripe's pages have; it has no Arabic ones, and lets the
// browser decide then.
func pageLocale(tag string) string {
	base, _, _ := strings.Cut(tag, "-")
	switch base {
	case "en", "fr", "es", "de":
		return base
	}
	return "auto"
}

// translate gives an error of Stripe its meaning for the port. What is neither a
// decline nor gone tomorrow, such as a wrong key, is an error of ours.
func translate(call string, err error) error {
	refusal, ok := errors.AsType[*stripe.Error](err)
	switch {
	case !ok:
		// No answer, or none that Stripe gives.
		return fmt.Errorf("%s: %w: %w", call, billing.ErrPaymentsAway, err)
	case refusal.Type == stripe.ErrorTypeCard:
		return &billing.DeclinedError{Code: cmp.Or(string(refusal.DeclineCode), string(refusal.Code), "card_declined")}
	case refusal.HTTPStatusCode == http.StatusTooManyRequests,
		refusal.HTTPStatusCode == http.StatusConflict,
		refusal.HTTPStatusCode >= http.StatusInternalServerError:
		return fmt.Errorf("%s: %w: %w", call, billing.ErrPaymentsAway, err)
	}
	return fmt.Errorf("%s: %w", call, err)
}

// purchaseOf returns the purchase that metadata name, or [uuid.Nil].
func purchaseOf(metadata map[string]string) uuid.UUID {
	id, err := uuid.Parse(metadata[metadataPurchase])
	if err != nil {
		return uuid.Nil
	}
	return id
}
