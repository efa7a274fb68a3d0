package stripe_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/google/uuid"

	"github.com/sheenapps/sheen/server/billing"
	"github.com/sheenapps/sheen/server/billing/stripe"
)

// fake answers as Stripe does, so far as this package asks: it knows idempotency
// keys, keeps intents, and pays each at most once.
type fake struct {
	t   *testing.T
	url string

	mu      sync.Mutex
	answers map[string]answer // by idempotency key of what makes something
	status  map[string]string // of intents
	charged []string          // a payment method per payment
	calls   []string
	// cards are the customer's, the newest first.
	cards []string
	// refuse answers in place of Stripe where it returns true.
	refuse func(w http.ResponseWriter, r *http.Request, form url.Values) bool
	// confirmed runs after an intent was paid and may lose the answer.
	confirmed func(w http.ResponseWriter)
}

// answer is what a key has got for which parameters.
type answer struct{ form, body string }

func newFake(t *testing.T) *fake {
	t.Helper()
	f := &fake{t: t, answers: map[string]answer{}, status: map[string]string{}, cards: []string{"pm_new"}}
	server := httptest.NewServer(f)
	t.Cleanup(server.Close)
	f.url = server.URL
	return f
}

func (f *fake) payments() *stripe.Payments {
	return stripe.New(stripe.Options{Key: "sk_test_1", WebhookSecret: secret, APIURL: f.url})
}

// calm waits for the call that is being answered, so that what it left can be
// read and changed.
func (f *fake) calm() {
	f.mu.Lock()
	defer f.mu.Unlock() //nolint:gocritic // nothing stands between on purpose
}

func (f *fake) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	raw, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	form, err := url.ParseQuery(string(raw))
	if err != nil || r.Header.Get("Authorization") != "Bearer sk_test_1" {
		f.t.Errorf("%s with %q: %v", r.URL, r.Header.Get("Authorization"), err)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.calls = append(f.calls, r.Method+" "+r.URL.Path)
	w.Header().Set("Content-Type", "application/json")
	if f.refuse != nil && f.refuse(w, r, form) {
		return
	}
	id, isConfirm := strings.CutSuffix(strings.TrimPrefix(r.URL.Path, "/v1/payment_intents/"), "/confirm")
	switch {
	case r.URL.Path == "/v1/checkout/sessions":
		f.make(w, r, form, `{"id":"cs_%[1]d","object":"checkout.session","url":"https://checkout.stripe.com/c/pay/cs_%[1]d"}`)
	case r.URL.Path == "/v1/payment_intents":
		f.make(w, r, form, `{"id":"pi_%d","object":"payment_intent","status":"requires_payment_method"}`)
	case strings.HasSuffix(r.URL.Path, "/payment_methods"):
		f.list(w)
	case isConfirm:
		f.confirm(w, id, form)
	default:
		f.t.Errorf("asked for %s", r.URL)
	}
}

// make makes something once per idempotency key.
func (f *fake) make(w http.ResponseWriter, r *http.Request, form url.Values, body string) {
	key := r.Header.Get("Idempotency-Key")
	if first, ok := f.answers[key]; ok {
		if first.form != form.Encode() {
			f.fail(w, http.StatusBadRequest, `"type":"idempotency_error","message":"Keys for idempotent requests can only be used with the same parameters"`)
			return
		}
		f.write(w, first.body)
		return
	}
	body = fmt.Sprintf(body, len(f.answers)+1)
	f.answers[key] = answer{form.Encode(), body}
	f.write(w, body)
}

func (f *fake) list(w http.ResponseWriter) {
	var methods []map[string]string
	for _, card := range f.cards {
		methods = append(methods, map[string]string{"id": card, "object": "payment_method"})
	}
	body, err := json.Marshal(map[string]any{"object": "list", "data": methods})
	if err != nil {
		f.t.Error(err)
	}
	f.write(w, string(body))
}

func (f *fake) confirm(w http.ResponseWriter, id string, form url.Values) {
	if form.Get("off_session") != "true" {
		f.t.Errorf("confirmed with %v", form)
	}
	if f.status[id] == "succeeded" {
		f.fail(w, http.StatusBadRequest, `"type":"invalid_request_error","code":"payment_intent_unexpected_state",
			"payment_intent":{"id":"`+id+`","object":"payment_intent","status":"succeeded"}`)
		return
	}
	f.status[id] = "succeeded"
	f.charged = append(f.charged, form.Get("payment_method"))
	if f.confirmed != nil {
		f.confirmed(w)
	}
	f.write(w, `{"id":"`+id+`","object":"payment_intent","status":"succeeded"}`)
}

func (f *fake) write(w http.ResponseWriter, body string) {
	if _, err := io.WriteString(w, body); err != nil {
		f.t.Error(err)
	}
}

func (f *fake) fail(w http.ResponseWriter, status int, fields string) {
	w.WriteHeader(status)
	f.write(w, `{"error":{`+fields+`}}`)
}

// cut ends the connection without an answer.
func cut(http.ResponseWriter) { panic(http.ErrAbortHandler) }

func order(customer string) billing.PaymentOrder {
	return billing.PaymentOrder{
		PurchaseID: uuid.MustParse("11111111-1111-4111-8111-111111111111"),
		AccountID:  uuid.MustParse("22222222-2222-4222-8222-222222222222"),
		Title:      "Mini package", Locale: "fr-MA", PriceMicros: 5_000_000, CurrencyCode: "USD", CustomerID: customer,
		SuccessURL: "https://app.example.com/done", CancelURL: "https://app.example.com/back",
	}
}
