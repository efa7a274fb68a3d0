// Package servertest gives a test a whole Sheen: a real Postgres, a Redis in the
// process, real listeners, and typed clients for as many users as it likes.
package servertest

import (
	"context"
	"log/slog"
	"net/http"
	"os"
	"testing"
	"time"

	"connectrpc.com/connect"
	"github.com/alicebob/miniredis/v2"
	"github.com/google/uuid"

	"github.com/sheenapps/sheen/gen/sheen/billing/v1/billingv1connect"
	"github.com/sheenapps/sheen/gen/sheen/build/v1/buildv1connect"
	"github.com/sheenapps/sheen/gen/sheen/event/v1/eventv1connect"
	"github.com/sheenapps/sheen/gen/sheen/recommendation/v1/recommendationv1connect"
	"github.com/sheenapps/sheen/server"
	"github.com/sheenapps/sheen/server/auth"
	"github.com/sheenapps/sheen/store/storetest"
)

// Bundle is a running server and what belongs to it.
type Bundle struct {
	*server.Server
	// DatabaseURL is the server's own database.
	DatabaseURL string
	// Redis can be made to fail.
	Redis *miniredis.Miniredis
	// Preview is the host and port of the preview server.
	Preview string
}

// Option changes the server's configuration.
type Option func(*server.Config)

// Start runs a server until the test ends. Builds run flat out unless an option
// says otherwise.
func Start(t testing.TB, opts ...Option) *Bundle {
	t.Helper()
	redis := miniredis.RunT(t)
	return Join(t, &Bundle{DatabaseURL: storetest.URL(t), Redis: redis}, opts...)
}

// Join runs one more server on the stores of another one.
func Join(t testing.TB, with *Bundle, opts ...Option) *Bundle {
	t.Helper()
	cfg := server.Config{
		Listen: "127.0.0.1:0", PreviewListen: "127.0.0.1:0", PreviewDomain: "preview.localhost",
		DataDir:      t.TempDir(),
		DatabaseURL:  server.NewSecret(with.DatabaseURL),
		RedisURL:     server.NewSecret("redis://" + with.Redis.Addr()),
		Roles:        server.Roles{API: true, Worker: true},
		Engine:       server.EngineOffline,
		Headless:     server.HeadlessOff,
		BuildTimeout: 15 * time.Minute,
		DrainTimeout: 10 * time.Second,
	}
	for _, opt := range opts {
		opt(&cfg)
	}
	s, err := server.Start(t.Context(), cfg, logger(t))
	if err != nil {
		t.Fatalf("servertest: %v", err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), 20*time.Second)
		defer cancel()
		if err := s.Stop(ctx); err != nil {
			t.Errorf("servertest: stop: %v", err)
		}
	})
	return &Bundle{Server: s, DatabaseURL: with.DatabaseURL, Redis: with.Redis, Preview: s.PreviewAddr()}
}

// logger is silent unless SHEEN_TEST_LOG is set.
func logger(t testing.TB) *slog.Logger {
	if os.Getenv("SHEEN_TEST_LOG") == "" {
		return slog.New(slog.DiscardHandler)
	}
	return slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelDebug}))
}

// Clients are the four services as one caller sees them.
type Clients struct {
	UserID          uuid.UUID
	Token           string
	Builds          buildv1connect.BuildServiceClient
	Events          eventv1connect.EventServiceClient
	Billing         billingv1connect.BillingServiceClient
	Recommendations recommendationv1connect.RecommendationServiceClient
}

// User makes clients for a user of its own.
func (b *Bundle) User(t testing.TB, opts ...connect.ClientOption) *Clients {
	t.Helper()
	return b.As(t, uuid.New(), auth.RoleUser, opts...)
}

// As makes clients for a user in a role.
func (b *Bundle) As(t testing.TB, user uuid.UUID, role auth.Role, opts ...connect.ClientOption) *Clients {
	t.Helper()
	token, err := b.Token(user, role, time.Hour)
	if err != nil {
		t.Fatalf("servertest: %v", err)
	}
	httpClient := &http.Client{Transport: bearer{token: token, next: Transport(t)}}
	return &Clients{
		UserID: user, Token: token,
		Builds:          buildv1connect.NewBuildServiceClient(httpClient, b.URL(), opts...),
		Events:          eventv1connect.NewEventServiceClient(httpClient, b.URL(), opts...),
		Billing:         billingv1connect.NewBillingServiceClient(httpClient, b.URL(), opts...),
		Recommendations: recommendationv1connect.NewRecommendationServiceClient(httpClient, b.URL(), opts...),
	}
}

// Transport speaks HTTP/2 without TLS, over connections that end with the test.
func Transport(t testing.TB) *http.Transport {
	protocols := new(http.Protocols)
	protocols.SetUnencryptedHTTP2(true)
	transport := &http.Transport{Protocols: protocols}
	t.Cleanup(transport.CloseIdleConnections)
	return transport
}

type bearer struct {
	token string
	next  http.RoundTripper
}

// RoundTrip implements [http.RoundTripper].
func (b bearer) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Header.Set("Authorization", "Bearer "+b.token)
	return b.next.RoundTrip(r)
}
