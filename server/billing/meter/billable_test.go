package meter

import (
	"math"
	"testing"
	"time"
)

func TestBillable(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		active time.Duration
		want   int64
	}{
		{-25 * time.Second, 0},
		{0, 0},
		{1, 10},
		{time.Millisecond, 10},
		{10_000 * time.Millisecond, 10},
		{10_000*time.Millisecond + 1, 20},
		{10_001 * time.Millisecond, 20},
		{60_001 * time.Millisecond, 70},
		{math.MaxInt64, 9_223_372_040},
	} {
		if got := Billable(test.active); got != test.want {
			t.Errorf("Billable(%v) = %d, want %d", test.active, got, test.want)
		}
		rounded := time.Duration(milliseconds(test.active)) * time.Millisecond
		if test.active < math.MaxInt64 && Billable(rounded) != test.want {
			t.Errorf("%v: rounding to milliseconds first changes the result", test.active)
		}
	}
}

func TestCharge(t *testing.T) {
	t.Parallel()
	const active, planning = 95 * time.Second, 12 * time.Second
	for outcome, want := range map[Outcome]int64{
		Succeeded: 100, FailedUser: 100, Cancelled: 100,
		FailedPlatform: 0, FailedProvider: 0,
		FailedPolicy: 20,
	} {
		if got := Charge(outcome, active, planning); got != want {
			t.Errorf("Charge(%s) = %d, want %d", outcome, got, want)
		}
	}
	if got := Charge(FailedPolicy, planning, active); got != 20 {
		t.Errorf("planning above active costs %d, want 20", got)
	}
}
