package billing_test

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/sheenapps/sheen/server/billing"
	"github.com/sheenapps/sheen/server/billing/meter"
)

func TestAPaymentGrantsOnce(t *testing.T) {
	t.Parallel()
	m := newMarket(t)
	purchase := m.buy(m.account)
	m.wantBought(m.account, 0)
	var group sync.WaitGroup
	for i := range 20 {
		event := paid(purchase)
		if i%2 == 1 {
			event.ID += "-told by another event"
		}
		group.Go(func() { m.tell(event) })
	}
	group.Wait()
	stored := m.wantPurchase(purchase.ID, "paid", 0)
	m.wantBought(m.account, 3600)
	if n := m.count("select count(*) from credit_grant where source = 'payment' and kind = 'package' and id = $1", stored.GrantID); n != 1 {
		t.Errorf("%d grants", n)
	}
	if n := m.count("select count(*) from payment_event where state = 'applied'"); n != 2 {
		t.Errorf("%d events are recorded", n)
	}
	if n := m.count("select count(*) from journal where idempotency_key = $1", "purchase:"+purchase.ID.String()); n != 1 {
		t.Errorf("the grant's key is another one")
	}
}

func TestAPaymentOfAnotherAmountGrantsNothing(t *testing.T) {
	t.Parallel()
	m := newMarket(t)
	purchase := m.buy(m.account)
	for name, change := range map[string]func(*billing.PaymentEvent){
		"less":     func(e *billing.PaymentEvent) { e.PaidMicros-- },
		"more":     func(e *billing.PaymentEvent) { e.PaidMicros++ },
		"currency": func(e *billing.PaymentEvent) { e.CurrencyCode = "JPY" },
	} {
		event := paid(purchase)
		event.ID = name
		change(&event)
		m.tell(event)
		if note := m.wantEvent(name, "ignored"); !strings.Contains(note, "asked were 5000000 of USD") {
			t.Errorf("%s: the note is %q", name, note)
		}
	}
	m.wantPurchase(purchase.ID, "open", 0)
	m.wantBought(m.account, 0)
	nobody := paid(purchase)
	nobody.ID, nobody.PurchaseID = "nobody", uuid.New()
	m.tell(nobody)
	m.wantEvent("nobody", "ignored")
}

// One payment pays one purchase, and one purchase is paid by one payment.
func TestPaymentsAndPurchasesArePairs(t *testing.T) {
	t.Parallel()
	m := newMarket(t)
	first, second := m.buy(m.account), m.buy(m.account)
	m.tell(paid(first))
	stolen := paid(second)
	stolen.Subject = paymentOf(first)
	m.tell(stolen)
	m.wantEvent(stolen.ID, "ignored")
	m.wantPurchase(second.ID, "open", 0)
	twice := paid(first)
	twice.ID, twice.Subject = "twice", "another payment"
	m.tell(twice)
	m.wantEvent("twice", "ignored")
	back := refunded(first, first.PriceMicros)
	back.Subject = "another payment"
	m.tell(back)
	m.wantEvent(back.ID, "ignored")
	m.wantPurchase(first.ID, "paid", 0)
	m.wantBought(m.account, 3600)
}

func TestRefundsTakeBackWhatIsLeft(t *testing.T) {
	t.Parallel()
	m := newMarket(t)
	purchase := m.buy(m.account)
	m.tell(paid(purchase))
	// A third of 3600 s, rounded down in the account's favor, and told again late.
	m.tell(refunded(purchase, 1_666_666))
	m.wantBought(m.account, 3600-1199)
	m.wantPurchase(purchase.ID, "paid", 1_666_666)
	m.tell(refunded(purchase, 1_000_000))
	m.wantBought(m.account, 3600-1199)
	// 1000 s of the package are used and 200 held; the rest of it goes.
	used := m.mustReserve(3900 + 1000)
	if _, err := m.commit(used, meter.Succeeded, 4900*time.Second); err != nil {
		t.Fatal(err)
	}
	held := m.mustReserve(200)
	whole := refunded(purchase, 5_000_000)
	m.tell(whole)
	m.wantPurchase(purchase.ID, "refunded", 5_000_000)
	m.wantBought(m.account, 0)
	if note := m.wantEvent(whole.ID, "applied"); note != "1200 s were used, or are held and go if they return" {
		t.Errorf("the note is %q", note)
	}
	// What the hold gives back lapses.
	if _, _, err := m.release(held); err != nil {
		t.Fatal(err)
	}
	m.wantBought(m.account, 0)
}

func TestARefundInAnotherCurrencyIsIgnored(t *testing.T) {
	t.Parallel()
	m := newMarket(t)
	purchase := m.buy(m.account)
	m.tell(paid(purchase))
	odd := refunded(purchase, 5_000_000)
	odd.CurrencyCode = "JPY"
	m.tell(odd)
	m.wantEvent(odd.ID, "ignored")
	m.wantBought(m.account, 3600)
	huge := refunded(purchase, 900_000_000)
	m.tell(huge)
	m.wantPurchase(purchase.ID, "refunded", 5_000_000)
}

func TestADisputeTakesAndGivesBack(t *testing.T) {
	t.Parallel()
	m := newMarket(t)
	purchase := m.buy(m.account)
	m.tell(paid(purchase))
	used := m.mustReserve(3900 + 600)
	if _, err := m.commit(used, meter.Succeeded, 4500*time.Second); err != nil {
		t.Fatal(err)
	}
	for round := range 2 {
		id := strconv.Itoa(round)
		m.tell(dispute(purchase, billing.PaymentDisputed, id))
		m.wantPurchase(purchase.ID, "disputed", 0)
		m.wantBought(m.account, 0)
		m.tell(dispute(purchase, billing.PaymentDisputeWon, id))
		m.wantPurchase(purchase.ID, "paid", 0)
		m.wantBought(m.account, 3000)
	}
	if n := m.count("select count(*) from credit_grant where source = 'payment' and reason = $1", "dispute_won: purchase "+purchase.ID.String()); n != 2 {
		t.Errorf("%d grants say where they are from", n)
	}
	// What was given back can be taken again.
	m.tell(refunded(purchase, 2_500_000))
	m.wantBought(m.account, 1200)
	m.tell(refunded(purchase, 5_000_000))
	m.wantBought(m.account, 0)
}

// What an admin took of a purchase does not come back with a refund, or with
// another event that says that it was paid.
func TestARefundGivesNothing(t *testing.T) {
	t.Parallel()
	m := newMarket(t)
	purchase := m.buy(m.account)
	m.tell(paid(purchase))
	err := m.inTx(func(tx pgx.Tx) error {
		_, _, err := m.Void(t.Context(), tx, billing.VoidRequest{
			AccountID: m.account, GrantID: *m.wantPurchase(purchase.ID, "paid", 0).GrantID, Key: "void",
		})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	again := paid(purchase)
	again.ID = "again-" + again.ID
	for _, event := range []billing.PaymentEvent{again, refunded(purchase, 500_000)} {
		m.tell(event)
		m.wantEvent(event.ID, "applied")
		m.wantBought(m.account, 0)
	}
}

// whatever is a set of events of one purchase, and what they come to.
func whatever(random *rand.Rand, m *market, account uuid.UUID) (events []billing.PaymentEvent, check func()) {
	purchase := m.buy(account)
	add := func(event billing.PaymentEvent) bool {
		if random.IntN(3) == 0 {
			return false
		}
		for range 1 + random.IntN(3) {
			events = append(events, event)
		}
		return true
	}
	again := paid(purchase)
	again.ID = "again-" + again.ID
	wrong := paid(purchase)
	wrong.ID, wrong.PaidMicros = "wrong-"+wrong.ID, 1
	failed := billing.PaymentEvent{ID: "failed-" + purchase.ID.String(), Kind: billing.PaymentFailed, PurchaseID: purchase.ID}
	hasPaid := add(paid(purchase))
	hasPaid = add(again) || hasPaid
	add(wrong)
	hasFailed := add(failed)
	var refund int64
	for _, micros := range []int64{1_000_000, 1_666_667, 5_000_000}[:2+random.IntN(2)] {
		event := refunded(purchase, micros)
		if random.IntN(2) == 0 {
			event.PurchaseID = uuid.Nil
		}
		if add(event) {
			refund = max(refund, micros)
		}
	}
	disputed := false
	for _, id := range []string{"a", "b"} {
		opened, won := add(dispute(purchase, billing.PaymentDisputed, id)), add(dispute(purchase, billing.PaymentDisputeWon, id))
		disputed = disputed || opened && !won
	}
	random.Shuffle(len(events), func(i, j int) { events[i], events[j] = events[j], events[i] })
	return events, func() {
		state, seconds := "paid", int64(3600)-3600*refund/5_000_000
		switch {
		case !hasPaid && hasFailed:
			state, seconds, refund = "failed", 0, 0
		case !hasPaid:
			state, seconds, refund = "open", 0, 0
		case disputed:
			state, seconds = "disputed", 0
		case refund == 5_000_000:
			state = "refunded"
		}
		m.wantPurchase(purchase.ID, state, refund)
		m.wantBought(account, seconds)
		if n := m.count("select count(*) from payment_event where purchase_id = $1 and state = 'waiting'", purchase.ID); hasPaid && n > 0 {
			m.t.Errorf("%d events still wait", n)
		}
	}
}

// Replayed and in whatever order, one after the other or at once, events come to
// the same: what all of them together say.
func TestEventsInAnyOrder(t *testing.T) {
	t.Parallel()
	m := newMarket(t)
	for seed := range uint64(30) {
		random := rand.New(rand.NewPCG(seed, 4))
		events, check := whatever(random, m, uuid.New())
		atOnce := seed%3 == 0
		var group sync.WaitGroup
		for _, event := range events {
			if atOnce {
				group.Go(func() { m.tell(event) })
				continue
			}
			m.tell(event)
		}
		group.Wait()
		check()
		if t.Failed() {
			var order []string
			for _, event := range events {
				order = append(order, fmt.Sprintf("%s %d %s", event.Kind, event.RefundedMicros, event.DisputeID))
			}
			t.Fatalf("seed %d, at once %t: %s", seed, atOnce, strings.Join(order, ", "))
		}
	}
}

// What is told of a purchase before its payment waits, and what was about another
// payment is ignored once it is known which one paid.
func TestARefundBeforeItsPaymentWaits(t *testing.T) {
	t.Parallel()
	m := newMarket(t)
	purchase := m.buy(m.account)
	early, unnamed, foreign := refunded(purchase, 2_500_000), dispute(purchase, billing.PaymentDisputeWon, "d"), refunded(purchase, 5_000_000)
	foreign.Subject = "another payment"
	for _, event := range []billing.PaymentEvent{early, unnamed, foreign} {
		m.tell(event)
		m.wantEvent(event.ID, "waiting")
	}
	m.wantPurchase(purchase.ID, "open", 0)
	m.tell(paid(purchase))
	m.wantEvent(early.ID, "applied")
	m.wantEvent(unnamed.ID, "applied")
	m.wantEvent(foreign.ID, "ignored")
	m.wantPurchase(purchase.ID, "paid", 2_500_000)
	m.wantBought(m.account, 1800)
}

// A refund that names the payment only, and the payment that makes it known, do
// not miss each other.
func TestARefundMeetsItsPayment(t *testing.T) {
	t.Parallel()
	m := newMarket(t)
	for range 30 {
		purchase := m.buy(m.account)
		back := refunded(purchase, purchase.PriceMicros)
		back.PurchaseID = uuid.Nil
		var group sync.WaitGroup
		group.Go(func() { m.tell(back) })
		group.Go(func() { m.tell(paid(purchase)) })
		group.Wait()
		m.wantPurchase(purchase.ID, "refunded", purchase.PriceMicros)
	}
	m.wantBought(m.account, 0)
}

// The event that a checkout is paid comes while the checkout's own answer is
// still on its way.
func TestThePaymentOvertakesTheCheckout(t *testing.T) {
	t.Parallel()
	m := newMarket(t)
	m.provider.after = func(order billing.PaymentOrder) error {
		event := billing.PaymentEvent{
			ID: "early", Kind: billing.PaymentPaid, PurchaseID: order.PurchaseID, Subject: "payment",
			PaidMicros: order.PriceMicros, CurrencyCode: order.CurrencyCode, CustomerID: "customer",
		}
		m.tell(event)
		m.wantBought(m.account, 3600)
		return nil
	}
	purchase := m.buy(m.account)
	if purchase.CheckoutURL == "" || m.provider.calls != 1 {
		t.Errorf("%+v", purchase)
	}
	m.wantPurchase(purchase.ID, "paid", 0)
	m.wantBought(m.account, 3600)
}

// A provider that names a purchase by its page only tells of the payment before
// the page's id is stored: it waits for that.
func TestThePaymentWaitsForThePage(t *testing.T) {
	t.Parallel()
	m := newMarket(t)
	m.provider.after = func(order billing.PaymentOrder) error {
		m.tell(billing.PaymentEvent{
			ID: "early", Kind: billing.PaymentPaid, Subject: pageOf(order.PurchaseID),
			PaidMicros: order.PriceMicros, CurrencyCode: order.CurrencyCode, CustomerID: "customer",
		})
		m.wantEvent("early", "waiting")
		m.wantBought(m.account, 0)
		return nil
	}
	purchase := m.buy(m.account)
	m.wantEvent("early", "applied")
	m.wantPurchase(purchase.ID, "paid", 0)
	m.wantBought(m.account, 3600)
	if n := m.count("select count(*) from payment_customer where account_id = $1 and customer_id = 'customer'", m.account); n != 1 {
		t.Errorf("the account is %d customers", n)
	}
}

// Two providers may give the same ids to different things.
func TestTwoProvidersWithTheSameIDs(t *testing.T) {
	t.Parallel()
	one := newMarket(t)
	two := newMarketOn(t, one.testBundle, "other")
	first, second := one.buy(one.account), two.buy(one.account)
	events := map[*market]billing.PaymentEvent{one: paid(first), two: paid(second)}
	for m, event := range events {
		event.ID, event.Subject = "same", "same"
		m.tell(event)
		m.wantEvent("same", "applied")
	}
	one.wantBought(one.account, 7200)
	// Another's purchase is none of its business.
	foreign := paid(first)
	foreign.ID = "foreign"
	two.tell(foreign)
	two.wantEvent("foreign", "ignored")
	one.tell(billing.PaymentEvent{ID: "back", Kind: billing.PaymentRefunded, Subject: "same", RefundedMicros: 5_000_000, CurrencyCode: "USD"})
	one.wantPurchase(first.ID, "refunded", 5_000_000)
	two.wantPurchase(second.ID, "paid", 0)
	one.wantBought(one.account, 3600)
}

func TestCardsOfCustomers(t *testing.T) {
	t.Parallel()
	m := newMarket(t)
	attached := func(id string) {
		m.tell(billing.PaymentEvent{ID: id, Kind: billing.PaymentCardChanged, CustomerID: "customer"})
	}
	attached("unknown")
	m.wantEvent("unknown", "ignored")
	if m.cards[m.account] != 0 {
		t.Error("nobody's card has changed an account")
	}
	purchase := m.buy(m.account)
	event := paid(purchase)
	event.CustomerID = "customer"
	m.tell(event)
	if m.cards[m.account] != 1 {
		t.Errorf("a first payment leaves a card: %d", m.cards[m.account])
	}
	if m.boughtAtCard != 3600 {
		t.Errorf("with a new card the account had %d s of what it has paid for", m.boughtAtCard)
	}
	attached("known")
	attached("known")
	if m.cards[m.account] != 2 {
		t.Errorf("a card came twice: %d", m.cards[m.account])
	}
	m.wantEvent("known", "applied")
	next := m.buy(m.account)
	if order := m.provider.pages[next.ID]; order.CustomerID != "customer" {
		t.Errorf("the next page is for %+v", order)
	}
}
