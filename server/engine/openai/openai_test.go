package openai_test

import (
	"testing"

	"github.com/sheenapps/sheen/server/engine"
	"github.com/sheenapps/sheen/server/engine/enginetest"
	"github.com/sheenapps/sheen/server/engine/llm"
	"github.com/sheenapps/sheen/server/engine/llmtest"
	"github.com/sheenapps/sheen/server/engine/openai"
)

func TestConformance(t *testing.T) {
	t.Parallel()
	enginetest.Run(t, func() engine.Engine {
		p := llmtest.Start(t, llmtest.OpenAI)
		e := llm.New(openai.New(llm.Access{Key: llmtest.Key, BaseURL: p.BaseURL()}), llm.Options{})
		t.Cleanup(e.CloseIdle)
		return e
	})
}

func TestPrices(t *testing.T) {
	t.Parallel()
	for model, known := range map[string]bool{
		openai.DefaultModel: true, "gpt-5.4-2026-03-05": true, "gpt-5.4-mini": true, "gpt-5.4-micro": false, "llama3.3:70b": false,
	} {
		if _, ok := openai.PriceOf(model); ok != known {
			t.Errorf("the price of %q is known: %v", model, ok)
		}
	}
}

// Whatever comes, a decoder ends and gives no more text than it was given bytes.
func FuzzDecoder(f *testing.F) {
	for _, seed := range []string{
		`{"choices":[{"index":0,"delta":{"content":"é"},"finish_reason":null}],"usage":null}`,
		`{"choices":[{"delta":{"tool_calls":[{"index":-1,"function":{"name":"x","arguments":"{\"a\":\"\\u00"}}]}}]}`,
		`{"choices":null,"usage":{"prompt_tokens":1,"prompt_tokens_details":null}}`,
		`{"error":{"code":502}}`, `[DONE]`, `null`, `[`, ``,
	} {
		f.Add([]byte(seed), []byte(seed))
	}
	f.Fuzz(func(t *testing.T, first, second []byte) {
		w := openai.New(llm.Access{})
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
