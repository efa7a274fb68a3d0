package sheen_test

import (
	"flag"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/sheenapps/sheen/server"
)

// What docs/workers.md tells of exists: its links, the tests that it names, the
// settings, and the flags of its commands.
func TestWorkersDocument(t *testing.T) {
	t.Parallel()
	data, err := os.ReadFile("docs/workers.md")
	if err != nil {
		t.Fatal(err)
	}
	text := string(data)
	links := regexp.MustCompile("\\[`?([^]`]+)`?]\\(([^)#]+)[^)]*\\)").FindAllStringSubmatch(text, -1)
	for _, link := range links {
		file, err := os.ReadFile(filepath.Join("docs", filepath.FromSlash(link[2])))
		if err != nil || strings.HasPrefix(link[1], "Test") && !strings.Contains(string(file), "func "+link[1]+"(") {
			t.Errorf("%s in %s: %v", link[1], link[2], err)
		}
	}
	table := server.ConfigTable()
	names := regexp.MustCompile(`SHEEN_[A-Z_]+`).FindAllString(text, -1)
	for _, name := range names {
		if !strings.Contains(table, "`"+name+"`") {
			t.Errorf("%s is no setting", name)
		}
	}
	commands := regexp.MustCompile(`(?m)^(?:ExecStart=\S*/)?sheen serve (.*)$`).FindAllStringSubmatch(text, -1)
	for _, command := range commands {
		checkCommand(t, command[1])
	}
	if len(links) < 5 || len(names) < 8 || len(commands) < 3 {
		t.Errorf("only %d links, %d settings and %d commands were found", len(links), len(names), len(commands))
	}
}

// checkCommand reads a command's flags as a machine of a fleet would.
func checkCommand(t *testing.T, args string) {
	t.Helper()
	flags := flag.NewFlagSet("serve", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	settings := server.BindConfig(flags, nil)
	if err := flags.Parse(strings.Fields(args)); err != nil || flags.NArg() > 0 {
		t.Errorf("sheen serve %s: %v", args, err)
	}
	shared := map[string]string{
		"SHEEN_DATABASE_URL": "postgres://db/sheen", "SHEEN_REDIS_URL": "redis://redis", "SHEEN_BLOBS": "s3://sheen-sites?region=eu-west-3",
	}
	if _, err := settings.Load(func(name string) string { return shared[name] }); err != nil {
		t.Errorf("sheen serve %s: %v", args, err)
	}
}
