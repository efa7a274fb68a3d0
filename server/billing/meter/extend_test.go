package meter

import (
	"errors"
	"slices"
	"testing"
	"time"
)

func (k *keeper) extend(t *testing.T, now time.Time, r ExtendRequest) Hold {
	t.Helper()
	book := k.open(t, now)
	hold, err := book.Extend(r)
	if err != nil {
		t.Fatal(err)
	}
	k.keep(book)
	return hold
}

// What is added burns in the same order as what was there: the hold ends up as
// if all of it had been reserved at once.
func TestExtendKeepsTheBurnOrder(t *testing.T) {
	t.Parallel()
	k := newKeeper()
	first := k.reserve(t, noon, 2950, time.Hour)
	second := k.reserve(t, noon, 100, time.Hour)
	more := k.extend(t, noon, ExtendRequest{HoldID: first.ID, Seconds: 100, ExpireTime: noon.Add(2 * time.Hour)})
	// The second hold has the last of the welcome gift, so the first goes on with
	// the daily one.
	welcome, daily := second.Shares[0].GrantID, second.Shares[1].GrantID
	want := []Share{{GrantID: welcome, Seconds: 2950}, {GrantID: daily, Seconds: 100}}
	if !slices.Equal(more.Shares, want) || more.Seconds != 3050 || !more.ExpireTime.Equal(noon.Add(2*time.Hour)) {
		t.Errorf("extended to %+v", more)
	}
	// Seconds that come back are drawn again, and merge with those of their grant.
	book := k.open(t, noon)
	if _, err := book.Release(second.ID); err != nil {
		t.Fatal(err)
	}
	k.keep(book)
	more = k.extend(t, noon, ExtendRequest{HoldID: first.ID, Seconds: 60})
	want = []Share{{GrantID: welcome, Seconds: 3000}, {GrantID: daily, Seconds: 110}}
	if !slices.Equal(more.Shares, want) {
		t.Errorf("extended to %+v, want %+v", more.Shares, want)
	}
	wantBalance(t, k.open(t, noon).Balance(), 3110, Amounts{Daily: 790})
}

func TestExtendRefuses(t *testing.T) {
	t.Parallel()
	k := newKeeper()
	book := k.open(t, noon)
	hold, err := book.Reserve(ReserveRequest{HoldID: k.id(), Operation: Update, Seconds: 100, Max: 200, ExpireTime: noon.Add(time.Hour)})
	if err != nil {
		t.Fatal(err)
	}
	k.keep(book)
	ended := k.reserve(t, noon, 10, time.Minute)
	released := k.reserve(t, noon, 10, time.Hour)
	book = k.open(t, noon)
	if _, err := book.Release(released.ID); err != nil {
		t.Fatal(err)
	}
	k.keep(book)
	rich := k.reserve(t, noon, 10, time.Hour)

	for name, tt := range map[string]struct {
		request ExtendRequest
		want    error
	}{
		"above the maximum":  {ExtendRequest{HoldID: hold.ID, Seconds: 101}, ErrInvalid},
		"less than nothing":  {ExtendRequest{HoldID: hold.ID, Seconds: -1}, ErrInvalid},
		"beyond all":         {ExtendRequest{HoldID: rich.ID, Seconds: MaxSeconds}, ErrInvalid},
		"more than there is": {ExtendRequest{HoldID: rich.ID, Seconds: 3791}, ErrInsufficient},
		"unknown":            {ExtendRequest{HoldID: ID{0xff}, Seconds: 1}, ErrHoldNotFound},
		"released":           {ExtendRequest{HoldID: released.ID, Seconds: 1}, ErrHoldSettled},
		"expired":            {ExtendRequest{HoldID: ended.ID, Seconds: 1}, ErrHoldSettled},
	} {
		book := k.open(t, noon.Add(2*time.Minute))
		before := book.Changes()
		if _, err := book.Extend(tt.request); !errors.Is(err, tt.want) {
			t.Errorf("%s: %v, want %v", name, err, tt.want)
		}
		if after := book.Changes(); len(after.Entries) != len(before.Entries) || len(after.Extended) != 0 {
			t.Errorf("%s: changed %+v", name, after)
		}
	}
	if all := k.extend(t, noon, ExtendRequest{HoldID: hold.ID, Seconds: 100}); all.Seconds != all.Max {
		t.Errorf("extended to %+v", all)
	}
}

// An extension never brings the end nearer.
func TestExtendDoesNotShorten(t *testing.T) {
	t.Parallel()
	k := newKeeper()
	hold := k.reserve(t, noon, 100, time.Hour)
	for _, end := range []time.Time{{}, noon.Add(time.Minute), noon.Add(time.Hour)} {
		if got := k.extend(t, noon, ExtendRequest{HoldID: hold.ID, ExpireTime: end}); !got.ExpireTime.Equal(hold.ExpireTime) {
			t.Errorf("with %s it ends at %s", end, got.ExpireTime)
		}
	}
}

// Nobody pays more than was approved, and what is beyond is no shortfall.
func TestTheMaximumBoundsTheCharge(t *testing.T) {
	t.Parallel()
	k := newKeeper()
	book := k.open(t, noon)
	hold, err := book.Reserve(ReserveRequest{HoldID: k.id(), Operation: Update, Seconds: 100, Max: 150, ExpireTime: noon.Add(time.Hour)})
	if err != nil {
		t.Fatal(err)
	}
	k.keep(book)
	receipt := k.commit(t, noon, hold, Succeeded, 10*time.Minute)
	if receipt.Billable != 600 || receipt.Charged != 150 || receipt.Shortfall != 0 {
		t.Errorf("receipt %+v", receipt)
	}
	wantBalance(t, k.open(t, noon).Balance(), 0, Amounts{Welcome: 2850, Daily: 900})
}
