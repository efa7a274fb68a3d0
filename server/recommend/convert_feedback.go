package recommend

import (
	"github.com/google/uuid"

	recommendationv1 "github.com/sheenapps/sheen/gen/sheen/recommendation/v1"
	"github.com/sheenapps/sheen/server/fault"
)

// itemFromProto takes what is no id for one that nobody has.
func itemFromProto(itemID, buildID string) (Item, uuid.UUID, error) {
	item, err := ParseItem(itemID)
	if err != nil {
		return Item{}, uuid.Nil, err
	}
	build, err := uuid.Parse(buildID)
	if err != nil {
		return Item{}, uuid.Nil, fault.NotFound()
	}
	return item, build, nil
}

func interactionFromProto(interaction recommendationv1.Interaction) (Interaction, error) {
	switch interaction {
	case recommendationv1.Interaction_INTERACTION_SHOWN:
		return Shown, nil
	case recommendationv1.Interaction_INTERACTION_ACCEPTED:
		return Accepted, nil
	case recommendationv1.Interaction_INTERACTION_DISMISSED:
		return Dismissed, nil
	case recommendationv1.Interaction_INTERACTION_UNSPECIFIED:
	}
	return "", fault.InvalidField("The field interaction is not valid: it names no interaction.")
}
