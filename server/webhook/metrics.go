package webhook

import "github.com/prometheus/client_golang/prometheus"

// metrics count attempts. They are safe for concurrent use.
type metrics struct{ attempts *prometheus.CounterVec }

// newMetrics makes the metrics and registers them; with nil, nobody sees them.
func newMetrics(registry prometheus.Registerer) *metrics {
	m := &metrics{attempts: prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "sheen_webhook_attempts_total",
		Help: "Attempts to deliver a webhook by result: taken, or why it failed.",
	}, []string{"result"})}
	if registry != nil {
		registry.MustRegister(m.attempts)
	}
	return m
}

func (m *metrics) count(got answer) {
	result := got.failure
	if result == "" {
		result = "taken"
	}
	m.attempts.WithLabelValues(result).Inc()
}

// newOverdue makes the gauge of what waits longest, and registers it as newMetrics
// does. Every node shows the same, as of its last look.
func newOverdue(registry prometheus.Registerer) prometheus.Gauge {
	overdue := prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "sheen_webhook_overdue_seconds",
		Help: "Since when the webhook that waits longest for its turn should have been sent, pauses after failures left out.",
	})
	if registry != nil {
		registry.MustRegister(overdue)
	}
	return overdue
}
