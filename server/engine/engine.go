package engine

import (
	"context"
	"encoding/json"
	"time"
)

// Operation says what a call is for.
type Operation string

// The operations that an engine knows.
const (
	// MainBuild makes a site from nothing.
	MainBuild Operation = "main_build"
	// Update changes the site of an earlier version: it plans, writes and fixes
	// only what differs from it.
	Update Operation = "update"
)

// Request is what every call of one build shares. It is a value: an engine
// keeps nothing between calls, so any node can make the next one.
type Request struct {
	// BuildID identifies the build in the engine's own logs and at a provider.
	BuildID string
	// Operation tells a new site from a change of one.
	Operation Operation
	// Prompt is what the user wrote, 1 to 16384 bytes of valid UTF-8.
	Prompt string
	// Locale is the canonical BCP 47 tag the user asked for, or empty; then
	// the engine takes the language of the prompt.
	Locale string
	// Answers are the user's answers to the questions about the prompt.
	Answers []Answer
	// Base are the files of the version that an Update starts from.
	Base []File
	// FixAttempt counts the calls of Fix of a build, from 1; 0 in other calls.
	FixAttempt int32
}

// Answer is one answered question.
type Answer struct {
	QuestionID string `json:"question_id"`
	// ChoiceID is the chosen option; empty for free text.
	ChoiceID string `json:"choice_id,omitempty"`
	// Text is the free text; empty for a choice.
	Text string `json:"text,omitempty"`
}

// File is one file of a site.
type File struct {
	// Path is relative, slash-separated and clean, like "css/site.css".
	Path    string
	Content []byte
}

// Plan is what an engine intends to write. It is stored as JSON between the
// calls of a build, so everything that Write needs stands in it.
type Plan struct {
	// Title is the site's name as a person would say it.
	Title string `json:"title"`
	// Summary is one sentence about the site, in its language.
	Summary string `json:"summary"`
	// BusinessType is a key of the analysis, such as "salon".
	BusinessType string `json:"business_type"`
	// Locale is the canonical tag of the site's main language.
	Locale string `json:"locale"`
	// Features are the kinds of sections that the site will have, such as
	// "booking" or "gallery"; the suggestions leave them out.
	Features []string `json:"features"`
	// Files are the paths that Write will produce, in that order. An Update
	// names only files that change or are new: every other file of the base
	// becomes part of the new version as it is, without the engine.
	Files []PlannedFile `json:"files"`
	// Dropped are files of the base that an Update leaves out of the new
	// version. A path that Files names too is written, not dropped.
	Dropped []string `json:"dropped,omitempty"`
	// Private is the engine's own; nobody else reads it.
	Private json.RawMessage `json:"private,omitempty"`
}

// PlannedFile is a file that a plan announces.
type PlannedFile struct {
	Path string `json:"path"`
	// Purpose is a few words for the user, in the build's language.
	Purpose string `json:"purpose"`
}

// Chunk is a piece of a file. Pieces of one file come in order and without
// another file's between them; Last is true on the final one, also when that
// is the only one.
type Chunk struct {
	Path string
	Data []byte
	Last bool
}

// Sink receives what an engine produces while it produces it. Its methods are
// called from one goroutine; an error ends the call and is returned from it.
type Sink interface {
	// Text receives the next piece of the assistant's text.
	Text(ctx context.Context, delta string) error
	// File receives the next piece of a file. Data is only valid during the call.
	File(ctx context.Context, chunk Chunk) error
	// Called receives each finished model call once, also one that failed or was
	// stopped, be it by the sink itself. It comes before the last chunk of the file
	// that the call made, or before Plan returns, so that a call and its result are
	// stored together.
	Called(ctx context.Context, call Call) error
	// Idle runs wait, which lets time pass until a provider is ready again, and
	// returns its error. That time is not AI time.
	Idle(wait func() error) error
}

// Usage is what a method of an engine used: the sum of the model calls that it
// reported. The zero value is nothing.
type Usage struct {
	Model        string
	InputTokens  int64
	OutputTokens int64
	// CostMicros is the provider's price in millionths of a US dollar.
	CostMicros int64
	// Active is the time the engine was at work, measured on a monotonic clock
	// by whoever called it.
	Active time.Duration
}

// Failure is one thing that the tests found wrong.
type Failure struct {
	// Check names the rule, such as "link" or "html".
	Check string
	// Path is the file it was found in.
	Path string
	// Message says what is wrong, in English, for the engine to read.
	Message string
}

// Engine plans and writes sites. It is safe for concurrent use and keeps no
// state between calls. Every method returns [context.Cause] of its context
// soon after that ends, and a [*ProviderError] when a model provider failed.
type Engine interface {
	// Name identifies the engine in configuration and logs, such as "offline".
	Name() string
	// Plan streams text about what will be built and returns the plan. The plan
	// of an Update that has nothing to change names no files, and the text says
	// why.
	Plan(ctx context.Context, req Request, sink Sink) (*Plan, Usage, error)
	// Write streams the plan's files except those named in done, which an
	// earlier attempt has stored.
	Write(ctx context.Context, req Request, plan *Plan, done []string, sink Sink) (Usage, error)
	// Fix streams new content for the files that it changes to cure failures.
	Fix(ctx context.Context, req Request, plan *Plan, files []File, failures []Failure, sink Sink) (Usage, error)
	// Recommend proposes what to do with the site of req next, the best first, in
	// req's locale. It runs beside the build: plan is the build's, or nil while
	// there is none. It returns each finished model call, also with an error, and
	// fails as Plan does; ctx bounds the model call too. Without an error, an empty
	// list says that nothing is left to propose.
	Recommend(ctx context.Context, req Request, plan *Plan) ([]Recommendation, []Call, error)
}
