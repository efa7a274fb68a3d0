package build_test

import (
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/prometheus/client_golang/prometheus"

	buildv1 "github.com/sheenapps/sheen/gen/sheen/build/v1"
	"github.com/sheenapps/sheen/server/build"
)

// What should be rare is counted: builds that lost their worker or their job, and
// transitions that came too late.
func TestWhatIsRareIsCounted(t *testing.T) {
	t.Parallel()
	registry := prometheus.NewRegistry()
	b := setup(t, func(p *build.Ports) { p.Metrics = build.NewMetrics(registry) })
	id := b.queued().GetId()
	b.fetch(id, time.Minute)
	w := b.newWorker(&script{})
	must(t, w.Sweep(t.Context()))
	b.exec(`UPDATE builds SET lease_token = 1, lease_expire_time = now() - interval '1 s' WHERE id = $1`, uuid.MustParse(id))
	must(t, w.Sweep(t.Context()))
	must(t, work(t.Context(), w, id))
	if _, err := b.CancelBuild(b.ctx(), &buildv1.CancelBuildRequest{BuildId: id}); err == nil {
		t.Error("a complete build is cancelled")
	}
	families, err := registry.Gather()
	must(t, err)
	got := map[string]float64{}
	for _, family := range families {
		for _, m := range family.GetMetric() {
			if m.GetCounter() != nil && len(m.GetLabel()) > 0 {
				got[family.GetName()+" "+m.GetLabel()[0].GetValue()] = m.GetCounter().GetValue()
			}
		}
	}
	for _, name := range []string{
		"sheen_build_requeued_total job", "sheen_build_requeued_total worker", "sheen_build_refused_transitions_total cancelled",
	} {
		if got[name] != 1 {
			t.Errorf("%s is %v of %v", name, got[name], got)
		}
	}
}
