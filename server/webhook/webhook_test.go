package webhook

import (
	"slices"
	"testing"
	"time"
)

func TestKinds(t *testing.T) {
	t.Parallel()
	standard, err := kindsOf(nil)
	if err != nil || len(standard) != len(standardTypes) || !slices.IsSorted(standard) {
		t.Errorf("%v, %v", standard, err)
	}
	for _, kind := range standard {
		if !slices.Contains(standardTypes, typeOf(kind)) {
			t.Errorf("kind %d is %q", kind, typeOf(kind))
		}
	}
	if kinds, err := kindsOf([]string{"build_failed", "assistant_text"}); err != nil || !slices.Equal(kinds, []int16{12, 24}) {
		t.Errorf("%v, %v", kinds, err)
	}
	for _, name := range []string{"", "seq", "build_id", "payload", "BuildCompleted", "buildCompleted", "build.completed"} {
		if kinds, err := kindsOf([]string{name}); err == nil {
			t.Errorf("%q is %v", name, kinds)
		}
	}
	if typeOf(1) != "" || typeOf(9999) != "" {
		t.Error("what is no payload has a name")
	}
}

func TestNextAttempt(t *testing.T) {
	t.Parallel()
	start := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	for _, test := range []struct {
		failures int
		asked    time.Duration
		spread   float64
		want     time.Duration
	}{
		{1, 0, 0.5, 5 * time.Second},
		{1, 0, 0, 4 * time.Second},
		{1, 0, 1, 6 * time.Second},
		{2, 0, 0.5, 30 * time.Second},
		{8, 0, 0.5, 4 * time.Hour},
		{40, 0, 0.5, 4 * time.Hour},
		{1, time.Minute, 0.5, time.Minute},
		{1, time.Second, 0.5, 5 * time.Second},
		{1, 90 * time.Minute, 0.5, time.Hour},
		{8, 90 * time.Minute, 0.5, 4 * time.Hour},
	} {
		at, ok := nextAttempt(start, start, test.failures, test.asked, test.spread)
		if got := at.Sub(start); got != test.want || !ok {
			t.Errorf("after %d failures, asked for %v, at %v: %v, %t", test.failures, test.asked, test.spread, got, ok)
		}
	}
	for _, test := range []struct {
		age time.Duration
		ok  bool
	}{{20 * time.Hour, true}, {20*time.Hour + time.Second, false}, {48 * time.Hour, false}} {
		if _, ok := nextAttempt(start.Add(test.age), start, 8, 0, 0.5); ok != test.ok {
			t.Errorf("after %v: %t", test.age, ok)
		}
	}
}
