package build_test

import (
	"context"
	"errors"
	"maps"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/sheenapps/sheen/server/build"
	"github.com/sheenapps/sheen/server/engine"
)

// What becomes of attempts is counted, and how long a list took that is ready.
func TestRecommendationsAreCounted(t *testing.T) {
	t.Parallel()
	registry := prometheus.NewRegistry()
	b := setup(t, func(p *build.Ports) { p.Metrics = build.NewMetrics(registry) })
	asked := 0
	r := b.newRecommender(func(context.Context, engine.Request, *engine.Plan) (proposals, []engine.Call, error) {
		asked++
		switch asked {
		case 1:
			return nil, nil, &engine.ProviderError{Retryable: true, Err: errors.New("busy")}
		case 3:
			return nil, nil, engine.ErrRefused
		}
		return proposals{newsletter("Send news")}, nil, nil
	})
	for range 2 {
		recommendAll(t, r, b.queued().GetId(), 1)
	}
	b.overdue(b.queued().GetId())
	must(t, r.Sweep(t.Context()))
	families, err := registry.Gather()
	must(t, err)
	ended, ready := map[string]float64{}, uint64(0)
	for _, family := range families {
		for _, m := range family.GetMetric() {
			switch family.GetName() {
			case "sheen_recommendation_attempts_total":
				ended[m.GetLabel()[0].GetValue()] = m.GetCounter().GetValue()
			case "sheen_recommendation_ready_seconds":
				ready = m.GetHistogram().GetSampleCount()
			}
		}
	}
	if want := map[string]float64{"provider_unavailable": 1, "ready": 1, "refused": 1, "deadline": 1}; !maps.Equal(ended, want) || ready != 1 {
		t.Errorf("%v, %d ready", ended, ready)
	}
}
