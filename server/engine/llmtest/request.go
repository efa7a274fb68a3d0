package llmtest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"slices"
	"strings"
)

// Request is what a provider was asked.
type Request struct {
	// Task is "plan", "write:<path>", "fix:<path>" or "recommend".
	Task string
	// Locale is the tag that the task names, if it does.
	Locale string
	// Update says that a site is there to be changed.
	Update bool
	// Body is the request as it came.
	Body []byte
	// Text is all that it says to the model.
	Text string
	// Marks is how many places are marked for the cache.
	Marks int
	// Forced says that the tool is forced.
	Forced bool
	// MaxTokens is the most that the answer may have; 0 where it is not said.
	MaxTokens int
}

// read checks a request as the provider does, and understands its task.
func (p *Provider) read(r *http.Request) (Request, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return Request{}, fmt.Errorf("read the body: %w", err)
	}
	req := Request{Body: body}
	if r.Method != http.MethodPost || !strings.HasPrefix(r.Header.Get("Content-Type"), "application/json") {
		return req, fmt.Errorf("%s of %s", r.Method, r.Header.Get("Content-Type"))
	}
	if p.format == OpenAI {
		err = readOpenAI(r, &req)
	} else {
		err = readAnthropic(r, &req)
	}
	if err != nil {
		return req, err
	}
	err = req.understand()
	return req, err
}

var (
	errHeader  = errors.New("a header is missing or wrong")
	errContent = errors.New("the body is not what the provider takes")
	errTask    = errors.New("it has no task")
)

type functionTool struct {
	Name        string          `json:"name"`
	Description string          `json:"description"`
	InputSchema json.RawMessage `json:"input_schema"`
	Parameters  json.RawMessage `json:"parameters"`
}

type block struct {
	Type         string `json:"type"`
	Text         string `json:"text"`
	CacheControl *struct {
		Type string `json:"type"`
	} `json:"cache_control"`
}

func readAnthropic(r *http.Request, req *Request) error {
	if r.URL.Path != "/v1/messages" || r.Header.Get("X-Api-Key") != Key || r.Header.Get("Anthropic-Version") != "2023-06-01" {
		return fmt.Errorf("%s: %w", r.URL.Path, errHeader)
	}
	var body struct {
		Model     string         `json:"model"`
		MaxTokens int            `json:"max_tokens"`
		Stream    bool           `json:"stream"`
		System    []block        `json:"system"`
		Tools     []functionTool `json:"tools"`
		Messages  []struct {
			Role    string  `json:"role"`
			Content []block `json:"content"`
		} `json:"messages"`
	}
	// An unknown field is refused, and so is a forced tool.
	if err := strict(req.Body, &body); err != nil {
		return err
	}
	if body.Model == "" || body.MaxTokens < 1 || !body.Stream || len(body.Messages) != 1 || body.Messages[0].Role != "user" {
		return errContent
	}
	req.MaxTokens = body.MaxTokens
	for _, b := range append(body.System, body.Messages[0].Content...) {
		if b.Type != "text" || b.Text == "" {
			return errContent
		}
		if b.CacheControl != nil {
			req.Marks++
		}
		req.Text += b.Text + "\n"
	}
	if req.Marks > 4 {
		return fmt.Errorf("%d marks: %w", req.Marks, errContent)
	}
	return checkTools(body.Tools)
}

func readOpenAI(r *http.Request, req *Request) error {
	if r.URL.Path != "/v1/chat/completions" || r.Header.Get("Authorization") != "Bearer "+Key {
		return fmt.Errorf("%s: %w", r.URL.Path, errHeader)
	}
	var body struct {
		Model         string `json:"model"`
		Stream        bool   `json:"stream"`
		StreamOptions struct {
			IncludeUsage bool `json:"include_usage"`
		} `json:"stream_options"`
		ReasoningEffort string `json:"reasoning_effort"`
		Messages        []struct {
			Role    string `json:"role"`
			Content string `json:"content"`
		} `json:"messages"`
		Tools []struct {
			Type     string       `json:"type"`
			Function functionTool `json:"function"`
		} `json:"tools"`
		ToolChoice json.RawMessage `json:"tool_choice"`
		MaxTokens  int             `json:"max_completion_tokens"`
	}
	if err := strict(req.Body, &body); err != nil {
		return err
	}
	if body.Model == "" || !body.Stream || !body.StreamOptions.IncludeUsage || len(body.Messages) != 2 || body.Messages[1].Role != "user" {
		return errContent
	}
	if strings.HasPrefix(body.Model, "gpt-6") && body.ReasoningEffort != "none" {
		return fmt.Errorf("functions while it reasons: %w", errContent)
	}
	req.MaxTokens = body.MaxTokens
	req.Forced = string(body.ToolChoice) != `"auto"`
	var tools []functionTool
	for _, t := range body.Tools {
		tools = append(tools, t.Function)
	}
	for _, m := range body.Messages {
		req.Text += m.Content + "\n"
	}
	return checkTools(tools)
}

func strict(raw []byte, into any) error {
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(into); err != nil {
		return fmt.Errorf("decode the body: %w", err)
	}
	return nil
}

func checkTools(tools []functionTool) error {
	for _, t := range tools {
		var schema struct {
			Type       string         `json:"type"`
			Properties map[string]any `json:"properties"`
		}
		raw := slices.Concat(t.InputSchema, t.Parameters)
		if json.Unmarshal(raw, &schema) != nil || schema.Type != "object" || len(schema.Properties) == 0 || t.Name == "" {
			return fmt.Errorf("tool %q: %w", t.Name, errContent)
		}
	}
	if len(tools) == 0 {
		return errContent
	}
	return nil
}

var taskTag = regexp.MustCompile(`<task>(.*)</task>\s*$`)

// understand finds the task in the text.
func (r *Request) understand() error {
	found := taskTag.FindStringSubmatch(r.Text)
	if found == nil {
		return errTask
	}
	var task struct {
		Task string `json:"task"`
		Path string `json:"path"`
		// Locale is that of an answer.
		Locale string `json:"locale"`
	}
	if err := json.Unmarshal([]byte(found[1]), &task); err != nil {
		return fmt.Errorf("decode the task: %w", err)
	}
	r.Task, r.Locale = task.Task, task.Locale
	if task.Path != "" {
		r.Task += ":" + task.Path
	}
	r.Update = strings.Contains(r.Text, `<request>{"operation":"update"`)
	return nil
}
