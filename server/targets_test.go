package server_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/sheenapps/sheen/server/servertest"
)

var (
	described   = regexp.MustCompile(`fqName: "(\w+)".*variableLabels: \{([\w,]*)\}`)
	queried     = regexp.MustCompile(`sheen_\w+(?:\{[^}]*\})?`)
	matched     = regexp.MustCompile(`(\w+)(?:=~|!=|!~|=)"`)
	recorded    = regexp.MustCompile(`record: (sheen:[\w:]+)`)
	useRecorded = regexp.MustCompile(`sheen:[\w:]+`)
)

// queryFaults says what is wrong with queries: names and labels that no metric has.
// labels are those of each metric.
func queryFaults(queries string, labels map[string][]string) []string {
	var faults []string
	for _, query := range queried.FindAllString(queries, -1) {
		name, selector, _ := strings.Cut(query, "{")
		known, ok := labels[name]
		for _, suffix := range []string{"_bucket", "_count", "_sum"} {
			if base := strings.TrimSuffix(name, suffix); !ok && base != name {
				known, ok = labels[base]
			}
		}
		if !ok {
			faults = append(faults, "there is no "+name)
		}
		for _, match := range matched.FindAllStringSubmatch(selector, -1) {
			if !slices.Contains(known, match[1]) {
				faults = append(faults, fmt.Sprintf("%s has no label %s", name, match[1]))
			}
		}
	}
	return faults
}

// metricLabels are the labels of all metrics of a process with all roles.
func metricLabels(t *testing.T) map[string][]string {
	t.Helper()
	labels := map[string][]string{}
	for _, d := range servertest.Start(t).MetricDescriptions() {
		parts := described.FindStringSubmatch(d)
		if parts == nil {
			t.Fatalf("cannot read %s", d)
		}
		labels[parts[1]] = strings.Split(parts[2], ",")
	}
	return labels
}

func readDoc(t *testing.T, name string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("..", "docs", name))
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// What the rules and the dashboard ask for, the server measures.
func TestRulesAndDashboardAskForWhatThereIs(t *testing.T) {
	t.Parallel()
	labels := metricLabels(t)
	for _, name := range []string{"alerts.yaml", "targets.yaml", "dashboard.json"} {
		doc := strings.ReplaceAll(readDoc(t, name), `\"`, `"`)
		if len(queried.FindAllString(doc, -1)) < 3 {
			t.Errorf("%s asks for nothing", name)
		}
		for _, fault := range queryFaults(doc, labels) {
			t.Errorf("%s: %s", name, fault)
		}
	}
	for wrong, want := range map[string]string{
		"rate(sheen_ttfb_seconds_bucket[1h])":      "there is no sheen_ttfb_seconds_bucket",
		`sheen_builds_ended_total{phase="coding"}`: "sheen_builds_ended_total has no label phase",
	} {
		if got := queryFaults(wrong, labels); !slices.Equal(got, []string{want}) {
			t.Errorf("%s: %q", wrong, got)
		}
	}
}

// Each rule that others use exists, and each target has an alert.
func TestRulesOfTheTargets(t *testing.T) {
	t.Parallel()
	rules := readDoc(t, "targets.yaml")
	var names []string
	for _, match := range recorded.FindAllStringSubmatch(rules, -1) {
		names = append(names, match[1])
		if !strings.Contains(rules, "expr: "+match[1]+" ") {
			t.Errorf("no alert looks at %s", match[1])
		}
	}
	for _, used := range useRecorded.FindAllString(rules, -1) {
		if !slices.Contains(names, used) {
			t.Errorf("%s is not recorded", used)
		}
	}
	for _, condition := range []string{
		"ttft_seconds:p50_1h > 1.5", "ttfi_seconds:p50_1h > 12", "tt_recs_seconds:p50_1h > 3",
		"shown:ratio_24h < 0.85", "not_shown:ratio_24h > 0.1", "dropped:ratio_1h > 0.02", "failed:ratio_1h > 0.05",
	} {
		if !strings.Contains(rules, condition) {
			t.Errorf("no alert on %s", condition)
		}
	}
}

// Grafana can draw the dashboard: every panel has a place of its own, a title, a
// sentence, and something to ask for.
func TestTheDashboardCanBeDrawn(t *testing.T) {
	t.Parallel()
	var board struct {
		Title  string
		Panels []struct {
			ID                       int
			Title, Description, Type string
			GridPos                  struct{ H, W, X, Y int }
			Targets                  []struct{ RefID, Expr string }
		}
	}
	if err := json.Unmarshal([]byte(readDoc(t, "dashboard.json")), &board); err != nil {
		t.Fatal(err)
	}
	if board.Title == "" || len(board.Panels) < 7 {
		t.Fatalf("%q has %d panels", board.Title, len(board.Panels))
	}
	ids, places := map[int]bool{}, map[string]bool{}
	for _, p := range board.Panels {
		place := fmt.Sprint(p.GridPos)
		if p.ID == 0 || ids[p.ID] || places[place] || p.Title == "" || p.Description == "" || p.Type == "" || len(p.Targets) == 0 ||
			p.GridPos.X+p.GridPos.W > 24 {
			t.Errorf("%+v", p)
		}
		ids[p.ID], places[place] = true, true
		for _, target := range p.Targets {
			if target.RefID == "" || strings.Count(target.Expr, "(") != strings.Count(target.Expr, ")") || !queried.MatchString(target.Expr) {
				t.Errorf("%s asks for %+v", p.Title, target)
			}
		}
	}
}
