package cli

import (
	"fmt"
	"net/http"
	"time"

	"github.com/sheenapps/sheen/server"
)

// neighborTimeout bounds the question whether a server still lives.
const neighborTimeout = 500 * time.Millisecond

// checkNeighbor refuses to start where a Sheen of the same data folder runs, and
// says how to use that one.
func checkNeighbor(cfg server.Config) error {
	here, err := runningServer(cfg.DataDir)
	if err != nil {
		return nil //nolint:nilerr // none is known
	}
	probe := http.Client{Timeout: neighborTimeout}
	answer, err := probe.Get(here.url() + "/livez") //nolint:noctx // bounded by the timeout
	if err != nil {
		return nil //nolint:nilerr // it died without clearing up
	}
	if err := answer.Body.Close(); err != nil || answer.StatusCode != http.StatusOK {
		return nil //nolint:nilerr // somebody else listens there now
	}
	return fmt.Errorf("a Sheen already runs on the data folder %s: use it with --server %s --token \"$(sheen token --data-dir %s)\", or stop it",
		cfg.DataDir, here.url(), quote(cfg.DataDir))
}
