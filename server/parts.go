package server

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/redis/go-redis/v9"
	"github.com/riverqueue/river"

	"github.com/sheenapps/sheen/server/auth"
	"github.com/sheenapps/sheen/server/billing"
	"github.com/sheenapps/sheen/server/build"
	"github.com/sheenapps/sheen/server/event"
	"github.com/sheenapps/sheen/server/preview"
	"github.com/sheenapps/sheen/server/recommend"
	"github.com/sheenapps/sheen/server/token"
	"github.com/sheenapps/sheen/server/webhook"
	"github.com/sheenapps/sheen/store"
)

// parts are what a process consists of once it runs.
type parts struct {
	db     *store.DB
	redis  redis.UniversalClient
	tokens *token.Codec
	log    *event.Log
	hub    *event.Hub
	// appender is the node's one.
	appender *event.Appender
	blobs    *preview.Blobs
	jobs     *river.Client[pgx.Tx]
	// worker is nil in a process without the role.
	worker   *build.Worker
	health   *health
	payments billing.Payments
	// recommender is nil in a process without that role.
	recommender *build.Recommender
	// purchases sell.
	purchases *billing.Purchases

	api, previews http.Handler
}

// drain tells everybody that the process is about to stop, the streams one by
// one within a window.
func (p *parts) drain(window time.Duration) {
	p.health.stopping.Store(true)
	p.hub.Drain(window)
}

// assemble connects everybody with everybody. What it starts, it pushes on the
// undo stack, so that a failure half-way leaves nothing behind.
func (s *Server) assemble(ctx context.Context) (*parts, error) {
	p := &parts{}
	if err := s.openStores(ctx, p); err != nil {
		return nil, err
	}
	s.connectHub(p)
	estimates := billing.NewEstimates(billing.EstimatesOptions{DB: p.db, Logger: s.log, Registry: s.metrics})
	s.background(estimates.Run)
	nudge := newTopUpNudge()
	ports := build.Ports{
		DB: p.db, Ledger: billing.NewLedger(billing.Options{
			Order: s.cfg.BurnOrder, Packages: s.cfg.Packages, PurchaseURL: s.cfg.PurchaseURL, Estimates: estimates,
			OnTopUp: nudge.note, TopUpMetrics: billing.NewTopUpMetrics(s.metrics),
			PaymentsOff: s.cfg.Payments != PaymentsStripe,
		}),
		Log: p.log, Hub: p.hub, Appender: p.appender, Blobs: p.blobs, Origin: s.origin(),
		Targets: s.cfg.newTargets(s.origin(), p.blobs),
		Limits:  build.Limits{BuildTimeout: s.cfg.BuildTimeout, EventRetention: s.cfg.EventRetention},
		Logger:  s.log, Metrics: build.NewMetrics(s.metrics), Recommendations: build.Recommendations{Mode: s.cfg.Recommendations},
	}
	p.payments = s.cfg.newPayments()
	p.purchases = billing.NewPurchases(billing.PurchaseOptions{
		DB: p.db, Ledger: ports.Ledger, Payments: p.payments, CardChanged: ports.Ledger.CardChanged,
		Metrics: billing.NewPaymentMetrics(s.metrics), Log: s.log,
	})
	if err := p.purchases.SyncPackages(ctx, s.cfg.Packages); err != nil {
		return nil, err
	}
	if err := s.connectJobs(ctx, p, ports); err != nil {
		return nil, err
	}
	s.background(func(ctx context.Context) { nudge.run(ctx, p.jobs, s.log) })
	previews, err := s.newPreviews(p)
	if err != nil {
		return nil, err
	}
	if p.previews = previews; !s.cfg.Roles.API {
		return p, nil
	}
	return p, s.buildHandlers(ctx, p, ports)
}

func (s *Server) openStores(ctx context.Context, p *parts) (err error) {
	if p.db, err = s.openStore(ctx); err != nil {
		return err
	}
	if err := store.Migrate(ctx, p.db); err != nil {
		return fmt.Errorf("bring the database schema up to date: %w", err)
	}
	p.log = event.NewLog(p.db)
	if err := s.ensurePartitions(ctx, p.log); err != nil {
		return err
	}
	if p.tokens, err = loadTokens(ctx, p.db); err != nil {
		return err
	}
	s.background(func(ctx context.Context) { s.renewTokens(ctx, p) })
	if p.redis, err = s.openRedis(); err != nil {
		return err
	}
	if p.blobs, err = s.openBlobs(ctx, p.db); err != nil {
		return err
	}
	s.undo.push(func(context.Context) error { return p.blobs.Close() })
	p.health = &health{db: p.db, redis: p.redis}
	return nil
}

// ensurePartitions makes the event log's partitions before the first event comes.
// A table that is in use, as by a backup, is no reason not to start.
func (s *Server) ensurePartitions(ctx context.Context, log *event.Log) error {
	now, err := log.Clock(ctx)
	if err != nil {
		return err
	}
	err = log.EnsurePartitions(ctx, now)
	if errors.Is(err, store.ErrLocked) {
		s.log.WarnContext(ctx, "partitions are made later: the event log is locked", "cause", err)
		return nil
	}
	return err
}

func (s *Server) openStore(ctx context.Context, opts ...store.Option) (*store.DB, error) {
	db, err := store.Open(ctx, s.cfg.DatabaseURL.Reveal(), opts...)
	if err != nil {
		return nil, fmt.Errorf("cannot reach Postgres: check SHEEN_DATABASE_URL, or use --embedded: %w", err)
	}
	s.undo.push(func(context.Context) error {
		db.Close()
		return nil
	})
	return db, nil
}

// connectHub starts the delivery of events.
func (s *Server) connectHub(p *parts) {
	p.hub = event.NewHub(p.log, s.log)
	p.hub.Observe(event.NewMetrics(s.metrics))
	bus := event.NewRedisBus(p.redis, p.hub.Receive, s.log)
	p.hub.Connect(bus)
	observeBus(s.metrics, bus.Stats())
	s.background(bus.Run)
	s.background(p.hub.Run)
	s.background(trimMemory)
	p.appender = event.NewAppender(p.log, p.hub.Publish)
	s.background(p.appender.Run)
}

// background runs something until the process stops, and waits for its end then.
func (s *Server) background(run func(context.Context)) {
	ctx, cancel := context.WithCancel(context.Background())
	var group sync.WaitGroup
	group.Go(func() { run(ctx) })
	s.undo.push(func(context.Context) error {
		cancel()
		group.Wait()
		return nil
	})
}

func (s *Server) buildHandlers(ctx context.Context, p *parts, ports build.Ports) error {
	verifier := auth.NewVerifier(s.key)
	if s.cfg.JWKSURL != "" {
		set := auth.KeySet{URL: s.cfg.JWKSURL, Issuer: s.cfg.JWTIssuer, Audience: s.cfg.JWTAudience, Algorithm: "RS256"}
		keysCtx, stop := context.WithCancel(context.WithoutCancel(ctx))
		s.undo.push(func(context.Context) error {
			stop()
			return nil
		})
		if err := verifier.Accept(keysCtx, set, s.log); err != nil {
			return fmt.Errorf("cannot read the keys of SHEEN_JWKS_URL: check the address: %w", err)
		}
	}
	builds := build.NewService(ports, p.jobs, p.tokens)
	events := event.NewService(p.log, p.hub, p.tokens, builds.Describe)
	events.ConnectAppender(p.appender)
	events.ConnectTimings(event.NewTimings(p.redis, s.metrics))
	builds.ConnectResume(events.ResumeToken)
	recommendations := recommend.NewService(recommend.Ports{
		DB: p.db, FactsOf: builds.Facts, Request: builds.RequestRecommendations, Apply: builds.Apply,
		Lists: recommend.NewLists(recommend.Timing{}), Metrics: recommend.NewFeedbackMetrics(s.metrics),
	})
	var err error
	p.api, err = routes(handlers{
		builds:          builds,
		events:          eventService{events, webhook.NewService(s.webhookOptions(p), p.tokens)},
		eventSource:     events.EventSource,
		billing:         billing.NewService(p.db, ports.Ledger, p.purchases, p.tokens),
		paymentWebhook:  p.purchases,
		recommendations: recommendations,
		verifier:        verifier,
		health:          p.health,
		corsOrigins:     s.cfg.CORSOrigins,
		log:             s.log,
	})
	return err
}
