package billing_test

import (
	"errors"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/sheenapps/sheen/server/billing"
	"github.com/sheenapps/sheen/server/billing/meter"
)

// A partial extension takes what there is: of the account and of what was
// approved.
func TestExtendInPart(t *testing.T) {
	t.Parallel()
	all := setup(t)
	for name, test := range map[string]struct {
		others, max, asked int64 // seconds
		partial            bool
		want               int64 // 0: refused
	}{
		"all of it":                {asked: 60, partial: true, want: 60},
		"what the account has":     {others: 3780, asked: 60, partial: true, want: 20},
		"one second":               {others: 3799, asked: 60, partial: true, want: 1},
		"nothing left":             {others: 3800, asked: 60, partial: true},
		"what was approved":        {max: 130, asked: 60, partial: true, want: 30},
		"all that was approved":    {max: 100, asked: 60, partial: true},
		"the least of both":        {others: 3780, max: 130, asked: 60, partial: true, want: 20},
		"whole, more than is left": {others: 3780, asked: 60},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := &testBundle{Ledger: all.Ledger, t: t, db: all.db, account: uuid.New()}
			if test.others > 0 {
				b.mustReserve(test.others)
			}
			hold, _, err := b.reserve(billing.ReserveRequest{Seconds: 100, MaxSeconds: test.max})
			if err != nil {
				t.Fatal(err)
			}
			got, balance, err := b.extend(billing.ExtendRequest{HoldID: uuid.UUID(hold.ID), Seconds: test.asked, Partial: test.partial, TTL: 2 * time.Hour})
			if test.want == 0 {
				if _, ok := errors.AsType[*billing.InsufficientError](err); !ok {
					t.Errorf("extended to %v: %v", got, err)
				}
				b.wantSpendable(3900-test.others-100, test.others+100)
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if got.Seconds != 100+test.want || balance.Spendable != 3900-test.others-100-test.want || !got.ExpireTime.Truncate(time.Second).Equal(noon.Add(2*time.Hour)) {
				t.Errorf("%+v with %+v, want %d s more", got, balance, test.want)
			}
			b.wantSpendable(3900-test.others-100-test.want, test.others+100+test.want)
		})
	}
}

// The same extension again gives the first answer, whatever there is by now.
func TestExtendInPartAgain(t *testing.T) {
	t.Parallel()
	b := setup(t)
	other := b.mustReserve(3780)
	hold := b.mustReserve(100)
	request := billing.ExtendRequest{HoldID: uuid.UUID(hold.ID), Key: "k", Seconds: 60, Partial: true}
	first, _, err := b.extend(request)
	if err != nil || first.Seconds != 120 {
		t.Fatal(first, err)
	}
	if _, _, err := b.release(other); err != nil {
		t.Fatal(err)
	}
	again, _, err := b.extend(request)
	if err != nil || again.Seconds != 120 {
		t.Errorf("the second answer is %+v, %v", again, err)
	}
	request.Partial = false
	if _, _, err := b.extend(request); !errors.Is(err, billing.ErrKeyReused) {
		t.Errorf("another request with the key: %v", err)
	}
	b.wantSpendable(3780, 120)
	if _, err := b.commit(hold, meter.Succeeded, 115*time.Second); err != nil {
		t.Fatal(err)
	}
	b.wantSpendable(3780, 0)
}
