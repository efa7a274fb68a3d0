// Package report prints what benchmarks measured as one Markdown table.
package report

import (
	"fmt"
	"io"
	"os/exec"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"time"
)

// Row is one line of the report.
type Row struct {
	Figure, Workload, Contender, Result, Must, Ratio string
}

// Table is the report. The zero value is empty.
type Table struct{ rows []Row }

// Add appends a line.
func (t *Table) Add(r Row) { t.rows = append(t.rows, r) }

// Print writes the lines, and then the machine, the day, the commit and the
// versions of the peers.
func (t *Table) Print(out io.Writer) {
	fmt.Fprintln(out, "| figure | workload | contender | result | must | ratio |")
	fmt.Fprintln(out, "|---|---|---|---|---|---|")
	for _, r := range t.rows {
		fmt.Fprintf(out, "| %s | %s | %s | %s | %s | %s |\n", r.Figure, r.Workload, r.Contender, r.Result, r.Must, r.Ratio)
	}
	fmt.Fprintf(out, "\n%d cores, %s, commit %s%s.\n", runtime.NumCPU(), time.Now().UTC().Format(time.DateOnly), Commit(), versions())
}

// Commit names what was measured, if this is a working copy.
func Commit() string {
	out, err := exec.Command("git", "describe", "--always", "--dirty").Output()
	if err != nil {
		return "unknown"
	}
	return strings.TrimSpace(string(out))
}

// versions lists the peers' modules that this command was built with.
func versions() string {
	peers := []string{
		"github.com/centrifugal/centrifuge", "github.com/centrifugal/centrifuge-go",
		"github.com/nats-io/nats-server/v2", "github.com/nats-io/nats.go", "connectrpc.com/connect",
	}
	var found []string
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return ""
	}
	for _, module := range info.Deps {
		if slices.Contains(peers, module.Path) {
			name := strings.TrimSuffix(module.Path, "/v2")
			found = append(found, name[strings.LastIndexByte(name, '/')+1:]+" "+module.Version)
		}
	}
	if len(found) == 0 {
		return ""
	}
	return "; " + strings.Join(found, ", ")
}

// Grouped writes a number with its thousands apart.
func Grouped(n float64) string {
	digits := fmt.Sprintf("%.0f", n)
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return digits
}

// MS writes a latency.
func MS(d time.Duration) string { return fmt.Sprintf("%.1f ms", float64(d)/float64(time.Millisecond)) }

// MedianOf says what a result is the median of.
func MedianOf(runs int) string {
	if runs < 2 {
		return ""
	}
	return fmt.Sprintf(" (median of %d)", runs)
}
