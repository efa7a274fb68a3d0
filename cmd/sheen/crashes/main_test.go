package crashes

import (
	"flag"
	"fmt"
	"os"
	"testing"
)

// atATime is how many tests run at once, whatever the machine: they wait for the
// ends of leases nearly all of the time.
const atATime = "12"

func TestMain(m *testing.M) {
	flag.Parse()
	if err := flag.Set("test.parallel", atATime); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(m.Run())
}
