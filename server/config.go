package server

import (
	"flag"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/sheenapps/sheen/server/billing"
	"github.com/sheenapps/sheen/server/billing/meter"
	"github.com/sheenapps/sheen/server/engine/llm"
	"github.com/sheenapps/sheen/server/recommend"
	"github.com/sheenapps/sheen/server/webhook"
)

// Config is everything that can be set. It is read once, at the start, and
// never changes afterwards. [ConfigFlags.Load] fills it.
type Config struct {
	// Listen is the address of the API, "host:port"; port 0 picks a free one.
	Listen string
	// PreviewListen is the address of preview sites; port 0 picks a free one.
	PreviewListen string
	// MetricsListen is the address of the metrics, "host:port"; empty means that
	// they are not served.
	MetricsListen string
	// PreviewDomain is the parent of all preview hosts, without a port.
	PreviewDomain string
	// PublicURL is the address of the API as users see it, without a final
	// slash; empty means the one of Listen.
	PublicURL string
	// DataDir is the folder of keys, files and embedded databases; absolute.
	DataDir string
	// Blobs is where the files of sites are, "file:///folder" or "s3://bucket?…";
	// empty means in the data folder.
	Blobs string
	// Embedded starts a Postgres and a Redis of its own where DatabaseURL or
	// RedisURL is empty.
	Embedded bool
	// PostgresBin is the folder of the programs that an embedded Postgres runs;
	// empty means that they are looked for.
	PostgresBin string
	// DatabaseURL is where Postgres is; empty only if Embedded.
	DatabaseURL Secret
	// RedisURL is where Redis is; empty only if Embedded.
	RedisURL Secret
	// Roles are the parts that this process runs; at least one.
	Roles Roles
	// Engine plans and writes the sites.
	Engine Engine
	// Anthropic and OpenAI are asked by the engines of their names.
	Anthropic, OpenAI ModelProvider
	// ModelPrice is what the engine's model costs; nil is what is known of it.
	ModelPrice *llm.Price
	// OfflinePace is the speed of the offline engine: 0 is flat out, 1 as fast
	// as a person reads, 10 ten times that. Nil means that nobody chose one.
	OfflinePace *float64
	// Headless says which sites the tests open in a browser; empty is none.
	Headless Headless
	// Chromium is the program that opens them; empty means that it is looked for.
	Chromium string
	// BuildTimeout is how long a build may run, from 1 s to 24 h.
	BuildTimeout time.Duration
	// Recommendations says when AI recommendations are written; empty is
	// [recommend.ModeParallel].
	Recommendations recommend.Mode
	// RecommendationsConcurrency is how many of them are written at once, 1 to 64; 0
	// means 2. RecommendationsPerMinute is how many are begun in a minute; 0 is without
	// a limit.
	RecommendationsConcurrency, RecommendationsPerMinute int
	// EventRetention is how long the events of a build are kept, from its start:
	// 24 h to ten years, or 0 for ever. They go in whole weeks.
	EventRetention time.Duration
	// BurnOrder is the order in which AI time is burned; nil is the default one.
	BurnOrder *meter.Order
	// Packages are what is sold.
	Packages []billing.Package
	// PurchaseURL is where users buy; empty for nowhere.
	PurchaseURL string
	// Payments is who takes the money; empty is [PaymentsManual].
	Payments Payments
	// StripeSecretKey and StripeWebhookSecret are set for [PaymentsStripe].
	StripeSecretKey, StripeWebhookSecret Secret
	// StripeAPIURL is where Stripe is, without a final slash; empty is its own.
	StripeAPIURL string
	// DeployTargets are where versions can be deployed, the default first; nil
	// means on this server only.
	DeployTargets []string
	// CloudflareAPIToken, CloudflareAccountID and CloudflareProject are set for the
	// target cloudflare-pages, and Wrangler is the program that deploys there.
	CloudflareAPIToken                               Secret
	CloudflareAccountID, CloudflareProject, Wrangler string
	// JWKSURL, JWTIssuer and JWTAudience describe whose tokens are accepted
	// besides those of the data folder's key; all are set or none.
	JWKSURL, JWTIssuer, JWTAudience string
	// CORSOrigins are the exact origins whose pages may call the API.
	CORSOrigins []string
	// DrainTimeout is how long a stop may take, from 0 to 10 min.
	DrainTimeout time.Duration
	// WebhookAllow is what webhooks may reach beyond public addresses on port 443.
	WebhookAllow webhook.Allow
	// LogLevel is the lowest level that is logged.
	LogLevel slog.Level
}

// Engine names what plans and writes sites.
type Engine string

// EngineOffline needs no key: rules and templates write the site.
const EngineOffline Engine = "offline"

// Roles says which parts a process runs.
type Roles struct {
	// API serves the four services and the previews.
	API bool
	// Worker runs builds.
	Worker bool
}

// ConfigError lists everything that is wrong with a configuration.
type ConfigError struct {
	// Problems are sentences that name the setting and say what to do.
	Problems []string
}

// Error returns the problems, one per line.
func (e *ConfigError) Error() string { return strings.Join(e.Problems, "\n") }

// ConfigFlags holds what the command line said. Its zero value said nothing.
type ConfigFlags struct {
	given    map[string]string
	defaults map[string]string
}

// BindConfig adds a flag for every setting to flags. defaults replaces the
// default of the settings that it names by flag; it may be nil.
func BindConfig(flags *flag.FlagSet, defaults map[string]string) *ConfigFlags {
	bound := &ConfigFlags{given: map[string]string{}, defaults: defaults}
	for _, s := range settings() {
		bound.bind(flags, s)
	}
	return bound
}

// BindDataDir adds only the flag of the data folder to flags, for programs that
// read what a server has left there. Use [ConfigFlags.DataDir] on the result.
func BindDataDir(flags *flag.FlagSet) *ConfigFlags {
	bound := &ConfigFlags{given: map[string]string{}}
	bound.bind(flags, dataDirSetting())
	return bound
}

func (f *ConfigFlags) bind(flags *flag.FlagSet, s setting) {
	keep := func(raw string) error {
		f.given[s.name] = raw
		return nil
	}
	if s.toggle {
		flags.BoolFunc(s.name, s.meaning, keep)
		return
	}
	flags.Func(s.name, s.meaning, keep)
}

// Load reads every setting: a flag wins over the environment, and that over
// the default. An empty variable counts as unset. It returns a [*ConfigError]
// that lists all problems, and never shows the value of a secret.
func (f *ConfigFlags) Load(getenv func(string) string) (Config, error) {
	var (
		cfg      Config
		problems []string
	)
	for _, s := range settings() {
		problems = append(problems, f.apply(&cfg, s, getenv)...)
	}
	if len(problems) == 0 {
		problems = cfg.contradictions()
	}
	if len(problems) > 0 {
		return Config{}, &ConfigError{Problems: problems}
	}
	return cfg, nil
}

// DataDir reads the data folder only. Its errors are those of Load.
func (f *ConfigFlags) DataDir(getenv func(string) string) (string, error) {
	var cfg Config
	if problems := f.apply(&cfg, dataDirSetting(), getenv); len(problems) > 0 {
		return "", &ConfigError{Problems: problems}
	}
	return cfg.DataDir, nil
}

// apply stores one setting and returns what is wrong with it.
func (f *ConfigFlags) apply(cfg *Config, s setting, getenv func(string) string) []string {
	raw, origin := f.lookUp(s, getenv)
	if raw == "" && origin == fromDefault {
		return s.applyComputed(cfg)
	}
	if err := s.parse(cfg, raw); err != nil {
		return []string{s.problem(origin, raw, err)}
	}
	return nil
}

// source is where a value came from, as a problem names it.
type source int

const (
	fromDefault source = iota
	fromEnv
	fromFlag
)

func (f *ConfigFlags) lookUp(s setting, getenv func(string) string) (string, source) {
	if raw, ok := f.given[s.name]; ok {
		return raw, fromFlag
	}
	if raw := getenv(envName(s.name)); raw != "" {
		return raw, fromEnv
	}
	if s.elsewhere != "" {
		if raw := getenv(s.elsewhere); raw != "" {
			return raw, fromDefault
		}
	}
	if raw, ok := f.defaults[s.name]; ok {
		return raw, fromDefault
	}
	return s.standard, fromDefault
}

// contradictions finds settings that are right alone and wrong together.
func (c *Config) contradictions() []string {
	var problems []string
	say := func(wrong bool, sentence string) {
		if wrong {
			problems = append(problems, sentence)
		}
	}
	say(!c.Embedded && c.DatabaseURL.Reveal() == "",
		"no database is set: set SHEEN_DATABASE_URL, or pass --embedded to start one")
	say(!c.Embedded && c.RedisURL.Reveal() == "",
		"no Redis is set: set SHEEN_REDIS_URL, or pass --embedded to start one")
	say(c.Listen == c.PreviewListen && !strings.HasSuffix(c.Listen, ":0"),
		"--listen and --preview-listen are the same address "+c.Listen+": give each its own port")
	say(c.splitWithoutBlobs(),
		"a process with one role needs the files of the others: set SHEEN_BLOBS to a bucket or a shared folder, the same for all of them")
	jwt := c.JWKSURL != "" || c.JWTIssuer != "" || c.JWTAudience != ""
	say(jwt && (c.JWKSURL == "" || c.JWTIssuer == "" || c.JWTAudience == ""),
		"SHEEN_JWKS_URL, SHEEN_JWT_ISSUER and SHEEN_JWT_AUDIENCE belong together: set all three or none")
	return slices.Concat(problems, c.modelProblems(), c.paymentProblems(), c.deployProblems())
}
