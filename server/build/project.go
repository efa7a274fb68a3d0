package build

import (
	"context"

	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	buildv1 "github.com/sheenapps/sheen/gen/sheen/build/v1"
	"github.com/sheenapps/sheen/server/auth"
	"github.com/sheenapps/sheen/server/fault"
	"github.com/sheenapps/sheen/store"
)

// GetProject implements the RPC.
func (s *Service) GetProject(ctx context.Context, req *buildv1.GetProjectRequest) (*buildv1.GetProjectResponse, error) {
	project, err := s.queries.ProjectByID(ctx, s.db, &store.ProjectByIDParams{
		ID: parseID(req.GetProjectId()), UserID: auth.Caller(ctx).UserID,
	})
	if err != nil {
		return nil, err
	}
	return &buildv1.GetProjectResponse{Project: projectToProto(project)}, nil
}

// ListProjects implements the RPC.
func (s *Service) ListProjects(ctx context.Context, req *buildv1.ListProjectsRequest) (*buildv1.ListProjectsResponse, error) {
	userID := auth.Caller(ctx).UserID
	bound := []string{"projects", userID.String()}
	below, err := before(s.tokens, req.GetPageToken(), bound...)
	if err != nil {
		return nil, err
	}
	size := pageSize(req.GetPageSize(), defaultPage)
	rows, err := s.queries.ProjectList(ctx, s.db, &store.ProjectListParams{UserID: userID, BeforeID: below, PageSize: size + 1})
	if err != nil {
		return nil, err
	}
	res := &buildv1.ListProjectsResponse{}
	rows, res.NextPageToken = cutPage(s.tokens, rows, size, func(p *store.ProjectListRow) []byte { return p.ID[:] }, bound)
	for _, row := range rows {
		res.Projects = append(res.Projects, projectToProto((*store.ProjectByIDRow)(row)))
	}
	return res, nil
}

func projectToProto(p *store.ProjectByIDRow) *buildv1.Project {
	return &buildv1.Project{
		Id:               p.ID.String(),
		Title:            p.Title,
		CurrentVersionId: idToProto(p.CurrentVersionID),
		ActiveBuildId:    idToProto(p.ActiveBuildID),
		CreateTime:       timestamppb.New(p.CreateTime),
		UpdateTime:       timestamppb.New(p.UpdateTime),
	}
}

// GetLimits implements the RPC.
func (s *Service) GetLimits(context.Context, *buildv1.GetLimitsRequest) (*buildv1.GetLimitsResponse, error) {
	res := &buildv1.GetLimitsResponse{
		MaxPromptBytes:  MaxPromptBytes,
		MaxRequestBytes: fault.MaxRequestBytes,
		MaxFiles:        MaxFiles,
		MaxSiteBytes:    MaxSiteBytes,
		MaxModelCalls:   MaxModelCalls,
		BuildTimeout:    durationpb.New(s.limits.BuildTimeout),
		MaxAttempts:     MaxAttempts,
	}
	if s.limits.EventRetention > 0 {
		res.EventRetention = durationpb.New(s.limits.EventRetention)
	}
	return res, nil
}
