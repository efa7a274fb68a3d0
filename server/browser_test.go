package server_test

import (
	"log/slog"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sheenapps/sheen/server"
	"github.com/sheenapps/sheen/server/servertest"
)

// A server that has to open every site does not start without a browser, and
// nobody else misses it.
func TestBrowserThatIsNotThere(t *testing.T) {
	t.Parallel()
	with := servertest.Start(t)
	none := filepath.Join(t.TempDir(), "chromium")
	for mode, starts := range map[server.Headless]bool{server.HeadlessAlways: false, server.HeadlessAuto: true, server.HeadlessOff: true} {
		cfg := server.Config{
			Listen: "127.0.0.1:0", PreviewListen: "127.0.0.1:0", PreviewDomain: "preview.localhost", DataDir: t.TempDir(),
			DatabaseURL: server.NewSecret(with.DatabaseURL), RedisURL: server.NewSecret("redis://" + with.Redis.Addr()),
			Roles: server.Roles{Worker: true}, Engine: server.EngineOffline, Headless: mode, Chromium: none,
		}
		s, err := server.Start(t.Context(), cfg, slog.New(slog.DiscardHandler))
		if (err == nil) != starts || !starts && !strings.Contains(err.Error(), "SHEEN_HEADLESS") {
			t.Errorf("%s: %v", mode, err)
		}
		if err == nil {
			if err := s.Stop(t.Context()); err != nil {
				t.Error(err)
			}
		}
	}
}
