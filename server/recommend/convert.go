package recommend

import (
	"github.com/google/uuid"

	recommendationv1 "github.com/sheenapps/sheen/gen/sheen/recommendation/v1"
	"github.com/sheenapps/sheen/server/fault"
	"github.com/sheenapps/sheen/server/recommend/rules"
)

// SuggestionsToProto converts suggestions, in their order.
func SuggestionsToProto(suggestions []Suggestion) []*recommendationv1.QuickSuggestion {
	converted := make([]*recommendationv1.QuickSuggestion, len(suggestions))
	for i, s := range suggestions {
		converted[i] = &recommendationv1.QuickSuggestion{
			Id:             s.ID,
			Kind:           string(s.Kind),
			Category:       categoryToProto(s.Category),
			Title:          s.Title,
			Description:    s.Description,
			Prompt:         s.Prompt,
			TitleKey:       s.TitleKey,
			DescriptionKey: s.DescriptionKey,
			PromptKey:      s.PromptKey,
		}
	}
	return converted
}

func categoryToProto(category rules.Category) recommendationv1.SuggestionCategory {
	switch category {
	case rules.CategoryFeature:
		return recommendationv1.SuggestionCategory_SUGGESTION_CATEGORY_FEATURE
	case rules.CategoryUI:
		return recommendationv1.SuggestionCategory_SUGGESTION_CATEGORY_UI
	case rules.CategorySEO:
		return recommendationv1.SuggestionCategory_SUGGESTION_CATEGORY_SEO
	case rules.CategoryPerformance:
		return recommendationv1.SuggestionCategory_SUGGESTION_CATEGORY_PERFORMANCE
	case rules.CategoryAccessibility:
		return recommendationv1.SuggestionCategory_SUGGESTION_CATEGORY_ACCESSIBILITY
	}
	return recommendationv1.SuggestionCategory_SUGGESTION_CATEGORY_UNSPECIFIED
}

// sourceFromProto takes what is no id for one that nobody has.
func sourceFromProto(req *recommendationv1.GetQuickSuggestionsRequest) (Source, error) {
	var source Source
	var err error
	switch of := req.GetOf().(type) {
	case *recommendationv1.GetQuickSuggestionsRequest_BuildId:
		source.BuildID, err = uuid.Parse(of.BuildId)
	case *recommendationv1.GetQuickSuggestionsRequest_ProjectId:
		source.ProjectID, err = uuid.Parse(of.ProjectId)
	case *recommendationv1.GetQuickSuggestionsRequest_Prompt:
		source.Prompt = of.Prompt
	}
	if err != nil {
		return Source{}, fault.NotFound()
	}
	return source, nil
}
