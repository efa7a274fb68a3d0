//go:build soak

package faults

import (
	"math/rand/v2"
	"os"
	"strconv"
	"testing"
	"time"
)

// soakTime is how long TestSoakFaults goes on; SHEEN_SOAK_TIME changes it, and
// SHEEN_SOAK_SEED repeats a run's choices.
const soakTime = 10 * time.Minute

func TestSoakFaults(t *testing.T) {
	t.Parallel()
	limit, seed := soakTime, rand.Uint64()
	if text := os.Getenv("SHEEN_SOAK_TIME"); text != "" {
		var err error
		if limit, err = time.ParseDuration(text); err != nil {
			t.Fatal(err)
		}
	}
	if text := os.Getenv("SHEEN_SOAK_SEED"); text != "" {
		var err error
		if seed, err = strconv.ParseUint(text, 10, 64); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("SHEEN_SOAK_TIME=%v SHEEN_SOAK_SEED=%d", limit, seed)
	w := newWorld(t, seed)
	w.under(t, func() {
		all := injections(true)
		for began := time.Now(); time.Since(began) < limit; {
			fault := all[w.random.IntN(len(all))]
			w.strike(t, fault, time.Second+time.Duration(w.random.Int64N(int64(8*time.Second))))
		}
	})
}
