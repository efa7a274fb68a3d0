// Command first measures what a newcomer meets first: how long the command takes
// to a preview, on an empty data folder and on a used one; how long one build
// takes flat out; and how much memory an idle server holds.
//
// Times on a shared machine prove little by themselves, so each start stands
// beside its floor, measured in the same run: a bare initdb and a bare Postgres
// start. Every measured run must have succeeded, or nothing is printed.
//
//	go run ./first -sheen ../bin/sheen
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"slices"
	"time"
)

func main() {
	sheen := flag.String("sheen", "../bin/sheen", "the compiled command")
	runs := flag.Int("runs", 5, "how often each start is measured")
	builds := flag.Int("builds", 30, "how many builds are measured")
	flag.Parse()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Minute)
	defer cancel()
	if err := report(ctx, *sheen, *runs, *builds); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func report(ctx context.Context, sheen string, runs, builds int) error {
	starts, err := measureStarts(ctx, sheen, runs)
	if err != nil {
		return err
	}
	served, err := measureServer(ctx, sheen, builds)
	if err != nil {
		return err
	}
	fmt.Println("| what | must show | median | worst | floor | ratio |")
	fmt.Println("|---|---|---|---|---|---|")
	row("first start to the preview's address", "≤ 3 s", starts.fresh, starts.freshFloor)
	row("second start to the preview's address", "≤ 1.2 s", starts.again, starts.againFloor)
	row("StartBuild to BuildCompleted, offline engine flat out", "≤ 500 ms", served.builds, nil)
	fmt.Printf("| resident memory of the idle server, without Postgres | ≤ 80 MB | %.0f MB | | | |\n", served.idleMB)
	return nil
}

func row(what, must string, times, floor []time.Duration) {
	floorText, ratio := "", ""
	if floor != nil {
		floorText = round(median(floor))
		ratio = fmt.Sprintf("%.1f", median(times).Seconds()/median(floor).Seconds())
	}
	fmt.Printf("| %s | %s | %s | %s | %s | %s |\n", what, must, round(median(times)), round(slices.Max(times)), floorText, ratio)
}

func median(times []time.Duration) time.Duration {
	sorted := slices.Sorted(slices.Values(times))
	return sorted[len(sorted)/2]
}

func round(d time.Duration) string { return d.Round(time.Millisecond).String() }
