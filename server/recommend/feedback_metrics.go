package recommend

import (
	"slices"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/sheenapps/sheen/server/recommend/rules"
)

// kindOther labels an item that is of none of the nineteen kinds.
const kindOther = "other"

// FeedbackMetrics count what users did with what was proposed. It is safe for
// concurrent use.
type FeedbackMetrics struct{ interactions *prometheus.CounterVec }

// NewFeedbackMetrics makes the metrics and registers them; with nil, nobody sees
// them.
func NewFeedbackMetrics(registry prometheus.Registerer) *FeedbackMetrics {
	m := &FeedbackMetrics{interactions: prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "sheen_recommendation_interactions_total",
		Help: "What users did with AI recommendations and quick suggestions, each item and interaction once.",
	}, []string{"source", "interaction", "kind"})}
	if registry != nil {
		registry.MustRegister(m.interactions)
	}
	return m
}

// Count counts what was noted, once that is committed.
func (m *FeedbackMetrics) Count(noted Noted) {
	source := "ai"
	if noted.Quick {
		source = "quick"
	}
	kind := string(noted.Kind)
	if !slices.Contains(rules.Kinds(), noted.Kind) {
		kind = kindOther
	}
	for _, interaction := range noted.Interactions {
		m.interactions.WithLabelValues(source, interaction, kind).Inc()
	}
}
