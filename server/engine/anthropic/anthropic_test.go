package anthropic_test

import (
	"testing"

	"github.com/sheenapps/sheen/server/engine"
	"github.com/sheenapps/sheen/server/engine/anthropic"
	"github.com/sheenapps/sheen/server/engine/enginetest"
	"github.com/sheenapps/sheen/server/engine/llm"
	"github.com/sheenapps/sheen/server/engine/llmtest"
)

func TestConformance(t *testing.T) {
	t.Parallel()
	enginetest.Run(t, func() engine.Engine {
		p := llmtest.Start(t, llmtest.Anthropic)
		e := llm.New(anthropic.New(llm.Access{Key: llmtest.Key, BaseURL: p.BaseURL()}), llm.Options{})
		t.Cleanup(e.CloseIdle)
		return e
	})
}

func TestPrices(t *testing.T) {
	t.Parallel()
	for model, known := range map[string]bool{
		anthropic.DefaultModel: true, "claude-haiku-4-5-20251001": true, "claude-sonnet-5": true, "claude-sonnet-5-5-thinking": false, "": false,
	} {
		if _, ok := anthropic.PriceOf(model); ok != known {
			t.Errorf("the price of %q is known: %v", model, ok)
		}
	}
}

// Whatever comes, a decoder ends and gives no more text than it was given bytes.
func FuzzDecoder(f *testing.F) {
	for _, seed := range []string{
		`{"type":"message_start","message":{"usage":{"input_tokens":-3}}}`,
		`{"type":"content_block_start","index":-1,"content_block":{"type":"tool_use","name":"x"}}`,
		`{"type":"content_block_delta","index":0,"delta":{"type":"input_json_delta","partial_json":"{\"a\":\"\\u00"}}`,
		`{"type":"error","error":{"type":"overloaded_error"}}`, `{"type":"message_stop"}`, `null`, `[`, ``,
	} {
		f.Add([]byte(seed), []byte(seed))
	}
	f.Fuzz(func(t *testing.T, first, second []byte) {
		w := anthropic.New(llm.Access{})
		d, size := w.Decoder(), 0
		for _, data := range [][]byte{first, second, first} {
			text, _ := d.Event(data)
			size += len(text)
		}
		if given := 3 * (2*len(first) + len(second)); size+len(d.Reply().Arguments) > given {
			t.Errorf("%d bytes became %d", given, size)
		}
		if p := w.Problem(400, first); p == nil || p.Name == "" {
			t.Errorf("%q is no problem", first)
		}
	})
}
