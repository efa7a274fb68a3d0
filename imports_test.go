package sheen_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/sheenapps/sheen"

// graph is who imports whom in production code: packages by path, ours relative
// to the module and others in full. The standard library is left out.
type graph map[string][]string

// domains are the folders under server/ that own a part of the product each.
var domains = []string{"build", "event", "billing", "recommend", "preview", "engine", "webhook"}

// leaves may be used by every domain, and know none.
var leaves = []string{"gen", "store", "server/auth", "server/crash", "server/fault", "server/locale", "server/token"}

// pure lists the packages that import the standard library only, and what some
// of them need beside it.
var pure = map[string][]string{
	"server/billing/meter":     nil,
	"server/engine":            nil,
	"server/engine/analysis":   nil,
	"server/preview/sitecheck": {"server/preview/sitepath", "golang.org/x/net/html", "github.com/evanw/esbuild"},
	"server/preview/sitepath":  nil,
	"server/recommend/rules":   nil,
	"server/token":             nil,
}

// importFaults returns what a graph breaks of the rules, a sentence each.
func importFaults(g graph) []string {
	var faults []string
	for _, from := range slices.Sorted(maps.Keys(g)) {
		for _, to := range g[from] {
			if why := edgeFault(from, to); why != "" {
				faults = append(faults, fmt.Sprintf("%s imports %s: %s", from, to, why))
			}
		}
		faults = append(faults, reachFaults(g, from)...)
	}
	for path := range pure {
		if _, ok := g[path]; !ok {
			faults = append(faults, path+": a pure package that does not exist")
		}
	}
	return faults
}

// edgeFault says why one package may not import another one directly.
func edgeFault(from, to string) string {
	allowed, isPure := pure[from]
	switch {
	case isPure && !slices.ContainsFunc(allowed, func(a string) bool { return within(to, a) }):
		return "a pure package uses the standard library"
	case isSupport(to) && !isSupport(from):
		return "test support is for tests"
	case within(from, "cmd") && isOurs(to) && !commandMayUse(to):
		return "a command uses server and client"
	case within(to, "cmd") && !within(from, "cmd"):
		return "nothing uses a command"
	case to == "server" && !within(from, "cmd") && !isSupport(from):
		return "only a command runs a server"
	case slices.ContainsFunc(leaves, func(l string) bool { return within(from, l) }) && !isSupport(from):
		return leafFault(to)
	}
	return domainFault(from, to)
}

// commandMayUse lists what commands are made of. server/auth is there because its
// roles are part of server's own API and `sheen token` signs without a server.
func commandMayUse(to string) bool {
	return within(to, "cmd") || within(to, "gen") || to == "server" || to == "server/auth" || to == "client"
}

// leafFault says why what all domains use may not import another package.
func leafFault(to string) string {
	for _, leaf := range leaves {
		if within(to, leaf) {
			return ""
		}
	}
	if within(to, "server") || within(to, "client") {
		return "what all domains use knows none of them"
	}
	return ""
}

// domainFault says why a domain may not import another package: only build
// orchestrates others.
func domainFault(from, to string) string {
	mine, theirs := domain(from), domain(to)
	switch {
	case theirs == "" || mine == theirs || from == "server" || mine == "build" || isSupport(from):
		return ""
	case mine == "":
		return "only server and server/build use domains"
	default:
		return "a domain knows no other one"
	}
}

// reachFaults judges what a package reaches through any number of our packages.
func reachFaults(g graph, from string) []string {
	var forbidden []string
	var why string
	switch {
	case isSupport(from):
	case within(from, "store"):
		why = "the store knows no wire format and no server"
		forbidden = []string{"connectrpc.com", "google.golang.org/protobuf", "google.golang.org/grpc", "gen", "server", "client"}
	case within(from, "client"), within(from, "bench"):
		why = "a client needs the contract only"
		forbidden = []string{"server", "store", "migrations", "cmd"}
	}
	var faults []string
	for _, to := range reach(g, from) {
		if slices.ContainsFunc(forbidden, func(f string) bool { return within(to, f) }) {
			faults = append(faults, fmt.Sprintf("%s reaches %s: %s", from, to, why))
		}
	}
	return faults
}

// reach lists what a package imports, directly or through ours.
func reach(g graph, from string) []string {
	seen := map[string]bool{from: true}
	queue := []string{from}
	for len(queue) > 0 {
		next := queue[0]
		queue = queue[1:]
		for _, to := range g[next] {
			if !seen[to] {
				seen[to] = true
				queue = append(queue, to)
			}
		}
	}
	delete(seen, from)
	return slices.Sorted(maps.Keys(seen))
}

// within reports whether a package is another one or lies under it.
func within(path, root string) bool {
	return path == root || strings.HasPrefix(path, root+"/")
}

// isSupport reports whether a package exists for tests: storetest, servertest.
func isSupport(path string) bool {
	return isOurs(path) && strings.HasSuffix(path, "test")
}

// isOurs reports whether a path is relative to the module: no host name.
func isOurs(path string) bool {
	first, _, _ := strings.Cut(path, "/")
	return !strings.Contains(first, ".")
}

// domain returns the domain that a package belongs to, or "".
func domain(path string) string {
	rest, ok := strings.CutPrefix(path, "server/")
	if !ok {
		return ""
	}
	first, _, _ := strings.Cut(rest, "/")
	if slices.Contains(domains, first) {
		return first
	}
	return ""
}

func TestImports(t *testing.T) {
	t.Parallel()
	g := readGraph(t)
	if len(g) < len(pure) {
		t.Fatalf("%d packages found", len(g))
	}
	for _, fault := range importFaults(g) {
		t.Error(fault)
	}
}

// readGraph asks the go command for the production imports of our packages, in
// this module and in that of the benchmarks.
func readGraph(t *testing.T) graph {
	t.Helper()
	g := make(graph)
	for _, dir := range []string{".", "bench"} {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			readModule(t, dir, g)
		}
	}
	return g
}

func readModule(t *testing.T, dir string, g graph) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", "list", "-e", "-json=ImportPath,Imports", "./...")
	cmd.Dir = dir
	// What others provide need not be here to know who imports it.
	cmd.Env = append(os.Environ(), "GOPROXY=off")
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	for decoder := json.NewDecoder(bytes.NewReader(out)); decoder.More(); {
		var listed struct {
			ImportPath string
			Imports    []string
		}
		if err := decoder.Decode(&listed); err != nil {
			t.Fatal(err)
		}
		g[relative(listed.ImportPath)] = outside(listed.Imports)
	}
}

// outside drops the standard library.
func outside(imports []string) []string {
	var kept []string
	for _, path := range imports {
		if short := relative(path); short != path || !isOurs(path) {
			kept = append(kept, short)
		}
	}
	return kept
}

func relative(path string) string { return strings.TrimPrefix(path, module+"/") }

// TestImportRulesCanFail gives every rule a graph that breaks that rule only.
func TestImportRulesCanFail(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ from, to, want string }{
		{"cmd/sheen", "server", ""},
		{"cmd/sheen", "client", ""},
		{"cmd/sheen", "store", "a command uses"},
		{"cmd/sheen", "server/build", "a command uses"},
		{"server", "server/build", ""},
		{"server", "server/event", ""},
		{"server", "cmd/sheen", "nothing uses a command"},
		{"server/build", "server/event", ""},
		{"server/build", "server", "only a command runs"},
		{"server/build", "server/servertest", "test support"},
		{"server/event", "server/build", "knows no other"},
		{"server/event", "server/billing/meter", "knows no other"},
		{"server/billing", "server/event", "knows no other"},
		{"server/recommend", "server/engine", "knows no other"},
		{"server/webhook", "server/event", "knows no other"},
		{"server/event", "server/webhook", "knows no other"},
		{"server/preview", "server/build", "knows no other"},
		{"server/engine/offline", "server/preview/sitecheck", "knows no other"},
		{"server/embedded", "server/billing", "only server and server/build"},
		{"server/auth", "server/event", "what all domains use"},
		{"server/fault", "server/embedded", "what all domains use"},
		{"server/fault", "gen/sheen/error/v1", ""},
		{"store/storetest", "store", ""},
		{"store", "store/storetest", "test support"},
		{"store", "google.golang.org/protobuf/proto", "no wire format"},
		{"store", "connectrpc.com/connect", "no wire format"},
		{"store", "migrations", ""},
		{"client", "gen/sheen/build/v1", ""},
		{"client", "server/token", "the contract only"},
		{"bench", "store", "the contract only"},
		{"server/token", "github.com/google/uuid", "a pure package"},
		{"server/billing/meter", "store", "a pure package"},
		{"server/recommend/rules", "golang.org/x/text/language", "a pure package"},
		{"server/preview/sitecheck", "golang.org/x/net/html", ""},
		{"server/preview/sitecheck", "golang.org/x/net/http2", "a pure package"},
	} {
		t.Run(test.from+" imports "+test.to, func(t *testing.T) {
			t.Parallel()
			g := emptyGraph()
			g[test.from] = []string{test.to}
			expect(t, importFaults(g), test.want)
		})
	}
	t.Run("through another package", func(t *testing.T) {
		t.Parallel()
		g := emptyGraph()
		g["client"] = []string{"client/wire"}
		g["client/wire"] = []string{"migrations"}
		if faults := importFaults(g); len(faults) != 2 {
			t.Errorf("faults %q, want one for each", faults)
		}
	})
	t.Run("a pure package is gone", func(t *testing.T) {
		t.Parallel()
		g := emptyGraph()
		delete(g, "server/token")
		expect(t, importFaults(g), "does not exist")
	})
}

func emptyGraph() graph {
	g := make(graph)
	for path := range pure {
		g[path] = nil
	}
	return g
}
