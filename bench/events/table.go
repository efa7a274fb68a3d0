package main

import (
	"fmt"
	"io"
	"os/exec"
	"runtime/debug"
	"slices"
	"strings"
	"time"
)

// row is one line of the report.
type row struct {
	figure, workload, contender, result, must, ratio string
}

// table is the report.
type table struct{ rows []row }

func (t *table) add(r row) { t.rows = append(t.rows, r) }

func (t *table) print(out io.Writer) {
	fmt.Fprintln(out, "| figure | workload | contender | result | must | ratio |")
	fmt.Fprintln(out, "|---|---|---|---|---|---|")
	for _, r := range t.rows {
		fmt.Fprintf(out, "| %s | %s | %s | %s | %s | %s |\n", r.figure, r.workload, r.contender, r.result, r.must, r.ratio)
	}
	fmt.Fprintf(out, "\n%d cores, %s, commit %s; %s.\n", cores(), time.Now().UTC().Format(time.DateOnly), commit(), strings.Join(versions(), ", "))
}

// commit names what was measured, if this is a working copy.
func commit() string {
	out, err := exec.Command("git", "describe", "--always", "--dirty").Output()
	if err != nil {
		return "unknown"
	}
	return strings.TrimSpace(string(out))
}

// versions lists the peers' modules that this command was built with.
func versions() []string {
	peers := []string{
		"github.com/centrifugal/centrifuge", "github.com/centrifugal/centrifuge-go",
		"github.com/nats-io/nats-server/v2", "github.com/nats-io/nats.go", "connectrpc.com/connect",
	}
	var found []string
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return nil
	}
	for _, module := range info.Deps {
		if slices.Contains(peers, module.Path) {
			name := strings.TrimSuffix(module.Path, "/v2")
			found = append(found, name[strings.LastIndexByte(name, '/')+1:]+" "+module.Version)
		}
	}
	return found
}

// grouped writes a number with its thousands apart.
func grouped(n float64) string {
	digits := fmt.Sprintf("%.0f", n)
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return digits
}

// ms writes a latency.
func ms(d time.Duration) string { return fmt.Sprintf("%.1f ms", float64(d)/float64(time.Millisecond)) }

// medianOf says what a result is the median of.
func medianOf(runs int) string {
	if runs < 2 {
		return ""
	}
	return fmt.Sprintf(" (median of %d)", runs)
}
