// Package crashes kills and stops nodes in the middle of builds, at named moments
// and at random ones, and checks that nobody can tell from what is left: every
// accepted build ends once, with the files that it has without the crash, each
// model call recorded once, one charge and one gapless log.
package crashes

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/sheenapps/sheen/client"
	buildv1 "github.com/sheenapps/sheen/gen/sheen/build/v1"
	"github.com/sheenapps/sheen/server/auth"
	"github.com/sheenapps/sheen/store/storetest"
)

// world is what nodes share, and a user.
type world struct {
	databaseURL, redisURL, blobs string
	// settings are those of all nodes.
	settings []string
	user     uuid.UUID
	key      *auth.Key
	dir      string
}

func newWorld(t *testing.T, settings ...string) *world {
	t.Helper()
	w := &world{
		databaseURL: storetest.URL(t), redisURL: "redis://" + miniredis.RunT(t).Addr(), blobs: t.TempDir(),
		settings: settings, user: uuid.New(), dir: t.TempDir(),
	}
	var err error
	if w.key, err = auth.LoadOrCreateKey(w.dir); err != nil {
		t.Fatal(err)
	}
	return w
}

// client calls a node as the world's user. It does not repeat what a crash cut.
func (w *world) client(t *testing.T, url string) *client.Client {
	t.Helper()
	return w.clientOf(t, url, w.user)
}

func (w *world) clientOf(t *testing.T, url string, user uuid.UUID) *client.Client {
	t.Helper()
	token, err := w.key.Issue(user, auth.RoleUser, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	c := client.New(url, client.WithStaticToken(token))
	t.Cleanup(c.CloseIdleConnections)
	return c
}

// query connects to the world's database.
func (w *world) query(t *testing.T) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), w.databaseURL)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(context.WithoutCancel(t.Context())) })
	return conn
}

// number asks for one number.
func (w *world) number(t *testing.T, sql string, args ...any) (n int64) {
	t.Helper()
	conn := w.query(t)
	if err := conn.QueryRow(t.Context(), sql, args...).Scan(&n); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	return n
}

// endLimit is how long a build may take to end after a crash: the takeover within
// 20 s, and the work that is left on a busy machine.
const endLimit = 60 * time.Second

// ended follows a build to its end.
func ended(t *testing.T, c *client.Client, id string) *buildv1.Build {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), endLimit)
	defer cancel()
	for _, err := range c.Follow(ctx, id, client.AfterSeq(0)) {
		if err != nil {
			t.Fatalf("follow: %v", err)
		}
	}
	res, err := c.Builds.GetBuild(t.Context(), &buildv1.GetBuildRequest{BuildId: id})
	if err != nil {
		t.Fatal(err)
	}
	return res.GetBuild()
}

// site is the prompt of the builds here.
const site = "A booking site for my hair salon in Lyon called Maison Rose"

func start(ctx context.Context, c *client.Client, session string) (*buildv1.StartBuildResponse, error) {
	return c.Builds.StartBuild(ctx, &buildv1.StartBuildRequest{Prompt: site, BuildSessionId: session})
}

// text asks for one text.
func (w *world) text(t *testing.T, sql string, args ...any) (text string) {
	t.Helper()
	if err := w.query(t).QueryRow(t.Context(), sql, args...).Scan(&text); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	return text
}

// newDataDir makes a data folder with the key of another one, as a second machine
// has it.
func newDataDir(t *testing.T, of string) string {
	t.Helper()
	dir := t.TempDir()
	key, err := os.ReadFile(filepath.Join(of, "jwt.key"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "jwt.key"), key, 0o600); err != nil {
		t.Fatal(err)
	}
	return dir
}
