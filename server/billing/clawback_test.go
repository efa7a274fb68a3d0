package billing_test

import (
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/sheenapps/sheen/server/billing"
	"github.com/sheenapps/sheen/server/billing/meter"
)

// heldMarket has an account that has bought a package and holds its gifts and seconds of it.
func heldMarket(t *testing.T, seconds int64) (*market, *billing.Hold, uuid.UUID) {
	t.Helper()
	m := newMarket(t)
	purchase := m.buy(m.account)
	m.tell(paid(purchase))
	hold := m.mustReserve(3900 + seconds)
	return m, hold, purchase.ID
}

// voidBought has an admin take seconds of a purchase; 0 takes all.
func (m *market) voidBought(purchase uuid.UUID, seconds int64) {
	m.t.Helper()
	err := m.inTx(func(tx pgx.Tx) error {
		_, _, err := m.Void(m.t.Context(), tx, billing.VoidRequest{
			AccountID: m.account, GrantID: *m.wantPurchase(purchase, "paid", 0).GrantID, Key: "admin", Seconds: seconds,
		})
		return err
	})
	if err != nil {
		m.t.Fatal(err)
	}
}

// end ends a hold that has the gifts and seconds of a package of which used are
// used.
func (m *market) end(hold *billing.Hold, used int64) {
	m.t.Helper()
	outcome := meter.Succeeded
	if used == 0 {
		outcome = meter.FailedPlatform
	}
	if _, err := m.commit(hold, outcome, time.Duration(3900+used)*time.Second); err != nil {
		m.t.Fatal(err)
	}
}

// What of a refund is held comes back with what the hold gives back.
func TestARefundOfWhatIsHeld(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		micros, used, left int64
	}{
		"all but a micro-unit":    {4_999_999, 0, 1},
		"a half":                  {2_500_000, 0, 1800},
		"a half, a third is used": {2_500_000, 1200, 600},
		"a half, more is used":    {2_500_000, 3000, 0},
	} {
		m, hold, id := heldMarket(t, 3600)
		purchase := m.wantPurchase(id, "paid", 0)
		m.tell(refunded(purchase, test.micros/2))
		m.tell(refunded(purchase, test.micros))
		m.wantBought(m.account, 0)
		m.end(hold, test.used)
		if got := m.bought(m.account); got != test.left {
			t.Errorf("%s: %d s are left, want %d", name, got, test.left)
		}
		m.tell(refunded(purchase, 5_000_000))
		m.wantBought(m.account, 0)
	}
}

// What is free of any of a purchase's grants is taken before what is held.
func TestARefundTakesWhatIsFreeFirst(t *testing.T) {
	t.Parallel()
	m, hold, id := heldMarket(t, 600)
	purchase := m.wantPurchase(id, "paid", 0)
	m.tell(dispute(purchase, billing.PaymentDisputed, "d"))
	m.tell(dispute(purchase, billing.PaymentDisputeWon, "d"))
	m.wantBought(m.account, 3000)
	m.tell(refunded(purchase, 2_500_000))
	m.wantBought(m.account, 1200)
	m.end(hold, 600)
	m.wantBought(m.account, 1200)
}

// A dispute that is won leaves the account with what it had when the dispute was
// opened, whatever was held, used or given back meanwhile.
func TestADisputeOfWhatIsHeld(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		ended bool
		used  int64
		left  int64
	}{
		"given back meanwhile":   {ended: true, left: 3600},
		"used meanwhile":         {ended: true, used: 1000, left: 2600},
		"used a part meanwhile":  {ended: true, used: 400, left: 3200},
		"given back afterwards":  {left: 3600},
		"used afterwards":        {used: 1000, left: 2600},
		"used a part afterwards": {used: 400, left: 3200},
	} {
		m, hold, id := heldMarket(t, 1000)
		purchase := m.wantPurchase(id, "paid", 0)
		m.tell(dispute(purchase, billing.PaymentDisputed, "d"))
		if test.ended {
			m.end(hold, test.used)
		}
		m.wantBought(m.account, 0)
		m.tell(dispute(purchase, billing.PaymentDisputeWon, "d"))
		if !test.ended {
			m.end(hold, test.used)
		}
		if got := m.bought(m.account); got != test.left {
			t.Errorf("%s: %d s are left, want %d", name, got, test.left)
		}
	}
}

// A dispute that is won gives back what it took, not what an admin did before it.
func TestADisputeGivesBackWhatItTook(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		taken, refunded, left int64
	}{
		"all was taken":              {0, 0, 0},
		"a part was taken":           {600, 0, 3000},
		"nothing to speak of":        {1, 0, 3599},
		"and half of it is refunded": {600, 2_500_000, 1800},
	} {
		m := newMarket(t)
		purchase := m.buy(m.account)
		m.tell(paid(purchase))
		m.voidBought(purchase.ID, test.taken)
		m.tell(dispute(purchase, billing.PaymentDisputed, "d"))
		m.wantBought(m.account, 0)
		if test.refunded > 0 {
			m.tell(refunded(purchase, test.refunded))
		}
		m.tell(dispute(purchase, billing.PaymentDisputeWon, "d"))
		m.wantPurchase(purchase.ID, "paid", test.refunded)
		if got := m.bought(m.account); got != test.left {
			t.Errorf("%s: %d s are left, want %d", name, got, test.left)
		}
		m.tell(dispute(purchase, billing.PaymentDisputed, "e"))
		m.wantBought(m.account, 0)
		m.tell(dispute(purchase, billing.PaymentDisputeWon, "e"))
		if got := m.bought(m.account); got != test.left {
			t.Errorf("%s: %d s are left after a second dispute, want %d", name, got, test.left)
		}
	}
}
