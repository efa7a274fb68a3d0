package anthropic

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/sheenapps/sheen/server/engine/llm"
)

// event is what is read of any event of a stream.
type event struct {
	Type    string `json:"type"`
	Index   int    `json:"index"`
	Message struct {
		Usage usage `json:"usage"`
	} `json:"message"`
	ContentBlock struct {
		Type string `json:"type"`
		Name string `json:"name"`
		Text string `json:"text"`
	} `json:"content_block"`
	Delta struct {
		Type        string `json:"type"`
		Text        string `json:"text"`
		PartialJSON string `json:"partial_json"`
		StopReason  string `json:"stop_reason"`
	} `json:"delta"`
	Usage usage    `json:"usage"`
	Error apiError `json:"error"`
}

// usage is the tokens of an answer until now; what an event leaves out stays.
type usage struct {
	Input      *int64 `json:"input_tokens"`
	Output     *int64 `json:"output_tokens"`
	CacheRead  *int64 `json:"cache_read_input_tokens"`
	CacheWrite *int64 `json:"cache_creation_input_tokens"`
}

type apiError struct {
	Type    string `json:"type"`
	Message string `json:"message"`
}

// decoder reads one stream. The first tool that is called is the answer.
type decoder struct {
	reply llm.Reply
	// tool is the index of the block of the answer; -1 before it.
	tool int
	stop string
}

// Decoder implements [llm.Wire].
func (*Wire) Decoder() llm.Decoder { return &decoder{tool: -1} }

// errEvent says that an event is no JSON object of the documented form.
var errEvent = errors.New("an event cannot be read")

// Event implements [llm.Decoder]. Events that it does not know are skipped, as
// the documentation asks.
func (d *decoder) Event(data []byte) (string, error) {
	var e event
	if err := json.Unmarshal(data, &e); err != nil {
		return "", errEvent
	}
	switch e.Type {
	case "message_start":
		d.count(e.Message.Usage)
	case "content_block_start":
		return d.begin(e), nil
	case "content_block_delta":
		return d.delta(e), nil
	case "message_delta":
		d.count(e.Usage)
		if e.Delta.StopReason != "" {
			d.stop = e.Delta.StopReason
		}
	case "message_stop":
		d.reply.Stop = stopOf(d.stop)
		return "", llm.ErrDone
	case "error":
		return "", problem(e.Error, http.StatusInternalServerError)
	}
	return "", nil
}

func (d *decoder) begin(e event) string {
	switch {
	case e.ContentBlock.Type == "text":
		return e.ContentBlock.Text
	case e.ContentBlock.Type == "tool_use" && d.tool < 0:
		d.tool, d.reply.Tool = e.Index, e.ContentBlock.Name
	}
	return ""
}

func (d *decoder) delta(e event) string {
	switch {
	case e.Delta.Type == "text_delta":
		return e.Delta.Text
	case e.Delta.Type == "input_json_delta" && e.Index == d.tool:
		d.reply.Arguments = append(d.reply.Arguments, e.Delta.PartialJSON...)
	}
	return ""
}

func (d *decoder) count(u usage) {
	set := func(field, to *int64) {
		if to != nil {
			*field = *to
		}
	}
	set(&d.reply.Tokens.Input, u.Input)
	set(&d.reply.Tokens.Output, u.Output)
	set(&d.reply.Tokens.CacheRead, u.CacheRead)
	set(&d.reply.Tokens.CacheWrite, u.CacheWrite)
}

// Reply implements [llm.Decoder].
func (d *decoder) Reply() llm.Reply { return d.reply }

func stopOf(reason string) llm.Stop {
	switch reason {
	case "max_tokens", "model_context_window_exceeded":
		return llm.StopLength
	case "refusal":
		return llm.StopRefused
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

// problem names an error by its documented type only: its message may quote.
func problem(e apiError, status int) *llm.Problem {
	fault, name := llm.FaultOf(status), fmt.Sprintf("status %d", status)
	switch e.Type {
	case "overloaded_error", "api_error", "rate_limit_error", "timeout_error":
		fault, name = llm.FaultPassing, e.Type
	case "authentication_error", "permission_error", "billing_error", "not_found_error":
		fault, name = llm.FaultFinal, e.Type
	case "request_too_large":
		fault, name = llm.FaultTooLong, e.Type
	case "invalid_request_error":
		fault, name = llm.FaultFinal, e.Type
		if strings.Contains(e.Message, "too long") || strings.Contains(e.Message, "context window") || strings.Contains(e.Message, "context limit") {
			fault = llm.FaultTooLong
		}
	}
	return &llm.Problem{Fault: fault, Name: name}
}
