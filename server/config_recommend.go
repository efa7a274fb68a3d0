package server

import (
	"errors"
	"fmt"
	"strconv"

	"github.com/sheenapps/sheen/server/build"
	"github.com/sheenapps/sheen/server/engine"
	"github.com/sheenapps/sheen/server/recommend"
)

const (
	// defaultRecommendWorkers is how many lists of recommendations a node writes at
	// once: builds have the model provider first.
	defaultRecommendWorkers = 2
	maxRecommendWorkers     = 64
	maxRecommendPerMinute   = 100_000
)

func recommendSettings() []setting {
	return []setting{
		{
			name: "recommendations", standard: string(recommend.ModeParallel), parse: parseRecommendations,
			meaning: "when AI recommendations are written: parallel to the build, after it, or off",
		},
		{
			name: "recommendations-concurrency", standard: strconv.Itoa(defaultRecommendWorkers),
			parse:   whole(func(c *Config) *int { return &c.RecommendationsConcurrency }, 1, maxRecommendWorkers),
			meaning: "how many AI recommendations a node writes at once, 1 to 64",
		},
		{
			name: "recommendations-per-minute", standard: "10",
			parse:   whole(func(c *Config) *int { return &c.RecommendationsPerMinute }, 0, maxRecommendPerMinute),
			meaning: "how many AI recommendations a node begins to write in a minute; 0 is without a limit",
		},
	}
}

func parseRecommendations(cfg *Config, raw string) error {
	switch mode := recommend.Mode(raw); mode {
	case recommend.ModeParallel, recommend.ModeAfter, recommend.ModeOff:
		cfg.Recommendations = mode
		return nil
	}
	return errors.New("must be parallel, after or off")
}

func whole(field func(*Config) *int, low, high int) func(*Config, string) error {
	return func(cfg *Config, raw string) error {
		n, err := strconv.Atoi(raw)
		if err != nil || n < low || n > high {
			return fmt.Errorf("must be a whole number from %d to %d", low, high)
		}
		*field(cfg) = n
		return nil
	}
}

func (c *Config) recommendWorkers() int {
	if c.RecommendationsConcurrency == 0 {
		return defaultRecommendWorkers
	}
	return c.RecommendationsConcurrency
}

func (c *Config) newRecommender(ports build.Ports, maker engine.Engine) *build.Recommender {
	return build.NewRecommender(build.RecommenderPorts{Ports: ports, Engine: maker, PerMinute: c.RecommendationsPerMinute})
}
