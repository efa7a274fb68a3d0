package billing

import "github.com/prometheus/client_golang/prometheus"

// TopUpMetrics count automatic purchases. They are safe for concurrent use.
type TopUpMetrics struct {
	attempts *prometheus.CounterVec
}

// NewTopUpMetrics makes the metrics and registers them; with nil, nobody sees
// them.
func NewTopUpMetrics(registry prometheus.Registerer) *TopUpMetrics {
	m := &TopUpMetrics{attempts: prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "sheen_topup_attempts_total",
		Help: "Automatic purchases by result: charged, declined, failed, skipped, or retried for each try that has to be repeated.",
	}, []string{"result"})}
	if registry != nil {
		registry.MustRegister(m.attempts)
	}
	return m
}

// topUpRetried is the result of a try after which the attempt is still pending.
const topUpRetried = "retried"

func (m *TopUpMetrics) count(result string) { m.attempts.WithLabelValues(result).Inc() }
