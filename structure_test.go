package sheen_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const (
	// maxLines is where a file becomes two rooms in one.
	maxLines = 600
	// maxMainLines keeps main a call of something that tests can call too.
	maxMainLines = 40
	// maxDepth is how deep a package may lie under the root.
	maxDepth = 3
)

// roomless names files of the house that a domain does without, and why.
var roomless = map[string]string{
	"server/event/convert.go": "the log stores events as the messages they are; record.go frames them",
}

// source is what the rules need to know about a Go file.
type source struct {
	path      string // from the root, with slashes
	lines     int
	generated bool
	// documented files have a package comment.
	documented bool
	// serves is set where a type embeds a generated Unimplemented…Handler.
	serves bool
}

// structureFaults returns what a tree breaks of the rules, a sentence each.
func structureFaults(files []source) []string {
	var faults []string
	folders := make(map[string][]source)
	for _, file := range files {
		folder := path.Dir(file.path)
		switch {
		case file.generated:
		case file.lines > maxLines:
			faults = append(faults, fmt.Sprintf("%s has %d lines, more than %d", file.path, file.lines, maxLines))
		case path.Base(file.path) == "main.go" && file.lines > maxMainLines:
			faults = append(faults, fmt.Sprintf("%s has %d lines, more than %d", file.path, file.lines, maxMainLines))
		}
		folders[folder] = append(folders[folder], file)
	}
	for _, folder := range slices.Sorted(maps.Keys(folders)) {
		faults = append(faults, folderFaults(folder, folders[folder])...)
	}
	return faults
}

func folderFaults(folder string, files []source) []string {
	var faults []string
	if depth := strings.Count(folder, "/") + 1; depth > maxDepth {
		faults = append(faults, fmt.Sprintf("%s lies %d folders deep, more than %d", folder, depth, maxDepth))
	}
	production := slices.DeleteFunc(slices.Clone(files), func(f source) bool { return strings.HasSuffix(f.path, "_test.go") })
	if len(production) == 0 {
		return faults
	}
	if !slices.ContainsFunc(production, func(f source) bool { return f.documented }) {
		faults = append(faults, folder+" has no package comment")
	}
	if folder != "server/"+domain(folder) {
		return faults
	}
	rooms := []string{"doc.go"}
	if slices.ContainsFunc(production, func(f source) bool { return f.serves }) {
		rooms = append(rooms, "service.go", "convert.go")
	}
	for _, room := range rooms {
		file := folder + "/" + room
		if roomless[file] == "" && !slices.ContainsFunc(production, func(f source) bool { return f.path == file }) {
			faults = append(faults, file+" is missing")
		}
	}
	return faults
}

// TestStructure reads every file, so the test cache knows of every change; that
// keeps [TestImports] fresh, too.
func TestStructure(t *testing.T) {
	t.Parallel()
	files := readTree(t)
	for _, fault := range structureFaults(files) {
		t.Error(fault)
	}
	for room := range roomless {
		if slices.ContainsFunc(files, func(f source) bool { return f.path == room }) {
			t.Errorf("%s exists: it is no exception any more", room)
		}
	}
}

// readTree reads the Go files of this module except what is generated into gen.
func readTree(t *testing.T) []source {
	t.Helper()
	var files []source
	err := filepath.WalkDir(".", func(name string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && skipped(name):
			return filepath.SkipDir
		case !entry.IsDir() && filepath.Ext(name) == ".go":
			files = append(files, readSource(t, name))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// skipped reports whether a folder is not a part of this module's own Go code.
func skipped(folder string) bool {
	if folder == "." {
		return false
	}
	name := filepath.Base(folder)
	if strings.HasPrefix(name, ".") || slices.Contains([]string{"testdata", "node_modules"}, name) || folder == "gen" {
		return true
	}
	_, err := os.Stat(filepath.Join(folder, "go.mod"))
	return err == nil
}

func readSource(t *testing.T, name string) source {
	t.Helper()
	content, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := parser.ParseFile(token.NewFileSet(), name, content, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	return source{
		path:       filepath.ToSlash(name),
		lines:      strings.Count(string(content), "\n"),
		generated:  ast.IsGenerated(parsed),
		documented: parsed.Doc != nil,
		serves:     embedsHandler(parsed),
	}
}

func embedsHandler(file *ast.File) bool {
	found := false
	ast.Inspect(file, func(node ast.Node) bool {
		if field, ok := node.(*ast.Field); ok && len(field.Names) == 0 {
			name, ok := field.Type.(*ast.SelectorExpr)
			found = found || ok && strings.HasPrefix(name.Sel.Name, "Unimplemented") && strings.HasSuffix(name.Sel.Name, "Handler")
		}
		return !found
	})
	return found
}

// TestStructureRulesCanFail gives every rule a tree that breaks that rule only.
func TestStructureRulesCanFail(t *testing.T) {
	t.Parallel()
	house := func(names ...string) []source {
		var files []source
		for _, name := range names {
			files = append(files, source{path: "server/billing/" + name, documented: name == "doc.go", serves: name == "service.go"})
		}
		return files
	}
	for _, test := range []struct {
		name  string
		files []source
		want  string
	}{
		{"good", house("doc.go", "service.go", "convert.go"), ""},
		{"no RPC", house("doc.go", "billing.go"), ""},
		{"no convert.go", house("doc.go", "service.go"), "server/billing/convert.go is missing"},
		{"no service.go", []source{
			{path: "server/billing/doc.go", documented: true},
			{path: "server/billing/convert.go"},
			{path: "server/billing/handler.go", serves: true},
		}, "server/billing/service.go is missing"},
		{"no doc.go", []source{{path: "server/billing/billing.go", documented: true}}, "server/billing/doc.go is missing"},
		{"no package comment", []source{{path: "store/pool.go"}}, "no package comment"},
		{"only tests", []source{{path: "store/pool_test.go"}}, ""},
		{"long file", []source{{path: "store/doc.go", documented: true, lines: 601}}, "more than 600"},
		{"long generated file", []source{{path: "store/models.go", documented: true, generated: true, lines: 601}}, ""},
		{"long test", []source{{path: "store/pool_test.go", lines: 601}}, "more than 600"},
		{"long main", []source{{path: "cmd/sheen/main.go", documented: true, lines: 41}}, "more than 40"},
		{"short main", []source{{path: "cmd/sheen/main.go", documented: true, lines: 40}}, ""},
		{"deep", []source{{path: "server/engine/offline/art/art.go", documented: true}}, "4 folders deep"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			expect(t, structureFaults(test.files), test.want)
		})
	}
}
