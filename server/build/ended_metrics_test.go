package build_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/google/uuid"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/sheenapps/sheen/server/build"
	"github.com/sheenapps/sheen/server/engine"
)

// Every build counts once with its end; one that nobody began has no duration and
// waited for nobody.
func TestEndsAreCounted(t *testing.T) {
	t.Parallel()
	registry := prometheus.NewRegistry()
	b := setup(t, func(p *build.Ports) { p.Metrics = build.NewMetrics(registry) })
	waited := b.queued().GetId()
	b.exec(`UPDATE builds SET create_time = create_time - interval '100 s' WHERE id = $1`, uuid.MustParse(waited))
	must(t, work(t.Context(), b.newWorker(&script{}), waited))
	b.run(&script{planned: func(context.Context, engine.Sink) (*engine.Plan, error) { return nil, errors.New("no") }})
	idle := b.queued().GetId()
	for range 2 {
		_, err := b.cancel(idle)
		must(t, err)
	}
	families, err := registry.Gather()
	must(t, err)
	got, waits := map[string]float64{}, 0.0
	for _, family := range families {
		for _, m := range family.GetMetric() {
			name := family.GetName()
			if label := m.GetLabel(); len(label) == 1 {
				name += " " + label[0].GetValue()
			}
			if got[name] = m.GetCounter().GetValue(); m.GetHistogram() != nil {
				got[name] = float64(m.GetHistogram().GetSampleCount())
			}
			if family.GetName() == "sheen_queue_wait_time_seconds" {
				waits = m.GetHistogram().GetSampleSum()
			}
		}
	}
	want := map[string]float64{
		"sheen_builds_ended_total complete": 1, "sheen_builds_ended_total failed": 1, "sheen_builds_ended_total cancelled": 1,
		"sheen_build_duration_seconds complete": 1, "sheen_build_duration_seconds failed": 1, "sheen_build_duration_seconds cancelled": 0,
		"sheen_queue_wait_time_seconds": 2,
	}
	for name, count := range want {
		if have, ok := got[name]; !ok || have != count {
			t.Errorf("%s is %v of %s", name, have, fmt.Sprint(got))
		}
	}
	if waits < 100 || waits > 160 {
		t.Errorf("the builds waited %v s", waits)
	}
}
