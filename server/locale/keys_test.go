package locale_test

import (
	"encoding/json"
	"go/scanner"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	errorv1 "github.com/sheenapps/sheen/gen/sheen/error/v1"
	"github.com/sheenapps/sheen/server/engine/analysis"
	"github.com/sheenapps/sheen/server/recommend/rules"
)

// built are the keys that are put together from parts. Whoever builds keys in a
// new way adds it here.
func built() []string {
	var keys []string
	add := func(prefix string, members []string, suffixes ...string) {
		for _, member := range members {
			for _, suffix := range suffixes {
				keys = append(keys, prefix+member+suffix)
			}
		}
	}
	var kinds []string
	for _, kind := range rules.Kinds() {
		kinds = append(kinds, string(kind))
	}
	add("quickSuggestions.", kinds, ".title", ".description", ".prompt")
	add("event.phase.", []string{
		"queued", "planning", "coding", "testing", "fixing", "deploying", "complete", "failed", "cancelled",
	}, ".title", ".description")
	add("event.step.", []string{
		"analyze", "plan", "write", "check", "version", "preview", "probe",
	}, ".title", ".description")
	add("error.build.", []string{
		"platform", "provider", "timeout", "policy", "user", "tests", "cancelled", "insufficientTime",
	}, "")
	for number, name := range errorv1.ErrorReason_name {
		if number != 0 {
			add("error.", []string{strings.TrimPrefix(name, "ERROR_REASON_")}, "")
		}
	}
	for _, id := range analysis.QuestionIDs() {
		add("question."+id+".", []string{"text"}, "")
	}
	add("question.business_type.", analysis.BusinessTypes(), "")
	add("question.features.", analysis.Kinds(), "")
	add("question.color_theme.", analysis.Themes(), "")
	add("question.audience.", analysis.Audiences(), "")
	add("recommendation.failed.", []string{
		"provider_unavailable", "deadline", "malformed", "nothing", "refused", "too_long", "busy", "internal",
	}, "")
	add("billing.package.", []string{"mini", "standard", "large"}, ".title")
	return keys
}

// dotted is the form of a key. A literal that ends with a dot is a part of a
// built key.
var dotted = regexp.MustCompile(`^[a-zA-Z]+(\.[a-zA-Z]+){2,}$`)

// family is the first two words of a dotted name; a literal whose family has
// messages is meant as a key.
func family(name string) string {
	words := strings.SplitN(name, ".", 3)
	return strings.Join(words[:2], ".")
}

// Every key used has a message and every message is used, in all Go code of the
// module outside of tests.
func TestKeysAreUsedAndPresent(t *testing.T) {
	t.Parallel()
	raw, err := os.ReadFile("catalogue/en.json")
	if err != nil {
		t.Fatal(err)
	}
	var english map[string]json.RawMessage
	if err := json.Unmarshal(raw, &english); err != nil {
		t.Fatal(err)
	}
	families := make(map[string]bool)
	for key := range english {
		families[family(key)] = true
	}
	used := make(map[string]string)
	for _, key := range built() {
		used[key] = "the list of built keys"
	}
	for literal, file := range literals(t, "../..") {
		if dotted.MatchString(literal) && families[family(literal)] {
			used[literal] = file
		}
	}
	for key, place := range used {
		if _, known := english[key]; !known {
			t.Errorf("%s, used in %s, has no message", key, place)
		}
	}
	for key := range english {
		if _, known := used[key]; !known {
			t.Errorf("%s is not used", key)
		}
	}
}

// literals returns the string literals of the Go files below root, each with a
// file that holds it. It reads tokens, so a file that does not parse counts too.
func literals(t *testing.T, root string) map[string]string {
	t.Helper()
	found := make(map[string]string)
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := entry.Name()
		if entry.IsDir() {
			if name == "gen" || name == "node_modules" || len(name) > 2 && strings.HasPrefix(name, ".") {
				return filepath.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") {
			return nil
		}
		source, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		for _, literal := range stringsIn(source) {
			found[literal] = path
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func stringsIn(source []byte) []string {
	var (
		found []string
		s     scanner.Scanner
		fset  = token.NewFileSet()
	)
	s.Init(fset.AddFile("", fset.Base(), len(source)), source, func(token.Position, string) {}, 0)
	for {
		_, tok, text := s.Scan()
		if tok == token.EOF {
			return found
		}
		if tok != token.STRING {
			continue
		}
		if literal, err := strconv.Unquote(text); err == nil {
			found = append(found, literal)
		}
	}
}
