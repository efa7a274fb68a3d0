package server_test

import (
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	buildv1 "github.com/sheenapps/sheen/gen/sheen/build/v1"
	recommendationv1 "github.com/sheenapps/sheen/gen/sheen/recommendation/v1"
	"github.com/sheenapps/sheen/server"
	"github.com/sheenapps/sheen/server/servertest"
	"github.com/sheenapps/sheen/store"
)

// TestFeedbackOfAUser goes the whole way: what a user sees and chooses is measured,
// and becomes the next build.
func TestFeedbackOfAUser(t *testing.T) {
	t.Parallel()
	metrics := func(cfg *server.Config) { cfg.MetricsListen = "127.0.0.1:0" }
	b := servertest.Start(t, metrics, func(cfg *server.Config) { cfg.Roles = server.Roles{API: true} })
	user := b.User(t)
	res, err := user.Builds.StartBuild(t.Context(), &buildv1.StartBuildRequest{Prompt: "A site for my café", Locale: "fr"})
	if err != nil {
		t.Fatal(err)
	}
	db, err := store.Open(t.Context(), b.DatabaseURL)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(db.Close)
	first := res.GetBuild().GetId()
	item := listOf(t, db, first)
	for _, id := range []string{item, "qs-booking"} {
		if _, err := user.Recommendations.RecordInteraction(t.Context(), &recommendationv1.RecordInteractionRequest{
			BuildId: first, RecommendationId: id, Interaction: recommendationv1.Interaction_INTERACTION_SHOWN,
		}); err != nil {
			t.Error(err)
		}
	}
	if _, err := user.Builds.CancelBuild(t.Context(), &buildv1.CancelBuildRequest{BuildId: first}); err != nil {
		t.Fatal(err)
	}
	applied, err := user.Recommendations.ApplyRecommendation(t.Context(), &recommendationv1.ApplyRecommendationRequest{
		BuildId: first, RecommendationId: item, BuildSessionId: "bs_" + uuid.NewString(),
	})
	if err != nil {
		t.Fatal(err)
	}
	got, err := user.Builds.GetBuild(t.Context(), &buildv1.GetBuildRequest{BuildId: applied.GetBuildId()})
	if next := got.GetBuild(); err != nil || next.GetParentBuildId() != first || next.GetRecommendationId() != item ||
		next.GetProjectId() != applied.GetProjectId() || next.GetPrompt() != "A site for my café\n\nAdd prices." {
		t.Errorf("%v is %v, %v", applied, got, err)
	}
	_, page := plainGet(t, "http://"+b.MetricsAddr()+"/metrics", nil)
	wantLines(t, page,
		`sheen_recommendation_interactions_total{interaction="accepted",kind="pricing",source="ai"} 1`,
		`sheen_recommendation_interactions_total{interaction="shown",kind="pricing",source="ai"} 1`,
		`sheen_recommendation_interactions_total{interaction="shown",kind="booking",source="quick"} 1`)

	// What the worker would make of the builds would count too.
	if _, err := db.Exec(t.Context(), `DELETE FROM river_job`); err != nil {
		t.Fatal(err)
	}
	worker := servertest.Join(t, b, metrics)
	measured := regexp.MustCompile(`(?m)^sheen_recommendations_measured_timestamp_seconds [1-9]`)
	for deadline := time.Now().Add(30 * time.Second); !measured.MatchString(page); {
		if time.Now().After(deadline) {
			t.Fatalf("nothing is measured:\n%s", page)
		}
		_, page = plainGet(t, "http://"+worker.MetricsAddr()+"/metrics", nil)
	}
	// The page with the time may have been read while the rest was being set.
	_, page = plainGet(t, "http://"+worker.MetricsAddr()+"/metrics", nil)
	wantLines(t, page, "sheen_recommendations_shown_ratio 1", "sheen_recommendations_not_shown_ratio 0",
		"sheen_recommendations_accepted_ratio 1", "sheen_recommendations_after_build_p50_seconds NaN")
}

// listOf stores a list of one recommendation for a build, beside what there may be,
// and returns its id.
func listOf(t *testing.T, db *store.DB, build string) string {
	t.Helper()
	id := uuid.New()
	if _, err := db.Exec(t.Context(), `
		WITH list AS (
			INSERT INTO recommendation_revisions (build_id, revision, state, deadline_time, end_time)
			VALUES ($2, 9, 'ready', now(), now()) RETURNING build_id, revision
		)
		INSERT INTO recommendations (id, build_id, revision, position, kind, category, title, description, prompt)
		SELECT $1, build_id, revision, 1, 'pricing', 'feature', 'Prices', 'What it costs.', 'Add prices.' FROM list`,
		id, uuid.MustParse(build)); err != nil {
		t.Fatal(err)
	}
	return id.String()
}

func wantLines(t *testing.T, page string, lines ...string) {
	t.Helper()
	for _, line := range lines {
		if !strings.Contains(page, line+"\n") {
			t.Errorf("no %s in\n%s", line, page)
		}
	}
}
