package billing_test

import (
	"errors"
	"maps"
	"reflect"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/sheenapps/sheen/server/billing"
	"github.com/sheenapps/sheen/server/billing/meter"
)

func TestReadMakesNothing(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.wantSpendable(3900, 0)
	if n := b.count("select count(*) from account"); n != 0 {
		t.Errorf("a read made %d accounts", n)
	}
}

func TestReserveCommit(t *testing.T) {
	t.Parallel()
	b := setup(t)
	build := uuid.New()
	hold, balance, err := b.reserve(billing.ReserveRequest{Seconds: 3300, BuildID: build, Key: "k"})
	if err != nil {
		t.Fatal(err)
	}
	if hold.State != meter.HoldOpen || hold.Seconds != 3300 || !hold.ExpireTime.Equal(noon.Add(billing.DefaultTTL)) {
		t.Errorf("hold %+v", hold)
	}
	if balance.Spendable != 600 || balance.Held != 3300 {
		t.Errorf("balance %+v", balance)
	}
	b.wantSpendable(600, 3300)
	b.setClock(noon.Add(time.Minute))
	receipt, err := b.commit(hold, meter.Succeeded, 60_001*time.Millisecond)
	if err != nil {
		t.Fatal(err)
	}
	if receipt.Billable != 70 || receipt.Charged != 70 || receipt.CostMicros != 1500 ||
		!maps.Equal(receipt.ByKind, meter.Amounts{meter.Welcome: 70}) ||
		receipt.Before.Spendable != 600 || receipt.After.Spendable != 3830 {
		t.Errorf("receipt %+v", receipt)
	}
	b.wantSpendable(3830, 0)
	again, err := b.BuildReceipt(t.Context(), b.db, b.account, build)
	if err != nil || !reflect.DeepEqual(again, receipt) {
		t.Errorf("receipt %+v, want %+v: %v", again, receipt, err)
	}
	if other, err := b.BuildReceipt(t.Context(), b.db, uuid.New(), build); err != nil || other != nil {
		t.Errorf("another account reads %+v: %v", other, err)
	}
	if n := b.count("select consumed_seconds from usage_daily where day = '2026-03-01' and operations = 1 and cost_micros = 1500"); n != 70 {
		t.Errorf("usage %d", n)
	}
}

func TestSameRequestSameAnswer(t *testing.T) {
	t.Parallel()
	b := setup(t)
	request := billing.ReserveRequest{Seconds: 3900, Key: "once"}
	hold, balance, err := b.reserve(request)
	if err != nil {
		t.Fatal(err)
	}
	// The key is looked up before the balance: nothing is left to spend.
	b.setClock(noon.Add(time.Minute))
	for range 2 {
		again, balanceAgain, err := b.reserve(request)
		if err != nil || !reflect.DeepEqual(again, hold) || !reflect.DeepEqual(balanceAgain, balance) {
			t.Fatalf("again %+v %+v, first %+v %+v: %v", again, balanceAgain, hold, balance, err)
		}
		if _, err := b.commit(hold, meter.Succeeded, time.Second); err != nil {
			t.Fatal(err)
		}
	}
	b.wantSpendable(3890, 0)
	if _, err := b.commit(hold, meter.Succeeded, 2*time.Second); !errors.Is(err, billing.ErrKeyReused) {
		t.Errorf("another commit: %v", err)
	}
	for name, other := range map[string]billing.ReserveRequest{
		"seconds":   {Key: "once", Seconds: 10},
		"operation": {Key: "once", Seconds: 3900, Operation: meter.Update},
		"build":     {Key: "once", Seconds: 3900, BuildID: uuid.New()},
		"ttl":       {Key: "once", Seconds: 3900, TTL: time.Minute},
		"not after": {Key: "once", Seconds: 3900, NotAfter: noon.Add(time.Minute)},
	} {
		if _, _, err := b.reserve(other); !errors.Is(err, billing.ErrKeyReused) {
			t.Errorf("another %s: %v", name, err)
		}
	}
	grant := billing.GrantRequest{Key: "once", Kind: meter.Promo, Seconds: 3900}
	if _, _, err := b.grant(grant); !errors.Is(err, billing.ErrKeyReused) {
		t.Errorf("a grant with the key of a hold: %v", err)
	}
	if _, _, err := b.reserve(billing.ReserveRequest{AccountID: uuid.New(), Seconds: 10, Key: "once"}); err != nil {
		t.Errorf("another account with the same key: %v", err)
	}
}

func TestInsufficientLeavesNothing(t *testing.T) {
	t.Parallel()
	b := setup(t)
	_, _, err := b.reserve(billing.ReserveRequest{Seconds: 3901, Key: "k"})
	refusal, ok := errors.AsType[*billing.InsufficientError](err)
	if !ok {
		t.Fatal(err)
	}
	want := &billing.InsufficientError{
		RequiredSeconds: 3901, SpendableSeconds: 3900,
		ByKind:             meter.Amounts{meter.Welcome: 3000, meter.Daily: 900},
		DailyGiftReset:     noon.Add(12 * time.Hour),
		Estimate:           billing.Estimate{Operation: meter.MainBuild, P50: 180, P95: 180},
		RecommendedPackage: &billing.Package{ID: "mini", Seconds: 3600},
	}
	if !reflect.DeepEqual(refusal, want) {
		t.Errorf("refusal %+v, want %+v", refusal, want)
	}
	if n := b.count("select (select count(*) from account) + (select count(*) from journal)"); n != 0 {
		t.Errorf("a refused hold left %d rows", n)
	}
	// The same key is free for a request that can be granted.
	if _, _, err := b.reserve(billing.ReserveRequest{Seconds: 3900, Key: "k"}); err != nil {
		t.Error(err)
	}
}

func TestRelease(t *testing.T) {
	t.Parallel()
	b := setup(t)
	hold := b.mustReserve(1000)
	first, balance, err := b.release(hold)
	if err != nil || first.State != meter.HoldReleased || balance.Spendable != 3900 {
		t.Fatalf("%+v %+v: %v", first, balance, err)
	}
	again, balanceAgain, err := b.release(hold)
	if err != nil || !reflect.DeepEqual(again, first) || !reflect.DeepEqual(balanceAgain, balance) {
		t.Errorf("again %+v %+v, first %+v %+v: %v", again, balanceAgain, first, balance, err)
	}
	_, err = b.commit(hold, meter.Succeeded, time.Second)
	if refusal, ok := errors.AsType[*billing.HoldStateError](err); !ok || refusal.From != meter.HoldReleased {
		t.Errorf("commit of a released hold: %v", err)
	}
	committed := b.mustReserve(1000)
	if _, err := b.commit(committed, meter.FailedPlatform, time.Minute); err != nil {
		t.Fatal(err)
	}
	_, _, err = b.release(committed)
	if refusal, ok := errors.AsType[*billing.HoldStateError](err); !ok || refusal.From != meter.HoldCommitted {
		t.Errorf("release of a committed hold: %v", err)
	}
	b.wantSpendable(3900, 0)
}

func TestHoldOfAnotherAccount(t *testing.T) {
	t.Parallel()
	b := setup(t)
	hold := b.mustReserve(10)
	b.account = uuid.New()
	if _, err := b.commit(hold, meter.Succeeded, time.Second); !errors.Is(err, billing.ErrHoldNotFound) {
		t.Errorf("commit: %v", err)
	}
	if _, _, err := b.release(hold); !errors.Is(err, billing.ErrHoldNotFound) {
		t.Errorf("release: %v", err)
	}
}

func TestCommitAfterExpiry(t *testing.T) {
	t.Parallel()
	for _, settledBefore := range []bool{false, true} {
		b := setup(t)
		hold := b.mustReserve(3500)
		b.setClock(hold.ExpireTime.Add(-time.Microsecond))
		b.wantSpendable(400, 3500)
		b.setClock(hold.ExpireTime)
		b.wantSpendable(3900, 0)
		if settledBefore {
			b.mustReserve(3900)
		}
		b.setClock(hold.ExpireTime.Add(time.Minute))
		receipt, err := b.commit(hold, meter.Succeeded, 30*time.Second)
		if err != nil {
			t.Fatal(err)
		}
		if want := map[bool]int64{false: 30, true: 0}[settledBefore]; !receipt.Late || receipt.Charged != want || receipt.Shortfall != 30-want {
			t.Errorf("receipt %+v", receipt)
		}
		again, err := b.commit(hold, meter.Succeeded, 30*time.Second)
		if err != nil || !reflect.DeepEqual(again, receipt) {
			t.Errorf("again %+v, first %+v: %v", again, receipt, err)
		}
	}
}

func TestReleaseAfterExpiry(t *testing.T) {
	t.Parallel()
	b := setup(t)
	hold := b.mustReserve(100)
	b.setClock(hold.ExpireTime)
	for range 2 {
		ended, balance, err := b.release(hold)
		if err != nil || ended.State != meter.HoldExpired || balance.Spendable != 3900 {
			t.Errorf("%+v %+v: %v", ended, balance, err)
		}
	}
}

func TestMidnight(t *testing.T) {
	t.Parallel()
	b := setup(t)
	midnight := noon.Add(12 * time.Hour)
	b.setClock(midnight.Add(-time.Minute))
	b.mustReserve(3000)
	hold := b.mustReserve(400)
	b.setClock(midnight.Add(-time.Microsecond))
	b.wantSpendable(500, 3400)
	b.setClock(midnight)
	b.wantSpendable(900, 3400)
	receipt, err := b.commit(hold, meter.Succeeded, 150*time.Second)
	if err != nil || !maps.Equal(receipt.ByKind, meter.Amounts{meter.Daily: 150}) || receipt.After.Spendable != 900 {
		t.Errorf("receipt %+v: %v", receipt, err)
	}
	// The operation counts on the day of its hold.
	if n := b.count("select consumed_seconds from usage_daily where day = '2026-03-01'"); n != 150 {
		t.Errorf("usage %d", n)
	}
}

func TestZoneOfTheAccount(t *testing.T) {
	t.Parallel()
	b := setup(t)
	if _, err := b.db.Exec(t.Context(), "insert into account (id, zone) values ($1, 'Pacific/Kiritimati')", b.account); err != nil {
		t.Fatal(err)
	}
	balance, err := b.Balance(t.Context(), b.db, b.account)
	if want := time.Date(2026, 3, 2, 10, 0, 0, 0, time.UTC); err != nil || !balance.GiftReset.Equal(want) {
		t.Errorf("gift resets at %s, want %s: %v", balance.GiftReset, want, err)
	}
	hold := b.mustReserve(10)
	if got := hold.Day.Format(time.DateOnly); got != "2026-03-02" {
		t.Errorf("day %s", got)
	}
}

func TestGrant(t *testing.T) {
	t.Parallel()
	b := setup(t)
	request := billing.GrantRequest{
		Key: "g", Kind: meter.Compensation, Seconds: 500, Reason: "sorry | \"really\"", ExpireTime: noon.Add(time.Hour),
	}
	grant, balance, err := b.grant(request)
	if err != nil || balance.Spendable != 4400 || balance.ByKind[meter.Compensation] != 500 {
		t.Fatalf("%+v: %v", balance, err)
	}
	if _, _, err := b.reserve(billing.ReserveRequest{Seconds: 4400}); err != nil {
		t.Fatal(err)
	}
	again, balanceAgain, err := b.grant(request)
	if err != nil || !reflect.DeepEqual(again, grant) || !reflect.DeepEqual(balanceAgain, balance) {
		t.Errorf("again %+v %+v, first %+v %+v: %v", again, balanceAgain, grant, balance, err)
	}
	b.wantSpendable(0, 4400)
	b.setClock(noon.Add(time.Hour))
	b.wantSpendable(3900, 0)
	for name, bad := range map[string]billing.GrantRequest{
		"no key":  {Kind: meter.Promo, Seconds: 1},
		"kind":    {Key: "a", Kind: "gold", Seconds: 1},
		"seconds": {Key: "a", Kind: meter.Promo},
		"expired": {Key: "a", Kind: meter.Promo, Seconds: 1, ExpireTime: noon},
	} {
		if _, _, err := b.grant(bad); !errors.Is(err, billing.ErrInvalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestBurnOrderIsConfiguration(t *testing.T) {
	t.Parallel()
	b := setup(t)
	order := meter.ExpiringFirst()
	clocked := func(time.Time) time.Time { return noon }
	b.Ledger = billing.NewLedger(billing.Options{Order: &order, Clock: clocked})
	_, balance, err := b.reserve(billing.ReserveRequest{Seconds: 100})
	if err != nil || balance.ByKind[meter.Daily] != 800 || balance.ByKind[meter.Welcome] != 3000 {
		t.Errorf("balance %+v: %v", balance, err)
	}
}

func TestReserveTimes(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for ttl, want := range map[time.Duration]time.Duration{0: billing.DefaultTTL, time.Hour: time.Hour} {
		hold, _, err := b.reserve(billing.ReserveRequest{Seconds: 10, TTL: ttl, NotAfter: noon.Add(time.Minute)})
		if err != nil || hold.ExpireTime.Sub(hold.CreateTime) != want {
			t.Errorf("ttl %s: hold %+v: %v", ttl, hold, err)
		}
	}
	for _, bad := range []billing.ReserveRequest{{Seconds: 10, TTL: -1}, {Seconds: 0}} {
		if _, _, err := b.reserve(bad); !errors.Is(err, billing.ErrInvalid) {
			t.Errorf("%+v: %v", bad, err)
		}
	}
}

// A request that waited too long has no effect, but the repeat of one that came
// in time gets its answer.
func TestReserveTooLate(t *testing.T) {
	t.Parallel()
	b := setup(t)
	request := billing.ReserveRequest{Seconds: 10, NotAfter: noon, Key: "in time"}
	hold, _, err := b.reserve(request)
	if err != nil {
		t.Fatal(err)
	}
	b.setClock(noon.Add(time.Second))
	if again, _, err := b.reserve(request); err != nil || again.ID != hold.ID {
		t.Errorf("the repeat: %+v: %v", again, err)
	}
	request.Key = "too late"
	if _, _, err := b.reserve(request); !errors.Is(err, billing.ErrTooLate) {
		t.Error(err)
	}
	b.wantSpendable(3890, 10)
}

// The database's own clock is used unless a test moves it.
func TestDatabaseClock(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.Ledger = billing.NewLedger(billing.Options{})
	hold := b.mustReserve(10)
	if age := time.Since(hold.CreateTime); age < -time.Minute || age > time.Minute {
		t.Errorf("hold is %s old", age)
	}
}
