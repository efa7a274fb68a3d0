package billing_test

import (
	"errors"
	"maps"
	"reflect"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/sheenapps/sheen/server/billing"
	"github.com/sheenapps/sheen/server/billing/meter"
)

// The rows of the inventory, B01 to B13. Each test fails on what the row says
// that the system before did. docs/billing-inventory.md has the rest.

func (b *testBundle) mustGrant(key string, kind meter.Kind, seconds int64, expire time.Time) *billing.Credit {
	b.t.Helper()
	grant, _, err := b.grant(billing.GrantRequest{Key: key, Kind: kind, Seconds: seconds, ExpireTime: expire})
	if err != nil {
		b.t.Fatal(err)
	}
	return grant
}

func (b *testBundle) mustCommit(hold *billing.Hold, outcome meter.Outcome, active time.Duration) *billing.Receipt {
	b.t.Helper()
	receipt, err := b.commit(hold, outcome, active)
	if err != nil {
		b.t.Fatal(err)
	}
	return receipt
}

func (b *testBundle) wantKinds(want meter.Amounts) {
	b.t.Helper()
	balance, err := b.Balance(b.t.Context(), b.db, b.account)
	if err != nil || !maps.Equal(balance.ByKind, want) {
		b.t.Errorf("balance %+v, want %v: %v", balance, want, err)
	}
}

// Paid and subscribed seconds are two kinds, and each grant has its own end.
func TestInventory_B01_KindsAreKeptApart(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.mustGrant("package", meter.Package, 100, time.Time{})
	b.mustGrant("subscription", meter.Subscription, 500, noon.Add(time.Hour))
	b.wantKinds(meter.Amounts{meter.Welcome: 3000, meter.Daily: 900, meter.Subscription: 500, meter.Package: 100})
	b.setClock(noon.Add(time.Hour))
	b.wantKinds(meter.Amounts{meter.Welcome: 3000, meter.Daily: 900, meter.Package: 100})
}

// Reads give nothing; the first use gives the welcome gift, and only it does.
func TestInventory_B02_WelcomeIsGivenOnceByUse(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for range 3 {
		b.wantKinds(meter.Amounts{meter.Welcome: 3000, meter.Daily: 900})
	}
	if n := b.count("select (select count(*) from account) + (select count(*) from credit_grant)"); n != 0 {
		t.Errorf("reads made %d rows", n)
	}
	for range 2 {
		b.mustCommit(b.mustReserve(100), meter.Succeeded, 10*time.Second)
		b.setClock(b.clock.Load().Add(24 * time.Hour))
	}
	if n := b.count("select count(*) from credit_grant where kind = 'welcome' and seconds = 3000"); n != 1 {
		t.Errorf("%d welcome gifts", n)
	}
}

// The day's gift needs no job: whoever comes after days has one gift, and what
// of it is used is gone until the next midnight.
func TestInventory_B03_DailyGiftNeedsNoJob(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.mustReserve(3000)
	b.mustCommit(b.mustReserve(900), meter.Succeeded, 900*time.Second)
	b.setClock(noon.Add(12*time.Hour - time.Microsecond))
	b.wantKinds(meter.Amounts{meter.Welcome: 3000})
	for day := range 5 {
		b.setClock(noon.AddDate(0, 0, 1+7*day))
		b.wantKinds(meter.Amounts{meter.Welcome: 3000, meter.Daily: 900})
	}
}

// What is begun before midnight is charged to the day on which it was begun, and
// takes nothing of the next day's gift.
func TestInventory_B04_OperationBelongsToTheDayOfItsHold(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.mustCommit(b.mustReserve(3000), meter.Succeeded, 3000*time.Second)
	b.setClock(noon.Add(12*time.Hour - time.Second))
	hold := b.mustReserve(900)
	b.setClock(noon.Add(12*time.Hour + time.Minute))
	b.mustCommit(hold, meter.Succeeded, 800*time.Second)
	b.wantKinds(meter.Amounts{meter.Daily: 900})
	if n := b.count("select sum(consumed_seconds) from usage_daily where day = '2026-03-01'"); n != 3800 {
		t.Errorf("%d s on the first day", n)
	}
}

// The order of kinds is configuration, and inside a kind the soonest end burns
// first, so that nothing lapses while something that stays is spent.
func TestInventory_B05_BurnOrder(t *testing.T) {
	t.Parallel()
	soonest := meter.ExpiringFirst()
	for name, test := range map[string]struct {
		order *meter.Order
		want  meter.Amounts
	}{
		"default": {nil, meter.Amounts{meter.Daily: 800, meter.Subscription: 80, meter.Package: 50}},
		"soonest": {&soonest, meter.Amounts{meter.Welcome: 880, meter.Package: 50}},
	} {
		b := setup(t)
		b.Ledger = billing.NewLedger(billing.Options{Order: test.order, Clock: func(time.Time) time.Time { return *b.clock.Load() }})
		b.mustGrant("package", meter.Package, 50, time.Time{})
		late := b.mustGrant("late", meter.Subscription, 40, noon.Add(3*time.Hour))
		soon := b.mustGrant("soon", meter.Subscription, 40, noon.Add(2*time.Hour))
		b.mustReserve(3100)
		b.wantKinds(test.want)
		_, _, err := b.reserve(billing.ReserveRequest{Seconds: 800 + 40})
		if err != nil {
			t.Fatal(err)
		}
		if name == "default" {
			if n := b.count("select held_seconds from credit_grant where id = $1", soon.ID); n != 40 {
				t.Errorf("%d s of what ends first are held", n)
			}
			if n := b.count("select held_seconds from credit_grant where id = $1", late.ID); n != 0 {
				t.Errorf("%d s of what ends last are held", n)
			}
		}
	}
}

// An operation that nobody knows is refused, not logged and charged.
func TestInventory_B06_UnknownOperationIsRefused(t *testing.T) {
	t.Parallel()
	b := setup(t)
	_, _, err := b.reserve(billing.ReserveRequest{Operation: "magic", Seconds: 10})
	if !errors.Is(err, billing.ErrInvalid) {
		t.Error(err)
	}
	if n := b.count("select (select count(*) from account) + (select count(*) from journal)"); n != 0 {
		t.Errorf("%d rows", n)
	}
}

// What is tracked has an id of its own: two of the same operation of one build
// are two, and the build is a field that no text is taken apart for.
func TestInventory_B07_B08_HoldsHaveIDs(t *testing.T) {
	t.Parallel()
	b := setup(t)
	build := uuid.New()
	var holds [2]*billing.Hold
	for i := range holds {
		hold, _, err := b.reserve(billing.ReserveRequest{
			BuildID: build, Operation: meter.Update, Seconds: 100, Key: "bs_0190_update_" + string(rune('a'+i)),
		})
		if err != nil {
			t.Fatal(err)
		}
		if receipt := b.mustCommit(hold, meter.Succeeded, time.Second); uuid.UUID(receipt.BuildID) != build {
			t.Errorf("the receipt is of build %s, want %s", receipt.BuildID, build)
		}
		holds[i] = hold
	}
	if holds[0].ID == holds[1].ID {
		t.Error("two operations have one id")
	}
	b.wantSpendable(3880, 0)
}

// The charge is the measured AI time. Neither the wait before it nor a clock
// that goes wrong meanwhile is in it, and it is never less than nothing.
func TestInventory_B09_DurationIsMeasuredNotClaimed(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for _, passed := range []time.Duration{20 * time.Minute, 0, -time.Hour} {
		b.setClock(noon.Add(2 * time.Hour))
		hold := b.mustReserve(100)
		b.setClock(noon.Add(2*time.Hour + passed))
		if receipt := b.mustCommit(hold, meter.Succeeded, 20*time.Second); receipt.Charged != 20 || receipt.Billable != 20 {
			t.Errorf("after %s by the clock: %+v", passed, receipt)
		}
	}
	hold := b.mustReserve(100)
	if _, err := b.commit(hold, meter.Succeeded, -25*time.Second); !errors.Is(err, billing.ErrInvalid) {
		t.Errorf("less than nothing: %v", err)
	}
	b.wantSpendable(3900-60-100, 100)
}

// Ten seconds are the unit, once for an operation, however many intervals it had.
func TestInventory_B10_RoundingGolden(t *testing.T) {
	t.Parallel()
	b := setup(t)
	left := int64(3900)
	for _, golden := range []struct {
		active  time.Duration
		charged int64
	}{
		{0, 0},
		{time.Millisecond, 10},
		{10 * time.Second, 10},
		{10_001 * time.Millisecond, 20},
		{60_001 * time.Millisecond, 70},
		{3 * 1100 * time.Millisecond, 10}, // three intervals
	} {
		receipt := b.mustCommit(b.mustReserve(100), meter.Succeeded, golden.active)
		if receipt.Charged != golden.charged || receipt.Billable != golden.charged {
			t.Errorf("%s: %+v, want %d s", golden.active, receipt, golden.charged)
		}
		left -= golden.charged
	}
	b.wantSpendable(left, 0)
}

// A refusal at the check and a hold are one thing: what is held counts, so what
// was seen as enough cannot be spent twice.
func TestInventory_B17_HoldsCount(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.mustReserve(2340)
	b.wantSpendable(1560, 2340)
	_, _, err := b.reserve(billing.ReserveRequest{Seconds: 1561})
	if refusal, ok := errors.AsType[*billing.InsufficientError](err); !ok || refusal.HeldSeconds != 2340 || refusal.SpendableSeconds != 1560 {
		t.Error(err)
	}
}

// Reserve, extend, commit and release are there, and what is forgotten returns
// by itself.
func TestInventory_B18_HoldLifecycle(t *testing.T) {
	t.Parallel()
	b := setup(t)
	hold := b.mustReserve(100)
	err := b.inTx(func(tx pgx.Tx) error {
		extended, _, err := b.Extend(t.Context(), tx, billing.ExtendRequest{
			AccountID: b.account, HoldID: uuid.UUID(hold.ID), Seconds: 50, TTL: time.Hour,
		})
		if err == nil && (extended.Seconds != 150 || extended.ExpireTime.Before(noon.Add(time.Hour))) {
			t.Errorf("extended %+v", extended)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	b.wantSpendable(3750, 150)
	b.mustCommit(hold, meter.Succeeded, 140*time.Second)
	if _, _, err := b.release(b.mustReserve(200)); err != nil {
		t.Fatal(err)
	}
	forgotten := b.mustReserve(300)
	b.wantSpendable(3460, 300)
	b.setClock(forgotten.ExpireTime)
	b.wantSpendable(3760, 0)
}

// The answer of before is the answer: of a reserve that was extended since, the
// hold as it was first, with the seconds and the grants of then.
func TestInventory_B25_FirstAnswerSurvivesExtension(t *testing.T) {
	t.Parallel()
	b := setup(t)
	request := billing.ReserveRequest{Seconds: 2950, Key: "k"}
	first, balance, err := b.reserve(request)
	if err != nil {
		t.Fatal(err)
	}
	err = b.inTx(func(tx pgx.Tx) error {
		extended, _, err := b.Extend(t.Context(), tx, billing.ExtendRequest{
			AccountID: b.account, HoldID: uuid.UUID(first.ID), Seconds: 100, TTL: time.Hour, Key: "more",
		})
		if err == nil && len(extended.Shares) != 2 {
			t.Errorf("extended %+v", extended)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	again, balanceAgain, err := b.reserve(request)
	if err != nil || !reflect.DeepEqual(again, first) || !reflect.DeepEqual(balanceAgain, balance) {
		t.Errorf("again %+v, first %+v: %v", again, first, err)
	}
	receipt := b.mustCommit(first, meter.Succeeded, 3000*time.Second)
	repeated := b.mustCommit(first, meter.Succeeded, 3000*time.Second)
	if !reflect.DeepEqual(receipt, repeated) || repeated.Before.Spendable != 850 || repeated.After.Spendable != 900 {
		t.Errorf("receipt %+v, then %+v", receipt, repeated)
	}
}
