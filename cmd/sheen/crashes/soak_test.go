//go:build soak

package crashes

import (
	"os"
	"strconv"
	"testing"
)

// soakKills is how often TestSoakKills kills a node; SHEEN_SOAK_KILLS changes it.
const soakKills = 200

func TestSoakKills(t *testing.T) {
	t.Parallel()
	kills := soakKills
	if text := os.Getenv("SHEEN_SOAK_KILLS"); text != "" {
		var err error
		if kills, err = strconv.Atoi(text); err != nil {
			t.Fatal(err)
		}
	}
	killAtRandom(t, kills)
}
