package recommend_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"connectrpc.com/connect"
	"github.com/google/uuid"

	recommendationv1 "github.com/sheenapps/sheen/gen/sheen/recommendation/v1"
	"github.com/sheenapps/sheen/gen/sheen/recommendation/v1/recommendationv1connect"
	"github.com/sheenapps/sheen/server/recommend"
	"github.com/sheenapps/sheen/store"
)

// served is a service over stored lists. What is asked for comes to requests.
func served(t *testing.T, b *listBundle, requests recommend.Request) recommendationv1connect.RecommendationServiceClient {
	t.Helper()
	s := &testService{user: b.user, build: b.build, project: uuid.New()}
	return s.serve(t, recommend.NewService(recommend.Ports{DB: b.db, FactsOf: s.facts, Lists: b.Lists, Request: requests}))
}

func TestGetRecommendations(t *testing.T) {
	t.Parallel()
	b := setupLists(t)
	client := served(t, b, nil)
	get := func(locale, header string) (*recommendationv1.GetRecommendationsResponse, string) {
		t.Helper()
		ctx, info := connect.NewClientContext(t.Context())
		if header != "" {
			info.RequestHeader().Set("Accept-Language", header)
		}
		res, err := client.GetRecommendations(ctx, &recommendationv1.GetRecommendationsRequest{BuildId: b.build.String(), Locale: locale})
		b.must(err)
		if len(res.GetQuickSuggestions()) != 3 || res.GetQuickSuggestions()[0].GetTitle() == "" {
			t.Errorf("quick suggestions %v", res.GetQuickSuggestions())
		}
		return res, info.ResponseHeader().Get("Content-Language")
	}
	const (
		none, ready, failed = recommendationv1.RecommendationState_RECOMMENDATION_STATE_NONE,
			recommendationv1.RecommendationState_RECOMMENDATION_STATE_READY, recommendationv1.RecommendationState_RECOMMENDATION_STATE_FAILED
	)
	if res, tag := get("", ""); res.GetState() != none || tag != "fr-MA" {
		t.Errorf("%v in %s", res, tag)
	}
	_, err := b.RequestFirst(t.Context(), b.db, b.build)
	b.must(err)
	_, err = b.Fail(t.Context(), b.db, b.begun(1, 0), recommend.ReasonRefused, false, recommend.Usage{})
	b.must(err)
	for _, test := range []struct{ field, header, want, reason string }{
		{"de", "es", "de", "Die Regeln des KI-Dienstes lassen für diese Website keine Empfehlungen zu."},
		{"es", "", "es", "Las normas del servicio de IA no permiten recomendaciones para este sitio."},
		{"", "es", "fr-MA", "Les règles du service d'IA n'autorisent pas"},
		{"", "", "fr-MA", "Les règles du service d'IA n'autorisent pas"},
		{"tlh", "es", "en", "The AI service's rules do not allow recommendations for this site."},
	} {
		if res, tag := get(test.field, test.header); res.GetState() != failed || tag != test.want || !strings.HasPrefix(res.GetFailureReason(), test.reason) {
			t.Errorf("%v in %s, want %s", res, tag, test.want)
		}
	}
	b.must(b.RequestNext(t.Context(), b.db, b.list(2), "k"))
	_, err = b.Store(t.Context(), b.db, b.begun(2, 0), entries, recommend.Usage{})
	b.must(err)
	res, _ := get("de", "")
	if res.GetState() != ready || res.GetRevision() != 2 || res.GetPendingRevision() != 0 || res.GetFailureReason() != "" || len(res.GetRecommendations()) != 2 {
		t.Fatalf("%v", res)
	}
	got := res.GetRecommendations()[1]
	if _, err := uuid.Parse(got.GetId()); err != nil || got.GetBuildId() != b.build.String() || got.GetRevision() != 2 ||
		got.GetCategory() != recommendationv1.SuggestionCategory_SUGGESTION_CATEGORY_UI || got.GetTitle() != "Two" ||
		got.GetDescription() != "d2" || got.GetPrompt() != "p2" || got.GetCreateTime().AsTime().IsZero() {
		t.Errorf("%v", got)
	}
}

func TestStatesOnTheWire(t *testing.T) {
	t.Parallel()
	b := setupLists(t)
	var state recommend.State
	client := served(t, b, func(_ context.Context, buildID uuid.UUID, key string) (recommend.Requested, error) {
		if buildID != b.build || key != "k" {
			return recommend.Requested{}, fmt.Errorf("%s %q: %w", buildID, key, store.ErrNotFound)
		}
		return recommend.Requested{Number: 7, State: state}, nil
	})
	retry := func(build, key string) (*recommendationv1.RetryRecommendationsResponse, error) {
		return client.RetryRecommendations(t.Context(), &recommendationv1.RetryRecommendationsRequest{BuildId: build, IdempotencyKey: key})
	}
	for i, s := range append([]recommend.State{""}, recommend.States()...) {
		state = s
		res, err := retry(b.build.String(), "k")
		if err != nil || res.GetRevision() != 7 || res.GetState() != recommendationv1.RecommendationState(i) {
			t.Errorf("%s: %v, %v", s, res, err)
		}
	}
	if _, err := retry(uuid.NewString(), "k"); connect.CodeOf(err) != connect.CodeNotFound || reasonOf(t, err) != "NOT_FOUND" {
		t.Error(err)
	}
	if _, err := retry(b.build.String(), ""); connect.CodeOf(err) != connect.CodeInvalidArgument {
		t.Error(err)
	}
	if _, err := client.GetRecommendations(t.Context(), &recommendationv1.GetRecommendationsRequest{BuildId: uuid.NewString()}); reasonOf(t, err) != "NOT_FOUND" {
		t.Error(err)
	}
}
