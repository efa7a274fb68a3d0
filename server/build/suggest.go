package build

import (
	"context"
	"errors"
	"slices"

	"github.com/google/uuid"

	"github.com/sheenapps/sheen/server/auth"
	"github.com/sheenapps/sheen/server/engine/analysis"
	"github.com/sheenapps/sheen/server/recommend"
	"github.com/sheenapps/sheen/server/recommend/rules"
	"github.com/sheenapps/sheen/store"
)

// sureEnough is the confidence from which a business type counts.
const sureEnough = 0.3

// factsOf turns an analysis into what the suggestion rules read.
func factsOf(a *analysis.Analysis) rules.Facts {
	facts := rules.Facts{
		// What the prompt forgoes is no more proposed than what it asks for.
		Requirements: slices.Concat(a.Requirements, a.Unwanted),
		Missing:      a.Missing,
		Audience:     a.Audience,
		Personality:  a.Personality,
	}
	if a.Confidence >= sureEnough {
		facts.BusinessType = a.BusinessType
	}
	for _, service := range a.Services {
		facts.Services = append(facts.Services, service.Key)
	}
	return facts
}

// Facts says what is known about a build, a project's newest build or a prompt:
// what the suggestions are chosen by. It returns the build's locale, or the
// prompt's language if that is known, and [store.ErrNotFound] for what is not the caller's.
func (s *Service) Facts(ctx context.Context, source recommend.Source) (rules.Facts, string, error) {
	if source.Prompt != "" {
		a := analysis.Analyze(source.Prompt, "")
		return factsOf(&a), spoken(&a), nil
	}
	b, err := s.sourceBuild(ctx, source)
	if err != nil {
		return rules.Facts{}, "", err
	}
	a := analyzed(b)
	facts := factsOf(&a)
	if plan, err := s.storedPlan(ctx, b.ID); err == nil {
		facts.Existing = plan.Features
	} else if !errors.Is(err, store.ErrNotFound) {
		return rules.Facts{}, "", err
	}
	return facts, b.Locale, nil
}

func (s *Service) sourceBuild(ctx context.Context, source recommend.Source) (*store.Build, error) {
	userID := auth.Caller(ctx).UserID
	if source.BuildID != uuid.Nil {
		return s.queries.BuildByID(ctx, s.db, &store.BuildByIDParams{ID: source.BuildID, UserID: userID})
	}
	return s.queries.BuildNewestOfProject(ctx, s.db, &store.BuildNewestOfProjectParams{ProjectID: source.ProjectID, UserID: userID})
}
