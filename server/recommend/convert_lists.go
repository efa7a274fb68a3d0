package recommend

import (
	"github.com/google/uuid"
	"google.golang.org/protobuf/types/known/timestamppb"

	recommendationv1 "github.com/sheenapps/sheen/gen/sheen/recommendation/v1"
	"github.com/sheenapps/sheen/server/fault"
	"github.com/sheenapps/sheen/server/recommend/rules"
	"github.com/sheenapps/sheen/store"
)

func stateToProto(state State) recommendationv1.RecommendationState {
	switch state {
	case StateNone:
		return recommendationv1.RecommendationState_RECOMMENDATION_STATE_NONE
	case StateQueued:
		return recommendationv1.RecommendationState_RECOMMENDATION_STATE_QUEUED
	case StateGenerating:
		return recommendationv1.RecommendationState_RECOMMENDATION_STATE_GENERATING
	case StateReady:
		return recommendationv1.RecommendationState_RECOMMENDATION_STATE_READY
	case StateFailed:
		return recommendationv1.RecommendationState_RECOMMENDATION_STATE_FAILED
	case StateSkipped:
		return recommendationv1.RecommendationState_RECOMMENDATION_STATE_SKIPPED
	}
	return recommendationv1.RecommendationState_RECOMMENDATION_STATE_UNSPECIFIED
}

func entriesToProto(entries []*store.Recommendation) []*recommendationv1.Recommendation {
	converted := make([]*recommendationv1.Recommendation, len(entries))
	for i, e := range entries {
		converted[i] = &recommendationv1.Recommendation{
			Id:          e.ID.String(),
			BuildId:     e.BuildID.String(),
			Revision:    e.Revision,
			Category:    categoryToProto(rules.Category(e.Category)),
			Title:       e.Title,
			Description: e.Description,
			Prompt:      e.Prompt,
			CreateTime:  timestamppb.New(e.CreateTime),
		}
	}
	return converted
}

// buildFromProto takes what is no id for one that nobody has.
func buildFromProto(id string) (uuid.UUID, error) {
	buildID, err := uuid.Parse(id)
	if err != nil {
		return uuid.Nil, fault.NotFound()
	}
	return buildID, nil
}
