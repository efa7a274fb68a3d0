package recommend

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/google/uuid"

	"github.com/sheenapps/sheen/server/recommend/rules"
	"github.com/sheenapps/sheen/store"
)

// quickPrefix begins the ids of quick suggestions; a kind follows.
const quickPrefix = "qs-"

// Item is something that is proposed for a build: a recommendation or a quick
// suggestion. Whether the build has it, the store knows. The zero value is no item.
type Item struct {
	// kind is a quick suggestion's; empty for a recommendation.
	kind           rules.Kind
	recommendation uuid.UUID
}

// ParseItem reads the id of an item. It returns [store.ErrNotFound] for one that
// nothing can have.
func ParseItem(id string) (Item, error) {
	if kind, ok := strings.CutPrefix(id, quickPrefix); ok {
		if !slices.Contains(rules.Kinds(), rules.Kind(kind)) {
			return Item{}, fmt.Errorf("a suggestion of no kind: %w", store.ErrNotFound)
		}
		return Item{kind: rules.Kind(kind)}, nil
	}
	recommendation, err := uuid.Parse(id)
	if err != nil {
		return Item{}, fmt.Errorf("an item without an id: %w", store.ErrNotFound)
	}
	return Item{recommendation: recommendation}, nil
}

// ID is the item's id as it is stored, however its caller spelled it.
func (i Item) ID() string {
	if i.kind != "" {
		return quickPrefix + string(i.kind)
	}
	return i.recommendation.String()
}

// Prompt returns what the next build is started with: a recommendation's own
// prompt, or a quick suggestion's in the locale tag, which is the build's. It
// returns [store.ErrNotFound] if the item is not one of that user's build.
func (i Item) Prompt(ctx context.Context, db store.DBTX, userID, buildID uuid.UUID, tag string) (string, error) {
	if i.kind != "" {
		return localize(i.kind, tag).Prompt, nil
	}
	return store.New().RecommendationPrompt(ctx, db, &store.RecommendationPromptParams{
		ID: i.recommendation, BuildID: buildID, UserID: userID,
	})
}
