// Package stripetest gives a test a Stripe that answers as Stripe does, so far as
// package stripe asks.
package stripetest

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// Key is the only secret key that the fake takes.
const Key = "sk_test_1"

// Fake answers as Stripe does: it knows idempotency keys, keeps intents, and pays
// each at most once. It answers one call at a time. Its fields may be read and
// changed before the first call and after [Fake.Calm], while nobody calls.
type Fake struct {
	// URL is where it is.
	URL string
	// Cards are every customer's, the newest first.
	Cards []string
	// Paid are the payments that were taken, in order.
	Paid []Payment
	// Calls are all, as method and path.
	Calls []string
	// Refuse answers in place of Stripe where it returns true.
	Refuse func(w http.ResponseWriter, r *http.Request, form url.Values) bool
	// Confirmed runs after an intent was paid and may lose the answer.
	Confirmed func(w http.ResponseWriter)

	t       testing.TB
	mu      sync.Mutex
	answers map[string]answer     // by idempotency key of what makes something
	intents map[string]url.Values // by id, as they were asked for; checkouts, too
	paid    map[string]bool       // by id of the intent
}

// Payment is money that was taken.
type Payment struct {
	// Intent is the id of the payment, Card that of the payment method.
	Intent, Card string
	// Form is what the intent was asked for with.
	Form url.Values
}

// answer is what a key has got for which parameters.
type answer struct{ form, body string }

// New runs a fake until the test ends. Its customers have the card pm_new.
func New(t testing.TB) *Fake {
	t.Helper()
	f := &Fake{t: t, answers: map[string]answer{}, intents: map[string]url.Values{}, paid: map[string]bool{}, Cards: []string{"pm_new"}}
	server := httptest.NewServer(f)
	t.Cleanup(server.Close)
	f.URL = server.URL
	return f
}

// Calm waits for the call that is being answered, so that what it left can be
// read and changed.
func (f *Fake) Calm() {
	f.mu.Lock()
	defer f.mu.Unlock() //nolint:gocritic // nothing stands between on purpose
}

// ServeHTTP implements [http.Handler].
func (f *Fake) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	raw, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	form, err := url.ParseQuery(string(raw))
	if err != nil || r.Header.Get("Authorization") != "Bearer "+Key {
		f.t.Errorf("%s with %q: %v", r.URL, r.Header.Get("Authorization"), err)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.Calls = append(f.Calls, r.Method+" "+r.URL.Path)
	w.Header().Set("Content-Type", "application/json")
	if f.Refuse != nil && f.Refuse(w, r, form) {
		return
	}
	id, isConfirm := strings.CutSuffix(strings.TrimPrefix(r.URL.Path, "/v1/payment_intents/"), "/confirm")
	switch {
	case r.URL.Path == "/v1/checkout/sessions":
		f.make(w, r, form, "cs_", `"object":"checkout.session","url":"https://checkout.stripe.com/c/pay/{id}"`)
	case r.URL.Path == "/v1/payment_intents":
		f.make(w, r, form, "pi_", `"object":"payment_intent","status":"requires_payment_method"`)
	case strings.HasSuffix(r.URL.Path, "/payment_methods"):
		f.list(w)
	case isConfirm:
		f.confirm(w, id, form)
	default:
		f.t.Errorf("asked for %s", r.URL)
	}
}

// make makes something once per idempotency key. Its fields may hold its {id}.
func (f *Fake) make(w http.ResponseWriter, r *http.Request, form url.Values, kind, fields string) {
	key := r.Header.Get("Idempotency-Key")
	if first, ok := f.answers[key]; ok {
		if first.form != form.Encode() {
			f.Fail(w, http.StatusBadRequest, `"type":"idempotency_error","message":"Keys for idempotent requests can only be used with the same parameters"`)
			return
		}
		f.write(w, first.body)
		return
	}
	id := kind + strconv.Itoa(len(f.answers)+1)
	f.intents[id] = form
	body := `{"id":"` + id + `",` + strings.ReplaceAll(fields, "{id}", id) + `}`
	f.answers[key] = answer{form.Encode(), body}
	f.write(w, body)
}

func (f *Fake) list(w http.ResponseWriter) {
	var methods []map[string]string
	for _, card := range f.Cards {
		methods = append(methods, map[string]string{"id": card, "object": "payment_method"})
	}
	body, err := json.Marshal(map[string]any{"object": "list", "data": methods})
	if err != nil {
		f.t.Error(err)
	}
	f.write(w, string(body))
}

func (f *Fake) confirm(w http.ResponseWriter, id string, form url.Values) {
	if form.Get("off_session") != "true" {
		f.t.Errorf("confirmed with %v", form)
	}
	if f.paid[id] {
		f.Fail(w, http.StatusBadRequest, `"type":"invalid_request_error","code":"payment_intent_unexpected_state",
			"payment_intent":{"id":"`+id+`","object":"payment_intent","status":"succeeded"}`)
		return
	}
	f.paid[id] = true
	f.Paid = append(f.Paid, Payment{Intent: id, Card: form.Get("payment_method"), Form: f.intents[id]})
	if f.Confirmed != nil {
		f.Confirmed(w)
	}
	f.write(w, `{"id":"`+id+`","object":"payment_intent","status":"succeeded"}`)
}

func (f *Fake) write(w http.ResponseWriter, body string) {
	if _, err := io.WriteString(w, body); err != nil {
		f.t.Error(err)
	}
}

// Fail answers with an error of Stripe that has these fields.
func (f *Fake) Fail(w http.ResponseWriter, status int, fields string) {
	w.WriteHeader(status)
	f.write(w, `{"error":{`+fields+`}}`)
}

// Cut ends the connection without an answer.
func Cut(http.ResponseWriter) { panic(http.ErrAbortHandler) }
