package server

import (
	"context"

	"github.com/riverqueue/river"

	"github.com/sheenapps/sheen/server/webhook"
)

// webhookWorkers is how many webhooks a node sends at once. They wait for
// receivers most of the time.
const webhookWorkers = 32

func (s *Server) webhookOptions(p *parts) webhook.Options {
	return webhook.Options{DB: p.db, Allow: s.cfg.WebhookAllow, Logger: s.log, Registry: s.metrics}
}

// addWebhooks makes a node's job system send webhooks.
func (s *Server) addWebhooks(p *parts, cfg *river.Config) {
	options := s.webhookOptions(p)
	river.AddWorker(cfg.Workers, webhook.NewCleaner(options))
	river.AddWorker(cfg.Workers, webhook.NewWorker(options))
	cfg.Queues[webhook.Queue] = river.QueueConfig{MaxWorkers: webhookWorkers}
	cfg.PeriodicJobs = append(cfg.PeriodicJobs, webhook.PeriodicClean())
}

// dispatchWebhooks has the webhooks of this node and others sent, until the
// process stops.
func (s *Server) dispatchWebhooks() {
	dispatcher := webhook.NewDispatcher(s.webhookOptions(s.parts), s.parts.jobs)
	s.background(func(ctx context.Context) { dispatcher.Run(ctx) })
}
