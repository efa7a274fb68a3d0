// Command billing measures the ledger, the figures L1 to L5 of its design, and
// shows them as one Markdown table.
//
// The figures are benchmarks of the package server/billing: they are about the
// ledger in the process, so they run inside of it, each by turns with its floor,
// a transaction by hand that writes the same rows and decides nothing. This
// command runs them, each in a process of its own on a Postgres that is as
// durable as in earnest, and fails if the audit after one finds anything.
//
//	go run ./billing -only L1,L2
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// figure is a benchmark and how its numbers read.
type figure struct {
	name, workload, must string
	// units are how many the benchmark does.
	units int
	// judged is the metric that the bound is about; it is at least or at most so
	// much.
	judged          string
	atLeast, atMost float64
	// shown are the other metrics of the row.
	shown []string
}

func figures() []figure {
	return []figure{
		{
			name: "L1", workload: "reserve → commit, 20,000 accounts, 32 clients", must: "≥ 0.8 of the floor", units: 30_000,
			judged: "of-floor", atLeast: 0.8, shown: []string{"own/s", "floor/s"},
		},
		{
			name: "L2", workload: "the same, 64 clients on one account", must: "≥ 0.7 of the floor", units: 3_000,
			judged: "of-floor", atLeast: 0.7, shown: []string{"own/s", "floor/s"},
		},
		{
			name: "L3", workload: "Balance at 2,000/s, 5,000 accounts", must: "p99 ≤ 2 ms", units: 20_000,
			judged: "p99-ms", atMost: 2, shown: []string{"p50-ms"},
		},
		{
			name: "L4", workload: "4 reserves on 2 keys, half of the repeats at once, 32 clients", must: "≥ 0.7 of the floor", units: 10_000,
			judged: "of-floor", atLeast: 0.7, shown: []string{"own/s", "floor/s"},
		},
		{
			name: "L5", workload: "midnight: 100,000 accounts, 20,000 holds end, 200 cycles/s", must: "p99 ≤ 1.3 × the quiet one", units: 1,
			judged: "of-quiet", atMost: 1.3, shown: []string{"quiet-p99-ms", "midnight-p99-ms"},
		},
	}
}

var errMissed = errors.New("a figure is missed")

func main() {
	only := flag.String("only", "", "figures to measure, such as L1,L3; empty means all")
	short := flag.Bool("short", false, "a smoke test that judges nothing")
	limit := flag.Duration("limit", 30*time.Minute, "when to give up")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	ctx, cancel := context.WithTimeout(ctx, *limit)
	defer cancel()
	if err := run(ctx, *only, *short); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, only string, short bool) error {
	chosen := figures()
	if only != "" {
		names := strings.Split(only, ",")
		chosen = slices.DeleteFunc(chosen, func(f figure) bool { return !slices.Contains(names, f.name) })
	}
	if len(chosen) == 0 {
		return fmt.Errorf("%q names no figure", only)
	}
	var rows []string
	var missed []string
	for _, f := range chosen {
		metrics, err := f.measure(ctx, short)
		if err != nil {
			return fmt.Errorf("%s: %w", f.name, err)
		}
		rows = append(rows, f.row(metrics))
		if !f.met(metrics) {
			missed = append(missed, f.name)
		}
	}
	fmt.Println("| figure | workload | must | shown | with |\n|---|---|---|---|---|")
	fmt.Println(strings.Join(rows, "\n"))
	fmt.Printf("\n%d cores, %s, commit %s.\n", runtime.NumCPU(), time.Now().UTC().Format(time.DateOnly), commit(ctx))
	if len(missed) > 0 && !short {
		return fmt.Errorf("%w: %s", errMissed, strings.Join(missed, ", "))
	}
	return nil
}

// measure runs the benchmark and returns its metrics by unit.
func (f figure) measure(ctx context.Context, short bool) (map[string]float64, error) {
	units := f.units
	args := []string{"test", "-run", "^$", "-bench", "^Benchmark" + f.name + "$", "-timeout", "20m"}
	if short {
		units = min(units, 100)
		args = append(args, "-short")
	}
	args = append(args, "-benchtime", strconv.Itoa(units)+"x", "./server/billing")
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Dir, cmd.Env = "..", append(os.Environ(), "SHEEN_TEST_DURABLE=1")
	out, err := cmd.CombinedOutput()
	if err != nil {
		return nil, fmt.Errorf("%w\n%s", err, out)
	}
	for line := range strings.Lines(string(out)) {
		if strings.HasPrefix(line, "Benchmark"+f.name) {
			fmt.Fprint(os.Stderr, line)
			return metricsOf(line)
		}
	}
	return nil, fmt.Errorf("no benchmark ran:\n%s", out)
}

// metricsOf reads "BenchmarkL1-2 1000 171 ns/op 0.8 of-floor".
func metricsOf(line string) (map[string]float64, error) {
	fields := strings.Fields(line)
	metrics := map[string]float64{}
	for i := 2; i+1 < len(fields); i += 2 {
		value, err := strconv.ParseFloat(fields[i], 64)
		if err != nil {
			return nil, fmt.Errorf("result %q: %w", line, err)
		}
		metrics[fields[i+1]] = value
	}
	return metrics, nil
}

// met reports whether the bound holds. A metric that is not there is not met.
func (f figure) met(metrics map[string]float64) bool {
	value, ok := metrics[f.judged]
	if f.atMost > 0 {
		return ok && value <= f.atMost
	}
	return ok && value >= f.atLeast
}

func (f figure) row(metrics map[string]float64) string {
	with := make([]string, len(f.shown))
	for i, name := range f.shown {
		with[i] = number(metrics[name]) + " " + name
	}
	return fmt.Sprintf("| %s | %s | %s | %s %s | %s |", f.name, f.workload, f.must, number(metrics[f.judged]), f.judged, strings.Join(with, ", "))
}

func number(n float64) string {
	if n >= 100 {
		return strconv.FormatFloat(n, 'f', 0, 64)
	}
	return strconv.FormatFloat(n, 'f', 2, 64)
}

// commit names what was measured, if this is a working copy.
func commit(ctx context.Context) string {
	out, err := exec.CommandContext(ctx, "git", "describe", "--always", "--dirty").Output()
	if err != nil {
		return "unknown"
	}
	return strings.TrimSpace(string(out))
}
