package billing

import "github.com/prometheus/client_golang/prometheus"

// PaymentMetrics count what payment providers tell. They are safe for concurrent
// use.
type PaymentMetrics struct {
	events *prometheus.CounterVec
}

// The results of a call of the webhook.
const (
	webhookRecorded   = "recorded"
	webhookForeign    = "foreign"
	webhookRefused    = "refused"
	webhookUnreadable = "unreadable"
	webhookFailed     = "failed"
)

// NewPaymentMetrics makes the metrics and registers them; with nil, nobody sees
// them.
func NewPaymentMetrics(registry prometheus.Registerer) *PaymentMetrics {
	m := &PaymentMetrics{events: prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "sheen_payment_events_total",
		Help: "Calls of the payment webhook by result: recorded, foreign for none of Sheen's business, " +
			"refused for want of a signature, unreadable for a body that is too large or too slow, or failed.",
	}, []string{"result"})}
	if registry != nil {
		registry.MustRegister(m.events)
	}
	return m
}

func (m *PaymentMetrics) count(result string) { m.events.WithLabelValues(result).Inc() }
