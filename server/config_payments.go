package server

import (
	"errors"
	"net/url"
	"strings"

	"github.com/sheenapps/sheen/server/billing"
	"github.com/sheenapps/sheen/server/billing/stripe"
)

// Payments names who takes the money.
type Payments string

// The payment providers.
const (
	// PaymentsManual sells nothing: an admin grants what was paid elsewhere.
	PaymentsManual Payments = "manual"
	// PaymentsStripe sells with Stripe.
	PaymentsStripe Payments = stripe.Name
)

func paymentSettings() []setting {
	return []setting{
		{
			name: "packages", standard: billing.DefaultPackages, parse: parsePackages,
			meaning: "AI time that is sold, id:seconds:price_micros:currency, separated by commas; with :life, such as :8760h, what is left lapses so long after the payment",
		},
		{
			name: "purchase-url", parse: parsePurchaseURL,
			meaning: "page where users buy AI time; a refusal for lack of it leads there",
		},
		{
			name: "payments", standard: string(PaymentsManual), parse: parsePayments,
			meaning: "who takes the money: manual, where an admin grants what was paid, or stripe",
		},
		{
			name: "stripe-secret-key", secret: true, parse: secret(func(c *Config) *Secret { return &c.StripeSecretKey }),
			meaning: "key of the Stripe account, sk_…",
		},
		{
			name: "stripe-webhook-secret", secret: true, parse: secret(func(c *Config) *Secret { return &c.StripeWebhookSecret }),
			meaning: "signing secret of the webhook `/v1/payments/webhook`, whsec_…",
		},
		{
			name: "stripe-api-url", shown: "Stripe's own", parse: parseStripeAPIURL,
			meaning: "address of Stripe's API, for tests",
		},
	}
}

func parsePackages(cfg *Config, raw string) error {
	packages, err := billing.ParsePackages(raw)
	if err != nil {
		return errors.New("cannot be sold: " + strings.ReplaceAll(err.Error(), "\n", "; "))
	}
	cfg.Packages = packages
	return nil
}

func parsePurchaseURL(cfg *Config, raw string) error {
	u, err := url.Parse(raw)
	if err != nil || !isWeb(u) {
		return errors.New("must be an http or https address, such as https://app.example.com/buy")
	}
	cfg.PurchaseURL = raw
	return nil
}

func parseStripeAPIURL(cfg *Config, raw string) error {
	u, err := url.Parse(raw)
	if err != nil || !isWeb(u) {
		return errors.New("must be an http or https address")
	}
	cfg.StripeAPIURL = strings.TrimRight(raw, "/")
	return nil
}

func parsePayments(cfg *Config, raw string) error {
	switch Payments(raw) {
	case PaymentsManual, PaymentsStripe:
		cfg.Payments = Payments(raw)
		return nil
	}
	return errors.New("must be manual or stripe")
}

func secret(field func(*Config) *Secret) func(*Config, string) error {
	return func(cfg *Config, raw string) error {
		*field(cfg) = NewSecret(raw)
		return nil
	}
}

// paymentProblems finds what is missing for, or cannot be sold with, the payment
// provider.
func (c *Config) paymentProblems() []string {
	if c.Payments != PaymentsStripe {
		return nil
	}
	var problems []string
	if c.StripeSecretKey.Reveal() == "" {
		problems = append(problems, "SHEEN_PAYMENTS is stripe and no key is set: set SHEEN_STRIPE_SECRET_KEY")
	}
	if c.StripeWebhookSecret.Reveal() == "" {
		problems = append(problems,
			"SHEEN_PAYMENTS is stripe and webhooks cannot be checked: set SHEEN_STRIPE_WEBHOOK_SECRET")
	}
	for _, sold := range c.Packages {
		if _, err := stripe.ToMinor(sold.PriceMicros, sold.CurrencyCode); err != nil {
			problems = append(problems, "SHEEN_PACKAGES has "+sold.ID+", which Stripe cannot sell: "+err.Error())
		}
	}
	return problems
}

// newPayments is the configured payment provider.
func (c *Config) newPayments() billing.Payments {
	if c.Payments != PaymentsStripe {
		return billing.Manual{}
	}
	return stripe.New(stripe.Options{
		Key: c.StripeSecretKey.Reveal(), WebhookSecret: c.StripeWebhookSecret.Reveal(), APIURL: c.StripeAPIURL,
	})
}
