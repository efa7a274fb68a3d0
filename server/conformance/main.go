// Command conformance is the server that the Connect conformance suite tests:
// the suite's service behind the middleware of Sheen's own services. The suite
// starts it, writes what it wants to its input, and reads from its output where
// it listens.
//
// Every request is given the header of a signed-in user's browser before the
// middleware sees it: a bearer token and an origin. The suite sends neither.
//
//	connectconformance --mode server --conf config.yaml -- conformance
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	bare := flag.Bool("bare-errors", false, "leave errors as they are raised, without what Sheen adds to each")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Stdin, os.Stdout, *bare)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "conformance:", err)
		os.Exit(1)
	}
}
