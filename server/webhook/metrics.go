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
