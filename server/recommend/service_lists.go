package recommend

import (
	"context"

	"github.com/google/uuid"

	recommendationv1 "github.com/sheenapps/sheen/gen/sheen/recommendation/v1"
	"github.com/sheenapps/sheen/server/auth"
	"github.com/sheenapps/sheen/server/locale"
)

// Mode says when AI recommendations are written.
type Mode string

// The modes. The empty one is [ModeParallel].
const (
	// ModeParallel writes them beside the build.
	ModeParallel Mode = "parallel"
	// ModeAfter writes them once the build is complete.
	ModeAfter Mode = "after"
	// ModeOff writes none.
	ModeOff Mode = "off"
)

// Requested is the list that a request leads to: its number and its state as users
// see it.
type Requested struct {
	Number int32
	State  State
}

// Request asks for another list of the caller's build in the name of an idempotency
// key, or finds the one that is in the making or that the key asked for before. It
// returns store.ErrNotFound for what is not the caller's, and is safe for concurrent
// use.
type Request func(ctx context.Context, buildID uuid.UUID, key string) (Requested, error)

// GetRecommendations implements the RPC. The response's Content-Language is the
// locale of the quick suggestions and of the reason; an entry is in its build's.
func (s *Service) GetRecommendations(
	ctx context.Context, req *recommendationv1.GetRecommendationsRequest,
) (*recommendationv1.GetRecommendationsResponse, error) {
	buildID, err := buildFromProto(req.GetBuildId())
	if err != nil {
		return nil, err
	}
	facts, buildLocale, err := s.ports.FactsOf(ctx, Source{BuildID: buildID})
	if err != nil {
		return nil, err
	}
	view, err := s.ports.Lists.View(ctx, s.ports.DB, buildID, auth.Caller(ctx).UserID)
	if err != nil {
		return nil, err
	}
	reading := locale.Read(req.GetLocale(), buildLocale)
	reading.Tell(ctx)
	return &recommendationv1.GetRecommendationsResponse{
		State:            stateToProto(view.State),
		Revision:         view.Ready,
		PendingRevision:  view.Pending,
		Recommendations:  entriesToProto(view.Entries),
		QuickSuggestions: SuggestionsToProto(Quick(facts, 0, reading.Tag)),
		FailureReason:    view.Reason.text(reading.Tag),
	}, nil
}

// RetryRecommendations implements the RPC.
func (s *Service) RetryRecommendations(
	ctx context.Context, req *recommendationv1.RetryRecommendationsRequest,
) (*recommendationv1.RetryRecommendationsResponse, error) {
	buildID, err := buildFromProto(req.GetBuildId())
	if err != nil {
		return nil, err
	}
	list, err := s.ports.Request(ctx, buildID, req.GetIdempotencyKey())
	if err != nil {
		return nil, err
	}
	return &recommendationv1.RetryRecommendationsResponse{State: stateToProto(list.State), Revision: list.Number}, nil
}
