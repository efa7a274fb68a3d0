package openai

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/sheenapps/sheen/server/engine/llm"
)

// chunk is what is read of an event.
type chunk struct {
	Choices []struct {
		Delta struct {
			Content   string     `json:"content"`
			Refusal   string     `json:"refusal"`
			ToolCalls []toolCall `json:"tool_calls"`
		} `json:"delta"`
		FinishReason string `json:"finish_reason"`
	} `json:"choices"`
	Usage *usage `json:"usage"`
	// Error ends a stream of some that speak this format.
	Error *apiError `json:"error"`
}

type toolCall struct {
	Index    int `json:"index"`
	Function struct {
		Name      string `json:"name"`
		Arguments string `json:"arguments"`
	} `json:"function"`
}

type usage struct {
	Prompt        int64 `json:"prompt_tokens"`
	Completion    int64 `json:"completion_tokens"`
	PromptDetails struct {
		Cached     int64 `json:"cached_tokens"`
		CacheWrite int64 `json:"cache_write_tokens"`
	} `json:"prompt_tokens_details"`
}

type apiError struct {
	Type    string          `json:"type"`
	Message string          `json:"message"`
	Code    json.RawMessage `json:"code"`
}

// decoder reads one stream. The first function that is called is the answer.
type decoder struct {
	reply llm.Reply
	// tool is the index of the answer's call, if called.
	tool    int
	called  bool
	refused bool
}

// Decoder implements [llm.Wire].
func (*Wire) Decoder() llm.Decoder { return &decoder{} }

// errEvent says that an event is no JSON object of the documented form.
var errEvent = errors.New("an event cannot be read")

// Event implements [llm.Decoder]. A stream is over when it says so: usage comes
// behind the reason to stop.
func (d *decoder) Event(data []byte) (string, error) {
	if string(data) == "[DONE]" {
		return "", llm.ErrDone
	}
	var c chunk
	if err := json.Unmarshal(data, &c); err != nil {
		return "", errEvent
	}
	if c.Error != nil {
		return "", problem(*c.Error, http.StatusInternalServerError)
	}
	if u := c.Usage; u != nil {
		read, written := u.PromptDetails.Cached, u.PromptDetails.CacheWrite
		d.reply.Tokens = llm.Tokens{
			Input: u.Prompt - read - written, Output: u.Completion, CacheRead: read, CacheWrite: written,
		}
	}
	if len(c.Choices) == 0 {
		return "", nil
	}
	first := c.Choices[0]
	d.refused = d.refused || first.Delta.Refusal != ""
	for _, call := range first.Delta.ToolCalls {
		d.call(call)
	}
	if first.FinishReason != "" {
		d.reply.Stop = d.stopOf(first.FinishReason)
	}
	return first.Delta.Content, nil
}

// call takes a piece of a call: the name comes with the first.
func (d *decoder) call(c toolCall) {
	if !d.called {
		d.called, d.tool, d.reply.Tool = true, c.Index, c.Function.Name
	}
	if c.Index == d.tool {
		d.reply.Arguments = append(d.reply.Arguments, c.Function.Arguments...)
	}
}

// Reply implements [llm.Decoder].
func (d *decoder) Reply() llm.Reply { return d.reply }

func (d *decoder) stopOf(reason string) llm.Stop {
	switch {
	case reason == "content_filter", d.refused && !d.called:
		return llm.StopRefused
	case reason == "length":
		return llm.StopLength
	default:
		return llm.StopDone
	}
}

// Problem implements [llm.Wire].
func (*Wire) Problem(status int, body []byte) *llm.Problem {
	var answer struct {
		Error apiError `json:"error"`
	}
	// What is no JSON is a proxy's page: its status says enough.
	_ = json.Unmarshal(body, &answer)
	return problem(answer.Error, status)
}

// problem names an error by its documented code only: its message may quote.
func problem(e apiError, status int) *llm.Problem {
	fault, name := llm.FaultOf(status), fmt.Sprintf("status %d", status)
	// Some give a number as the code: an HTTP status.
	var code string
	if json.Unmarshal(e.Code, &code) != nil {
		var number int
		if json.Unmarshal(e.Code, &number) == nil && number >= http.StatusBadRequest {
			fault, name = llm.FaultOf(number), fmt.Sprintf("status %d", number)
		}
	}
	switch {
	case code == "context_length_exceeded", code == "string_above_max_length",
		strings.Contains(e.Message, "maximum context length"):
		fault, name = llm.FaultTooLong, "context_length_exceeded"
	case code == "content_policy_violation", code == "content_filter":
		fault, name = llm.FaultRefused, code
	case code == "insufficient_quota", e.Type == "insufficient_quota":
		fault, name = llm.FaultFinal, "insufficient_quota"
	case code == "invalid_api_key", code == "model_not_found", code == "rate_limit_exceeded", code == "server_error":
		name += ", " + code
	}
	return &llm.Problem{Fault: fault, Name: name}
}
