package client

import (
	"context"

	"github.com/google/uuid"
	"google.golang.org/protobuf/proto"

	buildv1 "github.com/sheenapps/sheen/gen/sheen/build/v1"
	"github.com/sheenapps/sheen/gen/sheen/build/v1/buildv1connect"
	recommendationv1 "github.com/sheenapps/sheen/gen/sheen/recommendation/v1"
	"github.com/sheenapps/sheen/gen/sheen/recommendation/v1/recommendationv1connect"
)

// NewBuildSessionID returns an id for one submission. Make it when the user
// submits and keep it until the answer is there: the same id and content give
// the same build, however often they are sent.
func NewBuildSessionID() string { return "bs_" + uuid.NewString() }

// buildSessions fills absent session ids, above the retries, so that all
// attempts of a call carry the same one. The caller's message is not touched.
type buildSessions struct {
	buildv1connect.BuildServiceClient
}

func (s buildSessions) StartBuild(ctx context.Context, req *buildv1.StartBuildRequest) (*buildv1.StartBuildResponse, error) {
	if req.GetBuildSessionId() == "" {
		req = proto.CloneOf(req)
		req.BuildSessionId = NewBuildSessionID()
	}
	return s.BuildServiceClient.StartBuild(ctx, req)
}

func (s buildSessions) RetryBuild(ctx context.Context, req *buildv1.RetryBuildRequest) (*buildv1.RetryBuildResponse, error) {
	if req.GetBuildSessionId() == "" {
		req = proto.CloneOf(req)
		req.BuildSessionId = NewBuildSessionID()
	}
	return s.BuildServiceClient.RetryBuild(ctx, req)
}

// recommendationSessions is buildSessions for the builds that recommendations start.
type recommendationSessions struct {
	recommendationv1connect.RecommendationServiceClient
}

func (s recommendationSessions) ApplyRecommendation(ctx context.Context, req *recommendationv1.ApplyRecommendationRequest) (*recommendationv1.ApplyRecommendationResponse, error) {
	if req.GetBuildSessionId() == "" {
		req = proto.CloneOf(req)
		req.BuildSessionId = NewBuildSessionID()
	}
	return s.RecommendationServiceClient.ApplyRecommendation(ctx, req)
}
