package event

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/redis/go-redis/v9"

	"github.com/sheenapps/sheen/server/locale"
)

// Why a timing is not counted.
const (
	// timingRepeated is one whose name was reported before.
	timingRepeated = "repeated"
	// timingLate is one of a build that is too old to know what was reported.
	timingLate = "late"
	// timingForgotten is one that came while Redis was away.
	timingForgotten = "forgotten"
)

// timingNames are the timings that clients measure. The contract defines them, in
// the comment of ClientMetric.
func timingNames() []string {
	return []string{"sse_connect", "tt_first_chunk_stream", "tt_preview", "tt_recs", "ttfi", "ttft"}
}

// timingBuckets are seconds. Each target is an edge: 1.5 for ttft, 12 for ttfi and 3
// for tt_recs.
func timingBuckets() []float64 {
	return []float64{0.05, 0.1, 0.25, 0.5, 1, 1.5, 2, 3, 5, 8, 12, 20, 30, 60, 120, 300, 900, 3600}
}

// Timings count what clients measured of builds, each name once per build in all
// nodes together. It is safe for concurrent use.
type Timings struct {
	redis      redis.UniversalClient
	now        func() time.Time
	histograms map[string]*prometheus.HistogramVec
	uncounted  *prometheus.CounterVec
}

// NewTimings remembers in Redis what was reported, and registers the metrics; with a
// nil registry, nobody sees them. The client must obey the deadlines of contexts
// (ContextTimeoutEnabled).
func NewTimings(client redis.UniversalClient, registry prometheus.Registerer) *Timings {
	t := &Timings{
		redis: client, now: time.Now, histograms: map[string]*prometheus.HistogramVec{},
		uncounted: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "sheen_client_timings_uncounted_total",
			Help: "Timings of clients that were taken and not counted, by why: repeated, late, or forgotten while Redis was away.",
		}, []string{"reason"}),
	}
	for _, name := range timingNames() {
		t.histograms[name] = newTimingHistogram(name)
		if registry != nil {
			registry.MustRegister(t.histograms[name])
		}
	}
	if registry != nil {
		registry.MustRegister(t.uncounted)
	}
	return t
}

// newTimingHistogram shows all locales from the start: a series that begins with its
// first observation hides that one from rate().
func newTimingHistogram(name string) *prometheus.HistogramVec {
	histogram := prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name:    "sheen_" + name + "_seconds",
		Help:    "What browsers measured as " + name + ", once per build; the contract's ClientMetric defines it.",
		Buckets: timingBuckets(),
	}, []string{"locale"})
	for _, tag := range locale.Supported() {
		histogram.WithLabelValues(tag)
	}
	return histogram
}

// observe counts a timing of a build in a locale.
func (t *Timings) observe(name, tag string, took time.Duration) {
	t.histograms[name].WithLabelValues(locale.Resolve(tag).Tag).Observe(took.Seconds())
}

// passOver says that timings were not counted.
func (t *Timings) passOver(reason string, count int) {
	t.uncounted.WithLabelValues(reason).Add(float64(count))
}
