package server

import (
	"net/http"
	"net/http/pprof"
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/sheenapps/sheen/server/event"
)

// newMetrics is a registry of one process, with what the runtime knows of it.
func newMetrics() *prometheus.Registry {
	registry := prometheus.NewRegistry()
	registry.MustRegister(
		collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
	)
	return registry
}

// observeBus makes the bus's own counters visible.
func observeBus(registry *prometheus.Registry, stats *event.BusStats) {
	for name, counter := range map[string]struct {
		help  string
		value *atomic.Int64
	}{
		"sheen_event_bus_published_total": {"Batches that were sent to other nodes.", &stats.Published},
		"sheen_event_bus_dropped_total":   {"Batches that were not sent, because Redis did not keep up.", &stats.Dropped},
		"sheen_event_bus_received_total":  {"Events that came from Redis, this node's own among them.", &stats.Received},
		"sheen_event_bus_errors_total":    {"Failures and refusals of Redis.", &stats.Errors},
	} {
		registry.MustRegister(prometheus.NewCounterFunc(
			prometheus.CounterOpts{Name: name, Help: counter.help},
			func() float64 { return float64(counter.value.Load()) },
		))
	}
}

// metricsHandler serves a registry and the profiles of the runtime. It has an
// address of its own: what it tells is not for users.
func metricsHandler(registry *prometheus.Registry) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(registry, promhttp.HandlerOpts{}))
	mux.HandleFunc("GET /debug/pprof/", pprof.Index)
	mux.HandleFunc("GET /debug/pprof/profile", pprof.Profile)
	return mux
}
