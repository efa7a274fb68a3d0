// Command events measures the event log, the figures F1 to F6 of its design,
// and puts other ways to fan events out beside it in the same run, with the
// same payload and count.
//
// # Who runs where
//
// The server under test is a process of its own: `sheen serve --role api`, or
// this command again in the role of a peer. The subscribers are another one,
// this command in the role of the load. What is left, the parent, prepares
// Postgres, Redis and the builds, publishes to Sheen through AppendEvents, and
// prints one Markdown table. Peers are published to inside their own process,
// which spares them a way that Sheen has to go.
//
// # What is checked
//
// Every event carries its seq, the time of its publication and a checksum of
// its bytes. Every subscriber checks that what it gets is whole, ascending and
// without a hole or a repeat from where it began. A run in which a check failed
// is printed as failed, scores nothing and makes the command fail.
//
//	go run ./events -sheen ../bin/sheen -only F1 -contenders sheen,naive
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"
)

func main() {
	if err := play(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// play takes the role that the first argument names, or else that of the parent.
func play(args []string) error {
	if len(args) != 1 {
		return run(args)
	}
	switch args[0] {
	case roleLoad:
		return serveParent(newLoad())
	case rolePeer:
		return serveParent(&Peer{})
	default:
		return run(args)
	}
}

func run(args []string) error {
	flags := flag.NewFlagSet("events", flag.ContinueOnError)
	var b bench
	flags.StringVar(&b.sheen, "sheen", "../bin/sheen", "the compiled command")
	flags.StringVar(&b.only, "only", "", "figures to measure, such as F1,F6; empty means all")
	flags.StringVar(&b.contenders, "contenders", "", "who takes part in F1, such as sheen,naive; empty means all")
	short := flags.Bool("short", false, "a smoke test: small counts, under a minute")
	limit := flags.Duration("limit", 15*time.Minute, "when to give up")
	if err := flags.Parse(args); errors.Is(err, flag.ErrHelp) {
		return nil
	} else if err != nil {
		return err
	}
	b.size = fullSize()
	if *short {
		b.size = shortSize()
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	ctx, cancel := context.WithTimeout(ctx, *limit)
	defer cancel()
	return b.run(ctx)
}
