//go:build soak

package billing_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"testing"
)

// soakSteps is how many steps the long model test takes; SHEEN_SOAK_STEPS
// changes it, and SHEEN_SOAK_SEED repeats a run's choices for the workers.
const soakSteps = 1_000_000

// The model of TestModel and TestModelConcurrently, for long.
//
//nolint:tparallel // one after the other, until there are enough steps
func TestSoakModel(t *testing.T) {
	t.Parallel()
	want, seed := int64(soakSteps), rand.Uint64N(1<<40)
	if text := os.Getenv("SHEEN_SOAK_STEPS"); text != "" {
		var err error
		if want, err = strconv.ParseInt(text, 10, 64); err != nil {
			t.Fatal(err)
		}
	}
	if text := os.Getenv("SHEEN_SOAK_SEED"); text != "" {
		var err error
		if seed, err = strconv.ParseUint(text, 10, 64); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("SHEEN_SOAK_STEPS=%d SHEEN_SOAK_SEED=%d", want, seed)
	orders := []string{"", "expiring-first"}
	steps := int64(0)
	for i := 0; steps < want; i++ {
		order := orders[i%2]
		t.Run(fmt.Sprintf("%d alone, order %s", i, order), func(t *testing.T) { steps += runModel(t, order) })
		t.Run(fmt.Sprintf("%d together, order %s", i, order), func(t *testing.T) {
			steps += int64(runWorkers(t, order, seed+uint64(i), 45))
		})
		if t.Failed() {
			t.FailNow()
		}
	}
	t.Logf("%d steps", steps)
}

func TestSoakFirstSpend(t *testing.T) {
	t.Parallel()
	firstSpends(t, 1000)
}

func TestSoakDoubledRequests(t *testing.T) {
	t.Parallel()
	doubledRequests(t, 50_000)
}
