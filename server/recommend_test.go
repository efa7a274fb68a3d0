package server_test

import (
	"testing"
	"time"

	buildv1 "github.com/sheenapps/sheen/gen/sheen/build/v1"
	recommendationv1 "github.com/sheenapps/sheen/gen/sheen/recommendation/v1"
	"github.com/sheenapps/sheen/server"
	"github.com/sheenapps/sheen/server/recommend"
	"github.com/sheenapps/sheen/server/servertest"
)

// settledList waits until a build's list is no longer in the making.
func settledList(t *testing.T, user *servertest.Clients, build string) *recommendationv1.GetRecommendationsResponse {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(20 * time.Millisecond) { //nolint:forbidigo // polls the server, bounded
		res, err := user.Recommendations.GetRecommendations(t.Context(), &recommendationv1.GetRecommendationsRequest{BuildId: build})
		if err != nil {
			t.Fatal(err)
		}
		if len(res.GetQuickSuggestions()) != 3 {
			t.Fatalf("quick suggestions %v", res.GetQuickSuggestions())
		}
		if res.GetPendingRevision() == 0 {
			return res
		}
		if time.Now().After(deadline) {
			t.Fatalf("still in the making: %v", res)
		}
	}
}

func startSalon(t *testing.T, user *servertest.Clients) string {
	t.Helper()
	res, err := user.Builds.StartBuild(t.Context(), &buildv1.StartBuildRequest{Prompt: "A booking site for my hair salon"})
	if err != nil {
		t.Fatal(err)
	}
	return res.GetBuild().GetId()
}

// A server writes recommendations beside its builds, and again when it is asked to.
func TestAServerRecommends(t *testing.T) {
	t.Parallel()
	user := servertest.Start(t).User(t)
	id := startSalon(t, user)
	first := settledList(t, user, id)
	const ready = recommendationv1.RecommendationState_RECOMMENDATION_STATE_READY
	if first.GetState() != ready || first.GetRevision() != 1 || len(first.GetRecommendations()) != 6 || first.GetFailureReason() != "" {
		t.Errorf("%v", first)
	}
	again, err := user.Recommendations.RetryRecommendations(t.Context(), &recommendationv1.RetryRecommendationsRequest{BuildId: id, IdempotencyKey: "k"})
	if err != nil || again.GetRevision() != 2 || again.GetState() != recommendationv1.RecommendationState_RECOMMENDATION_STATE_QUEUED {
		t.Fatalf("%v, %v", again, err)
	}
	if second := settledList(t, user, id); second.GetState() != ready || second.GetRevision() != 2 {
		t.Errorf("%v", second)
	}
}

func TestAServerDoesNotRecommend(t *testing.T) {
	t.Parallel()
	user := servertest.Start(t, func(c *server.Config) { c.Recommendations = recommend.ModeOff }).User(t)
	id := startSalon(t, user)
	if res := settledList(t, user, id); res.GetState() != recommendationv1.RecommendationState_RECOMMENDATION_STATE_SKIPPED {
		t.Errorf("%v", res)
	}
}
