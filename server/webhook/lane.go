package webhook

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/sheenapps/sheen/store"
)

const (
	// claimRunning is how long a claim holds once somebody works on it: an attempt
	// and what is stored after it. After it, another node takes over.
	claimRunning = 2 * sendTimeout
	// lanePatience is when a lane with much to send lets others have their turn.
	lanePatience = 25 * time.Second
	// storeTimeout bounds what is stored after an attempt, also if the process is
	// about to stop.
	storeTimeout = 5 * time.Second
)

// claim is the right to send in a lane.
type claim struct {
	endpointID, buildID uuid.UUID
	token               int64
}

// courier sends what lanes hold. It is safe for concurrent use.
type courier struct {
	db      *store.DB
	queries *store.Queries
	sender  *sender
	clock   Clock
	metrics *metrics
	log     *slog.Logger
}

// run sends a lane's pending deliveries one after the other, until one fails, none
// is left, the claim is another's, or others should have their turn.
func (c *courier) run(ctx context.Context, lane claim) error {
	turn := time.Now()
	for {
		if ctx.Err() != nil || time.Since(turn) > lanePatience {
			return c.giveBack(ctx, lane)
		}
		now, err := c.clock(ctx)
		if err != nil {
			return err
		}
		wakes, err := c.renew(ctx, lane, now)
		if err != nil {
			return ignoreLost(err)
		}
		next, err := c.queries.WebhookDeliveryNext(ctx, c.db, &store.WebhookDeliveryNextParams{
			EndpointID: lane.endpointID, BuildID: lane.buildID,
		})
		var over bool
		switch {
		case errors.Is(err, store.ErrNotFound):
			over, err = c.rest(ctx, lane, wakes)
		case err != nil:
		case !next.Live:
			err = c.queries.WebhookLaneGiveUp(ctx, c.db, &store.WebhookLaneGiveUpParams{
				EndpointID: lane.endpointID, BuildID: lane.buildID,
			})
		default:
			over, err = c.deliver(ctx, lane, next, now)
		}
		if err != nil || over {
			return err
		}
	}
}

// errLost says that a claim is another's by now.
var errLost = errors.New("the claim on the lane is lost")

func ignoreLost(err error) error {
	if errors.Is(err, errLost) {
		return nil
	}
	return err
}

// renew holds on to the claim, and returns how often the lane was woken.
func (c *courier) renew(ctx context.Context, lane claim, now time.Time) (int64, error) {
	expire := now.Add(claimRunning)
	wakes, err := c.queries.WebhookLaneRenew(ctx, c.db, &store.WebhookLaneRenewParams{
		EndpointID: lane.endpointID, BuildID: lane.buildID, ClaimToken: lane.token, ExpireTime: &expire,
	})
	if errors.Is(err, store.ErrNotFound) {
		return 0, errLost
	}
	return wakes, err
}

// rest puts a lane to rest that nothing was added to since it was looked at.
func (c *courier) rest(ctx context.Context, lane claim, wakes int64) (over bool, err error) {
	rested, err := c.queries.WebhookLaneRest(ctx, c.db, &store.WebhookLaneRestParams{
		EndpointID: lane.endpointID, BuildID: lane.buildID, ClaimToken: lane.token, Wakes: wakes,
	})
	return rested == 1, err
}

// giveBack leaves the lane to others, behind what is due already.
func (c *courier) giveBack(ctx context.Context, lane claim) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), storeTimeout)
	defer cancel()
	return c.queries.WebhookLaneReturn(ctx, c.db, &store.WebhookLaneReturnParams{
		EndpointID: lane.endpointID, BuildID: lane.buildID, ClaimToken: lane.token,
	})
}

// deliver makes an attempt and stores how it ended; over says that the lane has to
// wait.
func (c *courier) deliver(ctx context.Context, lane claim, d *store.WebhookDeliveryNextRow, began time.Time) (over bool, err error) {
	got, err := c.attempt(ctx, d, began)
	if err != nil {
		return false, err
	}
	if ctx.Err() != nil && got.status == 0 {
		return true, c.giveBack(ctx, lane) // Cut by us: no attempt.
	}
	c.metrics.count(got)
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), storeTimeout)
	defer cancel()
	now, err := c.clock(ctx)
	if err != nil {
		return false, err
	}
	if got.failure == "" {
		return false, c.taken(ctx, lane, d, got, now)
	}
	return c.failed(ctx, lane, d, got, began, now)
}

// attempt sends a delivery, signed by all secrets of its endpoint.
func (c *courier) attempt(ctx context.Context, d *store.WebhookDeliveryNextRow, now time.Time) (answer, error) {
	rows, err := c.queries.WebhookSecretList(ctx, c.db, &store.WebhookSecretListParams{
		EndpointID: d.EndpointID, Now: &now, AtMost: maxSecrets,
	})
	if err != nil {
		return answer{}, err
	}
	secrets := make([][]byte, len(rows))
	for i, row := range rows {
		secrets[i] = row.Secret
	}
	content, err := body(d)
	if err != nil {
		c.log.ErrorContext(ctx, "webhook cannot be written", "delivery_id", d.ID, "cause", err)
		return answer{failure: failedInternal}, nil
	}
	id := messageID(d.ID)
	return c.sender.send(ctx, d.URL, signedHeader(secrets, id, now, content), content, now), nil
}

// taken stores that the receiver took a delivery.
func (c *courier) taken(ctx context.Context, lane claim, d *store.WebhookDeliveryNextRow, got answer, now time.Time) error {
	if err := c.tried(ctx, c.db, lane, d, "delivered", got, now); err != nil {
		return err
	}
	if d.FailingSince == nil {
		return nil
	}
	return c.queries.WebhookEndpointSucceeded(ctx, c.db, &store.WebhookEndpointSucceededParams{ID: d.EndpointID})
}

// failed stores that an attempt failed, and what follows: another one later, the
// next delivery, or the end of the endpoint.
func (c *courier) failed(
	ctx context.Context, lane claim, d *store.WebhookDeliveryNextRow, got answer, began, now time.Time,
) (over bool, err error) {
	err = store.InTx(ctx, c.db, func(tx pgx.Tx) error {
		over = false
		since, err := c.queries.WebhookEndpointFailed(ctx, tx, &store.WebhookEndpointFailedParams{ID: d.EndpointID, Now: &now})
		if err != nil {
			return err
		}
		at, again := nextAttempt(now, d.PendingSince, int(d.RetryCount)+1, got.retryAfter, rand.Float64()) //nolint:gosec // no secret, a spread
		reason := disableReason(got, now.Sub(since))
		if reason != "" || !again {
			err = c.tried(ctx, tx, lane, d, "failed", got, now)
		} else {
			over = true
			err = errors.Join(c.tried(ctx, tx, lane, d, "pending", got, now),
				c.queries.WebhookLanePause(ctx, tx, &store.WebhookLanePauseParams{
					EndpointID: lane.endpointID, BuildID: lane.buildID, ClaimToken: lane.token, Began: &began, DueTime: &at,
				}))
		}
		if err != nil || reason == "" {
			return err
		}
		c.log.InfoContext(ctx, "webhook endpoint is disabled", "endpoint_id", d.EndpointID, "reason", reason)
		return c.queries.WebhookEndpointDisable(ctx, tx, &store.WebhookEndpointDisableParams{
			ID: d.EndpointID, Now: &now, Reason: &reason,
		})
	})
	return over, err
}

// disableReason says why an endpoint is to get nothing more; empty if it is.
func disableReason(got answer, failing time.Duration) string {
	switch {
	case got.status == http.StatusGone:
		return "gone"
	case failing >= failingLimit:
		return "failing"
	default:
		return ""
	}
}

// tried stores how an attempt ended. One whose claim is lost by now is not stored:
// whoever has it makes another one.
func (c *courier) tried(
	ctx context.Context, db store.DBTX, lane claim, d *store.WebhookDeliveryNextRow, state string, got answer, now time.Time,
) error {
	_, err := c.queries.WebhookDeliveryTried(ctx, db, &store.WebhookDeliveryTriedParams{
		ID: d.ID, ClaimToken: lane.token, State: state,
		LastStatus: int32(got.status), LastError: got.failure, Now: &now, //nolint:gosec // three digits
	})
	return err
}
