package main

import (
	"testing"
	"time"
)

func TestScheduleKeepsItsRate(t *testing.T) {
	t.Parallel()
	start := time.Unix(1_700_000_000, 0)
	for name, c := range map[string]struct {
		plan schedule
		seq  int64
		want time.Duration
	}{
		"the first":       {schedule{first: 11, start: start, rate: 10, burst: 1}, 11, 0},
		"one by one":      {schedule{first: 11, start: start, rate: 10, burst: 1}, 14, 300 * time.Millisecond},
		"in a burst":      {schedule{first: 1, start: start, rate: 100, burst: 10}, 10, 0},
		"the next burst":  {schedule{first: 1, start: start, rate: 100, burst: 10}, 11, 100 * time.Millisecond},
		"after a minute":  {schedule{first: 1, start: start, rate: 100, burst: 10}, 6001, time.Minute},
		"a rate below 1 ": {schedule{first: 1, start: start, rate: 0.5, burst: 1}, 3, 4 * time.Second},
	} {
		if got := c.plan.due(c.seq).Sub(start); got != c.want {
			t.Errorf("%s: %v, not %v", name, got, c.want)
		}
	}
}
