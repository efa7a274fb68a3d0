package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/sheenapps/sheen/bench/report"
)

// bench is one call of the command.
type bench struct {
	sheen, only, contenders string
	size                    size

	dir     string
	backing *backing
	table   report.Table
	failed  bool
}

var errName = errors.New("unknown figure or contender")

var errFailed = errors.New("a check failed: see the rows that say so")

// figures are the functions that measure, in order.
var figures = []struct {
	name    string
	measure func(*bench, context.Context) error
}{
	{"F1", (*bench).fanOut},
	{"F2", (*bench).appends},
	{"F3", (*bench).reconnects},
	{"F4", (*bench).deepReads},
	{"F5", (*bench).slowReaders},
	{"F6", (*bench).idleStreams},
}

// run measures what was asked for and prints the table, also when a figure
// could not be measured.
func (b *bench) run(ctx context.Context) (err error) {
	if err := errors.Join(b.checkNames(), raiseFileLimit()); err != nil {
		return err
	}
	if b.dir, err = os.MkdirTemp("/tmp", "sheen-bench"); err != nil {
		return err
	}
	defer os.RemoveAll(b.dir)
	b.backing, err = startBacking(ctx, b.dir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.backing.Close()) }()
	for _, figure := range figures {
		if !chosen(b.only, figure.name) {
			continue
		}
		began := time.Now()
		if err := figure.measure(b, ctx); err != nil {
			b.broke(figure.name, "", "", err)
		}
		b.note("%s took %s", figure.name, time.Since(began).Round(time.Second))
		if ctx.Err() != nil {
			break
		}
	}
	b.table.Print(os.Stdout)
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if b.failed {
		return errFailed
	}
	return nil
}

// checkNames refuses names that nothing has, which would measure nothing.
func (b *bench) checkNames() error {
	var known []string
	for _, figure := range figures {
		known = append(known, figure.name)
	}
	for _, c := range contenders() {
		known = append(known, c.name)
	}
	for name := range strings.SplitSeq(b.only+","+b.contenders, ",") {
		if name != "" && !slices.Contains(known, name) {
			return fmt.Errorf("%w: %q is none of %s", errName, name, strings.Join(known, ", "))
		}
	}
	return nil
}

// chosen says whether a name is in a list; an empty list has them all.
func chosen(list, name string) bool {
	return list == "" || slices.Contains(strings.Split(list, ","), name)
}

// note tells what a run did, outside the table.
func (b *bench) note(format string, args ...any) {
	fmt.Fprintf(os.Stderr, time.Now().Format(time.TimeOnly)+" "+format+"\n", args...)
}

// broke puts a run that scores nothing into the table.
func (b *bench) broke(figure, workload, contender string, err error) {
	b.failed = true
	b.note("%s %s: %v", figure, contender, err)
	b.table.Add(report.Row{Figure: figure, Workload: workload, Contender: contender, Result: "failed"})
}

// median is the middle one, or the higher of the two in the middle.
func median[T int64 | float64 | time.Duration](values []T) T {
	sorted := slices.Sorted(slices.Values(values))
	return sorted[len(sorted)/2]
}

func cores() int { return runtime.NumCPU() }
