package server_test

import (
	"bytes"
	"context"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/google/uuid"

	billingv1 "github.com/sheenapps/sheen/gen/sheen/billing/v1"
	buildv1 "github.com/sheenapps/sheen/gen/sheen/build/v1"
	"github.com/sheenapps/sheen/server"
	"github.com/sheenapps/sheen/server/auth"
	"github.com/sheenapps/sheen/server/servertest"
	"github.com/sheenapps/sheen/store/storetest"
)

// journal is a log that can be read while it is written.
type journal struct {
	mu   sync.Mutex
	text bytes.Buffer
}

// Write implements [io.Writer].
func (j *journal) Write(data []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.Write(data)
}

func (j *journal) contains(text string) bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	return strings.Contains(j.text.String(), text)
}

// logged runs a server whose whole log is kept.
func logged(t *testing.T) (*servertest.Bundle, *journal) {
	t.Helper()
	kept, redis := &journal{}, miniredis.RunT(t)
	s, err := server.Start(t.Context(), server.Config{
		Listen: "127.0.0.1:0", PreviewListen: "127.0.0.1:0", PreviewDomain: "preview.localhost",
		DataDir: t.TempDir(), DatabaseURL: server.NewSecret(storetest.URL(t)), RedisURL: server.NewSecret("redis://" + redis.Addr()),
		Roles: server.Roles{API: true, Worker: true}, Engine: server.EngineOffline,
		BuildTimeout: time.Minute, DrainTimeout: time.Second,
	}, slog.New(slog.NewTextHandler(kept, &slog.HandlerOptions{Level: slog.LevelDebug})))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Stop(context.WithoutCancel(t.Context())); err != nil {
			t.Error(err)
		}
	})
	return &servertest.Bundle{Server: s, Redis: redis, Preview: s.PreviewAddr()}, kept
}

func TestTheLogKeepsSecrets(t *testing.T) {
	t.Parallel()
	b, kept := logged(t)
	user := b.User(t)
	const canary = "zanzibarcanary"
	started, err := user.Builds.StartBuild(t.Context(), &buildv1.StartBuildRequest{Prompt: "A site for my café " + canary})
	if err != nil {
		t.Fatal(err)
	}
	watch(t, user, started.GetBuild().GetId())
	// What is refused is logged too.
	for _, bad := range []*buildv1.StartBuildRequest{
		{Prompt: canary, BuildSessionId: canary}, {Prompt: canary, ProjectId: uuid.NewString()}, {Prompt: strings.Repeat(canary, 2000)},
	} {
		if _, err := user.Builds.StartBuild(t.Context(), bad); err == nil {
			t.Error("accepted")
		}
	}
	_, err = b.As(t, user.UserID, auth.RoleService).Billing.Reserve(t.Context(), &billingv1.ReserveRequest{
		IdempotencyKey: canary, Operation: billingv1.Operation_OPERATION_UPDATE, Seconds: 100_000,
	})
	if err == nil {
		t.Error("reserved")
	}
	req := request(t, b.URL()+getBuild, "application/json", []byte(`{"buildId": `+canary), user.Token+canary)
	do(t, servertest.Transport(t), req)
	for _, secret := range []string{canary, user.Token, user.Token[len(user.Token)-20:]} {
		if kept.contains(secret) {
			t.Errorf("the log has %s:\n%s", secret, kept.text.String())
		}
	}
	if !kept.contains("/sheen.build.v1.BuildService/StartBuild") {
		t.Error("the log has nothing")
	}
}

func TestRequestIDsAndTraces(t *testing.T) {
	t.Parallel()
	b, kept := logged(t)
	const trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
	for name, test := range map[string]struct {
		send map[string]string
		id   string // empty: one of the server's own
		echo string
	}{
		"none":               {nil, "", ""},
		"good":               {map[string]string{"X-Request-Id": "abc-1.2_3:4"}, "abc-1.2_3:4", ""},
		"of the old browser": {map[string]string{"X-Trace-Request-Id": "old-1"}, "old-1", ""},
		"both":               {map[string]string{"X-Request-Id": "new-2", "X-Trace-Request-Id": "old-2"}, "new-2", ""},
		"longest":            {map[string]string{"X-Request-Id": strings.Repeat("a", 128)}, strings.Repeat("a", 128), ""},
		"too long":           {map[string]string{"X-Request-Id": strings.Repeat("a", 129)}, "", ""},
		"odd":                {map[string]string{"X-Request-Id": `a"b c`}, "", ""},
		"trace":              {map[string]string{"Traceparent": trace}, "", trace},
		"bad trace":          {map[string]string{"Traceparent": trace + "-x"}, "", ""},
		"upper trace":        {map[string]string{"Traceparent": strings.ToUpper(trace)}, "", ""},
	} {
		for _, path := range []string{"/livez", getBuild, "/nothing"} {
			req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, b.URL()+path, http.NoBody)
			if err != nil {
				t.Fatal(err)
			}
			for key, value := range test.send {
				req.Header.Set(key, value)
			}
			res, err := http.DefaultTransport.RoundTrip(req)
			if err != nil {
				t.Fatal(err)
			}
			_ = res.Body.Close()
			id := res.Header.Get("X-Request-Id")
			if _, err := uuid.Parse(id); test.id == "" && err != nil || test.id != "" && id != test.id {
				t.Errorf("%s, %s: the id is %q", name, path, id)
			}
			if got := res.Header.Get("Traceparent"); got != test.echo {
				t.Errorf("%s, %s: the trace is %q", name, path, got)
			}
		}
	}
	for _, told := range []string{"request_id=abc-1.2_3:4", "trace_id=0af7651916cd43dd8448eb211c80319c"} {
		if !kept.contains(told) {
			t.Errorf("the log has no %s", told)
		}
	}
}
