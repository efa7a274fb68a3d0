package build

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/sheenapps/sheen/server/recommend"
)

// outcomeLate is the outcome of an attempt whose answer came when it did not count
// any more.
const outcomeLate = "late"

// listMetrics count what becomes of recommendations.
type listMetrics struct {
	ended *prometheus.CounterVec
	ready prometheus.Histogram
}

func newListMetrics(registry prometheus.Registerer) listMetrics {
	m := listMetrics{
		ended: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "sheen_recommendation_attempts_total",
			Help: "Attempts at lists of AI recommendations that ended, and lists given up without one, by outcome.",
		}, []string{"outcome"}),
		ready: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name:    "sheen_recommendation_ready_seconds",
			Help:    "Time from when a list of AI recommendations was asked for until it was ready.",
			Buckets: []float64{.1, .25, .5, 1, 2, 3, 5, 8, 13, 20, 30, 45, 60},
		}),
	}
	if registry != nil {
		registry.MustRegister(m.ended, m.ready)
	}
	return m
}

func (m listMetrics) stored(took time.Duration) {
	m.ended.WithLabelValues(string(recommend.ReasonReady)).Inc()
	m.ready.Observe(took.Seconds())
}

func (m listMetrics) failed(why recommend.Reason) { m.ended.WithLabelValues(string(why)).Inc() }

func (m listMetrics) late() { m.ended.WithLabelValues(outcomeLate).Inc() }
