package server_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	buildv1 "github.com/sheenapps/sheen/gen/sheen/build/v1"
	"github.com/sheenapps/sheen/server"
	"github.com/sheenapps/sheen/server/servertest"
)

func TestBlobsSetting(t *testing.T) {
	t.Parallel()
	stores := map[string]string{"SHEEN_DATABASE_URL": "postgres://db/sheen", "SHEEN_REDIS_URL": "redis://r"}
	for _, test := range []struct{ role, blobs, want string }{
		{"api,worker", "", ""},
		{"worker", "file:///mnt/sheen", ""},
		{"api", "s3://sites", ""},
		{"worker", "s3://sites?region=eu-west-3&endpoint=https://s3.local&prefix=a", ""},
		{"worker", "", "set SHEEN_BLOBS"},
		{"api", "", "set SHEEN_BLOBS"},
		{"api,worker", "/mnt/sheen", "must be file:// and an absolute path"},
		{"api,worker", "file://mnt/sheen", "must be file:// and an absolute path"},
		{"api,worker", "file:mnt", "must be file:// and an absolute path"},
		{"api,worker", "s3://key:hidden@sites", "should be s3://bucket"},
		{"api,worker", "s3://sites?token=hidden", "should be s3://bucket"},
	} {
		_, err := load(t, []string{"--role", test.role, "--blobs", test.blobs}, stores, nil)
		if test.want == "" && err != nil || test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)) {
			t.Errorf("%s with %q: %v, want %q", test.role, test.blobs, err, test.want)
		}
		if err != nil && strings.Contains(err.Error(), "hidden") {
			t.Errorf("a secret is told: %v", err)
		}
	}
}

// Two processes with one role each and one folder between them build a site.
func TestASharedFolder(t *testing.T) {
	t.Parallel()
	shared := t.TempDir()
	share := func(c *server.Config) { c.Blobs = "file://" + shared }
	b := servertest.Start(t, share, func(c *server.Config) { c.Roles = server.Roles{API: true} })
	alone := t.TempDir()
	servertest.Join(t, b, share, func(c *server.Config) {
		c.Roles, c.DataDir, c.PreviewListen = server.Roles{Worker: true}, alone, b.Preview
	})
	user := b.User(t)
	started, err := user.Builds.StartBuild(t.Context(), &buildv1.StartBuildRequest{Prompt: "A booking site for my hair salon in Lyon"})
	if err != nil {
		t.Fatal(err)
	}
	events := watch(t, user, started.GetBuild().GetId())
	done := events[len(events)-1].GetBuildCompleted()
	if done == nil {
		t.Fatalf("the last event is %v", events[len(events)-1])
	}
	fetch(t, b.Preview, done.GetPreviewUrl())
	for _, name := range []string{"blobs", "server.json"} {
		if _, err := os.Stat(filepath.Join(alone, name)); err == nil {
			t.Errorf("the worker made %s", name)
		}
	}
}
