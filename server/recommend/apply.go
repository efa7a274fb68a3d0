package recommend

import (
	"context"

	"github.com/google/uuid"

	recommendationv1 "github.com/sheenapps/sheen/gen/sheen/recommendation/v1"
	"github.com/sheenapps/sheen/server/auth"
)

// Application asks for the build that follows another one.
type Application struct {
	UserID uuid.UUID
	// BuildID is the build that Item was proposed for.
	BuildID uuid.UUID
	Item    Item
	// Session makes a repeat harmless: `bs_` and a UUID.
	Session string
}

// Applied is the build that was started.
type Applied struct {
	BuildID, ProjectID uuid.UUID
	// ResumeToken is where to follow it from.
	ResumeToken string
	// Noted is what starting it made known of the item.
	Noted Noted
}

// Apply starts a build with an item's prompt and notes, in the same transaction,
// that the item was accepted. It fails as starting a build does, and with
// [store.ErrNotFound] for what is not the user's. It is safe for concurrent use.
type Apply func(ctx context.Context, application Application) (Applied, error)

// ApplyRecommendation implements the RPC.
func (s *Service) ApplyRecommendation(
	ctx context.Context, req *recommendationv1.ApplyRecommendationRequest,
) (*recommendationv1.ApplyRecommendationResponse, error) {
	item, buildID, err := itemFromProto(req.GetRecommendationId(), req.GetBuildId())
	if err != nil {
		return nil, err
	}
	applied, err := s.ports.Apply(ctx, Application{
		UserID: auth.Caller(ctx).UserID, BuildID: buildID, Item: item, Session: req.GetBuildSessionId(),
	})
	if err != nil {
		return nil, err
	}
	s.ports.Metrics.Count(applied.Noted)
	return &recommendationv1.ApplyRecommendationResponse{
		BuildId:     applied.BuildID.String(),
		ProjectId:   applied.ProjectID.String(),
		ResumeToken: applied.ResumeToken,
	}, nil
}
