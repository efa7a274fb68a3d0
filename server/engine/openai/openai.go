package openai

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/sheenapps/sheen/server/engine/llm"
)

const (
	// Name is the engine's name in configuration.
	Name = "openai"
	// DefaultModel is the one that is asked where none is configured.
	DefaultModel = "gpt-6-sol"
	// DefaultBaseURL is where the API is.
	DefaultBaseURL = "https://api.openai.com/v1"
)

// prices are those of 2026-11-23, for requests of up to 272,000 tokens.
var prices = map[string]llm.Price{
	"gpt-6-sol":    {Input: 2_000_000, Output: 10_000_000, CacheRead: 200_000, CacheWrite: 2_500_000},
	"gpt-6-luna":   {Input: 100_000, Output: 500_000, CacheRead: 10_000, CacheWrite: 125_000},
	"gpt-5.6-luna": {Input: 200_000, Output: 1_200_000, CacheRead: 20_000, CacheWrite: 250_000},
	"gpt-5.5":      {Input: 5_000_000, Output: 30_000_000, CacheRead: 500_000, CacheWrite: 5_000_000},
	"gpt-5.4":      {Input: 2_500_000, Output: 15_000_000, CacheRead: 250_000, CacheWrite: 2_500_000},
	"gpt-5.4-mini": {Input: 750_000, Output: 4_500_000, CacheRead: 75_000, CacheWrite: 750_000},
}

// PriceOf returns what a model costs, if that is known.
func PriceOf(model string) (llm.Price, bool) { return llm.PriceOf(prices, model) }

// Wire asks OpenAI, or who speaks like it. It is safe for concurrent use.
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
	Model           string        `json:"model"`
	Stream          bool          `json:"stream"`
	StreamOptions   streamOptions `json:"stream_options"`
	ReasoningEffort string        `json:"reasoning_effort,omitempty"`
	Messages        []message     `json:"messages"`
	Tools           []tool        `json:"tools"`
	ToolChoice      any           `json:"tool_choice"`
	MaxTokens       int           `json:"max_completion_tokens,omitempty"`
}

type streamOptions struct {
	IncludeUsage bool `json:"include_usage"`
}

type message struct {
	Role    string `json:"role"`
	Content string `json:"content"`
}

type tool struct {
	Type     string   `json:"type"`
	Function function `json:"function"`
}

type function struct {
	Name        string          `json:"name"`
	Description string          `json:"description,omitempty"`
	Parameters  json.RawMessage `json:"parameters,omitempty"`
}

// Request implements [llm.Wire]. The stable parts come first: that is all that
// the provider's cache needs.
func (w *Wire) Request(ctx context.Context, query llm.Query) (*http.Request, error) {
	body := request{
		Model: w.access.Model, Stream: true, StreamOptions: streamOptions{IncludeUsage: true},
		ReasoningEffort: effort(w.access.Model), MaxTokens: query.MaxTokens,
		Messages: []message{
			{Role: "system", Content: query.System},
			{Role: "user", Content: strings.Join(append(slices.Clip(query.Stable), query.Task), "\n")},
		},
		ToolChoice: "auto",
	}
	if query.Force {
		body.ToolChoice = tool{Type: "function", Function: function{Name: query.Want}}
	}
	for _, t := range query.Tools {
		body.Tools = append(body.Tools, tool{Type: "function", Function: function{
			Name: t.Name, Description: t.Description, Parameters: t.Schema,
		}})
	}
	raw, err := json.Marshal(body)
	if err != nil {
		return nil, fmt.Errorf("encode: %w", err)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, w.access.BaseURL+"/chat/completions", bytes.NewReader(raw))
	if err != nil {
		return nil, fmt.Errorf("address: %w", err)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Accept", "text/event-stream")
	if w.access.Key != "" {
		req.Header.Set("Authorization", "Bearer "+w.access.Key)
	}
	return req, nil
}

// effort is how much a model is to think: the GPT-6 models call functions over
// this API only if they do not. The others decide for themselves.
func effort(model string) string {
	if strings.HasPrefix(model, "gpt-6") {
		return "none"
	}
	return ""
}
