package build

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/sheenapps/sheen/store"
)

// endedMetrics tell how builds ended and how long they took, as of the store's clock.
type endedMetrics struct {
	ended     *prometheus.CounterVec
	duration  *prometheus.HistogramVec
	queueWait prometheus.Histogram
}

func newEndedMetrics(registry prometheus.Registerer) endedMetrics {
	buckets := []float64{0.05, 0.1, 0.25, 0.5, 1, 2, 5, 10, 20, 30, 60, 90, 120, 180, 300, 600, 900}
	m := endedMetrics{
		ended: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "sheen_builds_ended_total", Help: "Builds that this node ended, by their final state.",
		}, []string{"state"}),
		duration: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "sheen_build_duration_seconds",
			Help:    "From the first worker's beginning to the end of a build, by its final state.",
			Buckets: buckets,
		}, []string{"state"}),
		queueWait: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name:    "sheen_queue_wait_time_seconds",
			Help:    "From the acceptance of a build to the first worker's beginning, the turns of others in its project included.",
			Buckets: buckets,
		}),
	}
	// A series that begins with its first build hides that one from rate().
	for _, state := range []State{Complete, Failed, Cancelled} {
		m.ended.WithLabelValues(string(state))
		m.duration.WithLabelValues(string(state))
	}
	if registry != nil {
		registry.MustRegister(m.ended, m.duration, m.queueWait)
	}
	return m
}

// count counts a build that has ended. One that nobody began has no duration.
func (m *endedMetrics) count(b *store.Build) {
	m.ended.WithLabelValues(b.State).Inc()
	if b.StartTime == nil || b.EndTime == nil {
		return
	}
	m.duration.WithLabelValues(b.State).Observe(b.EndTime.Sub(*b.StartTime).Seconds())
	m.queueWait.Observe(b.StartTime.Sub(b.CreateTime).Seconds())
}
