package server_test

import (
	"context"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	buildv1 "github.com/sheenapps/sheen/gen/sheen/build/v1"
	"github.com/sheenapps/sheen/server"
	"github.com/sheenapps/sheen/server/servertest"
)

// A node fetches a build's job and dies before it has the lease: the job runs for
// ever, as its row says. Another node finds that, and the build goes on.
func TestANodeDiesBeforeItHasTheLease(t *testing.T) {
	t.Parallel()
	front := servertest.Start(t, func(c *server.Config) { c.Roles = server.Roles{API: true} })
	user := front.User(t)
	started, err := user.Builds.StartBuild(t.Context(), &buildv1.StartBuildRequest{Prompt: "A site for my café"})
	if err != nil {
		t.Fatal(err)
	}
	db, err := pgx.Connect(t.Context(), front.DatabaseURL)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close(context.WithoutCancel(t.Context())) })
	done, err := db.Exec(t.Context(), `UPDATE river_job SET state = 'running', attempt = 1, attempted_at = now(), attempted_by = '{gone}'
		WHERE kind = 'build' AND args->>'build_id' = $1`, started.GetBuild().GetId())
	if err != nil || done.RowsAffected() != 1 {
		t.Fatalf("%d rows, %v", done.RowsAffected(), err)
	}
	servertest.Join(t, front)
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	for state := buildv1.BuildState_BUILD_STATE_QUEUED; state != buildv1.BuildState_BUILD_STATE_COMPLETE; {
		res, err := user.Builds.GetBuild(ctx, &buildv1.GetBuildRequest{BuildId: started.GetBuild().GetId()})
		if err != nil {
			t.Fatalf("%v: %v", state, err)
		}
		state = res.GetBuild().GetState()
		time.Sleep(50 * time.Millisecond) //nolint:forbidigo // polls, bounded by ctx
	}
}
