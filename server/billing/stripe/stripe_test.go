package stripe_test

import (
	"context"
	"errors"
	"maps"
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/sheenapps/sheen/server/billing"
	"github.com/sheenapps/sheen/server/billing/stripe"
	"github.com/sheenapps/sheen/server/billing/stripetest"
)

func paymentsOf(f *stripetest.Fake) *stripe.Payments {
	return stripe.New(stripe.Options{Key: stripetest.Key, WebhookSecret: secret, APIURL: f.URL})
}

func order(customer string) billing.PaymentOrder {
	return billing.PaymentOrder{
		PurchaseID: uuid.MustParse("11111111-1111-4111-8111-111111111111"),
		AccountID:  uuid.MustParse("22222222-2222-4222-8222-222222222222"),
		Title:      "Mini package", Locale: "fr-MA", PriceMicros: 5_000_000, CurrencyCode: "USD", CustomerID: customer,
		SuccessURL: "https://app.example.com/done", CancelURL: "https://app.example.com/back",
	}
}

func TestCheckout(t *testing.T) {
	t.Parallel()
	f := stripetest.New(t)
	var asked url.Values
	var keys []string
	f.Refuse = func(_ http.ResponseWriter, r *http.Request, form url.Values) bool {
		asked, keys = form, append(keys, r.Header.Get("Idempotency-Key"))
		return false
	}
	payments := paymentsOf(f)
	for range 2 {
		page, err := payments.Checkout(t.Context(), order(""))
		if err != nil || *page != (billing.Checkout{ID: "cs_1", URL: "https://checkout.stripe.com/c/pay/cs_1"}) {
			t.Errorf("%+v, %v", page, err)
		}
	}
	f.Calm()
	const purchase, account = "11111111-1111-4111-8111-111111111111", "22222222-2222-4222-8222-222222222222"
	want := url.Values{
		"mode": {"payment"}, "locale": {"fr"}, "client_reference_id": {account}, "customer_creation": {"always"},
		"success_url": {"https://app.example.com/done"}, "cancel_url": {"https://app.example.com/back"},
		"metadata[purchase_id]": {purchase}, "metadata[account_id]": {account},
		"line_items[0][quantity]": {"1"}, "line_items[0][price_data][currency]": {"usd"},
		"line_items[0][price_data][unit_amount]": {"500"}, "line_items[0][price_data][product_data][name]": {"Mini package"},
		"payment_intent_data[setup_future_usage]":    {"off_session"},
		"payment_intent_data[metadata][purchase_id]": {purchase}, "payment_intent_data[metadata][account_id]": {account},
	}
	if !maps.EqualFunc(asked, want, func(a, b []string) bool { return len(a) == 1 && a[0] == b[0] }) {
		t.Errorf("asked %v\nwant %v", asked, want)
	}
	if len(keys) != 2 || keys[0] != purchase || keys[1] != purchase {
		t.Errorf("keys %v", keys)
	}
	known := order("cus_1")
	known.PurchaseID[0]++
	_, err := payments.Checkout(t.Context(), known)
	f.Calm()
	if err != nil || asked.Get("customer") != "cus_1" || asked.Has("customer_creation") {
		t.Errorf("a known customer: %v, %v", asked, err)
	}
	odd := order("")
	odd.PriceMicros++
	if _, err := payments.Checkout(t.Context(), odd); !errors.Is(err, stripe.ErrAmount) {
		t.Errorf("a millionth of a dollar: %v", err)
	}
}

// What Stripe answers, and what that means for a charge.
func TestChargeRefused(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		status       int
		fields       string
		declined     string
		away         bool
		triesAtLeast int
	}{
		"declined": {
			status: 402, declined: "insufficient_funds", triesAtLeast: 1,
			fields: `"type":"card_error","code":"card_declined","decline_code":"insufficient_funds","message":"Your card has insufficient funds.","payment_intent":{"id":"pi_1","object":"payment_intent","status":"requires_payment_method"}`,
		},
		"declined without a code": {
			status: 402, declined: "expired_card", triesAtLeast: 1, fields: `"type":"card_error","code":"expired_card"`,
		},
		"needs the user": {
			status: 402, declined: "authentication_required", triesAtLeast: 1,
			fields: `"type":"card_error","code":"authentication_required","decline_code":"authentication_required"`,
		},
		"too many":     {status: 429, away: true, triesAtLeast: 1, fields: `"type":"invalid_request_error","code":"rate_limit"`},
		"key in use":   {status: 409, away: true, triesAtLeast: 3, fields: `"type":"idempotency_error"`},
		"broken":       {status: 500, away: true, triesAtLeast: 1, fields: `"type":"api_error"`},
		"not ours":     {status: 503, away: true, triesAtLeast: 1},
		"cut":          {away: true, triesAtLeast: 3},
		"bad key":      {status: 401, triesAtLeast: 1, fields: `"type":"invalid_request_error","message":"Invalid API Key provided"`},
		"bad argument": {status: 400, triesAtLeast: 1, fields: `"type":"invalid_request_error","code":"parameter_unknown"`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := stripetest.New(t)
			tries := 0
			f.Refuse = func(w http.ResponseWriter, r *http.Request, _ url.Values) bool {
				if r.URL.Path != "/v1/payment_intents/pi_1/confirm" {
					return false
				}
				tries++
				if test.status == 0 {
					stripetest.Cut(w)
				}
				f.Fail(w, test.status, test.fields)
				return true
			}
			charge, err := paymentsOf(f).Charge(t.Context(), order("cus_1"))
			f.Calm()
			declined, isDeclined := errors.AsType[*billing.DeclinedError](err)
			if err == nil || isDeclined != (test.declined != "") || isDeclined && declined.Code != test.declined {
				t.Errorf("%+v, %v", charge, err)
			}
			if errors.Is(err, billing.ErrPaymentsAway) != test.away {
				t.Errorf("away is %t: %v", !test.away, err)
			}
			if tries < test.triesAtLeast {
				t.Errorf("%d tries", tries)
			}
		})
	}
}

func TestACallHasAnEnd(t *testing.T) {
	t.Parallel()
	f := stripetest.New(t)
	f.Refuse = func(_ http.ResponseWriter, r *http.Request, _ url.Values) bool {
		<-r.Context().Done()
		return true
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := paymentsOf(f).Checkout(ctx, order("")); !errors.Is(err, billing.ErrPaymentsAway) {
		t.Error(err)
	}
	f.Calm()
	if len(f.Calls) != 1 {
		t.Errorf("%v were called", f.Calls)
	}
}

// A charge whose answers are lost, with another card at the repeat, takes the
// money once.
func TestChargeIsTakenOnce(t *testing.T) {
	t.Parallel()
	f := stripetest.New(t)
	f.Confirmed = stripetest.Cut
	payments := paymentsOf(f)
	charge, err := payments.Charge(t.Context(), order("cus_1"))
	if err != nil || charge.ID != "pi_1" {
		t.Errorf("a lost answer that is asked for again at once: %+v, %v", charge, err)
	}
	f.Calm()
	f.Cards = []string{"pm_newer", "pm_new"}
	for range 2 {
		if again, err := payments.Charge(t.Context(), order("cus_1")); err != nil || again.ID != "pi_1" {
			t.Errorf("again: %+v, %v", again, err)
		}
	}
	f.Calm()
	if len(f.Paid) != 1 || f.Paid[0].Card != "pm_new" {
		t.Errorf("charged were %v", f.Paid)
	}
}

func TestChargeWithoutACard(t *testing.T) {
	t.Parallel()
	f := stripetest.New(t)
	payments := paymentsOf(f)
	check := func(name, customer string) {
		_, err := payments.Charge(t.Context(), order(customer))
		if declined, ok := errors.AsType[*billing.DeclinedError](err); !ok || declined.Code != "no_payment_method" {
			t.Errorf("%s: %v", name, err)
		}
		f.Calm()
	}
	check("no customer", "")
	f.Cards = nil
	check("no card", "cus_1")
	f.Refuse = func(w http.ResponseWriter, _ *http.Request, _ url.Values) bool {
		f.Fail(w, http.StatusNotFound, `"type":"invalid_request_error","code":"resource_missing"`)
		return true
	}
	check("the customer is gone", "cus_1")
	if len(f.Paid) != 0 {
		t.Errorf("charged were %v", f.Paid)
	}
}

// A customer that was deleted at Stripe does not keep an account from buying.
func TestCheckoutOfADeletedCustomer(t *testing.T) {
	t.Parallel()
	f := stripetest.New(t)
	refused := 0
	f.Refuse = func(w http.ResponseWriter, _ *http.Request, form url.Values) bool {
		if !form.Has("customer") {
			return false
		}
		refused++
		f.Fail(w, http.StatusBadRequest, `"type":"invalid_request_error","code":"resource_missing","param":"customer","message":"No such customer: 'cus_1'"`)
		return true
	}
	payments := paymentsOf(f)
	for range 2 {
		page, err := payments.Checkout(t.Context(), order("cus_1"))
		if err != nil || page.ID != "cs_1" {
			t.Errorf("%+v, %v", page, err)
		}
	}
	f.Calm()
	if refused != 2 {
		t.Errorf("%d were refused", refused)
	}
}

// Calls that race with the same key get the same page: Stripe turns the second
// away until the first has its answer.
func TestCheckoutWaitsForItsTwin(t *testing.T) {
	t.Parallel()
	f := stripetest.New(t)
	turnedAway := 0
	f.Refuse = func(w http.ResponseWriter, _ *http.Request, _ url.Values) bool {
		if turnedAway == 2 {
			return false
		}
		turnedAway++
		f.Fail(w, http.StatusConflict, `"type":"idempotency_error","code":"idempotency_key_in_use"`)
		return true
	}
	page, err := paymentsOf(f).Checkout(t.Context(), order(""))
	f.Calm()
	if err != nil || page.ID != "cs_1" || turnedAway != 2 {
		t.Errorf("%+v, %v", page, err)
	}
}

func TestToMinor(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		micros   int64
		currency string
		want     int64 // 0 for what cannot be asked
	}{
		{5_000_000, "USD", 500},
		{10_000, "EUR", 1},
		{9_999, "EUR", 0},
		{0, "USD", 0},
		{-10_000, "USD", 0},
		{500_000_000, "JPY", 500},
		{500_500_000, "JPY", 0},
		{5_120_000, "KWD", 5120},
		{5_125_000, "KWD", 0},
		{5_000_000, "ISK", 500},
		{5_500_000, "ISK", 0},
		{1_000_000, "UGX", 100},
	} {
		got, err := stripe.ToMinor(test.micros, test.currency)
		if got != test.want || (err == nil) != (test.want != 0) || err != nil && !errors.Is(err, stripe.ErrAmount) {
			t.Errorf("%d %s: %d, %v, want %d", test.micros, test.currency, got, err, test.want)
		}
	}
}
