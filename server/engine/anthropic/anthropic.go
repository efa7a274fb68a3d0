package anthropic

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"net/http"

	"github.com/sheenapps/sheen/server/engine/llm"
)

const (
	// Name is the engine's name in configuration.
	Name = "anthropic"
	// DefaultModel is the one that is asked where none is configured.
	DefaultModel = "claude-sonnet-5-5"
	// DefaultBaseURL is where the API is.
	DefaultBaseURL = "https://api.anthropic.com"

	// version is the API's; it is a date, and all answers keep its form.
	version = "2023-06-01"
	// maxTokens is what an answer may have, thoughts included. Every current
	// model writes as much.
	maxTokens = 64_000
)

// prices are those of 2026-11-23, for requests that are kept for five minutes.
// Models whose price depends on the length of a request are left out.
var prices = map[string]llm.Price{
	"claude-opus-5-5":   {Input: 4_000_000, Output: 20_000_000, CacheRead: 200_000, CacheWrite: 5_000_000},
	"claude-sonnet-5-5": {Input: 2_000_000, Output: 10_000_000, CacheRead: 100_000, CacheWrite: 2_500_000},
	"claude-opus-5":     {Input: 5_000_000, Output: 25_000_000, CacheRead: 500_000, CacheWrite: 6_250_000},
	"claude-sonnet-5":   {Input: 2_000_000, Output: 10_000_000, CacheRead: 200_000, CacheWrite: 2_500_000},
	"claude-haiku-4-5":  {Input: 1_000_000, Output: 5_000_000, CacheRead: 100_000, CacheWrite: 1_250_000},
}

// PriceOf returns what a model costs, if that is known.
func PriceOf(model string) (llm.Price, bool) { return llm.PriceOf(prices, model) }

// Wire asks Anthropic. It is safe for concurrent use.
type Wire struct{ access llm.Access }

var _ llm.Wire = (*Wire)(nil)

// New returns a wire.
func New(access llm.Access) *Wire { return &Wire{access.Or(DefaultModel, DefaultBaseURL)} }

// Name returns [Name].
func (*Wire) Name() string { return Name }

// Model returns the one that is asked.
func (w *Wire) Model() string { return w.access.Model }

// request is the body of a request.
type request struct {
	Model     string    `json:"model"`
	MaxTokens int       `json:"max_tokens"`
	Stream    bool      `json:"stream"`
	Tools     []tool    `json:"tools"`
	System    []block   `json:"system"`
	Messages  []message `json:"messages"`
}

type tool struct {
	Name        string          `json:"name"`
	Description string          `json:"description"`
	InputSchema json.RawMessage `json:"input_schema"`
}

type message struct {
	Role    string  `json:"role"`
	Content []block `json:"content"`
}

type block struct {
	Type         string        `json:"type"`
	Text         string        `json:"text"`
	CacheControl *cacheControl `json:"cache_control,omitempty"`
}

type cacheControl struct {
	Type string `json:"type"`
}

// maxMarks is how many places of a request may be marked for the cache.
const maxMarks = 4

// Request implements [llm.Wire]. The ends of the stable parts are marked, so that
// the next call finds all before them in the cache.
func (w *Wire) Request(ctx context.Context, query llm.Query) (*http.Request, error) {
	body := request{
		Model: w.access.Model, MaxTokens: cmp.Or(query.MaxTokens, maxTokens), Stream: true,
		System: []block{{Type: "text", Text: query.System, CacheControl: &cacheControl{Type: "ephemeral"}}},
	}
	for _, t := range query.Tools {
		body.Tools = append(body.Tools, tool{Name: t.Name, Description: t.Description, InputSchema: t.Schema})
	}
	var content []block
	for i, text := range query.Stable {
		content = append(content, block{Type: "text", Text: text})
		if i < maxMarks-1 {
			content[i].CacheControl = &cacheControl{Type: "ephemeral"}
		}
	}
	body.Messages = []message{{Role: "user", Content: append(content, block{Type: "text", Text: query.Task})}}
	raw, err := json.Marshal(body)
	if err != nil {
		return nil, fmt.Errorf("encode: %w", err)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, w.access.BaseURL+"/v1/messages", bytes.NewReader(raw))
	if err != nil {
		return nil, fmt.Errorf("address: %w", err)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Accept", "text/event-stream")
	req.Header.Set("Anthropic-Version", version)
	req.Header.Set("X-Api-Key", w.access.Key)
	return req, nil
}
