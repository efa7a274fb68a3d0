package recommend

import (
	"context"

	"github.com/google/uuid"

	recommendationv1 "github.com/sheenapps/sheen/gen/sheen/recommendation/v1"
	"github.com/sheenapps/sheen/server/auth"
	"github.com/sheenapps/sheen/server/recommend/rules"
	"github.com/sheenapps/sheen/store"
)

// Interaction is what a user did with an item, as it is stored.
type Interaction string

// The interactions.
const (
	Shown     Interaction = "shown"
	Accepted  Interaction = "accepted"
	Dismissed Interaction = "dismissed"
)

// implied returns the interaction and what came before it, in the order in which
// that happened: what a user chose or put away was on the screen.
func (i Interaction) implied() []string {
	if i == Shown {
		return []string{string(Shown)}
	}
	return []string{string(Shown), string(i)}
}

// Noted is what was not known before of an item. The zero value is nothing.
type Noted struct {
	// Quick tells a quick suggestion from a recommendation.
	Quick bool
	// Kind is the item's, as it is stored; empty for one of none.
	Kind rules.Kind
	// Interactions are those that are new, in no order.
	Interactions []string
}

// Note stores what a user did with an item of a build of theirs, once, and what that
// implies. It returns [store.ErrNotFound] if the build is not theirs or has no such
// item. Whoever commits what it stored counts it ([FeedbackMetrics.Count]).
func Note(ctx context.Context, db store.DBTX, userID, buildID uuid.UUID, item Item, did Interaction) (Noted, error) {
	params := &store.RecommendationInteractionNoteParams{
		BuildID: buildID, UserID: userID, ItemID: item.ID(), Interactions: did.implied(),
	}
	if item.kind == "" {
		params.RecommendationID = &item.recommendation
	}
	row, err := store.New().RecommendationInteractionNote(ctx, db, params)
	if err != nil {
		return Noted{}, err
	}
	noted := Noted{Quick: item.kind != "", Kind: item.kind, Interactions: row.Noted}
	if !noted.Quick {
		noted.Kind = rules.Kind(row.Kind)
	}
	return noted, nil
}

// RecordInteraction implements the RPC.
func (s *Service) RecordInteraction(
	ctx context.Context, req *recommendationv1.RecordInteractionRequest,
) (*recommendationv1.RecordInteractionResponse, error) {
	item, buildID, err := itemFromProto(req.GetRecommendationId(), req.GetBuildId())
	if err != nil {
		return nil, err
	}
	did, err := interactionFromProto(req.GetInteraction())
	if err != nil {
		return nil, err
	}
	noted, err := Note(ctx, s.ports.DB, auth.Caller(ctx).UserID, buildID, item, did)
	if err != nil {
		return nil, err
	}
	s.ports.Metrics.Count(noted)
	return &recommendationv1.RecordInteractionResponse{}, nil
}
