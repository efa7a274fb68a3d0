package event

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// The hops on an event's way, each measured from its create_time: the store's
// clock, read just before the commit.
const (
	// hopBus ends where another node hears of it.
	hopBus = "bus"
	// hopSend ends where it is handed to a subscriber's connection.
	hopSend = "send"
)

// Where a subscriber's records come from.
const (
	fromRing     = "ring"
	fromRedis    = "redis"
	fromPostgres = "postgres"
)

// How a lost publication was found.
const (
	byHole    = "hole"
	bySilence = "silence"
)

// Metrics count what happens to events. They are safe for concurrent use.
type Metrics struct {
	appendedEvents prometheus.Counter
	batchSize      prometheus.Histogram
	hops           *prometheus.HistogramVec
	lag            prometheus.Histogram
	reads          *prometheus.CounterVec
	gaps           *prometheus.CounterVec
	streams        prometheus.Gauge
	ends           *prometheus.CounterVec
}

// NewMetrics makes the metrics and registers them; with nil, nobody sees them.
func NewMetrics(registry prometheus.Registerer) *Metrics {
	m := &Metrics{
		appendedEvents: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "sheen_events_appended_total", Help: "Events that this node committed.",
		}),
		batchSize: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "sheen_event_batch_size", Help: "Events in one commit.",
			Buckets: prometheus.ExponentialBuckets(1, 2, 9),
		}),
		hops: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "sheen_event_delivery_seconds", Help: "From an event's create_time to the end of a hop: bus is another node, send a subscriber's connection.",
			Buckets: prometheus.ExponentialBuckets(0.0005, 2, 16),
		}, []string{"hop"}),
		lag: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "sheen_event_subscriber_lag_events", Help: "Events between a message and the build's head when it is sent.",
			Buckets: append([]float64{0}, prometheus.ExponentialBuckets(1, 4, 9)...),
		}),
		reads: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "sheen_event_catchup_pages_total", Help: "Batches for subscribers by where they came from; one page serves all that wait for it.",
		}, []string{"source"}),
		gaps: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "sheen_event_gaps_repaired_total", Help: "Lost or late publications by how they were noticed.",
		}, []string{"found_by"}),
		streams: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "sheen_event_streams", Help: "Streams that are open.",
		}),
		ends: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "sheen_event_streams_ended_total", Help: "Streams by how they ended.",
		}, []string{"reason"}),
	}
	// A series that begins with its first stream hides that one from rate().
	for _, reason := range []string{"complete", "reconnect", "resync", endedLeft, endedError} {
		m.ends.WithLabelValues(reason)
	}
	if registry != nil {
		registry.MustRegister(m.appendedEvents, m.batchSize, m.hops, m.lag, m.reads, m.gaps, m.streams, m.ends)
	}
	return m
}

func (m *Metrics) appended(events int) {
	m.appendedEvents.Add(float64(events))
	m.batchSize.Observe(float64(events))
}

// hop measures how long the newest record of a message took.
func (m *Metrics) hop(name string, newest Record) {
	if !newest.Time.IsZero() {
		m.hops.WithLabelValues(name).Observe(time.Since(newest.Time).Seconds())
	}
}

func (m *Metrics) caughtUp(source string)  { m.reads.WithLabelValues(source).Inc() }
func (m *Metrics) repaired(foundBy string) { m.gaps.WithLabelValues(foundBy).Inc() }

// sent measures a message on its way to a subscriber.
func (m *Metrics) sent(newest Record, head int64) {
	m.hop(hopSend, newest)
	m.lag.Observe(float64(max(0, head-newest.Seq)))
}

func (m *Metrics) streamOpened() { m.streams.Inc() }

func (m *Metrics) streamEnded(reason string) {
	m.streams.Dec()
	m.ends.WithLabelValues(reason).Inc()
}
