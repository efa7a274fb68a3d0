package server

import (
	"fmt"
	"slices"
	"strings"

	"github.com/sheenapps/sheen/server/billing/meter"
	"github.com/sheenapps/sheen/server/embedded"
)

// setting is one row of the table from which flags, the reading of the
// environment and the documentation are derived.
type setting struct {
	// name is the flag; the environment variable follows from it.
	name string
	// standard is the default, as it would be written by hand.
	standard string
	// shown is the default in the documentation where standard does not say it.
	shown string
	// meaning is one clause for the help text and the table.
	meaning string
	// toggle marks a flag without a value.
	toggle bool
	// secret keeps the value out of problems.
	secret bool
	// elsewhere is a variable of others that is read where ours is not set.
	elsewhere string
	// computed finds the default that depends on the machine; its error is a
	// sentence for the user.
	computed func() (string, error)
	// parse stores the value, or says what it should have been.
	parse func(cfg *Config, raw string) error
}

func settings() []setting {
	return slices.Concat(processSettings(), modelSettings(), browserSettings(), recommendSettings(), deploySettings(), paymentSettings())
}

func processSettings() []setting {
	return []setting{
		{
			name: "listen", standard: "127.0.0.1:8080", parse: address(func(c *Config) *string { return &c.Listen }),
			meaning: "address of the API, host:port; port 0 picks a free one",
		},
		{
			name: "preview-listen", standard: "127.0.0.1:8081", parse: address(func(c *Config) *string { return &c.PreviewListen }),
			meaning: "address of preview sites, host:port; port 0 picks a free one",
		},
		metricsSetting(),
		{
			name: "preview-domain", standard: "preview.localhost", parse: parsePreviewDomain,
			meaning: "parent of all preview hosts",
		},
		{
			name: "public-url", shown: "the address of `--listen`", parse: parsePublicURL,
			meaning: "address of the API as users see it",
		},
		dataDirSetting(),
		blobsSetting(),
		{
			name: "embedded", standard: "false", shown: "`false`, but `true` for `sheen build`", toggle: true, parse: parseEmbedded,
			meaning: "start a Postgres and a Redis where no address of one is set",
		},
		{
			name: "postgres-bin", shown: "where the packages put them", parse: text(func(c *Config) *string { return &c.PostgresBin }),
			meaning: "folder of initdb and postgres, for an embedded Postgres",
		},
		{
			name: "database-url", secret: true, parse: parseDatabaseURL,
			meaning: "where Postgres is, postgres://…",
		},
		{
			name: "redis-url", secret: true, parse: parseRedisURL,
			meaning: "where Redis is, redis://… or rediss://…; a cluster is redis+cluster://…?addr=…, one behind sentinels redis+sentinel://…?addr=…&master_name=…, both with rediss too",
		},
		{
			name: "role", standard: "api,worker", parse: parseRoles,
			meaning: "parts that this process runs: api, worker or both",
		},
		{
			name: "engine", standard: string(EngineOffline), parse: parseEngine,
			meaning: "what plans and writes sites: offline, which needs no key, anthropic or openai",
		},
		{
			name: "offline-pace", shown: "`1` for `sheen build` in a terminal, else `0`", parse: parsePace,
			meaning: "speed of the offline engine: 0 is flat out, 1 as fast as a person reads, 10 ten times that",
		},
		{
			name: "build-timeout", standard: "15m", parse: parseBuildTimeout,
			meaning: "how long a build may run, 1s to 24h",
		},
		eventRetentionSetting(),
		burnOrderSetting(),
		{
			name: "jwks-url", parse: parseJWKSURL,
			meaning: "keys of the tokens that are accepted besides the data folder's own",
		},
		{
			name: "jwt-issuer", parse: text(func(c *Config) *string { return &c.JWTIssuer }),
			meaning: "issuer that those tokens must have",
		},
		{
			name: "jwt-audience", parse: text(func(c *Config) *string { return &c.JWTAudience }),
			meaning: "audience that those tokens must have",
		},
		{
			name: "cors-origins", parse: parseOrigins,
			meaning: "origins whose pages may call the API, separated by commas",
		},
		webhookAllowSetting(),
		{
			name: "drain-timeout", standard: "10s", parse: parseDrainTimeout,
			meaning: "how long a stop may take, 0s to 10m",
		},
		{
			name: "log-level", standard: "info", shown: "`info`, but `warn` for `sheen build`", parse: parseLogLevel,
			meaning: "lowest level that is logged: debug, info, warn or error",
		},
	}
}

func metricsSetting() setting {
	return setting{
		name: "metrics-listen", parse: address(func(c *Config) *string { return &c.MetricsListen }),
		meaning: "address of `/metrics` for Prometheus and of profiles, host:port; not served if empty",
	}
}

func dataDirSetting() setting {
	return setting{
		name: "data-dir", shown: "`~/.local/share/sheen`", parse: parseDataDir, computed: embedded.DefaultDataDir,
		meaning: "folder of keys, files and embedded databases",
	}
}

// envName returns the variable of a flag: `data-dir` is SHEEN_DATA_DIR.
func envName(flagName string) string {
	return "SHEEN_" + strings.ToUpper(strings.ReplaceAll(flagName, "-", "_"))
}

// applyComputed stores the default that depends on the machine, if there is one.
func (s *setting) applyComputed(cfg *Config) []string {
	if s.computed == nil {
		return nil
	}
	raw, err := s.computed()
	if err != nil {
		return []string{err.Error()}
	}
	if err := s.parse(cfg, raw); err != nil {
		return []string{s.problem(fromDefault, raw, err)}
	}
	return nil
}

// problem puts what is wrong with a value into one sentence.
func (s *setting) problem(from source, raw string, err error) string {
	where := "the default of --" + s.name
	switch from {
	case fromFlag:
		where = "--" + s.name
	case fromEnv:
		where = envName(s.name)
	case fromDefault:
	}
	if s.secret {
		return fmt.Sprintf("%s %v", where, err)
	}
	return fmt.Sprintf("%s is %q and %v", where, raw, err)
}

// ConfigTable returns every setting as a Markdown table, for the README.
func ConfigTable() string {
	var table strings.Builder
	table.WriteString("| variable | flag | default | meaning |\n|---|---|---|---|\n")
	for _, s := range settings() {
		fmt.Fprintf(&table, "| `%s` | `--%s` | %s | %s |\n", envName(s.name), s.name, s.shownDefault(), s.meaning)
	}
	return table.String()
}

func (s *setting) shownDefault() string {
	switch {
	case s.shown != "":
		return s.shown
	case s.standard != "":
		return "`" + s.standard + "`"
	default:
		return "–"
	}
}

// ConfigUsage returns every setting as lines for a help text. defaults
// replaces defaults as in [BindConfig].
func ConfigUsage(defaults map[string]string) string {
	const column = 24
	var lines strings.Builder
	for _, s := range settings() {
		name := "--" + s.name
		if !s.toggle {
			name += " VALUE"
		}
		fmt.Fprintf(&lines, "  %-*s %s", column, name, s.meaning)
		standard := s.standard
		if changed, ok := defaults[s.name]; ok {
			standard = changed
		}
		if standard != "" {
			fmt.Fprintf(&lines, " (%s)", standard)
		}
		lines.WriteByte('\n')
	}
	return lines.String()
}

func burnOrderSetting() setting {
	return setting{
		name: "burn-order", shown: "`" + meter.DefaultOrder().String() + "`", parse: parseBurnOrder,
		meaning: "order in which AI time is burned: all six kinds, or expiring-first",
	}
}

func eventRetentionSetting() setting {
	return setting{
		name: "event-retention", standard: "720h", parse: parseEventRetention,
		meaning: "how long a build's events are kept, 24h to 87600h; 0 is for ever",
	}
}
