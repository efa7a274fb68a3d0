package build

import (
	"context"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math"
	"strings"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"google.golang.org/protobuf/types/known/timestamppb"

	buildv1 "github.com/sheenapps/sheen/gen/sheen/build/v1"
	"github.com/sheenapps/sheen/server/auth"
	"github.com/sheenapps/sheen/server/fault"
	"github.com/sheenapps/sheen/server/preview"
	"github.com/sheenapps/sheen/server/preview/deploy"
	"github.com/sheenapps/sheen/store"
)

// DeployVersion implements the RPC.
func (s *Service) DeployVersion(ctx context.Context, req *buildv1.DeployVersionRequest) (*buildv1.DeployVersionResponse, error) {
	version, err := s.version(ctx, parseID(req.GetVersionId()))
	if err != nil {
		return nil, err
	}
	target, err := s.targets.Find(req.GetTarget())
	if err != nil {
		return nil, fault.InvalidField(fmt.Sprintf("The field target names no deploy target of this server; it has: %s.",
			strings.Join(s.targets.Names(), ", ")))
	}
	call := newKeyedCall(ctx, "DeployVersion", req.GetIdempotencyKey(), version.ID, req.GetTarget())
	id, err := s.once(ctx, call, version.ProjectID, func(tx pgx.Tx, _ *store.Project) (uuid.UUID, error) {
		return s.deployVersion(ctx, tx, version, target)
	})
	if err != nil {
		return nil, err
	}
	deployment, err := s.deployment(ctx, id)
	if err != nil {
		return nil, err
	}
	return &buildv1.DeployVersionResponse{Deployment: deploymentToProto(deployment)}, nil
}

// deployVersion stores a deployment, which is done on an immediate target, and
// given to a worker on others. The caller has locked the project.
func (s *Service) deployVersion(ctx context.Context, tx pgx.Tx, version *store.Version, target deploy.Target) (uuid.UUID, error) {
	params := &store.DeploymentInsertParams{
		ID: newID(), ProjectID: version.ProjectID, VersionID: version.ID, Root: version.Root, Target: target.Name(),
	}
	if target.Immediate() {
		url, err := target.Deploy(ctx, deploy.Site{Project: version.ProjectID, Root: preview.Digest(version.Root)})
		if err != nil {
			return uuid.Nil, fmt.Errorf("deploy on %s: %w", target.Name(), err)
		}
		params.URL = url
	}
	deployment, err := s.queries.DeploymentInsert(ctx, tx, params)
	if err != nil || target.Immediate() {
		return params.ID, err
	}
	if _, err := s.jobs.InsertTx(ctx, tx, DeployArgs{DeploymentID: deployment.ID}, nil); err != nil {
		return uuid.Nil, fmt.Errorf("insert the deployment's job: %w", err)
	}
	return deployment.ID, nil
}

// deployment returns a deployment of the caller, or [store.ErrNotFound].
func (s *Service) deployment(ctx context.Context, id uuid.UUID) (*store.Deployment, error) {
	return s.queries.DeploymentByID(ctx, s.db, &store.DeploymentByIDParams{ID: id, UserID: auth.Caller(ctx).UserID})
}

// GetDeployment implements the RPC.
func (s *Service) GetDeployment(ctx context.Context, req *buildv1.GetDeploymentRequest) (*buildv1.GetDeploymentResponse, error) {
	deployment, err := s.deployment(ctx, parseID(req.GetDeploymentId()))
	if err != nil {
		return nil, err
	}
	return &buildv1.GetDeploymentResponse{Deployment: deploymentToProto(deployment)}, nil
}

// ListDeployments implements the RPC.
func (s *Service) ListDeployments(ctx context.Context, req *buildv1.ListDeploymentsRequest) (*buildv1.ListDeploymentsResponse, error) {
	userID, projectID := auth.Caller(ctx).UserID, parseID(req.GetProjectId())
	bound := []string{"deployments", userID.String(), projectID.String()}
	below, err := s.beforeSeq(req.GetPageToken(), bound)
	if err != nil {
		return nil, err
	}
	if _, err := s.queries.ProjectByID(ctx, s.db, &store.ProjectByIDParams{ID: projectID, UserID: userID}); err != nil {
		return nil, err
	}
	size := pageSize(req.GetPageSize(), defaultPage)
	rows, err := s.queries.DeploymentList(ctx, s.db, &store.DeploymentListParams{
		ProjectID: projectID, UserID: userID, BeforeSeq: below, PageSize: size + 1,
	})
	if err != nil {
		return nil, err
	}
	res := &buildv1.ListDeploymentsResponse{}
	rows, res.NextPageToken = cutPage(s.tokens, rows, size, func(d *store.Deployment) []byte {
		return binary.BigEndian.AppendUint64(nil, uint64(d.Seq)) //nolint:gosec // never negative
	}, bound)
	for _, row := range rows {
		res.Deployments = append(res.Deployments, deploymentToProto(row))
	}
	return res, nil
}

// beforeSeq returns the number that a page of deployments begins below.
func (s *Service) beforeSeq(pageToken string, bound []string) (int64, error) {
	const size = 8
	last, err := s.tokens.OpenPage(pageToken, bound...)
	if err != nil || (last != nil && len(last) != size) {
		return 0, fault.PageTokenInvalid()
	}
	if last == nil {
		return math.MaxInt64, nil
	}
	return int64(binary.BigEndian.Uint64(last)), nil //nolint:gosec // sealed from one that fits
}

func deploymentToProto(d *store.Deployment) *buildv1.Deployment {
	out := &buildv1.Deployment{
		Id:         d.ID.String(),
		ProjectId:  d.ProjectID.String(),
		VersionId:  d.VersionID.String(),
		Root:       hex.EncodeToString(d.Root),
		Target:     d.Target,
		Url:        d.URL,
		State:      buildv1.DeploymentState(buildv1.DeploymentState_value["DEPLOYMENT_STATE_"+strings.ToUpper(d.State)]),
		Attempt:    d.Attempt,
		CreateTime: timestamppb.New(d.CreateTime),
		EndTime:    timeToProto(d.EndTime),
	}
	if d.ErrorReason != nil {
		name := "DEPLOYMENT_ERROR_REASON_" + strings.ToUpper(*d.ErrorReason)
		out.Error = &buildv1.DeploymentError{
			Reason:    buildv1.DeploymentErrorReason(buildv1.DeploymentErrorReason_value[name]),
			Retryable: d.ErrorRetryable,
		}
	}
	return out
}
