package meter

import (
	"errors"
	"testing"
	"time"
)

func (k *keeper) void(t *testing.T, now time.Time, grant Grant) Voided {
	t.Helper()
	book := k.open(t, now)
	voided, err := book.Void(VoidRequest{Grant: grant})
	if err != nil {
		t.Fatal(err)
	}
	k.keep(book)
	return voided
}

// What is free goes, what is held stays usable by its hold, and what the hold
// gives back is gone as well.
func TestVoidSparesWhatIsHeld(t *testing.T) {
	t.Parallel()
	k := newKeeper()
	book := k.open(t, noon)
	grant, err := book.Grant(GrantRequest{GrantID: k.id(), Kind: Package, Source: SourcePayment, Seconds: 1000})
	if err != nil {
		t.Fatal(err)
	}
	k.keep(book)
	hold := k.reserve(t, noon, 4100, time.Hour) // the gifts, and 200 s of the package
	if voided := k.void(t, noon, grant); voided != (Voided{GrantID: grant.ID, Seconds: 800, Used: 200}) {
		t.Errorf("voided %+v", voided)
	}
	wantBalance(t, k.open(t, noon).Balance(), 4100, Amounts{})
	if receipt := k.commit(t, noon, hold, Succeeded, 4000*time.Second); receipt.Charged != 4000 || receipt.ByKind[Package] != 100 {
		t.Errorf("receipt %+v", receipt)
	}
	wantBalance(t, k.open(t, noon).Balance(), 0, Amounts{})

	for _, stored := range k.state.Grants {
		if stored.ID != grant.ID {
			continue
		}
		if stored.Lapsed != 900 || stored.Consumed != 100 || stored.VoidTime.IsZero() {
			t.Errorf("the grant ended as %+v", stored)
		}
		// Again there is nothing to take.
		if voided := k.void(t, noon, stored); voided.Seconds != 0 || voided.Used != 100 {
			t.Errorf("voided again %+v", voided)
		}
	}
	if _, err := k.open(t, noon).Void(VoidRequest{}); !errors.Is(err, ErrInvalid) {
		t.Errorf("void of nothing: %v", err)
	}
}

// A part that is held when it is taken lapses once it returns, and not before:
// what is used of it stays, and what returns beyond it is free again.
func TestVoidOfWhatIsHeld(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		seconds    int64
		used       time.Duration
		owed, free int64
	}{
		"returned whole":          {1500, 0, 500, 500},
		"used beside it":          {1500, 4400 * time.Second, 500, 0},
		"used a little":           {1500, 4200 * time.Second, 500, 200},
		"used into it":            {1500, 4800 * time.Second, 500, 0},
		"all of it":               {2000, 4200 * time.Second, 1000, 0},
		"no more than all":        {9000, 0, 1000, 0},
		"only what is free":       {400, 0, 0, 1600},
		"exactly what there is":   {1000, 0, 0, 1000},
		"a second of what's held": {1001, 0, 1, 999},
	} {
		k := newKeeper()
		book := k.open(t, noon)
		grant, err := book.Grant(GrantRequest{GrantID: k.id(), Kind: Package, Source: SourcePayment, Seconds: 2000})
		if err != nil {
			t.Fatal(err)
		}
		k.keep(book)
		hold := k.reserve(t, noon, 4900, time.Hour) // the gifts, and 1000 s of the package
		book = k.open(t, noon)
		if _, err := book.Void(VoidRequest{Grant: grant, Seconds: test.seconds}); err != nil {
			t.Fatal(err)
		}
		if owed := book.find(grant.ID).Owed; owed != test.owed {
			t.Errorf("%s: %d s are owed, want %d", name, owed, test.owed)
		}
		k.keep(book)
		if receipt := k.commit(t, noon, hold, Succeeded, test.used); receipt.Charged != int64(test.used/time.Second) {
			t.Errorf("%s: charged %+v", name, receipt)
		}
		if got := k.open(t, noon).Balance().ByKind[Package]; got != test.free {
			t.Errorf("%s: %d s are free, want %d", name, got, test.free)
		}
	}
}

// Tidying up begins no new day.
func TestSettleMakesNoGift(t *testing.T) {
	t.Parallel()
	k := newKeeper()
	k.reserve(t, noon, 10, time.Hour)
	book, err := Settle(k.state, noon.Add(24*time.Hour), k.order)
	if err != nil {
		t.Fatal(err)
	}
	wantBalance(t, book.Balance(), 0, Amounts{Welcome: 3000})
	k.keep(book)
	wantBalance(t, k.open(t, noon.Add(24*time.Hour)).Balance(), 0, Amounts{Welcome: 3000, Daily: 900})
}
