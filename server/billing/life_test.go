package billing_test

import (
	"errors"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/sheenapps/sheen/server/billing"
	"github.com/sheenapps/sheen/server/billing/meter"
	"github.com/sheenapps/sheen/store"
)

// life is that of the package "mini" in tests of packages that end.
const life = 48 * time.Hour

var mortalPackages = []billing.Package{{ID: "mini", Seconds: 3600, PriceMicros: price, CurrencyCode: "USD", Life: life}}

func newMortalMarket(t *testing.T) *market {
	t.Helper()
	m := newMarket(t)
	if err := m.SyncPackages(t.Context(), mortalPackages); err != nil {
		t.Fatal(err)
	}
	return m
}

// ends are the ends of an account's grants of payments, in the order in which they
// were made.
func (b *testBundle) ends(account uuid.UUID) []time.Time {
	b.t.Helper()
	rows, err := b.db.Query(b.t.Context(), `select coalesce(expire_time, '0001-01-01 00:00:00Z') from credit_grant
		where account_id = $1 and source = 'payment' order by create_time, id`, account)
	if err != nil {
		b.t.Fatal(err)
	}
	ends, err := pgx.CollectRows(rows, pgx.RowTo[time.Time])
	if err != nil {
		b.t.Fatal(err)
	}
	return ends
}

func (b *testBundle) wantEnds(account uuid.UUID, want ...time.Time) {
	b.t.Helper()
	got := b.ends(account)
	if len(got) != len(want) {
		b.t.Fatalf("grants end at %v, want %v", got, want)
	}
	for i := range want {
		if !got[i].Equal(want[i]) {
			b.t.Errorf("grant %d ends at %s, want %s", i, got[i].UTC(), want[i])
		}
	}
}

// A package lives from its payment, not from its checkout, and as long as it did
// when it was bought.
func TestAPackageEnds(t *testing.T) {
	t.Parallel()
	m := newMortalMarket(t)
	purchase, late := m.buy(m.account), m.buy(uuid.New())
	if err := m.SyncPackages(t.Context(), miniPackages); err != nil {
		t.Fatal(err)
	}
	forever := m.buy(uuid.New())
	m.setClock(noon.Add(time.Hour))
	m.tell(paid(purchase))
	m.tell(paid(forever))
	end := noon.Add(time.Hour + life)
	m.wantEnds(m.account, end)
	m.wantEnds(forever.AccountID, time.Time{})
	again := paid(purchase)
	again.ID = "told by another event"
	m.setClock(end.Add(-time.Second))
	m.tell(again)
	m.wantBought(m.account, 3600)
	m.setClock(end)
	m.wantBought(m.account, 0)
	m.wantBought(forever.AccountID, 3600)
	m.wantEnds(m.account, end)
	// Who pays after longer than the package lives has all of its life.
	m.tell(paid(late))
	m.wantBought(late.AccountID, 3600)
	m.wantEnds(late.AccountID, end.Add(life))
}

// What a dispute took comes back until the package would have ended, and not after.
func TestADisputeGivesBackToTheSameEnd(t *testing.T) {
	t.Parallel()
	m := newMortalMarket(t)
	end := noon.Add(life)
	for name, test := range map[string]struct {
		won     time.Time
		seconds int64
		note    string
		ends    []time.Time
	}{
		"before": {end.Add(-time.Second), 3600, "", []time.Time{end, end}},
		"at":     {end, 0, "3600 s have lapsed with the purchase, at 2026-03-03T12:00:00Z", []time.Time{end}},
		"after":  {end.Add(time.Hour), 0, "3600 s have lapsed with the purchase, at 2026-03-03T12:00:00Z", []time.Time{end}},
	} {
		account := uuid.New()
		m.setClock(noon)
		purchase := m.buy(account)
		m.tell(paid(purchase))
		m.setClock(noon.Add(time.Hour))
		m.tell(dispute(purchase, billing.PaymentDisputed, name))
		m.setClock(test.won)
		won := dispute(purchase, billing.PaymentDisputeWon, name)
		m.tell(won)
		m.wantPurchase(purchase.ID, "paid", 0)
		m.wantBought(account, test.seconds)
		m.wantEnds(account, test.ends...)
		if note := m.wantEvent(won.ID, "applied"); note != test.note {
			t.Errorf("%s: the note is %q", name, note)
		}
	}
}

// A package that has ended can be disputed and refunded: there is nothing left to
// take.
func TestWhatHasEndedIsRefunded(t *testing.T) {
	t.Parallel()
	m := newMortalMarket(t)
	purchase := m.buy(m.account)
	m.tell(paid(purchase))
	m.setClock(noon.Add(life + time.Hour))
	m.tell(dispute(purchase, billing.PaymentDisputed, "d"))
	m.tell(dispute(purchase, billing.PaymentDisputeWon, "d"))
	m.tell(refunded(purchase, price))
	m.wantPurchase(purchase.ID, "refunded", price)
	m.wantBought(m.account, 0)
	m.wantEnds(m.account, noon.Add(life))
}

// setupMortalTopUp buys packages that end, and has webhooks of the same provider.
func setupMortalTopUp(t *testing.T) (*topUpBundle, *billing.Purchases) {
	t.Helper()
	b := setupTopUp(t)
	b.Ledger = billing.NewLedger(billing.Options{
		Packages: mortalPackages, Clock: func(time.Time) time.Time { return *b.clock.Load() },
	})
	b.topUps = b.node()
	return b, billing.NewPurchases(billing.PurchaseOptions{
		DB: b.db, Ledger: b.Ledger, Payments: b.bank, Log: slog.New(slog.DiscardHandler),
	})
}

// stored is the account's only purchase.
func (b *topUpBundle) stored() *store.Purchase {
	b.t.Helper()
	var id uuid.UUID
	if err := b.db.QueryRow(b.t.Context(), "select id from purchase where account_id = $1", b.account).Scan(&id); err != nil {
		b.t.Fatal(err)
	}
	purchase, err := store.New().PurchaseByID(b.t.Context(), b.db, &store.PurchaseByIDParams{ID: id})
	if err != nil {
		b.t.Fatal(err)
	}
	return purchase
}

// Webhook and charge tell of one payment at different times; whoever is first says
// when it ends, and what is asked again by what is stored is the same request.
func TestAnAutomaticPurchaseEndsOnce(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		first bool // the webhook comes before the charge's answer
		paid  time.Duration
	}{
		"answer first":  {false, time.Second},
		"webhook first": {true, time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b, purchases := setupMortalTopUp(t)
			tell := func() {
				b.setClock(noon.Add(time.Minute))
				event := paid(b.stored())
				event.Subject = "ch_" + event.PurchaseID.String()
				if err := purchases.Record(t.Context(), &event, []byte("{}")); err != nil {
					t.Error(err)
				}
				b.setClock(noon.Add(time.Hour))
			}
			b.enable()
			b.spend(3890)
			if test.first {
				b.bank.will(reply{charged: tell})
			}
			b.sweep()
			if !test.first {
				tell()
			}
			b.wantAttempts("charged")
			b.wantSpendable(3610, 0)
			b.wantEnds(b.account, noon.Add(test.paid+life))
			b.wantGrantedAgain(b.stored())
			b.setClock(noon.Add(test.paid + life))
			balance, err := b.Balance(t.Context(), b.db, b.account)
			if err != nil || balance.ByKind[meter.Package] != 0 {
				t.Errorf("after its end there are %v: %v", balance, err)
			}
		})
	}
}

// wantGrantedAgain repeats the grant of a purchase from what is stored, many at
// once, and by another time.
func (b *topUpBundle) wantGrantedAgain(purchase *store.Purchase) {
	b.t.Helper()
	request := billing.PurchaseGrant(purchase, *purchase.PaidTime)
	var group sync.WaitGroup
	for range 4 {
		group.Go(func() {
			grant, _, err := b.grant(request)
			if err != nil || uuid.UUID(grant.ID) != *purchase.GrantID || !grant.ExpireTime.Equal(request.ExpireTime) {
				b.t.Errorf("granted again: %+v, %v", grant, err)
			}
		})
	}
	group.Wait()
	if _, _, err := b.grant(billing.PurchaseGrant(purchase, purchase.PaidTime.Add(time.Second))); !errors.Is(err, billing.ErrKeyReused) {
		b.t.Errorf("by another time: %v", err)
	}
}
