package billing_test

import (
	"errors"
	"reflect"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/sheenapps/sheen/server/billing"
	"github.com/sheenapps/sheen/server/billing/meter"
)

// jumpAfter makes the clock jump when it has been read so many times more, which
// is done behind the account's lock: so many operations come before the jump.
func (b *testBundle) jumpAfter(operations int, to time.Time) {
	var read atomic.Int64
	b.Ledger = billing.NewLedger(billing.Options{Clock: func(time.Time) time.Time {
		if read.Add(1) == int64(operations)+1 {
			b.setClock(to)
		}
		return *b.clock.Load()
	}})
}

const terminalEvents = "select count(*) from journal where hold_id = $1 and kind in ('commit', 'release', 'expire')"

// Of commits, releases and an expiry that comes while they run, one ends the
// hold, and who was told that it was his has ended it.
func TestCommitAgainstReleaseAgainstExpiry(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for before := range 4 {
		hold := b.mustReserve(100)
		now := *b.clock.Load()
		b.jumpAfter(before, hold.ExpireTime)
		var charged, released, late atomic.Int64
		for _, err := range together(8, func(i int) error {
			if i%2 == 0 {
				receipt, err := b.commit(hold, meter.Cancelled, 0)
				if err == nil && receipt.Late {
					late.Add(1)
				} else if err == nil {
					charged.Add(1)
				}
				return err
			}
			ended, _, err := b.release(hold)
			if err == nil && ended.State == meter.HoldReleased {
				released.Add(1)
			}
			return err
		}) {
			if _, refused := errors.AsType[*billing.HoldStateError](err); err != nil && !refused {
				t.Error(err)
			}
		}
		if sum := charged.Load() + released.Load() + late.Load(); sum != 4 || (late.Load() == 4) != (before == 0) {
			t.Errorf("jump after %d: %d charged, %d released, %d charged late", before, charged.Load(), released.Load(), late.Load())
		}
		if n := b.count(terminalEvents, hold.ID); n != 1 {
			t.Errorf("%d terminal events", n)
		}
		b.setClock(now.Add(time.Second))
	}
	b.wantSpendable(3900, 0)
}

// Of many commits of a hold that has expired, one is charged, and all get its
// receipt, which says late.
func TestCommitAfterExpiryRace(t *testing.T) {
	t.Parallel()
	b := setup(t)
	hold := b.mustReserve(100)
	b.setClock(hold.ExpireTime.Add(time.Hour))
	var receipts [8]*billing.Receipt
	for _, err := range together(8, func(i int) (err error) {
		receipts[i], err = b.commit(hold, meter.Succeeded, time.Minute)
		return err
	}) {
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, receipt := range receipts {
		if !receipt.Late || receipt.Charged != 60 || !reflect.DeepEqual(receipt, receipts[0]) {
			t.Errorf("receipt %+v", receipt)
		}
	}
	if n := b.count("select count(*) from journal where hold_id = $1 and kind in ('expire', 'late_commit')", hold.ID); n != 2 {
		t.Errorf("%d rows of the end", n)
	}
	b.wantSpendable(3840, 0)
}

// Extensions run against the end of their hold: if the first comes in time, the
// hold lives and all are granted, and otherwise none is.
func TestExtendAgainstExpiry(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for before := range 4 {
		hold := b.mustReserve(100)
		b.jumpAfter(before, hold.ExpireTime)
		granted := 0
		for _, err := range together(8, func(int) error {
			return b.inTx(func(tx pgx.Tx) error {
				_, _, err := b.Extend(t.Context(), tx, billing.ExtendRequest{
					AccountID: b.account, HoldID: uuid.UUID(hold.ID), Seconds: 10, TTL: 2 * time.Hour,
				})
				return err
			})
		}) {
			refusal, refused := errors.AsType[*billing.HoldStateError](err)
			switch {
			case err == nil:
				granted++
			case !refused || refusal.From != meter.HoldExpired:
				t.Error(err)
			}
		}
		want, held := 8, int64(180)
		if before == 0 {
			want, held = 0, 0
		}
		balance, err := b.Balance(t.Context(), b.db, b.account)
		if err != nil || balance.Held != held || granted != want {
			t.Errorf("jump after %d: balance %+v after %d extensions: %v", before, balance, granted, err)
		}
		if _, _, err := b.release(hold); err != nil {
			t.Error(err)
		}
	}
}

// While eight workers reserve over midnight, one gift is made for each day.
func TestMidnightRace(t *testing.T) {
	t.Parallel()
	b := setup(t)
	midnight := noon.Add(12 * time.Hour)
	b.setClock(midnight.Add(-time.Second))
	b.jumpAfter(40, midnight)
	for _, err := range together(8, func(int) error {
		for range 6 {
			hold, _, err := b.reserve(billing.ReserveRequest{Seconds: 100})
			if err != nil {
				return err
			}
			if _, _, err := b.release(hold); err != nil {
				return err
			}
		}
		return nil
	}) {
		if err != nil {
			t.Error(err)
		}
	}
	if n := b.count("select count(*) from credit_grant where account_id = $1 and kind = 'daily'", b.account); n != 2 {
		t.Errorf("%d daily gifts", n)
	}
	b.wantSpendable(3900, 0)
}

// A grant that is taken back while others reserve it is either held by one of
// them or given to nobody; what comes back of it lapses.
func TestVoidAgainstReserve(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.mustReserve(3900) // so that only the grant is left
	for round := range 10 {
		key := string(rune('a' + round))
		grant, _, err := b.grant(billing.GrantRequest{Key: "grant " + key, Kind: meter.Promo, Seconds: 1000})
		if err != nil {
			t.Fatal(err)
		}
		var voided *billing.Voided
		var held *billing.Hold
		won := 0
		for i, err := range together(8, func(i int) error {
			if i == 3 {
				return b.inTx(func(tx pgx.Tx) (err error) {
					voided, _, err = b.Void(t.Context(), tx, billing.VoidRequest{
						AccountID: b.account, GrantID: uuid.UUID(grant.ID), Key: "void " + key,
					})
					return err
				})
			}
			hold, _, err := b.reserve(billing.ReserveRequest{Seconds: 600})
			if err == nil {
				held = hold
			}
			return err
		}) {
			_, refused := errors.AsType[*billing.InsufficientError](err)
			switch {
			case err == nil && i != 3:
				won++
			case err != nil && !refused:
				t.Error(err)
			}
		}
		if won > 1 || voided.Seconds != 1000-int64(won)*600 || voided.Used != int64(won)*600 {
			t.Errorf("%d holds, voided %+v", won, voided)
		}
		if held != nil {
			if _, _, err := b.release(held); err != nil {
				t.Error(err)
			}
		}
		b.wantSpendable(0, 3900)
	}
}
