package server_test

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	buildv1 "github.com/sheenapps/sheen/gen/sheen/build/v1"
	eventv1 "github.com/sheenapps/sheen/gen/sheen/event/v1"
	"github.com/sheenapps/sheen/server"
	"github.com/sheenapps/sheen/server/engine/llmtest"
	"github.com/sheenapps/sheen/server/servertest"
)

// withModel has the server's engine ask a provider on this machine.
func withModel(p *llmtest.Provider, format llmtest.Format) servertest.Option {
	return func(cfg *server.Config) {
		cfg.Engine = server.Engine(format)
		model := server.ModelProvider{Key: server.NewSecret(llmtest.Key), BaseURL: p.BaseURL()}
		if format == llmtest.OpenAI {
			cfg.OpenAI = model
		} else {
			cfg.Anthropic = model
		}
	}
}

func number(t *testing.T, url, sql string) int64 {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(t.Context()) }()
	var n int64
	if err := conn.QueryRow(t.Context(), sql).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

// A model plans, writes, and mends what the tests find; each call is recorded and
// its price is in the steps.
func TestAModelBuildsASite(t *testing.T) {
	t.Parallel()
	for _, format := range []llmtest.Format{llmtest.Anthropic, llmtest.OpenAI} {
		t.Run(string(format), func(t *testing.T) {
			t.Parallel()
			p := llmtest.Start(t, format)
			b := servertest.Start(t, withModel(p, format))
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
			if fixes := slices.ContainsFunc(events, func(e *eventv1.BuildEvent) bool { return e.GetFixAttempt() != nil }); !fixes {
				t.Error("the broken link was not mended")
			}
			if page := fetch(t, b.Preview, done.GetPreviewUrl()); !strings.Contains(page, "Élodie, Noémie and Zoë") {
				t.Errorf("the page is %s", page)
			}
			if n := number(t, b.DatabaseURL, `SELECT count(*) FROM model_calls WHERE NOT failed AND cost_micros > 0`); n != 5 {
				t.Errorf("%d calls are recorded", n)
			}
			steps := number(t, b.DatabaseURL, `SELECT sum(cost_micros)::bigint FROM build_steps`)
			if calls := number(t, b.DatabaseURL, `SELECT sum(cost_micros)::bigint FROM model_calls`); steps != calls {
				t.Errorf("the steps cost %d, the calls %d", steps, calls)
			}
			for _, r := range p.Requests() {
				if bytes.Contains(r.Body, []byte(llmtest.Key)) {
					t.Errorf("the key is in the request of %s", r.Task)
				}
			}
		})
	}
}

// A provider that is away ends the build as its fault, and nobody pays.
func TestAProviderIsAway(t *testing.T) {
	t.Parallel()
	p := llmtest.Start(t, llmtest.Anthropic)
	p.Inject("write:index.html", llmtest.Always(llmtest.Status(529, "")))
	b := servertest.Start(t, withModel(p, llmtest.Anthropic))
	user := b.User(t)
	started, err := user.Builds.StartBuild(t.Context(), &buildv1.StartBuildRequest{Prompt: "A booking site for my hair salon in Lyon"})
	if err != nil {
		t.Fatal(err)
	}
	events := watch(t, user, started.GetBuild().GetId())
	failed := events[len(events)-1].GetBuildFailed()
	if failed.GetError().GetReason().String() != "BUILD_ERROR_REASON_PROVIDER_UNAVAILABLE" || !failed.GetError().GetRetryable() || failed.GetReceipt().GetChargedSeconds() != 0 {
		t.Errorf("the last event is %v", events[len(events)-1])
	}
	if p.Count("write:index.html") != 4 || p.Count("plan") != 1 {
		t.Errorf("asked %d times", p.Count("write:index.html"))
	}
}
