package server

import "github.com/prometheus/client_golang/prometheus"

// MetricDescriptions are those of everything that the process can show, also of what
// it has nothing to tell of yet.
func (s *Server) MetricDescriptions() []string {
	described := make(chan *prometheus.Desc)
	go func() {
		s.metrics.Describe(described)
		close(described)
	}()
	var all []string
	for d := range described {
		all = append(all, d.String())
	}
	return all
}
