package llm

import (
	"cmp"
	"context"
	"encoding/json"
	"net/http"
)

// Query is one question to a model, in no provider's format. System, Tools and
// Stable come first in a request and are the same from call to call of a build,
// so that a provider can keep what it made of them.
type Query struct {
	// System says what the model is to do in general.
	System string
	// Tools are all that any call may use.
	Tools []Tool
	// Stable are the parts of the user's message that stay as they are; each
	// one's end is a good place to remember.
	Stable []string
	// Task is the rest of the message.
	Task string
	// Want is the tool that the answer has to use.
	Want string
	// Force has the provider see to that, if it can: then the model does not talk.
	Force bool
	// MaxTokens is the most that the answer may have, thoughts included; 0 is the
	// wire's own.
	MaxTokens int
}

// Tool is a function that a model can call.
type Tool struct {
	Name        string
	Description string
	// Schema is the JSON Schema of its arguments.
	Schema json.RawMessage
}

// Stop is why a model stopped.
type Stop int

// The reasons to stop.
const (
	// StopNone is that of a stream that has not ended.
	StopNone Stop = iota
	// StopDone says that the model has said what it wanted.
	StopDone
	// StopLength says that it was not allowed to write more.
	StopLength
	// StopRefused says that it, or a filter, does not answer such questions.
	StopRefused
)

// Tokens are counts of tokens; none counts twice.
type Tokens struct {
	Input, Output, CacheRead, CacheWrite int64
}

// Reply is what came of a stream until now.
type Reply struct {
	// Tool was called with Arguments, which should be a JSON object.
	Tool      string
	Arguments []byte
	Tokens    Tokens
	Stop      Stop
}

// Fault is what a provider's error means for the call.
type Fault int

// The kinds of faults.
const (
	// FaultFinal stays if the same call is made again.
	FaultFinal Fault = iota
	// FaultPassing may be gone when the call is made again.
	FaultPassing
	// FaultTooLong says that the request has more than the model reads.
	FaultTooLong
	// FaultRefused says that the content is against the provider's rules.
	FaultRefused
)

// Problem is an error that a provider reports.
type Problem struct {
	Fault Fault
	// Name is the provider's own for it. It is logged: never what the request said.
	Name string
}

// Error returns the name.
func (p *Problem) Error() string { return p.Name }

// Access says whom to ask.
type Access struct {
	// Key is the API key; empty for a server that wants none.
	Key string
	// Model is the one to ask, and BaseURL where the API is, without a final slash.
	// Empty is the provider's default.
	Model, BaseURL string
}

// Or returns a with these in place of what is empty.
func (a Access) Or(model, baseURL string) Access {
	a.Model, a.BaseURL = cmp.Or(a.Model, model), cmp.Or(a.BaseURL, baseURL)
	return a
}

// Wire is the format of a provider. It is safe for concurrent use.
type Wire interface {
	// Name identifies the engine, such as "anthropic".
	Name() string
	// Model is the one that is asked.
	Model() string
	// Request makes the HTTP request of a query.
	Request(ctx context.Context, query Query) (*http.Request, error)
	// Decoder makes a decoder for one stream.
	Decoder() Decoder
	// Problem reads an answer that is no stream.
	Problem(status int, body []byte) *Problem
}

// Decoder reads the events of one stream. It must cope with any bytes.
type Decoder interface {
	// Event takes the next event and returns the text that the model said in it.
	// A [*Problem] is an error that the provider reports; any other one means
	// that the stream is broken.
	Event(data []byte) (text string, err error)
	// Reply is what came until now, also after an error.
	Reply() Reply
}

// FaultOf is what an HTTP status means where the body does not say more.
func FaultOf(status int) Fault {
	switch {
	case status == http.StatusRequestEntityTooLarge:
		return FaultTooLong
	case status == http.StatusRequestTimeout, status == http.StatusConflict,
		status == http.StatusTooManyRequests, status >= http.StatusInternalServerError:
		return FaultPassing
	default:
		return FaultFinal
	}
}
