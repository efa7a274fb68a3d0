package build

import "github.com/prometheus/client_golang/prometheus"

// Metrics count how builds end and what should be rare. It is safe for concurrent use.
type Metrics struct {
	endedMetrics

	refused, requeued *prometheus.CounterVec
	lists             listMetrics
}

// The values of requeued's label.
const (
	lostWorker = "worker"
	lostJob    = "job"
)

// NewMetrics makes the metrics and registers them; with nil, nobody sees them.
func NewMetrics(registry prometheus.Registerer) *Metrics {
	m := &Metrics{
		endedMetrics: newEndedMetrics(registry),
		refused: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "sheen_build_refused_transitions_total",
			Help: "Changes of a build's state that came too late, by the state that was wanted.",
		}, []string{"to"}),
		requeued: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "sheen_build_requeued_total",
			Help: "Builds that were queued again because they had lost their worker or their job.",
		}, []string{"lost"}),
		lists: newListMetrics(registry),
	}
	if registry != nil {
		registry.MustRegister(m.refused, m.requeued)
	}
	return m
}

// refuse counts a transition that is not made, and returns [errTransition].
func (m *Metrics) refuse(to State) error {
	m.refused.WithLabelValues(string(to)).Inc()
	return errTransition
}
