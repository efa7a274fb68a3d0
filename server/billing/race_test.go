package billing_test

import (
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/sheenapps/sheen/server/billing"
	"github.com/sheenapps/sheen/server/billing/meter"
)

// together runs fn n times at once and returns the errors.
func together(n int, fn func(i int) error) []error {
	failures := make([]error, n)
	var start, done sync.WaitGroup
	start.Add(1)
	for i := range n {
		done.Go(func() {
			start.Wait()
			failures[i] = fn(i)
		})
	}
	start.Done()
	done.Wait()
	return failures
}

// Of 50 holds of 60 % on an account that nobody has met, one is granted.
func TestFirstSpendRace(t *testing.T) {
	t.Parallel()
	b := setup(t)
	won := 0
	for _, err := range together(50, func(int) error {
		_, _, err := b.reserve(billing.ReserveRequest{Seconds: 2340})
		return err
	}) {
		refusal, refused := errors.AsType[*billing.InsufficientError](err)
		switch {
		case err == nil:
			won++
		case !refused || refusal.SpendableSeconds != 1560 || refusal.HeldSeconds != 2340:
			t.Error(err)
		}
	}
	if won != 1 {
		t.Errorf("%d holds were granted", won)
	}
	b.wantSpendable(1560, 2340)
}

// A request sent many times at once has one effect and one answer.
func TestDoubledRequests(t *testing.T) {
	t.Parallel()
	b := setup(t)
	var holds sync.Map
	for _, err := range together(20, func(int) error {
		hold, _, err := b.reserve(billing.ReserveRequest{Seconds: 2340, Key: "double"})
		if err == nil {
			holds.Store(hold.ID, hold)
		}
		return err
	}) {
		if err != nil {
			t.Error(err)
		}
	}
	var hold *billing.Hold
	answers := 0
	holds.Range(func(_, value any) bool {
		hold, _ = value.(*billing.Hold)
		answers++
		return true
	})
	if answers != 1 {
		t.Fatalf("%d answers", answers)
	}
	for _, err := range together(20, func(int) error {
		_, err := b.commit(hold, meter.Succeeded, time.Minute)
		return err
	}) {
		if err != nil {
			t.Error(err)
		}
	}
	b.wantSpendable(3840, 0)
}

// Of commits, releases and the expiry of one hold, one ends it.
func TestTerminalRace(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for round := range 10 {
		hold := b.mustReserve(100)
		if round%2 == 1 {
			b.setClock(hold.ExpireTime.Add(time.Microsecond))
		}
		for _, err := range together(8, func(i int) error {
			if i%2 == 0 {
				_, err := b.commit(hold, meter.Cancelled, 0)
				return err
			}
			_, _, err := b.release(hold)
			return err
		}) {
			if _, refused := errors.AsType[*billing.HoldStateError](err); err != nil && !refused {
				t.Error(err)
			}
		}
		if n := b.count("select count(*) from journal where hold_id = $1 and kind in ('commit', 'release', 'expire')", hold.ID); n != 1 {
			t.Errorf("%d terminal events", n)
		}
	}
	b.wantSpendable(3900, 0)
}

// A read beside changes sees one snapshot: an account that adds up.
func TestReadsBesideChanges(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for _, err := range together(8, func(i int) error {
		for range 20 {
			if i%2 == 0 {
				hold, _, err := b.reserve(billing.ReserveRequest{Seconds: 500})
				if err != nil {
					return err
				}
				if _, _, err := b.release(hold); err != nil {
					return err
				}
				continue
			}
			balance, err := b.Balance(t.Context(), b.db, b.account)
			if err != nil {
				return err
			}
			if balance.Spendable+balance.Held != 3900 {
				t.Errorf("balance %+v", balance)
			}
		}
		return nil
	}) {
		if err != nil {
			t.Error(err)
		}
	}
}
