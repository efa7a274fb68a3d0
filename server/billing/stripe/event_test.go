package stripe_test

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stripe/stripe-go/v85/webhook"

	"github.com/sheenapps/sheen/server/billing"
	"github.com/sheenapps/sheen/server/billing/stripe"
)

const secret = "whsec_test"

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// signature is the header with which Stripe would sign a body.
func signature(body []byte, secret string, at time.Time) string {
	return webhook.GenerateTestSignedPayload(&webhook.UnsignedPayload{Payload: body, Secret: secret, Timestamp: at}).Header
}

func TestSignature(t *testing.T) {
	t.Parallel()
	payments := stripe.New(stripe.Options{WebhookSecret: secret})
	body := []byte(`{"id":"evt_1","object":"event","type":"invoice.paid","created":1,"data":{"object":{}}}`)
	good := signature(body, secret, noon)
	_, sum, _ := strings.Cut(good, ",")
	for name, test := range map[string]struct {
		header string
		body   []byte
		ok     bool
	}{
		"good":             {good, body, true},
		"5 min ago":        {signature(body, secret, noon.Add(-5*time.Minute)), body, true},
		"longer ago":       {signature(body, secret, noon.Add(-5*time.Minute-time.Second)), body, false},
		"in 5 min":         {signature(body, secret, noon.Add(5*time.Minute)), body, true},
		"later":            {signature(body, secret, noon.Add(5*time.Minute+time.Second)), body, false},
		"another's":        {signature(body, "whsec_theirs", noon), body, false},
		"of another body":  {good, append([]byte(" "), body...), false},
		"secret rolled":    {good + ",v1=" + strings.Repeat("00", 32), body, true},
		"old first":        {fmt.Sprintf("t=%d,v1=%s,%s", noon.Unix(), strings.Repeat("00", 32), sum), body, true},
		"none":             {"", body, false},
		"no sum":           {fmt.Sprintf("t=%d", noon.Unix()), body, false},
		"no time":          {sum, body, false},
		"old, made young":  {fmt.Sprintf("t=%d,", noon.Unix()) + signature(body, secret, noon.Add(-time.Hour)), body, false},
		"old, made young2": {signature(body, secret, noon.Add(-time.Hour)) + fmt.Sprintf(",t=%d", noon.Unix()), body, false},
		"another scheme":   {strings.Replace(good, "v1=", "v0=", 1), body, false},
		"not hexadecimal":  {fmt.Sprintf("t=%d,v1=x", noon.Unix()), body, false},
	} {
		event, err := payments.Event(http.Header{"Stripe-Signature": {test.header}}, test.body, noon)
		if (err == nil) != test.ok || err != nil && !errors.Is(err, billing.ErrPaymentSignature) {
			t.Errorf("%s: %+v, %v", name, event, err)
		}
	}
}

// The objects are cut down from what Stripe sends; ids are its, and may be whole
// objects.
func TestEvents(t *testing.T) {
	t.Parallel()
	payments := stripe.New(stripe.Options{WebhookSecret: secret})
	const metadata = `"metadata":{"purchase_id":"11111111-1111-4111-8111-111111111111"}`
	purchase := uuid.MustParse("11111111-1111-4111-8111-111111111111")
	none := billing.PaymentEvent{}
	paid := billing.PaymentEvent{
		Kind: billing.PaymentPaid, PurchaseID: purchase, Subject: "pi_1", CustomerID: "cus_1", PaidMicros: 5_000_000, CurrencyCode: "USD",
	}
	disputed := billing.PaymentEvent{Kind: billing.PaymentDisputed, Subject: "pi_1", DisputeID: "du_1"}
	won := disputed
	won.Kind = billing.PaymentDisputeWon
	session := `"object":"checkout.session","id":"cs_1","amount_total":500,"currency":"usd","payment_intent":"pi_1","customer":"cus_1",` + metadata
	for name, test := range map[string]struct {
		kind, object string
		want         billing.PaymentEvent
	}{
		"session paid":        {"checkout.session.completed", session + `,"payment_status":"paid"`, paid},
		"session to be paid":  {"checkout.session.completed", session + `,"payment_status":"unpaid"`, none},
		"session paid late":   {"checkout.session.async_payment_succeeded", session + `,"payment_status":"paid"`, paid},
		"session not paid":    {"checkout.session.async_payment_failed", session, billing.PaymentEvent{Kind: billing.PaymentFailed, PurchaseID: purchase, Subject: "pi_1"}},
		"session left":        {"checkout.session.expired", `"id":"cs_1","payment_intent":null,` + metadata, billing.PaymentEvent{Kind: billing.PaymentFailed, PurchaseID: purchase}},
		"session of others":   {"checkout.session.completed", `"id":"cs_1","payment_status":"paid","metadata":{}`, none},
		"session of nonsense": {"checkout.session.completed", `"id":"cs_1","payment_status":"paid","metadata":{"purchase_id":"7"}`, none},
		"intent paid":         {"payment_intent.succeeded", `"id":"pi_1","amount":500,"amount_received":500,"currency":"usd","customer":{"id":"cus_1","object":"customer"},` + metadata, paid},
		"intent failed":       {"payment_intent.payment_failed", `"id":"pi_1",` + metadata, billing.PaymentEvent{Kind: billing.PaymentFailed, PurchaseID: purchase, Subject: "pi_1"}},
		"intent of others":    {"payment_intent.succeeded", `"id":"pi_1"`, none},
		"refund": {"charge.refunded", `"id":"ch_1","amount":500,"amount_refunded":123,"currency":"usd","payment_intent":{"id":"pi_1","object":"payment_intent"},` + metadata, billing.PaymentEvent{
			Kind: billing.PaymentRefunded, PurchaseID: purchase, Subject: "pi_1", RefundedMicros: 1_230_000, CurrencyCode: "USD",
		}},
		"dispute":          {"charge.dispute.created", `"id":"du_1","payment_intent":"pi_1","status":"needs_response"`, disputed},
		"dispute taken":    {"charge.dispute.funds_withdrawn", `"id":"du_1","payment_intent":"pi_1","status":"under_review"`, disputed},
		"dispute lost":     {"charge.dispute.closed", `"id":"du_1","payment_intent":"pi_1","status":"lost"`, disputed},
		"dispute won":      {"charge.dispute.closed", `"id":"du_1","payment_intent":"pi_1","status":"won"`, won},
		"inquiry":          {"charge.dispute.created", `"id":"du_1","payment_intent":"pi_1","status":"warning_needs_response"`, billing.PaymentEvent{Subject: "pi_1", DisputeID: "du_1"}},
		"card":             {"payment_method.attached", `"id":"pm_1","customer":"cus_1"`, billing.PaymentEvent{Kind: billing.PaymentCardChanged, CustomerID: "cus_1"}},
		"card of nobody":   {"payment_method.attached", `"id":"pm_1","customer":null`, none},
		"something else":   {"invoice.paid", `"id":"in_1"`, none},
		"yet to come":      {"charge.teleported", `"id":"ch_1"`, none},
		"three decimals":   {"payment_intent.succeeded", `"id":"pi_1","amount_received":5120,"currency":"kwd",` + metadata, billing.PaymentEvent{Kind: billing.PaymentPaid, PurchaseID: purchase, Subject: "pi_1", PaidMicros: 5_120_000, CurrencyCode: "KWD"}},
		"without decimals": {"payment_intent.succeeded", `"id":"pi_1","amount_received":500,"currency":"jpy",` + metadata, billing.PaymentEvent{Kind: billing.PaymentPaid, PurchaseID: purchase, Subject: "pi_1", PaidMicros: 500_000_000, CurrencyCode: "JPY"}},
	} {
		body := fmt.Appendf(nil, `{"id":"evt_1","object":"event","api_version":"2030-01-01.future","created":%d,"type":%q,"data":{"object":{%s}}}`,
			noon.Unix(), test.kind, test.object)
		got, err := payments.Event(http.Header{"Stripe-Signature": {signature(body, secret, noon)}}, body, noon)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		test.want.ID = "evt_1"
		test.want.Time = got.Time
		if *got != test.want || got.Kind != "" && !got.Time.Equal(noon) {
			t.Errorf("%s:\ngot  %+v\nwant %+v", name, got, test.want)
		}
	}
}

// What is signed and no event has no effect and is no reason to sign out.
func TestBodiesThatAreNoEvents(t *testing.T) {
	t.Parallel()
	payments := stripe.New(stripe.Options{WebhookSecret: secret})
	for body, wrong := range map[string]bool{`{}`: false, `{"id":"evt_1"}`: false, `[]`: true, `{`: true, ``: true, `{"id":7}`: true} {
		got, err := payments.Event(http.Header{"Stripe-Signature": {signature([]byte(body), secret, noon)}}, []byte(body), noon)
		if (err != nil) != wrong || err == nil && got.Kind != "" {
			t.Errorf("%q: %+v, %v", body, got, err)
		}
	}
}
