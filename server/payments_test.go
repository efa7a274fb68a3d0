package server_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stripe/stripe-go/v85/webhook"
	"google.golang.org/protobuf/proto"

	billingv1 "github.com/sheenapps/sheen/gen/sheen/billing/v1"
	"github.com/sheenapps/sheen/server"
	"github.com/sheenapps/sheen/server/auth"
	"github.com/sheenapps/sheen/server/servertest"
)

const webhookSecret = "whsec_test"

// till is a server that sells with a Stripe of the test's own.
type till struct {
	*servertest.Bundle

	t *testing.T
	// opening runs within the call that opens a payment page.
	opening atomic.Pointer[func(purchase string)]
}

func newTill(t *testing.T, opts ...servertest.Option) *till {
	t.Helper()
	b := &till{t: t}
	stripe := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		purchase := r.FormValue("metadata[purchase_id]")
		if r.URL.Path != "/v1/checkout/sessions" || purchase == "" {
			t.Errorf("Stripe is asked for %s with %v", r.URL, r.Form)
		}
		if opening := b.opening.Load(); opening != nil {
			(*opening)(purchase)
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = fmt.Fprintf(w, `{"id":"cs_%[1]s","object":"checkout.session","url":"https://checkout.stripe.com/c/pay/cs_%[1]s"}`, purchase)
	}))
	t.Cleanup(stripe.Close)
	b.Bundle = servertest.Start(t, append(opts, func(c *server.Config) {
		c.Roles.Worker = false
		c.Packages, c.Payments, c.StripeAPIURL = defaultPackages, server.PaymentsStripe, stripe.URL
		c.StripeSecretKey, c.StripeWebhookSecret = server.NewSecret("sk_test_1"), server.NewSecret(webhookSecret)
	})...)
	return b
}

// stripeEvent is a fixture of Stripe's; object is what it is about, without braces.
func stripeEvent(id, kind, object string) []byte {
	return fmt.Appendf(nil, `{"id":%q,"object":"event","api_version":"2026-01-28.clover","created":%d,"livemode":false,"type":%q,"data":{"object":{%s}}}`,
		id, time.Now().Unix(), kind, object)
}

func sessionPaid(purchase string) []byte {
	return stripeEvent("evt_session_"+purchase, "checkout.session.completed", `"id":"cs_`+purchase+`","object":"checkout.session","amount_total":500,
		"currency":"usd","customer":"cus_1","payment_intent":"pi_`+purchase+`","payment_status":"paid","status":"complete","metadata":{"purchase_id":"`+purchase+`"}`)
}

func intentPaid(purchase string) []byte {
	return stripeEvent("evt_intent_"+purchase, "payment_intent.succeeded", `"id":"pi_`+purchase+`","object":"payment_intent","amount":500,"amount_received":500,
		"currency":"usd","customer":"cus_1","status":"succeeded","metadata":{"purchase_id":"`+purchase+`"}`)
}

// deliver posts a webhook and returns the status.
func (b *till) deliver(body []byte, secret string) int {
	b.t.Helper()
	signed := webhook.GenerateTestSignedPayload(&webhook.UnsignedPayload{Payload: body, Secret: secret, Timestamp: time.Now()})
	req, err := http.NewRequestWithContext(b.t.Context(), http.MethodPost, b.URL()+"/v1/payments/webhook", bytes.NewReader(body))
	if err != nil {
		b.t.Error(err)
		return 0
	}
	req.Header.Set("Content-Type", "application/json; charset=utf-8")
	req.Header.Set("Stripe-Signature", signed.Header)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		b.t.Error(err)
		return 0
	}
	defer res.Body.Close()
	if said, err := io.ReadAll(res.Body); err != nil || len(said) > 0 {
		b.t.Errorf("the webhook says %q: %v", said, err)
	}
	return res.StatusCode
}

func (b *till) mustDeliver(body []byte) {
	b.t.Helper()
	if got := b.deliver(body, webhookSecret); got != http.StatusOK {
		b.t.Errorf("answered %d", got)
	}
}

func checkout(t *testing.T, user *servertest.Clients, key string) *billingv1.CreateCheckoutResponse {
	t.Helper()
	opened, err := user.Billing.CreateCheckout(t.Context(), &billingv1.CreateCheckoutRequest{
		PackageId: "mini", IdempotencyKey: key, SuccessUrl: "https://app.example.com/done", CancelUrl: "https://app.example.com/back",
	})
	if err != nil {
		t.Fatal(err)
	}
	return opened
}

// wantPackages polls the balance for as long as purchased seconds may take.
func wantPackages(t *testing.T, user *servertest.Clients, seconds int64) {
	t.Helper()
	begin := time.Now()
	for {
		got, err := user.Billing.GetBalance(t.Context(), &billingv1.GetBalanceRequest{})
		if err != nil {
			t.Fatal(err)
		}
		if got.GetBalance().GetPackageSeconds() == seconds {
			return
		}
		if time.Since(begin) > 2*time.Second {
			t.Errorf("%d s of packages after 2 s, want %d", got.GetBalance().GetPackageSeconds(), seconds)
			return
		}
	}
}

func TestAPackageIsBought(t *testing.T) {
	t.Parallel()
	b := newTill(t)
	user := b.User(t)
	opened := checkout(t, user, "k")
	purchase := opened.GetPurchaseId()
	if opened.GetCheckoutUrl() != "https://checkout.stripe.com/c/pay/cs_"+purchase {
		t.Errorf("opened %v", opened)
	}
	forged := sessionPaid(purchase)
	for name, status := range map[string]int{
		"forged":    b.deliver(forged, "whsec_theirs"),
		"too large": b.deliver(append(forged, bytes.Repeat([]byte(" "), 1<<20)...), webhookSecret),
	} {
		if status/100 != 4 {
			t.Errorf("%s: answered %d", name, status)
		}
	}
	wantPackages(t, user, 0)
	b.mustDeliver(stripeEvent("evt_other", "invoice.paid", `"id":"in_1"`))
	// Twenty at once, of two kinds.
	var group sync.WaitGroup
	for range 10 {
		group.Go(func() { b.mustDeliver(sessionPaid(purchase)) })
		group.Go(func() { b.mustDeliver(intentPaid(purchase)) })
	}
	group.Wait()
	wantPackages(t, user, 3600)
	b.mustDeliver(stripeEvent("evt_refund", "charge.refunded", `"id":"ch_1","object":"charge","amount":500,"amount_refunded":250,"currency":"usd",
		"payment_intent":"pi_`+purchase+`","metadata":{"purchase_id":"`+purchase+`"}`))
	wantPackages(t, user, 1800)
	b.mustDeliver(stripeEvent("evt_dispute", "charge.dispute.created",
		`"id":"du_1","object":"dispute","payment_intent":"pi_`+purchase+`","status":"needs_response"`))
	wantPackages(t, user, 0)
	b.mustDeliver(stripeEvent("evt_won", "charge.dispute.closed", `"id":"du_1","object":"dispute","payment_intent":"pi_`+purchase+`","status":"won"`))
	wantPackages(t, user, 1800)
}

// The webhook comes while Stripe has not yet answered the call that opened the
// page.
func TestTheWebhookOvertakesTheCheckout(t *testing.T) {
	t.Parallel()
	b := newTill(t)
	user := b.User(t)
	overtaken := func(purchase string) {
		b.mustDeliver(intentPaid(purchase))
		b.mustDeliver(sessionPaid(purchase))
		wantPackages(t, user, 3600)
	}
	b.opening.Store(&overtaken)
	first := checkout(t, user, "k")
	if second := checkout(t, user, "k"); second.GetCheckoutUrl() != first.GetCheckoutUrl() || second.GetPurchaseId() != first.GetPurchaseId() {
		t.Errorf("opened %v, then %v", first, second)
	}
	wantPackages(t, user, 3600)
}

// While Postgres is away the provider is asked to try again, and what it then
// tells counts.
func TestTheWebhookIsToldAgainAfterAnOutage(t *testing.T) {
	t.Parallel()
	var line *cable
	b := newTill(t, func(c *server.Config) {
		var address string
		line, address = through(t, c.DatabaseURL.Reveal())
		c.DatabaseURL = server.NewSecret(address)
	})
	user := b.User(t)
	purchase := checkout(t, user, "k").GetPurchaseId()
	line.cut()
	if got := b.deliver(sessionPaid(purchase), webhookSecret); got != http.StatusServiceUnavailable {
		t.Errorf("without a store the webhook is answered %d", got)
	}
	line.mend()
	// The pool has old connections to find dead; each try finds some.
	told := false
	for begin := time.Now(); !told && time.Since(begin) < 10*time.Second; {
		told = b.deliver(sessionPaid(purchase), webhookSecret) == http.StatusOK
	}
	if !told {
		t.Error("the webhook is not recorded after the outage")
	}
	wantPackages(t, user, 3600)
}

func TestCheckoutsOfManyUsers(t *testing.T) {
	t.Parallel()
	b := newTill(t)
	var group sync.WaitGroup
	for range 8 {
		user := b.User(t)
		group.Go(func() {
			key := uuid.NewString()
			opened := checkout(t, user, key)
			if again := checkout(t, user, key); again.GetPurchaseId() != opened.GetPurchaseId() {
				t.Error("a repeat opened another")
			}
			b.mustDeliver(sessionPaid(opened.GetPurchaseId()))
			wantPackages(t, user, 3600)
		})
	}
	group.Wait()
}

// A build that cannot be paid for names what to buy in the language of the build.
func TestABuildThatCannotBePaidRecommends(t *testing.T) {
	t.Parallel()
	b := newTill(t, func(c *server.Config) { c.PurchaseURL = "https://app.example.com/buy" })
	user := b.User(t)
	_, err := b.As(t, user.UserID, auth.RoleService).Billing.Reserve(t.Context(), &billingv1.ReserveRequest{
		IdempotencyKey: "all", Operation: billingv1.Operation_OPERATION_MAIN_BUILD, Seconds: 3900,
	})
	if err != nil {
		t.Fatal(err)
	}
	res := do(t, servertest.Transport(t), request(t, b.URL()+"/sheen.build.v1.BuildService/StartBuild", "application/json",
		[]byte(`{"prompt":"A site for my café","locale":"de"}`), user.Token))
	refusal := &billingv1.InsufficientAiTime{}
	if res.err.reason(t) != "INSUFFICIENT_AI_TIME" || !res.err.detail(t, refusal) {
		t.Fatalf("%+v", res.err)
	}
	want := &billingv1.Package{Id: "mini", Title: "Mini-Paket", Seconds: 3600, PriceMicros: 5_000_000, CurrencyCode: "USD"}
	if !proto.Equal(refusal.GetRecommendedPackage(), want) || refusal.GetPurchaseUrl() != "https://app.example.com/buy" {
		t.Errorf("recommended is %v", refusal)
	}
}

// Without a provider nothing is sold, packages are shown, and webhooks are
// nobody's.
func TestNothingIsSoldByHand(t *testing.T) {
	t.Parallel()
	b := servertest.Start(t, func(c *server.Config) { c.Roles.Worker, c.Packages = false, defaultPackages })
	user := b.User(t)
	listed, err := user.Billing.ListPackages(t.Context(), &billingv1.ListPackagesRequest{})
	if err != nil || len(listed.GetPackages()) != 3 || listed.GetPackages()[1].GetTitle() != "Standard package" {
		t.Errorf("%v, %v", listed, err)
	}
	body, err := json.Marshal(map[string]string{
		"packageId": "mini", "idempotencyKey": "k", "successUrl": "https://a.example.com/", "cancelUrl": "https://a.example.com/",
	})
	if err != nil {
		t.Fatal(err)
	}
	res := do(t, servertest.Transport(t), request(t, b.URL()+"/sheen.billing.v1.BillingService/CreateCheckout", "application/json", body, user.Token))
	if res.err.reason(t) != "PAYMENTS_OFF" || res.err.Code != "failed_precondition" {
		t.Errorf("%+v", res.err)
	}
	by := &till{Bundle: b, t: t}
	if got := by.deliver(sessionPaid(uuid.NewString()), webhookSecret); got != http.StatusBadRequest {
		t.Errorf("a webhook is answered %d", got)
	}
}
