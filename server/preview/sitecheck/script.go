package sitecheck

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/evanw/esbuild/pkg/api"
)

// maxScriptBytes is the largest script that is judged, in bytes.
const maxScriptBytes = 1 << 20

// checkScriptFile judges a script of its own file. Whether that is a module is
// decided by those who load it; it has to be one if it imports or exports.
func (c *checker) checkScriptFile(s source) {
	module := strings.HasSuffix(s.file, ".mjs") || len(s.text) <= maxScriptBytes && usesModules(lexJS(s.text))
	if module {
		c.modules[s.file] = true
	}
	c.checkScript(s, module)
}

// usesModules says whether there is an import or export declaration. Both words
// are reserved: elsewhere they are called, or name a property.
func usesModules(tokens []jsToken) bool {
	for i, t := range tokens {
		if t.kind != jsWord || t.text != "import" && t.text != "export" || i+1 == len(tokens) {
			continue
		}
		property := i > 0 && tokens[i-1].text == "."
		if !property && !slices.Contains([]string{"(", ".", ":", ",", "="}, tokens[i+1].text) {
			return true
		}
	}
	return false
}

// checkScript judges a script, and collects what it loads.
func (c *checker) checkScript(s source, module bool) {
	c.checks++
	mistakes := scriptMistakes(s, module)
	c.failures = append(c.failures, mistakes...)
	if len(mistakes) == 0 {
		c.scanScript(s, module)
	}
}

// scriptMistakes returns what is wrong with a script by itself.
func scriptMistakes(s source, module bool) []Failure {
	mistake := Failure{Check: RuleJavaScript, Path: s.file}
	if len(s.text) > maxScriptBytes {
		mistake.Message = fmt.Sprintf("the script has more than %d bytes", maxScriptBytes)
		return []Failure{mistake}
	}
	if offset, deep := deepJS(lexJS(s.text)); deep {
		lines := lineCounter{text: s.text, line: s.line}
		mistake.Line, mistake.Message = lines.at(offset), "code is nested too deeply"
		return []Failure{mistake}
	}
	format := api.FormatIIFE
	if module {
		format = api.FormatESModule
	}
	result := api.Transform(s.text, api.TransformOptions{
		Loader: api.LoaderJS, Format: format, MinifyWhitespace: true, LogLevel: api.LogLevelSilent,
	})
	var mistakes []Failure
	for _, m := range result.Errors {
		mistakes = append(mistakes, mistakeAt(RuleJavaScript, s, m))
	}
	return mistakes
}

// checkJSON judges a text that has to be JSON, and says whether it is.
func (c *checker) checkJSON(s source) bool {
	c.checks++
	var raw json.RawMessage
	err := json.Unmarshal([]byte(s.text), &raw)
	if err == nil {
		return true
	}
	line := s.line
	if syntax, ok := errors.AsType[*json.SyntaxError](err); ok {
		line += strings.Count(s.text[:min(int(syntax.Offset), len(s.text))], "\n")
	}
	c.fail(RuleJSON, s.file, line, "not JSON: %s", err)
	return false
}

// scanScript collects the addresses that a script names where it loads
// something.
func (c *checker) scanScript(s source, module bool) {
	tokens := lexJS(s.text)
	lines := lineCounter{text: s.text, line: s.line}
	for i, t := range tokens {
		if t.text == "(" && (endsWith(tokens[:i], "document", ".", "write") || endsWith(tokens[:i], "document", ".", "writeln")) {
			c.writers[s.file] = true
			c.expect(!module, RuleJavaScript, s.file, lines.at(t.offset), "document.write does nothing in a module")
		}
		if t.kind != jsString && t.kind != jsTemplate {
			continue
		}
		before := tokens[max(0, i-5):i]
		// The start of a template says which host it goes to, but not which file.
		whole := t.kind == jsString || i+1 == len(tokens) || tokens[i+1].text != "${"
		ref := reference{file: s.file, line: lines.at(t.offset), address: t.text, base: s.base}
		switch {
		case followsImport(before):
			c.expect(module, RuleJavaScript, s.file, ref.line, "import in a script that is not a module")
			ref.kind, ref.what = kindModule, "import"
		case endsWith(before, "import", "(") && whole:
			ref.kind, ref.what = kindModule, "import"
		case startsRequest(before):
			ref.kind, ref.what = kindRequest, "request of a script"
		default:
			continue
		}
		c.refer(ref)
	}
}

// followsImport says whether the string after these tokens is the source of an
// import or export declaration.
func followsImport(before []jsToken) bool {
	n := len(before)
	if n == 0 || before[n-1].kind != jsWord {
		return false
	}
	switch before[n-1].text {
	case "import":
		return n < 2 || before[n-2].text != "."
	case "from":
		return n >= 2 && (before[n-2].text == "}" || before[n-2].text == "*" || before[n-2].kind == jsWord)
	}
	return false
}

// startsRequest says whether the string after these tokens is an address that
// the script makes a request to.
func startsRequest(before []jsToken) bool {
	n := len(before)
	switch {
	case n >= 2 && before[n-1].text == "(" && before[n-2].kind == jsWord:
		switch before[n-2].text {
		case "fetch", "EventSource", "WebSocket", "WebTransport", "Worker", "SharedWorker",
			"Request", "sendBeacon", "importScripts":
			return true
		}
		return before[n-2].text == "import" // with a substitution
	case n >= 3 && before[n-1].text == "=" && before[n-3].text == ".":
		return before[n-2].text == "src" || before[n-2].text == "srcset" || before[n-2].text == "poster"
	case n == 5 && before[4].text == "," && before[3].kind == jsString:
		return endsWith(before[:3], ".", "open", "(")
	}
	return false
}

// endsWith says whether tokens ends with these words and signs.
func endsWith(tokens []jsToken, texts ...string) bool {
	if len(tokens) < len(texts) {
		return false
	}
	return slices.EqualFunc(tokens[len(tokens)-len(texts):], texts, func(t jsToken, text string) bool {
		return (t.kind == jsWord || t.kind == jsPunctuation) && t.text == text
	})
}
