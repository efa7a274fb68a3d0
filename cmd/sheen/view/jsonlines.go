package view

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"sync"

	"google.golang.org/protobuf/encoding/protojson"

	buildv1 "github.com/sheenapps/sheen/gen/sheen/build/v1"
	eventv1 "github.com/sheenapps/sheen/gen/sheen/event/v1"
)

// JSONLines shows a build as one JSON object per line: each event as protobuf
// prescribes it, and at the end an object with the one field "result".
type JSONLines struct {
	out, diagnostics io.Writer

	mu sync.Mutex
}

// NewJSONLines returns a renderer that writes to out; all else goes to diagnostics.
func NewJSONLines(out, diagnostics io.Writer) *JSONLines {
	return &JSONLines{out: out, diagnostics: diagnostics}
}

// Result is the last object.
type Result struct {
	BuildID   string `json:"buildId"`
	ProjectID string `json:"projectId"`
	VersionID string `json:"versionId,omitempty"`
	// State is "complete", "failed" or "cancelled".
	State          string `json:"state"`
	PreviewURL     string `json:"previewUrl,omitempty"`
	ChargedSeconds int64  `json:"chargedSeconds"`
	// SpendableSeconds is absent if nobody knows.
	SpendableSeconds *int64       `json:"spendableSeconds,omitempty"`
	Suggestions      []Suggestion `json:"suggestions,omitempty"`
	Error            *Failure     `json:"error,omitempty"`
}

// Suggestion is one next step.
type Suggestion struct {
	ID          string `json:"id"`
	Title       string `json:"title"`
	Description string `json:"description"`
	Prompt      string `json:"prompt"`
}

// Failure is why a build failed.
type Failure struct {
	Reason    string `json:"reason"`
	Message   string `json:"message"`
	Retryable bool   `json:"retryable"`
}

// Begin writes nothing: the events say it all.
func (*JSONLines) Begin(*buildv1.Build) {}

// Event writes the event.
func (j *JSONLines) Event(event *eventv1.BuildEvent) {
	raw, err := protojson.Marshal(event)
	if err != nil {
		j.Note(fmt.Sprintf("event %d cannot be written: %v", event.GetSeq(), err))
		return
	}
	var line bytes.Buffer
	if err := json.Compact(&line, raw); err != nil { // protojson spaces at random
		j.Note(fmt.Sprintf("event %d cannot be written: %v", event.GetSeq(), err))
		return
	}
	j.line(line.Bytes())
}

// Note writes the sentence to the diagnostics.
func (j *JSONLines) Note(sentence string) {
	_, _ = fmt.Fprintln(j.diagnostics, sentence)
}

// End writes the result.
func (j *JSONLines) End(c Closing) {
	line, err := json.Marshal(map[string]Result{"result": resultOf(c)})
	if err != nil {
		j.Note("the result cannot be written: " + err.Error())
		return
	}
	j.line(line)
}

func resultOf(c Closing) Result {
	b := c.Build
	r := Result{
		BuildID: b.GetId(), ProjectID: b.GetProjectId(), VersionID: b.GetVersionId(),
		State: stateName(b.GetState()), PreviewURL: b.GetPreviewUrl(), ChargedSeconds: b.GetChargedSeconds(),
	}
	if c.SpendableSeconds >= 0 {
		r.SpendableSeconds = &c.SpendableSeconds
	}
	for _, s := range c.Suggestions {
		r.Suggestions = append(r.Suggestions, Suggestion{ID: s.GetId(), Title: s.GetTitle(), Description: s.GetDescription(), Prompt: s.GetPrompt()})
	}
	if e := b.GetError(); e != nil {
		r.Error = &Failure{Reason: e.GetReason().String(), Message: e.GetMessage(), Retryable: e.GetRetryable()}
	}
	return r
}

// Stop does nothing: there is nothing to give back.
func (*JSONLines) Stop() {}

// Diagnostics returns the writer for logs.
func (j *JSONLines) Diagnostics() io.Writer { return j.diagnostics }

func (j *JSONLines) line(line []byte) {
	j.mu.Lock()
	defer j.mu.Unlock()
	_, _ = j.out.Write(append(line, '\n'))
}
