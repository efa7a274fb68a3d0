package webhook

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/riverqueue/river"

	"github.com/sheenapps/sheen/store"
)

const (
	// lookEvery is how often a node looks for lanes that are due: what an event
	// waits at most before its job is there.
	lookEvery = 300 * time.Millisecond
	// claimWaiting is how long a claim holds while its job waits for a worker. The
	// claims of all nodes together are at most maxClaims, so that even one node
	// whose every receiver hangs gets to the last one in time.
	claimWaiting = 2 * time.Minute
	maxClaims    = 256
	// endpointClaims bounds those of one endpoint, and userClaims those of one user:
	// receivers that hang leave workers for the others of the user, and a user's
	// leave them for other users. A node has four times as many.
	endpointClaims = 4
	userClaims     = 8
)

// Dispatcher puts in jobs for the lanes that are due.
type Dispatcher struct {
	db      *store.DB
	queries *store.Queries
	jobs    *river.Client[pgx.Tx]
	clock   Clock
	overdue prometheus.Gauge
	log     *slog.Logger
}

// NewDispatcher makes one that puts jobs in through a client.
func NewDispatcher(o Options, jobs *river.Client[pgx.Tx]) *Dispatcher {
	if o.Clock == nil {
		o.Clock = databaseClock(o.DB)
	}
	return &Dispatcher{db: o.DB, queries: store.New(), jobs: jobs, clock: o.Clock, overdue: newOverdue(o.Registry), log: o.Logger}
}

// Run looks for lanes until ctx ends. Any number of nodes may.
func (d *Dispatcher) Run(ctx context.Context) {
	ticker := time.NewTicker(lookEvery)
	defer ticker.Stop()
	failing := false
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		_, err := d.Dispatch(ctx)
		if err != nil && !failing && ctx.Err() == nil {
			d.log.WarnContext(ctx, "webhooks wait: lanes cannot be claimed", "cause", err)
		}
		failing = err != nil
	}
}

// Dispatch claims the lanes that are due, puts in their jobs, and returns how many
// there were.
func (d *Dispatcher) Dispatch(ctx context.Context) (int, error) {
	now, err := d.clock(ctx)
	if err != nil {
		return 0, err
	}
	look, err := d.queries.WebhookLaneDue(ctx, d.db, &store.WebhookLaneDueParams{Now: &now})
	if err != nil {
		return 0, err
	}
	d.overdue.Set(now.Sub(look.Oldest).Seconds())
	if !look.Due {
		return 0, nil
	}
	return d.claim(ctx, now)
}

// claim claims lanes and puts in their jobs, unless another node is just at it.
func (d *Dispatcher) claim(ctx context.Context, now time.Time) (claimed int, err error) {
	err = store.InTx(ctx, d.db, func(tx pgx.Tx) error {
		claimed = 0
		if locked, err := d.queries.WebhookLaneLock(ctx, tx); err != nil || !locked {
			return err
		}
		expire := now.Add(claimWaiting)
		lanes, err := d.queries.WebhookLaneClaim(ctx, tx, &store.WebhookLaneClaimParams{
			Now: &now, ExpireTime: &expire, PerEndpoint: endpointClaims, PerUser: userClaims, AtMost: maxClaims,
		})
		if claimed = len(lanes); err != nil || claimed == 0 {
			return err
		}
		params := make([]river.InsertManyParams, claimed)
		for i, lane := range lanes {
			params[i] = river.InsertManyParams{Args: LaneArgs{lane.EndpointID, lane.BuildID, lane.ClaimToken}}
		}
		if _, err := d.jobs.InsertManyFastTx(ctx, tx, params); err != nil {
			return fmt.Errorf("put in the jobs of lanes: %w", err)
		}
		return nil
	})
	return claimed, err
}
