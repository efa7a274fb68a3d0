package billing_test

import (
	"errors"
	"maps"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/sheenapps/sheen/server/billing"
	"github.com/sheenapps/sheen/server/billing/meter"
	"github.com/sheenapps/sheen/store"
)

// Rows of the inventory about what is charged and written, B19 to B32 and D08,
// D09.

// Work that turns out longer than what is there is charged with all there is and
// recorded with what was missing; the account is never below nothing.
func TestInventory_B19_ShortfallIsRecorded(t *testing.T) {
	t.Parallel()
	b := setup(t)
	hold := b.mustReserve(3800)
	receipt := b.mustCommit(hold, meter.Succeeded, 4000*time.Second)
	if receipt.Charged != 3900 || receipt.Shortfall != 100 || receipt.Billable != 4000 {
		t.Errorf("receipt %+v", receipt)
	}
	b.wantSpendable(0, 0)
	if n := b.count("select shortfall_seconds from account"); n != 100 {
		t.Errorf("shortfall %d", n)
	}
	if n := b.count("select count(*) from journal where kind = 'commit' and shortfall_seconds = 100 and consumed_delta = 3900"); n != 1 {
		t.Errorf("%d records", n)
	}
}

// A second change of an account waits for the first, so it decides on what the
// first has left.
func TestInventory_B22_AccountIsLocked(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.mustReserve(100)
	second := make(chan error, 1)
	err := b.inTx(func(tx pgx.Tx) error {
		_, _, err := b.Reserve(t.Context(), tx, billing.ReserveRequest{AccountID: b.account, Operation: meter.Update, Seconds: 3000})
		if err != nil {
			return err
		}
		go func() {
			_, _, err := b.reserve(billing.ReserveRequest{Seconds: 801})
			second <- err
		}()
		for deadline := time.Now().Add(20 * time.Second); b.count("select count(*) from pg_locks where not granted") == 0; {
			if time.Now().After(deadline) {
				t.Error("the second does not wait")
				break
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	err = <-second
	if refusal, ok := errors.AsType[*billing.InsufficientError](err); !ok || refusal.SpendableSeconds != 800 {
		t.Errorf("the second: %v", err)
	}
}

// What is said to be spent is spent, of each kind: 300 s of a subscription of
// 500 s leave 200 s of it, and the package as it was.
func TestInventory_B23_SubscriptionIsDebited(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.mustCommit(b.mustReserve(3900), meter.Succeeded, 3900*time.Second)
	b.mustGrant("paid", meter.Package, 100, time.Time{})
	b.mustGrant("sub", meter.Subscription, 500, noon.Add(time.Hour))
	receipt := b.mustCommit(b.mustReserve(300), meter.Succeeded, 300*time.Second)
	if !maps.Equal(receipt.ByKind, meter.Amounts{meter.Subscription: 300}) {
		t.Errorf("receipt %+v", receipt)
	}
	b.wantKinds(meter.Amounts{meter.Subscription: 200, meter.Package: 100})
	receipt = b.mustCommit(b.mustReserve(250), meter.Succeeded, 250*time.Second)
	if !maps.Equal(receipt.ByKind, meter.Amounts{meter.Subscription: 200, meter.Package: 50}) {
		t.Errorf("receipt %+v", receipt)
	}
	b.wantKinds(meter.Amounts{meter.Package: 50})
	if n := b.count("select free_seconds from account"); n != 50 {
		t.Errorf("the account says %d s", n)
	}
}

// A second update of a build costs again, a key is the account's own, and a
// repeat is found before anything is said about the balance.
func TestInventory_B24_KeysComeFirst(t *testing.T) {
	t.Parallel()
	b := setup(t)
	build := uuid.New()
	for i := range 2 {
		hold, _, err := b.reserve(billing.ReserveRequest{
			Key: string(rune('a' + i)), BuildID: build, Operation: meter.Update, Seconds: 1950,
		})
		if err != nil {
			t.Fatal(err)
		}
		b.mustCommit(hold, meter.Succeeded, 1950*time.Second)
	}
	b.wantSpendable(0, 0)
	again, _, err := b.reserve(billing.ReserveRequest{Key: "a", BuildID: build, Operation: meter.Update, Seconds: 1950})
	if err != nil || again.Seconds != 1950 {
		t.Errorf("the repeat of what was charged: %+v: %v", again, err)
	}
	b.wantSpendable(0, 0)
	if _, _, err := b.reserve(billing.ReserveRequest{AccountID: uuid.New(), Key: "a", Seconds: 10}); err != nil {
		t.Errorf("another account: %v", err)
	}
}

// A failure that is ours costs nothing and gives the hold back.
func TestInventory_B26_FailuresOfOursAreFree(t *testing.T) {
	t.Parallel()
	b := setup(t)
	left := int64(3900)
	for outcome, want := range map[meter.Outcome]int64{
		meter.FailedPlatform: 0, meter.FailedProvider: 0, meter.FailedPolicy: 20,
		meter.Cancelled: 60, meter.FailedUser: 60, meter.Succeeded: 60,
	} {
		hold := b.mustReserve(100)
		var receipt *billing.Receipt
		err := b.inTx(func(tx pgx.Tx) (err error) {
			receipt, err = b.Commit(t.Context(), tx, billing.CommitRequest{
				AccountID: b.account, HoldID: uuid.UUID(hold.ID), Outcome: outcome, Active: time.Minute, Planning: 11 * time.Second,
			})
			return err
		})
		if err != nil || receipt.Charged != want || receipt.Outcome != outcome || receipt.Billable != 60 {
			t.Errorf("%s: %+v: %v", outcome, receipt, err)
		}
		left -= want
		b.wantSpendable(left, 0)
	}
}

// Credits for someone whom nobody has met arrive, once, however often they are
// told.
func TestInventory_B27_CreditsArriveOnce(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for _, err := range together(6, func(int) error {
		_, _, err := b.grant(billing.GrantRequest{Key: "evt_1", Kind: meter.Package, Seconds: 3600})
		return err
	}) {
		if err != nil {
			t.Error(err)
		}
	}
	b.wantKinds(meter.Amounts{meter.Welcome: 3000, meter.Daily: 900, meter.Package: 3600})
}

// Seconds and micro-dollars are whole numbers that no sum rounds.
func TestInventory_B31_WholeNumbers(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for i := range 9 {
		b.mustGrant(string(rune('a'+i)), meter.Package, meter.MaxSeconds, time.Time{})
	}
	hold := b.mustReserve(meter.MaxSeconds)
	b.wantSpendable(8*meter.MaxSeconds+3900, meter.MaxSeconds)
	const cost = 1<<53 + 1 // no float64
	err := b.inTx(func(tx pgx.Tx) error {
		receipt, err := b.Commit(t.Context(), tx, billing.CommitRequest{
			AccountID: b.account, HoldID: uuid.UUID(hold.ID), Outcome: meter.Succeeded,
			Active: (meter.MaxSeconds - 5) * time.Second, CostMicros: cost,
		})
		if err == nil && (receipt.CostMicros != cost || receipt.Charged != meter.MaxSeconds) {
			t.Errorf("receipt %+v", receipt)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	b.wantSpendable(8*meter.MaxSeconds+3900, 0)
	if n := b.count("select cost_micros from usage_daily"); n != cost {
		t.Errorf("usage %d", n)
	}
}

// A thousand operations of one user at once lose nothing, count each once and
// leave no number below nothing.
func TestInventory_B32_ThousandAtOnce(t *testing.T) {
	t.Parallel()
	b := setup(t)
	const callers, rounds, charge = 20, 25, 10
	for _, err := range together(callers, func(caller int) error {
		for round := range rounds {
			var hold *billing.Hold
			err := store.InShortTx(t.Context(), b.db, func(tx store.Tx) (err error) {
				hold, _, err = b.Reserve(t.Context(), tx, billing.ReserveRequest{AccountID: b.account, Operation: meter.Update, Seconds: 15})
				return err
			})
			if err != nil {
				return err
			}
			if (caller+round)%2 == 0 {
				_, err = b.commit(hold, meter.Succeeded, charge*time.Second)
			} else {
				_, _, err = b.release(hold)
			}
			if err != nil {
				return err
			}
		}
		return nil
	}) {
		if err != nil {
			t.Error(err)
		}
	}
	const commits = callers * rounds / 2
	b.wantSpendable(3900-commits*charge, 0)
	if n := b.count("select count(*) from journal where kind in ('hold', 'commit', 'release')"); n != 2*callers*rounds {
		t.Errorf("%d operations are in the journal", n)
	}
	if n := b.count("select sum(operations) from usage_daily where consumed_seconds = $1", commits*charge); n != commits {
		t.Errorf("%d commits are counted", n)
	}
}

// The account's row is what the journal adds up to, and cannot say less than
// nothing.
func TestInventory_D08_JournalIsTheTruth(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.mustCommit(b.mustReserve(500), meter.Succeeded, 123*time.Second)
	b.mustReserve(700)
	b.setClock(noon.Add(24 * time.Hour))
	b.mustGrant("g", meter.Promo, 5, time.Time{})
	const same = `select count(*) from account as a where (free_seconds, held_seconds, consumed_seconds, lapsed_seconds) =
		(select sum((l->>'free')::bigint), sum((l->>'held')::bigint), sum((l->>'consumed')::bigint), sum((l->>'lapsed')::bigint)
		from journal as j, json_array_elements(j.lines) as l where j.account_id = a.id)`
	if b.count(same) != 1 {
		t.Error("the account's row is not its journal's sum")
	}
	if _, err := b.db.Exec(t.Context(), "update account set free_seconds = -1"); err == nil {
		t.Error("an account below nothing is stored")
	}
	if _, err := b.db.Exec(t.Context(), "update journal set lines = '[]'"); err == nil {
		t.Error("the journal was changed")
	}
}

// The record of a charge says which grants paid what, and what the providers
// cost.
func TestInventory_D09_ChargesSayWhoPaidAndWhatItCost(t *testing.T) {
	t.Parallel()
	b := setup(t)
	paid := b.mustGrant("paid", meter.Package, 100, time.Time{})
	subscribed := b.mustGrant("sub", meter.Subscription, 60, time.Time{})
	receipt := b.mustCommit(b.mustReserve(4060), meter.Succeeded, 4000*time.Second)
	if want := (meter.Amounts{meter.Welcome: 3000, meter.Daily: 900, meter.Subscription: 60, meter.Package: 40}); !maps.Equal(receipt.ByKind, want) {
		t.Errorf("receipt %+v", receipt)
	}
	for id, want := range map[meter.ID]int{paid.ID: 40, subscribed.ID: 60} {
		n := b.count(`select (l->>'consumed')::bigint from journal, json_array_elements(lines) as l
			where kind = 'commit' and cost_micros = 1500 and (l->>'grant')::uuid = $1`, id)
		if n != want {
			t.Errorf("%d s of %s", n, id)
		}
	}
}
