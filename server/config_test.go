package server_test

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/sheenapps/sheen/server"
	"github.com/sheenapps/sheen/server/billing"
	"github.com/sheenapps/sheen/server/engine/llm"
	"github.com/sheenapps/sheen/server/recommend"
)

func load(t *testing.T, args []string, env, defaults map[string]string) (server.Config, error) {
	t.Helper()
	flags := flag.NewFlagSet("test", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	bound := server.BindConfig(flags, defaults)
	if err := flags.Parse(args); err != nil {
		t.Fatal(err)
	}
	return bound.Load(func(name string) string {
		if name == "SHEEN_DATA_DIR" && env[name] == "" {
			return "/data"
		}
		return env[name]
	})
}

func TestConfigDefaults(t *testing.T) {
	t.Parallel()
	got, err := load(t, []string{"--embedded"}, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	want := server.Config{
		Listen: "127.0.0.1:8080", PreviewListen: "127.0.0.1:8081", PreviewDomain: "preview.localhost",
		DataDir: "/data", Embedded: true, Roles: server.Roles{API: true, Worker: true},
		Engine: server.EngineOffline, Headless: server.HeadlessAuto, BuildTimeout: 15 * time.Minute, DrainTimeout: 10 * time.Second,
		EventRetention: 30 * 24 * time.Hour, LogLevel: slog.LevelInfo,
		Packages: defaultPackages, Payments: server.PaymentsManual,
		DeployTargets: []string{"local"}, Wrangler: "wrangler",
		Recommendations: recommend.ModeParallel, RecommendationsConcurrency: 2, RecommendationsPerMinute: 10,
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}

// defaultPackages are the three that are sold where nothing is configured.
var defaultPackages = []billing.Package{
	{ID: "mini", Seconds: 3600, PriceMicros: 5_000_000, CurrencyCode: "USD"},
	{ID: "standard", Seconds: 18_000, PriceMicros: 20_000_000, CurrencyCode: "USD"},
	{ID: "large", Seconds: 72_000, PriceMicros: 60_000_000, CurrencyCode: "USD"},
}

func TestFlagWinsOverEnvironmentOverDefault(t *testing.T) {
	t.Parallel()
	const name = "SHEEN_LISTEN"
	tests := map[string]struct {
		args          []string
		env, defaults map[string]string
		want          string
	}{
		"built in":    {want: "127.0.0.1:8080"},
		"caller's":    {defaults: map[string]string{"listen": "127.0.0.1:1"}, want: "127.0.0.1:1"},
		"environment": {env: map[string]string{name: "127.0.0.1:2"}, defaults: map[string]string{"listen": "127.0.0.1:1"}, want: "127.0.0.1:2"},
		"flag":        {args: []string{"--listen=127.0.0.1:3"}, env: map[string]string{name: "127.0.0.1:2"}, want: "127.0.0.1:3"},
	}
	for label, test := range tests {
		t.Run(label, func(t *testing.T) {
			t.Parallel()
			cfg, err := load(t, append(test.args, "--embedded"), test.env, test.defaults)
			if err != nil {
				t.Fatal(err)
			}
			if cfg.Listen != test.want {
				t.Errorf("listen is %q, want %q", cfg.Listen, test.want)
			}
		})
	}
}

func TestEverySettingIsRead(t *testing.T) {
	t.Parallel()
	cfg, err := load(t, nil, map[string]string{
		"SHEEN_LISTEN": "0.0.0.0:0", "SHEEN_PREVIEW_LISTEN": "0.0.0.0:0", "SHEEN_PREVIEW_DOMAIN": "sites.example.com",
		"SHEEN_PUBLIC_URL": "https://sheen.example.com/", "SHEEN_DATA_DIR": "/srv/sheen", "SHEEN_EMBEDDED": "false",
		"SHEEN_POSTGRES_BIN": "/opt/pg/bin", "SHEEN_DATABASE_URL": "postgres://u:p@db/sheen", "SHEEN_REDIS_URL": "rediss://r:6379",
		"SHEEN_ROLE": "worker", "SHEEN_ENGINE": "offline", "SHEEN_OFFLINE_PACE": "2.5", "SHEEN_BUILD_TIMEOUT": "90s",
		"SHEEN_JWKS_URL": "https://id.example.com/jwks", "SHEEN_JWT_ISSUER": "https://id.example.com", "SHEEN_JWT_AUDIENCE": "sheen",
		"SHEEN_CORS_ORIGINS": "https://a.example.com, http://localhost:5173", "SHEEN_DRAIN_TIMEOUT": "0s", "SHEEN_LOG_LEVEL": "debug",
		"SHEEN_EVENT_RETENTION": "36h", "SHEEN_PACKAGES": "tiny:60:10000:EUR:8760h", "SHEEN_PURCHASE_URL": "https://app.example.com/buy",
		"SHEEN_PAYMENTS": "stripe", "SHEEN_STRIPE_SECRET_KEY": "sk_test_1", "SHEEN_STRIPE_WEBHOOK_SECRET": "whsec_1",
		"SHEEN_STRIPE_API_URL": "http://localhost:12111/", "SHEEN_BLOBS": "s3://sites?region=eu-west-3",
		"SHEEN_DEPLOY_TARGETS":       "cloudflare-pages, local",
		"SHEEN_CLOUDFLARE_API_TOKEN": "cf_1", "SHEEN_CLOUDFLARE_ACCOUNT_ID": "0123456789abcdef0123456789abcdef",
		"SHEEN_CLOUDFLARE_PROJECT": "sites", "SHEEN_WRANGLER": "/opt/wrangler",
		"SHEEN_ANTHROPIC_API_KEY": "sk-ant-1", "SHEEN_ANTHROPIC_MODEL": "claude-opus-5-5",
		"SHEEN_ANTHROPIC_BASE_URL": "http://localhost:1/", "ANTHROPIC_API_KEY": "not this one", "OPENAI_API_KEY": "sk-2",
		"SHEEN_RECOMMENDATIONS": "after", "SHEEN_RECOMMENDATIONS_CONCURRENCY": "64", "SHEEN_RECOMMENDATIONS_PER_MINUTE": "0",
		"SHEEN_OPENAI_MODEL": "llama3.3", "SHEEN_OPENAI_BASE_URL": "http://localhost:11434/v1", "SHEEN_MODEL_PRICE": "3:15:1",
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
	pace := 2.5
	want := server.Config{
		Listen: "0.0.0.0:0", PreviewListen: "0.0.0.0:0", PreviewDomain: "sites.example.com",
		PublicURL: "https://sheen.example.com", DataDir: "/srv/sheen", PostgresBin: "/opt/pg/bin",
		DatabaseURL: server.NewSecret("postgres://u:p@db/sheen"), RedisURL: server.NewSecret("rediss://r:6379"),
		Roles: server.Roles{Worker: true}, Engine: server.EngineOffline, Headless: server.HeadlessAuto, OfflinePace: &pace, BuildTimeout: 90 * time.Second,
		JWKSURL: "https://id.example.com/jwks", JWTIssuer: "https://id.example.com", JWTAudience: "sheen",
		CORSOrigins: []string{"https://a.example.com", "http://localhost:5173"}, LogLevel: slog.LevelDebug,
		EventRetention: 36 * time.Hour,
		Packages:       []billing.Package{{ID: "tiny", Seconds: 60, PriceMicros: 10_000, CurrencyCode: "EUR", Life: 8760 * time.Hour}},
		PurchaseURL:    "https://app.example.com/buy", Payments: server.PaymentsStripe,
		StripeSecretKey: server.NewSecret("sk_test_1"), StripeWebhookSecret: server.NewSecret("whsec_1"),
		StripeAPIURL: "http://localhost:12111", Blobs: "s3://sites?region=eu-west-3",
		DeployTargets:      []string{"cloudflare-pages", "local"},
		CloudflareAPIToken: server.NewSecret("cf_1"), CloudflareAccountID: "0123456789abcdef0123456789abcdef",
		CloudflareProject: "sites", Wrangler: "/opt/wrangler",
		Anthropic:  server.ModelProvider{Key: server.NewSecret("sk-ant-1"), Model: "claude-opus-5-5", BaseURL: "http://localhost:1"},
		OpenAI:     server.ModelProvider{Key: server.NewSecret("sk-2"), Model: "llama3.3", BaseURL: "http://localhost:11434/v1"},
		ModelPrice: &llm.Price{Input: 3, Output: 15, CacheRead: 1, CacheWrite: 3},

		Recommendations: recommend.ModeAfter, RecommendationsConcurrency: 64,
	}
	if !reflect.DeepEqual(cfg, want) {
		t.Errorf("got  %+v\nwant %+v", cfg, want)
	}
}

func TestEventsCanBeKeptForEver(t *testing.T) {
	t.Parallel()
	for _, raw := range []string{"0", "0s"} {
		cfg, err := load(t, []string{"--embedded", "--event-retention", raw}, nil, nil)
		if err != nil || cfg.EventRetention != 0 {
			t.Errorf("%s: %v, %v", raw, cfg.EventRetention, err)
		}
	}
}

func TestConfigProblems(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		args []string
		want string
	}{
		"no port":         {[]string{"--listen", "localhost"}, `--listen is "localhost" and must be host:port, such as 127.0.0.1:8080`},
		"port too high":   {[]string{"--preview-listen", ":70000"}, `--preview-listen is ":70000" and must end in a port from 0 to 65535`},
		"domain":          {[]string{"--preview-domain", "a:80"}, `--preview-domain is "a:80" and must be a lower-case domain name without a port, such as preview.localhost`},
		"public url":      {[]string{"--public-url", "sheen"}, `--public-url is "sheen" and must be an http or https address, such as https://sheen.example.com`},
		"empty data dir":  {[]string{"--data-dir", ""}, `--data-dir is "" and must name a folder`},
		"toggle":          {[]string{"--embedded=perhaps"}, `--embedded is "perhaps" and must be true or false`},
		"burn order":      {[]string{"--burn-order", "daily"}, `--burn-order is "daily" and must be expiring-first, or all six kinds of grants, such as welcome,daily,subscription,compensation,promo,package`},
		"role":            {[]string{"--role", "api,cook"}, `--role is "api,cook" and must be api, worker or api,worker`},
		"engine unknown":  {[]string{"--engine", "magic"}, `--engine is "magic" and must be offline, anthropic or openai`},
		"anthropic's key": {[]string{"--engine", "anthropic"}, `SHEEN_ENGINE is anthropic and no key is set: set SHEEN_ANTHROPIC_API_KEY`},
		"openai's key":    {[]string{"--engine", "openai"}, `SHEEN_ENGINE is openai and no key is set: set SHEEN_OPENAI_API_KEY, or SHEEN_OPENAI_BASE_URL for a server that wants none`},
		"model url":       {[]string{"--openai-base-url", "localhost:11434"}, `--openai-base-url is "localhost:11434" and must be an http or https address`},
		"model price":     {[]string{"--model-price", "3"}, `--model-price is "3" and must be input:output, with or without :cache_read and :cache_write, in whole micro-dollars per million tokens up to 1000000000, such as 3000000:15000000`},
		"headless":        {[]string{"--headless", "sometimes"}, `--headless is "sometimes" and must be auto, always or off`},
		"pace negative":   {[]string{"--offline-pace", "-1"}, `--offline-pace is "-1" and must be a number from 0 to 1000`},
		"pace nan":        {[]string{"--offline-pace", "NaN"}, `--offline-pace is "NaN" and must be a number from 0 to 1000`},
		"timeout":         {[]string{"--build-timeout", "1ms"}, `--build-timeout is "1ms" and must be a duration from 1s to 24h0m0s, such as 90s or 15m`},
		"drain":           {[]string{"--drain-timeout", "1h"}, `--drain-timeout is "1h" and must be a duration from 0s to 10m0s, such as 90s or 15m`},
		"retention short": {[]string{"--event-retention", "23h"}, `--event-retention is "23h" and must be 0, which keeps events for ever, or a duration from 24h0m0s to 87600h0m0s, such as 720h`},
		"retention long":  {[]string{"--event-retention", "87601h"}, `--event-retention is "87601h" and must be 0, which keeps events for ever, or a duration from 24h0m0s to 87600h0m0s, such as 720h`},
		"recommendations": {[]string{"--recommendations", "later"}, `--recommendations is "later" and must be parallel, after or off`},
		"no writers":      {[]string{"--recommendations-concurrency", "0"}, `--recommendations-concurrency is "0" and must be a whole number from 1 to 64`},
		"many writers":    {[]string{"--recommendations-concurrency", "65"}, `--recommendations-concurrency is "65" and must be a whole number from 1 to 64`},
		"no rate":         {[]string{"--recommendations-per-minute", "ten"}, `--recommendations-per-minute is "ten" and must be a whole number from 0 to 100000`},
		"level":           {[]string{"--log-level", "loud"}, `--log-level is "loud" and must be debug, info, warn or error`},
		"origin path":     {[]string{"--cors-origins", "https://a.example.com/x"}, `--cors-origins is "https://a.example.com/x" and must list exact origins like https://app.example.com, separated by commas`},
		"origin wildcard": {[]string{"--cors-origins", "*"}, `--cors-origins is "*" and must list exact origins like https://app.example.com, separated by commas`},
		"jwks":            {[]string{"--jwks-url", "file:///x"}, `--jwks-url is "file:///x" and must be an http or https address`},
		"same address":    {[]string{"--preview-listen", "127.0.0.1:8080"}, `--listen and --preview-listen are the same address 127.0.0.1:8080: give each its own port`},
		"half a jwt":      {[]string{"--jwt-issuer", "x"}, `SHEEN_JWKS_URL, SHEEN_JWT_ISSUER and SHEEN_JWT_AUDIENCE belong together: set all three or none`},
		"payments":        {[]string{"--payments", "cash"}, `--payments is "cash" and must be manual or stripe`},
		"purchase url":    {[]string{"--purchase-url", "/buy"}, `--purchase-url is "/buy" and must be an http or https address, such as https://app.example.com/buy`},
		"stripe url":      {[]string{"--stripe-api-url", "x"}, `--stripe-api-url is "x" and must be an http or https address`},
		"packages": {[]string{"--packages", "a:1:1,B:1:1:USD"}, `--packages is "a:1:1,B:1:1:USD" and cannot be sold: ` +
			`"a:1:1" is not id:seconds:price_micros:currency, with or without :life; "B:1:1:USD" has an id that is not of lower-case letters, digits and dashes`},
		"stripe without keys": {[]string{"--payments", "stripe", "--packages", "a:1:1:USD"}, "SHEEN_PAYMENTS is stripe and no key is set: set SHEEN_STRIPE_SECRET_KEY\n" +
			"SHEEN_PAYMENTS is stripe and webhooks cannot be checked: set SHEEN_STRIPE_WEBHOOK_SECRET\n" +
			"SHEEN_PACKAGES has a, which Stripe cannot sell: 1 micro-units of USD: price is not a whole number of the currency's smallest unit"},
		"deploy target": {[]string{"--deploy-targets", "local,ftp"}, `--deploy-targets is "local,ftp" and must list local, cloudflare-pages or both, separated by a comma`},
		"deploy twice":  {[]string{"--deploy-targets", "local,local"}, `--deploy-targets is "local,local" and must list local, cloudflare-pages or both, separated by a comma`},
		"account id":    {[]string{"--cloudflare-account-id", "me"}, `--cloudflare-account-id is "me" and must be the 32 hexadecimal digits of an account id`},
		"pages project": {[]string{"--cloudflare-project", "My Site"}, `--cloudflare-project is "My Site" and must be the name of a Pages project: up to 58 lower-case letters, digits and dashes`},
		"pages without all": {[]string{"--deploy-targets", "cloudflare-pages", "--cloudflare-project", "x"}, "SHEEN_DEPLOY_TARGETS has cloudflare-pages, which needs more: set SHEEN_CLOUDFLARE_API_TOKEN\n" +
			"SHEEN_DEPLOY_TARGETS has cloudflare-pages, which needs more: set SHEEN_CLOUDFLARE_ACCOUNT_ID"},
		"no stores": {[]string{"--embedded=false"}, "no database is set: set SHEEN_DATABASE_URL, or pass --embedded to start one\n" +
			"no Redis is set: set SHEEN_REDIS_URL, or pass --embedded to start one"},
		"all at once": {[]string{"--listen", "x", "--engine", "y"}, `--listen is "x" and must be host:port, such as 127.0.0.1:8080` + "\n" +
			`--engine is "y" and must be offline, anthropic or openai`},
	}
	for label, test := range tests {
		t.Run(label, func(t *testing.T) {
			t.Parallel()
			_, err := load(t, append([]string{"--embedded"}, test.args...), nil, nil)
			var problems *server.ConfigError
			if !errors.As(err, &problems) {
				t.Fatalf("got %v", err)
			}
			if problems.Error() != test.want {
				t.Errorf("got  %s\nwant %s", problems, test.want)
			}
		})
	}
}

func TestProblemNamesTheVariable(t *testing.T) {
	t.Parallel()
	_, err := load(t, nil, map[string]string{"SHEEN_ROLE": "cook", "SHEEN_EMBEDDED": "true"}, nil)
	if err == nil || err.Error() != `SHEEN_ROLE is "cook" and must be api, worker or api,worker` {
		t.Errorf("got %v", err)
	}
}

func TestSecretsStayHidden(t *testing.T) {
	t.Parallel()
	const canary = "hunter2"
	for _, name := range []string{"SHEEN_DATABASE_URL", "SHEEN_REDIS_URL"} {
		_, err := load(t, []string{"--embedded"}, map[string]string{name: "mysql://u:" + canary + "@h"}, nil)
		if err == nil || strings.Contains(err.Error(), canary) || !strings.HasPrefix(err.Error(), name+" must be an address like ") {
			t.Errorf("%s: got %v", name, err)
		}
	}
	cfg, err := load(t, nil, map[string]string{
		"SHEEN_DATABASE_URL": "postgres://u:" + canary + "@h/d", "SHEEN_REDIS_URL": "redis://u:" + canary + "@h",
		"SHEEN_STRIPE_SECRET_KEY": canary, "SHEEN_STRIPE_WEBHOOK_SECRET": canary, "SHEEN_CLOUDFLARE_API_TOKEN": canary,
		"SHEEN_ANTHROPIC_API_KEY": canary, "OPENAI_API_KEY": canary,
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
	var logged strings.Builder
	slog.New(slog.NewTextHandler(&logged, nil)).Info("config", "cfg", cfg, "url", cfg.DatabaseURL)
	marshalled, err := json.Marshal(cfg)
	if err != nil {
		t.Fatal(err)
	}
	for _, shown := range []string{logged.String(), string(marshalled), fmt.Sprintf("%v %+v %s", cfg, cfg, cfg.RedisURL), fmt.Sprintf("%#v %q", cfg.DatabaseURL, cfg.RedisURL)} {
		if strings.Contains(shown, canary) || !strings.Contains(shown, "***") {
			t.Errorf("shows %s", shown)
		}
	}
	if cfg.DatabaseURL.Reveal() != "postgres://u:"+canary+"@h/d" {
		t.Error("the secret is lost")
	}
	if shown := server.NewSecret("").String(); shown != "" {
		t.Errorf("an empty secret shows %q", shown)
	}
}

func TestConfigTableHasEverySetting(t *testing.T) {
	t.Parallel()
	table, usage := server.ConfigTable(), server.ConfigUsage(map[string]string{"embedded": "true"})
	flags := flag.NewFlagSet("test", flag.ContinueOnError)
	server.BindConfig(flags, nil)
	rows := 0
	flags.VisitAll(func(f *flag.Flag) {
		rows++
		if !strings.Contains(table, "| `--"+f.Name+"` |") || !strings.Contains(usage, "  --"+f.Name+" ") {
			t.Errorf("%s is missing", f.Name)
		}
	})
	const head = 2
	if got := strings.Count(table, "\n"); got != rows+head {
		t.Errorf("the table has %d lines for %d settings", got, rows)
	}
	for _, row := range []string{
		"| `SHEEN_LISTEN` | `--listen` | `127.0.0.1:8080` | address of the API, host:port; port 0 picks a free one |\n",
		"| `SHEEN_REDIS_URL` | `--redis-url` | – | where Redis is, redis://… or rediss://…; a cluster is redis+cluster://…?addr=…, one behind sentinels redis+sentinel://…?addr=…&master_name=…, both with rediss too |\n",
	} {
		if !strings.Contains(table, row) {
			t.Errorf("no row %s in\n%s", row, table)
		}
	}
	if !strings.Contains(usage, "no address of one is set (true)\n") {
		t.Errorf("the caller's default is not shown in\n%s", usage)
	}
}

func TestDataDirAlone(t *testing.T) {
	t.Parallel()
	flags := flag.NewFlagSet("test", flag.ContinueOnError)
	bound := server.BindDataDir(flags)
	env := map[string]string{"SHEEN_DATA_DIR": "/env", "SHEEN_LISTEN": "nonsense"}
	getenv := func(name string) string { return env[name] }
	if got, err := bound.DataDir(getenv); got != "/env" || err != nil {
		t.Errorf("got %q and %v", got, err)
	}
	if err := flags.Parse([]string{"--data-dir", "/flag"}); err != nil {
		t.Fatal(err)
	}
	if got, err := bound.DataDir(getenv); got != "/flag" || err != nil {
		t.Errorf("got %q and %v", got, err)
	}
	if err := flags.Parse([]string{"--data-dir", ""}); err != nil {
		t.Fatal(err)
	}
	if _, err := bound.DataDir(getenv); err == nil || err.Error() != `--data-dir is "" and must name a folder` {
		t.Errorf("got %v", err)
	}
}
