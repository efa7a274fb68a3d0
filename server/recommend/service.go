package recommend

import (
	"context"

	"github.com/google/uuid"

	recommendationv1 "github.com/sheenapps/sheen/gen/sheen/recommendation/v1"
	"github.com/sheenapps/sheen/gen/sheen/recommendation/v1/recommendationv1connect"
	"github.com/sheenapps/sheen/server/locale"
	"github.com/sheenapps/sheen/server/recommend/rules"
	"github.com/sheenapps/sheen/store"
)

// Source names what suggestions are for. Exactly one field is set.
type Source struct {
	BuildID uuid.UUID
	// ProjectID stands for the project's newest build.
	ProjectID uuid.UUID
	// Prompt is one that nothing was built from yet, 1 to 16,384 bytes.
	Prompt string
}

// FactsOf says what is known about a source that is the caller's, and the locale
// of its build; for a prompt, the locale it is written in or none. It returns
// store.ErrNotFound for what is not the caller's, and is safe for concurrent
// use.
type FactsOf func(ctx context.Context, source Source) (facts rules.Facts, buildLocale string, err error)

// Service implements RecommendationService. It is safe for concurrent use.
type Service struct {
	recommendationv1connect.UnimplementedRecommendationServiceHandler

	ports Ports
}

// Ports are what the service needs. All fields are required.
type Ports struct {
	DB *store.DB
	// FactsOf, Request and Apply come from whoever owns builds.
	FactsOf FactsOf
	Request Request
	Apply   Apply
	Lists   *Lists
	Metrics *FeedbackMetrics
}

// NewService serves suggestions and stored lists.
func NewService(p Ports) *Service { return &Service{ports: p} }

// GetQuickSuggestions implements the RPC. The response's Content-Language is the
// locale of the texts.
func (s *Service) GetQuickSuggestions(
	ctx context.Context, req *recommendationv1.GetQuickSuggestionsRequest,
) (*recommendationv1.GetQuickSuggestionsResponse, error) {
	source, err := sourceFromProto(req)
	if err != nil {
		return nil, err
	}
	facts, buildLocale, err := s.ports.FactsOf(ctx, source)
	if err != nil {
		return nil, err
	}
	// What is known of a build is its locale, so that the header does not count.
	reading := locale.Negotiate(ctx, req.GetLocale(), buildLocale)
	reading.Tell(ctx)
	return &recommendationv1.GetQuickSuggestionsResponse{
		QuickSuggestions: SuggestionsToProto(Quick(facts, int(req.GetLimit()), reading.Tag)),
		Locale:           reading.Tag,
	}, nil
}
