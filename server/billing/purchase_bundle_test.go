package billing_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/sheenapps/sheen/server/billing"
	"github.com/sheenapps/sheen/server/billing/meter"
	"github.com/sheenapps/sheen/store"
)

// miniPackages are sold in tests.
var miniPackages = []billing.Package{
	{ID: "mini", Seconds: 3600, PriceMicros: 5_000_000, CurrencyCode: "USD"},
	{ID: "large", Seconds: 72_000, PriceMicros: 60_000_000, CurrencyCode: "USD"},
}

// provider is a payment provider that keeps to the port: what it is asked twice
// for one purchase it does once. Its webhooks are events in JSON, signed by a
// header.
type provider struct {
	name string
	// before runs within a checkout, before the page is there, and may refuse it;
	// after once it is there, and may lose the answer.
	before, after func(order billing.PaymentOrder) error

	mu    sync.Mutex
	pages map[uuid.UUID]billing.PaymentOrder
	calls int
}

func (p *provider) Name() string { return p.name }

func (p *provider) Checkout(_ context.Context, order billing.PaymentOrder) (*billing.Checkout, error) {
	if p.before != nil {
		if err := p.before(order); err != nil {
			return nil, err
		}
	}
	p.mu.Lock()
	p.calls++
	first, repeated := p.pages[order.PurchaseID]
	if !repeated {
		p.pages[order.PurchaseID] = order
	}
	p.mu.Unlock()
	if repeated && first != order {
		return nil, fmt.Errorf("the key came with %+v, then with %+v", first, order)
	}
	if p.after != nil {
		if err := p.after(order); err != nil {
			return nil, err
		}
	}
	return &billing.Checkout{ID: pageOf(order.PurchaseID), URL: "https://pay.example.com/" + order.PurchaseID.String()}, nil
}

func (*provider) Charge(context.Context, billing.PaymentOrder) (*billing.Charge, error) {
	return nil, billing.ErrPaymentsOff
}

func (*provider) Event(header http.Header, body []byte, now time.Time) (*billing.PaymentEvent, error) {
	var event billing.PaymentEvent
	if header.Get("Signature") != "ours" || !now.Equal(noon) {
		return nil, billing.ErrPaymentSignature
	}
	if err := json.Unmarshal(body, &event); err != nil {
		return nil, err
	}
	return &event, nil
}

func pageOf(purchase uuid.UUID) string { return "page-" + purchase.String() }

// market is a bundle that sells.
type market struct {
	*testBundle
	*billing.Purchases

	provider *provider
	cards    map[uuid.UUID]int // how often each account's card has changed
	// bought is what an account had of packages when its card changed last.
	boughtAtCard int64
	metrics      *prometheus.Registry
}

func newMarket(t *testing.T) *market {
	t.Helper()
	return newMarketOn(t, setup(t), "test")
}

func newMarketOn(t *testing.T, b *testBundle, name string) *market {
	t.Helper()
	m := &market{
		testBundle: b, cards: map[uuid.UUID]int{}, metrics: prometheus.NewRegistry(),
		provider: &provider{name: name, pages: map[uuid.UUID]billing.PaymentOrder{}},
	}
	var mu sync.Mutex
	m.Purchases = billing.NewPurchases(billing.PurchaseOptions{
		DB: b.db, Ledger: b.Ledger, Payments: m.provider, Clock: func() time.Time { return noon },
		Metrics: billing.NewPaymentMetrics(m.metrics),
		CardChanged: func(ctx context.Context, tx store.Tx, account uuid.UUID) error {
			mu.Lock()
			defer mu.Unlock()
			m.cards[account]++
			balance, err := m.Balance(ctx, tx, account)
			if err == nil {
				m.boughtAtCard = balance.ByKind[meter.Package]
			}
			return err
		},
		Log: slog.New(slog.DiscardHandler),
	})
	if err := m.SyncPackages(t.Context(), miniPackages); err != nil {
		t.Fatal(err)
	}
	return m
}

// wantTold compares how often the webhook came to a result.
func (m *market) wantTold(result string, n float64) {
	m.t.Helper()
	if got := counted(m.t, m.metrics, result); got != n {
		m.t.Errorf("%s: counted %v, want %v", result, got, n)
	}
}

func request(account uuid.UUID, key string) billing.CheckoutRequest {
	return billing.CheckoutRequest{
		AccountID: account, Key: key, PackageID: "mini", Locale: "en",
		SuccessURL: "https://app.example.com/done", CancelURL: "https://app.example.com/back",
	}
}

// buy opens a checkout for an account.
func (m *market) buy(account uuid.UUID) *store.Purchase {
	m.t.Helper()
	purchase, err := m.Checkout(m.t.Context(), request(account, uuid.NewString()))
	if err != nil {
		m.t.Fatal(err)
	}
	return purchase
}

// tell records an event.
func (m *market) tell(event billing.PaymentEvent) {
	m.t.Helper()
	if err := m.Record(m.t.Context(), &event, []byte("{}")); err != nil {
		m.t.Errorf("record %s %s: %v", event.Kind, event.ID, err)
	}
}

// paid is the event that pays for a purchase, by a payment named after it.
func paid(purchase *store.Purchase) billing.PaymentEvent {
	return billing.PaymentEvent{
		ID: "paid-" + purchase.ID.String(), Kind: billing.PaymentPaid, PurchaseID: purchase.ID,
		Subject: paymentOf(purchase), PaidMicros: purchase.PriceMicros, CurrencyCode: purchase.CurrencyCode,
	}
}

func refunded(purchase *store.Purchase, micros int64) billing.PaymentEvent {
	return billing.PaymentEvent{
		ID: fmt.Sprintf("refunded-%d-%s", micros, purchase.ID), Kind: billing.PaymentRefunded, PurchaseID: purchase.ID,
		Subject: paymentOf(purchase), RefundedMicros: micros, CurrencyCode: purchase.CurrencyCode,
	}
}

// dispute is an event that names its payment only.
func dispute(purchase *store.Purchase, kind billing.PaymentEventKind, id string) billing.PaymentEvent {
	return billing.PaymentEvent{
		ID: string(kind) + id + purchase.ID.String(), Kind: kind, Subject: paymentOf(purchase), DisputeID: id,
	}
}

func paymentOf(purchase *store.Purchase) string { return "payment-" + purchase.ID.String() }

func (m *market) wantPurchase(id uuid.UUID, state string, refundedMicros int64) *store.Purchase {
	m.t.Helper()
	stored, err := store.New().PurchaseByID(m.t.Context(), m.db, &store.PurchaseByIDParams{ID: id})
	if err != nil {
		m.t.Fatal(err)
	}
	if stored.State != state || stored.RefundedMicros != refundedMicros {
		m.t.Errorf("purchase is %s with %d refunded, want %s with %d", stored.State, stored.RefundedMicros, state, refundedMicros)
	}
	return stored
}

// wantEvent checks an event's state and returns its note.
func (m *market) wantEvent(id, state string) string {
	m.t.Helper()
	var got, note string
	err := m.db.QueryRow(m.t.Context(), "select state, note from payment_event where provider = $1 and id = $2", m.provider.name, id).
		Scan(&got, &note)
	if err != nil || got != state {
		m.t.Errorf("event %s is %q (%q): %v, want %q", id, got, note, err, state)
	}
	return note
}

// bought is what an account has of packages.
func (m *market) bought(account uuid.UUID) int64 {
	m.t.Helper()
	balance, err := m.Balance(m.t.Context(), m.db, account)
	if err != nil {
		m.t.Fatal(err)
	}
	return balance.ByKind[meter.Package]
}

func (m *market) wantBought(account uuid.UUID, seconds int64) {
	m.t.Helper()
	if got := m.bought(account); got != seconds {
		m.t.Errorf("%d s of packages, want %d", got, seconds)
	}
}
