package llm

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"golang.org/x/text/language"

	"github.com/sheenapps/sheen/server/engine"
	"github.com/sheenapps/sheen/server/engine/analysis"
)

// maxPlanned bounds a plan: each file is a call, and some calls are left to mend.
const maxPlanned = 60

// submitted is what the tool of the plan takes.
type submitted struct {
	Title        string               `json:"title"`
	Summary      string               `json:"summary"`
	BusinessType string               `json:"business_type"`
	Locale       string               `json:"locale"`
	Features     []string             `json:"features"`
	Design       string               `json:"design"`
	Files        []engine.PlannedFile `json:"files"`
}

// private is what a plan keeps for the calls that write.
type private struct {
	// Design are the rules that make the files of a site fit together.
	Design string `json:"design"`
}

// What is wrong with a plan or a file; the model's own words are no part of it.
var (
	errArguments = errors.New("the arguments are not of the tool's form")
	errUnnamed   = errors.New("the plan lacks its title or its summary")
	errTooMany   = fmt.Errorf("the plan has more than %d files", maxPlanned)
	errFront     = errors.New("the plan of a new site has no " + frontPage)
	errOther     = errors.New("another file was written than the one that was asked for")
	errEmpty     = errors.New("the file is empty")
)

// readPlan makes a plan of what a model handed in.
func readPlan(req engine.Request, arguments []byte) (*engine.Plan, error) {
	var in submitted
	if err := json.Unmarshal(arguments, &in); err != nil {
		return nil, errArguments
	}
	files, err := cleanFiles(in.Files)
	if err != nil {
		return nil, err
	}
	title, summary := strings.TrimSpace(in.Title), strings.TrimSpace(in.Summary)
	switch {
	case title == "" || summary == "":
		return nil, errUnnamed
	case len(files) > maxPlanned:
		return nil, errTooMany
	case req.Operation != engine.Update && !slices.ContainsFunc(files, isFront):
		return nil, errFront
	}
	// A NUL in it could not be stored.
	kept, err := json.Marshal(private{Design: strings.ReplaceAll(in.Design, "\x00", "")})
	if err != nil {
		return nil, fmt.Errorf("encode the design: %w", err)
	}
	return &engine.Plan{
		Title: title, Summary: summary, Files: files, Private: kept,
		BusinessType: known(in.BusinessType, analysis.BusinessTypes(), analysis.General),
		Locale:       localeOf(in.Locale, req),
		Features:     features(in.Features),
	}, nil
}

func isFront(f engine.PlannedFile) bool { return f.Path == frontPage }

// cleanFiles drops what is named twice. A path that must not be stored spoils the
// plan: other files will refer to it.
func cleanFiles(files []engine.PlannedFile) ([]engine.PlannedFile, error) {
	var clean []engine.PlannedFile
	for _, f := range files {
		path, err := engine.CleanPath(f.Path)
		if err != nil {
			return nil, engine.ErrPath
		}
		if slices.ContainsFunc(clean, func(c engine.PlannedFile) bool { return c.Path == path }) {
			continue
		}
		purpose := strings.TrimSpace(f.Purpose)
		if purpose == "" {
			purpose = path
		}
		clean = append(clean, engine.PlannedFile{Path: path, Purpose: purpose})
	}
	return clean, nil
}

func known(value string, values []string, otherwise string) string {
	if slices.Contains(values, value) {
		return value
	}
	return otherwise
}

// features are the kinds among names, in the order of all kinds.
func features(names []string) []string {
	kinds := analysis.Kinds()
	return slices.DeleteFunc(kinds, func(kind string) bool { return !slices.Contains(names, kind) })
}

// localeOf is the canonical tag of a plan: what the user asked for goes before
// what the model thought.
func localeOf(said string, req engine.Request) string {
	for _, tag := range []string{req.Locale, said} {
		if parsed, err := language.Parse(tag); err == nil && parsed != language.Und {
			return parsed.String()
		}
	}
	return analysis.Analyze(req.Prompt, "").Language
}

// readFile takes a file from the arguments of the tool that writes it.
func readFile(path string, arguments []byte) ([]byte, error) {
	var in struct {
		Path    string `json:"path"`
		Content string `json:"content"`
	}
	if err := json.Unmarshal(arguments, &in); err != nil {
		return nil, errArguments
	}
	switch {
	case in.Path != path:
		return nil, errOther
	case strings.TrimSpace(in.Content) == "":
		return nil, errEmpty
	}
	return []byte(in.Content), nil
}
