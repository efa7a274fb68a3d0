// Command builds measures whole builds of the offline engine, flat out, the
// figures B1 to B5, and prints them as one Markdown table.
//
// # Who runs where
//
// Postgres, as durable as in earnest, and Redis are processes of their own; so
// are one node with the API and one or two nodes that work. This command starts
// builds through the API and reads from Postgres when they began and ended.
//
// # What is checked
//
// Every measured build must be complete, with a gapless log; one that is not
// makes the figure fail. The floor of B1 is what Postgres and the disk take for
// the rows and the files of such builds, a transaction each, by as many
// connections as there are builds at work at once; nothing is decided for them.
//
//	go run ./builds -sheen ../bin/sheen -only B1
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/sheenapps/sheen/bench/report"
	"github.com/sheenapps/sheen/bench/stack"
)

// bench is one call of the command.
type bench struct {
	sheen string
	// builds are how many a run of B1 makes, and runs how often it is repeated.
	builds, runs int
	// spell is how long B2 lasts.
	spell time.Duration
	// cancels are how many builds B4 stops.
	cancels int

	dir   string
	stack *stack.Stack
	users []*user
	table report.Table
	// most are the builds per second that one worker node does at most; 0 if
	// that was not measured yet.
	most float64
}

var errName = errors.New("names no figure")

type figure struct {
	name    string
	measure func(*bench, context.Context) error
}

func figures() []figure {
	return []figure{
		{"B1", (*bench).flatOut},
		{"B2", (*bench).atHalf},
		{"B3", (*bench).perBuild},
		{"B4", (*bench).cancelled},
		{"B5", (*bench).recommended},
	}
}

func main() {
	b := &bench{}
	flag.StringVar(&b.sheen, "sheen", "../bin/sheen", "the compiled command")
	only := flag.String("only", "", "figures to measure, such as B1,B4; empty means all")
	short := flag.Bool("short", false, "a smoke test: small counts")
	flag.IntVar(&b.builds, "builds", 600, "how many builds a run of B1 and B3 makes")
	flag.IntVar(&b.runs, "runs", 3, "how often B1 is repeated")
	limit := flag.Duration("limit", 15*time.Minute, "when to give up")
	flag.Parse()
	b.spell, b.cancels = 30*time.Second, 300
	if *short {
		b.builds, b.runs, b.spell, b.cancels = 60, 1, 4*time.Second, 20
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	ctx, cancel := context.WithTimeout(ctx, *limit)
	defer cancel()
	if err := b.run(ctx, *only); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func (b *bench) run(ctx context.Context, only string) (err error) {
	chosen := figures()
	if only != "" {
		names := strings.Split(only, ",")
		chosen = slices.DeleteFunc(chosen, func(f figure) bool { return !slices.Contains(names, f.name) })
	}
	if len(chosen) == 0 {
		return fmt.Errorf("%q %w", only, errName)
	}
	if b.dir, err = os.MkdirTemp("/tmp", "sheen-bench"); err != nil {
		return err
	}
	defer os.RemoveAll(b.dir)
	if b.stack, err = stack.Start(ctx, b.dir); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.stack.Close()) }()
	for _, f := range chosen {
		began := time.Now()
		if err := f.measure(b, ctx); err != nil {
			return fmt.Errorf("%s: %w", f.name, err)
		}
		note("%s took %s", f.name, time.Since(began).Round(time.Second))
	}
	b.table.Print(os.Stdout)
	return nil
}

// note tells what a run did, outside the table.
func note(format string, args ...any) {
	fmt.Fprintf(os.Stderr, time.Now().Format(time.TimeOnly)+" "+format+"\n", args...)
}

// quantile returns the latency that the share q of all does not exceed.
func quantile(all []time.Duration, q float64) time.Duration {
	if len(all) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(all))
	return sorted[min(int(q*float64(len(sorted))), len(sorted)-1)]
}

func median(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	return sorted[len(sorted)/2]
}
