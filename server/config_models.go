package server

import (
	"errors"
	"fmt"
	"net/url"
	"strings"

	"github.com/sheenapps/sheen/server/engine"
	"github.com/sheenapps/sheen/server/engine/anthropic"
	"github.com/sheenapps/sheen/server/engine/llm"
	"github.com/sheenapps/sheen/server/engine/offline"
	"github.com/sheenapps/sheen/server/engine/openai"
)

// The engines that ask a model.
const (
	EngineAnthropic Engine = anthropic.Name
	EngineOpenAI    Engine = openai.Name
)

// ModelProvider is who has a model, and which one is asked.
type ModelProvider struct {
	// Key is the API key.
	Key Secret
	// Model is its name; empty is the engine's default.
	Model string
	// BaseURL is where the API is, without a final slash; empty is the provider's own.
	BaseURL string
}

func modelSettings() []setting {
	return []setting{
		{
			name: "anthropic-api-key", shown: "`ANTHROPIC_API_KEY`", secret: true, elsewhere: "ANTHROPIC_API_KEY",
			parse:   secret(func(c *Config) *Secret { return &c.Anthropic.Key }),
			meaning: "key for `--engine anthropic`",
		},
		{
			name: "anthropic-model", shown: "`" + anthropic.DefaultModel + "`", parse: text(func(c *Config) *string { return &c.Anthropic.Model }),
			meaning: "model that the engine asks",
		},
		{
			name: "anthropic-base-url", shown: "Anthropic's own", parse: parseBaseURL(func(c *Config) *string { return &c.Anthropic.BaseURL }),
			meaning: "address of an API that speaks like Anthropic's, without `/v1`",
		},
		{
			name: "openai-api-key", shown: "`OPENAI_API_KEY`", secret: true, elsewhere: "OPENAI_API_KEY",
			parse:   secret(func(c *Config) *Secret { return &c.OpenAI.Key }),
			meaning: "key for `--engine openai`; may be empty if an address is set",
		},
		{
			name: "openai-model", shown: "`" + openai.DefaultModel + "`", parse: text(func(c *Config) *string { return &c.OpenAI.Model }),
			meaning: "model that the engine asks",
		},
		{
			name: "openai-base-url", shown: "OpenAI's own", parse: parseBaseURL(func(c *Config) *string { return &c.OpenAI.BaseURL }),
			meaning: "address of an API that speaks like OpenAI's, such as http://localhost:11434/v1 of Ollama",
		},
		{
			name: "model-price", shown: "what is known of the model", parse: parseModelPrice,
			meaning: "price of the model, input:output[:cache_read[:cache_write]] in micro-dollars per million tokens",
		},
	}
}

func parseBaseURL(field func(*Config) *string) func(*Config, string) error {
	return func(cfg *Config, raw string) error {
		if raw == "" {
			return nil
		}
		u, err := url.Parse(raw)
		if err != nil || !isWeb(u) || u.RawQuery != "" || u.Fragment != "" || u.User != nil {
			return errors.New("must be an http or https address")
		}
		*field(cfg) = strings.TrimRight(raw, "/")
		return nil
	}
}

func parseModelPrice(cfg *Config, raw string) error {
	if raw == "" {
		return nil
	}
	price, err := llm.ParsePrice(raw)
	if err != nil {
		return err
	}
	cfg.ModelPrice = &price
	return nil
}

// modelProblems finds what is missing for the engine.
func (c *Config) modelProblems() []string {
	switch {
	case c.Engine == EngineAnthropic && c.Anthropic.Key.Reveal() == "":
		return []string{"SHEEN_ENGINE is anthropic and no key is set: set SHEEN_ANTHROPIC_API_KEY"}
	case c.Engine == EngineOpenAI && c.OpenAI.Key.Reveal() == "" && c.OpenAI.BaseURL == "":
		return []string{"SHEEN_ENGINE is openai and no key is set: set SHEEN_OPENAI_API_KEY, or SHEEN_OPENAI_BASE_URL for a server that wants none"}
	}
	return nil
}

// newEngine is the configured engine. Known is false for a model whose price
// nobody knows.
func (c *Config) newEngine() (e engine.Engine, known bool) {
	var (
		wire  llm.Wire
		price llm.Price
	)
	switch c.Engine {
	case EngineAnthropic:
		p := c.Anthropic
		wire = anthropic.New(llm.Access{Key: p.Key.Reveal(), Model: p.Model, BaseURL: p.BaseURL})
		price, known = anthropic.PriceOf(wire.Model())
	case EngineOpenAI:
		p := c.OpenAI
		wire = openai.New(llm.Access{Key: p.Key.Reveal(), Model: p.Model, BaseURL: p.BaseURL})
		price, known = openai.PriceOf(wire.Model())
	default:
		var pace float64
		if c.OfflinePace != nil {
			pace = *c.OfflinePace
		}
		return offline.New(offline.Options{Pace: pace}), true
	}
	if c.ModelPrice != nil {
		price, known = *c.ModelPrice, true
	}
	return llm.New(wire, llm.Options{Price: price}), known
}

func parseEngine(cfg *Config, raw string) error {
	switch e := Engine(raw); e {
	case EngineOffline, EngineAnthropic, EngineOpenAI:
		cfg.Engine = e
		return nil
	}
	return fmt.Errorf("must be %s, %s or %s", EngineOffline, EngineAnthropic, EngineOpenAI)
}
