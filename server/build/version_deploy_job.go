package build

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river"

	"github.com/sheenapps/sheen/server/preview"
	"github.com/sheenapps/sheen/server/preview/deploy"
	"github.com/sheenapps/sheen/store"
)

// DeployQueue is the queue of deployments.
const DeployQueue = "deploys"

// DeployTimeout is the longest that an attempt to deploy may take.
const DeployTimeout = 3 * time.Minute

const (
	// deployLease outlasts every attempt, so that no two of them overlap. The job
	// system takes a job up again whose worker was lost after deployJobTimeout,
	// which outlasts the lease.
	deployLease      = DeployTimeout + 30*time.Second
	deployJobTimeout = DeployTimeout + time.Minute
	// maxDeployAttempts is how often a deployment is tried: over about 5 min.
	maxDeployAttempts = 6
	// deployRetry is the pause after the first attempt; each next one is twice as
	// long, up to deployRetryMax.
	deployRetry    = 10 * time.Second
	deployRetryMax = 5 * time.Minute
	// deployWait is the pause of a deployment that waits for an older one.
	deployWait = 3 * time.Second
)

// The reasons beside those of package deploy.
const (
	reasonSuperseded    deploy.Reason = "superseded"
	reasonTargetRemoved deploy.Reason = "target_removed"
)

// DeployArgs is a job: somebody is to put a version online. Whether anything is
// left to do, the worker finds out; one job too many does no harm.
type DeployArgs struct {
	DeploymentID uuid.UUID `json:"deployment_id"`
}

// Kind implements [river.JobArgs].
func (DeployArgs) Kind() string { return "deploy" }

// InsertOpts implements [river.JobArgsWithInsertOpts].
func (DeployArgs) InsertOpts() river.InsertOpts {
	return river.InsertOpts{Queue: DeployQueue, MaxAttempts: maxJobAttempts}
}

// Deployer is the River worker of [DeployArgs]. It is safe for concurrent use.
//
// A deployment goes online at least once, and an older one of the same project
// never after a newer one on the same target: an attempt has a lease, there is
// one at a time, and only the newest deployment gets it.
type Deployer struct {
	river.WorkerDefaults[DeployArgs]
	*ender

	targets deploy.Targets
}

// NewDeployer makes the worker.
func NewDeployer(p Ports) *Deployer { return &Deployer{ender: newEnder(p), targets: p.Targets} }

// Timeout implements [river.Worker].
func (*Deployer) Timeout(*river.Job[DeployArgs]) time.Duration { return deployJobTimeout }

// NextRetry implements [river.Worker].
func (*Deployer) NextRetry(*river.Job[DeployArgs]) time.Time { return time.Now().Add(jobRetry) }

// Work implements [river.Worker]. It returns an error only when the store is
// away, and otherwise snoozes a deployment that is not over.
func (d *Deployer) Work(ctx context.Context, job *river.Job[DeployArgs]) error {
	taken, wait, err := d.take(ctx, job.Args.DeploymentID)
	if err != nil {
		return fmt.Errorf("take a deployment: %w", err)
	}
	if taken == nil {
		if wait {
			return snooze(deployWait)
		}
		return nil
	}
	url, err := d.attempt(ctx, taken)
	// What came of it is written down even if the node stops.
	settle, cancel := context.WithTimeout(context.WithoutCancel(ctx), settleTimeout)
	defer cancel()
	switch {
	case err == nil:
		_, err = d.queries.DeploymentFinish(settle, d.db, &store.DeploymentFinishParams{
			ID: taken.ID, LeaseToken: taken.LeaseToken, URL: url,
		})
		return err
	case ctx.Err() != nil:
		return d.giveBack(settle, taken)
	default:
		return d.noteFailure(settle, taken, err)
	}
}

// take gives the caller the lease of a deployment whose turn has come. It
// returns nil for one that is over, and wait for one whose turn will come.
func (d *Deployer) take(ctx context.Context, id uuid.UUID) (taken *store.Deployment, wait bool, err error) {
	err = store.InTx(ctx, d.db, func(tx pgx.Tx) error {
		taken, wait = nil, false
		if _, err := d.queries.DeploymentLockProject(ctx, tx, &store.DeploymentLockProjectParams{ID: id}); err != nil {
			return err
		}
		found, err := d.queries.DeploymentForWork(ctx, tx, &store.DeploymentForWorkParams{ID: id})
		if err != nil || found.Deployment.State != "pending" {
			return err
		}
		if found.Busy {
			wait = true
			return nil
		}
		if reason := d.hopeless(found); reason != "" {
			_, err := d.queries.DeploymentFail(ctx, tx, &store.DeploymentFailParams{
				ID: id, LeaseToken: found.Deployment.LeaseToken, ErrorReason: string(reason), ErrorRetryable: reason == deploy.Internal, Last: true,
			})
			return err
		}
		taken, err = d.queries.DeploymentLeaseTake(ctx, tx, &store.DeploymentLeaseTakeParams{ID: id, TtlMs: deployLease.Milliseconds()})
		return err
	})
	if errors.Is(err, store.ErrNotFound) {
		return nil, false, nil
	}
	return taken, wait, err
}

// hopeless says why a pending deployment is not tried any more; empty if it is.
func (d *Deployer) hopeless(found *store.DeploymentForWorkRow) deploy.Reason {
	if found.Superseded {
		return reasonSuperseded
	}
	if found.Deployment.Attempt >= maxDeployAttempts {
		return deploy.Internal // Its workers were lost.
	}
	if _, err := d.targets.Find(found.Deployment.Target); err != nil {
		return reasonTargetRemoved
	}
	return ""
}

// attempt puts a version online.
func (d *Deployer) attempt(ctx context.Context, taken *store.Deployment) (url string, err error) {
	target, err := d.targets.Find(taken.Target)
	if err != nil {
		return "", err
	}
	rows, err := d.versionFiles(ctx, taken.VersionID)
	if err != nil {
		return "", err
	}
	site := deploy.Site{Project: taken.ProjectID, Root: preview.Digest(taken.Root)}
	for _, row := range rows {
		site.Files = append(site.Files, preview.FileEntry{Path: row.Path, Digest: preview.Digest(row.Digest), Size: row.SizeBytes})
	}
	return target.Deploy(ctx, site)
}

// giveBack leaves a deployment to the next worker: the node stops, and the
// attempt does not count.
func (d *Deployer) giveBack(ctx context.Context, taken *store.Deployment) error {
	_, err := d.queries.DeploymentLeaseReturn(ctx, d.db, &store.DeploymentLeaseReturnParams{ID: taken.ID, LeaseToken: taken.LeaseToken})
	if err != nil {
		return err
	}
	return snooze(0)
}

// noteFailure stores why an attempt failed, and has the next one made later, if
// there is hope.
func (d *Deployer) noteFailure(ctx context.Context, taken *store.Deployment, cause error) error {
	reason, retryable := deploy.Internal, true
	if failed, ok := errors.AsType[*deploy.Error](cause); ok {
		reason, retryable = failed.Reason, failed.Retryable
	}
	last := !retryable || taken.Attempt >= maxDeployAttempts
	d.logger.WarnContext(ctx, "deployment failed", "deployment_id", taken.ID, "target", taken.Target,
		"attempt", taken.Attempt, "last", last, "cause", cause)
	n, err := d.queries.DeploymentFail(ctx, d.db, &store.DeploymentFailParams{
		ID: taken.ID, LeaseToken: taken.LeaseToken, ErrorReason: string(reason), ErrorRetryable: retryable, Last: last,
	})
	if err != nil || n == 0 || last {
		return err
	}
	return snooze(deployPause(taken.Attempt))
}

// snooze has the job system come back to a deployment after a pause.
func snooze(pause time.Duration) error {
	return river.JobSnooze(pause) //nolint:wrapcheck // an order, no error
}

// deployPause is the pause after an attempt, the first being 1, with up to a
// quarter more so that what failed together does not come back together.
func deployPause(attempt int32) time.Duration {
	pause := deployRetryMax
	if doublings := attempt - 1; doublings < 5 {
		pause = deployRetry << doublings
	}
	return pause + rand.N(pause/4) //nolint:gosec // no secret, a spread
}
