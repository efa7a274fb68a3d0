package server

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"

	"github.com/sheenapps/sheen/server/billing"
	"github.com/sheenapps/sheen/server/build"
	"github.com/sheenapps/sheen/server/preview"
	"github.com/sheenapps/sheen/store"
)

const (
	// buildWorkers is how many builds a node works on at once. They wait for
	// models most of the time.
	buildWorkers = 16
	// deployWorkers is how many deployments a node works on at once: each runs a
	// program.
	deployWorkers = 2
	// fetchCooldown bounds how often a node asks for jobs: it is what a build
	// waits at most when it was just another's turn.
	fetchCooldown = 10 * time.Millisecond
	fetchPoll     = time.Second
	// rescueAfter is how often the job system looks for jobs whose node died, at
	// the soonest: each kind's own timeout says when it takes one up again. Builds
	// do not wait for that, they have their sweeper.
	rescueAfter = time.Minute
	// leaseConns renew the leases of a node's builds.
	leaseConns = 2
)

// connectJobs connects to the job system and, in a process with the role, gets
// ready to work.
func (s *Server) connectJobs(ctx context.Context, p *parts, ports build.Ports) (err error) {
	cfg := &river.Config{Logger: slog.New(quiet{s.log.Handler()})}
	if !s.cfg.Roles.Worker {
		p.jobs, err = newJobs(p.db, cfg)
		return err
	}
	leaseDB, err := s.openStore(ctx, store.WithMaxConns(leaseConns))
	if err != nil {
		return err
	}
	visit, err := s.newVisit(ctx, p.blobs)
	if err != nil {
		return err
	}
	maker, priced := s.cfg.newEngine()
	if !priced {
		s.log.WarnContext(ctx, "the model's price is not known: set SHEEN_MODEL_PRICE, or builds cost nothing", "engine", maker.Name())
	}
	worker := build.NewWorker(build.WorkerPorts{
		Ports: ports, LeaseDB: leaseDB, Engine: maker, Probe: s.newProbe(), Visit: visit,
		Timeout: s.cfg.BuildTimeout,
	})
	cfg.Workers = river.NewWorkers()
	river.AddWorker(cfg.Workers, worker)
	river.AddWorker(cfg.Workers, newSweepWorker(p.db, p.blobs, s.metrics, s.log))
	river.AddWorker(cfg.Workers, &maintainWorker{db: p.db, events: p.log, keep: s.cfg.EventRetention, log: s.log})
	river.AddWorker(cfg.Workers, build.NewDeployer(ports))
	river.AddWorker(cfg.Workers, &expireWorker{db: p.db, ledger: ports.Ledger, log: s.log})
	river.AddWorker(cfg.Workers, newAuditWorker(p.db, s.metrics, s.log))
	river.AddWorker(cfg.Workers, newFunnelWorker(p.db, s.metrics))
	river.AddWorker(cfg.Workers, &topUpWorker{topUps: billing.NewTopUps(p.db, ports.Ledger, p.payments, s.log)})
	recommender := s.cfg.newRecommender(ports, maker)
	river.AddWorker(cfg.Workers, recommender)
	cfg.Queues = map[string]river.QueueConfig{
		build.Queue:          {MaxWorkers: buildWorkers},
		build.DeployQueue:    {MaxWorkers: deployWorkers},
		build.RecommendQueue: {MaxWorkers: s.cfg.recommendWorkers()},
		river.QueueDefault:   {MaxWorkers: 2},
	}
	cfg.PeriodicJobs = []*river.PeriodicJob{periodicMaintenance(), periodicExpiry(), periodicAudit(), periodicTopUp(), periodicSweep(), periodicFunnel()}
	s.addWebhooks(p, cfg)
	cfg.FetchCooldown, cfg.FetchPollInterval = fetchCooldown, fetchPoll
	cfg.JobTimeout, cfg.RescueStuckJobsAfter = -1, rescueAfter
	if p.jobs, err = newJobs(p.db, cfg); err != nil {
		return err
	}
	worker.ConnectJobs(p.jobs)
	recommender.ConnectJobs(p.jobs)
	p.worker, p.recommender = worker, recommender
	return nil
}

// work begins to work, in a process with the role. It comes after serving, so
// that a stop gives the builds back first: they are tested on the preview server.
func (s *Server) work(ctx context.Context) error {
	if s.parts.worker == nil {
		return nil
	}
	if err := s.parts.jobs.Start(context.WithoutCancel(ctx)); err != nil {
		return fmt.Errorf("start the job system: %w", err)
	}
	s.undo.push(s.parts.jobs.StopAndCancel)
	s.background(s.parts.worker.Watch)
	s.background(s.parts.recommender.Watch)
	s.dispatchWebhooks()
	return nil
}

func newJobs(db *store.DB, cfg *river.Config) (*river.Client[pgx.Tx], error) {
	jobs, err := river.NewClient(riverpgxv5.New(db.Pool()), cfg)
	if err != nil {
		return nil, fmt.Errorf("set up the job system: %w", err)
	}
	return jobs, nil
}

// newProbe asks deployed previews at this process's own preview server: their
// host names may resolve in browsers only.
func (s *Server) newProbe() build.Probe {
	dial := s.probeAddress()
	return func(ctx context.Context, url string) error {
		return preview.Probe(ctx, preview.ProbeOptions{URL: url, DialAddress: dial})
	}
}

// quiet keeps the job system's own news, which are many, out of the log unless
// they are warnings.
type quiet struct{ slog.Handler }

// Enabled implements [slog.Handler].
func (q quiet) Enabled(ctx context.Context, level slog.Level) bool {
	return level >= slog.LevelWarn && q.Handler.Enabled(ctx, level)
}

// WithAttrs implements [slog.Handler].
func (q quiet) WithAttrs(attrs []slog.Attr) slog.Handler { return quiet{q.Handler.WithAttrs(attrs)} }

// WithGroup implements [slog.Handler].
func (q quiet) WithGroup(name string) slog.Handler { return quiet{q.Handler.WithGroup(name)} }
