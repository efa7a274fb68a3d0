package server

import (
	"errors"
	"fmt"
	"log/slog"
	"math"
	"net"
	"net/url"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/sheenapps/sheen/server/billing/meter"
)

const (
	maxPort         = 65535
	maxPace         = 1000
	maxBuildTimeout = 24 * time.Hour
	maxDrainTimeout = 10 * time.Minute
	// minEventRetention is the longest that a build may run, maxEventRetention
	// ten years.
	minEventRetention = maxBuildTimeout
	maxEventRetention = 10 * 365 * 24 * time.Hour
)

func address(field func(*Config) *string) func(*Config, string) error {
	return func(cfg *Config, raw string) error {
		_, port, err := net.SplitHostPort(raw)
		if err != nil {
			return errors.New("must be host:port, such as 127.0.0.1:8080")
		}
		number, err := strconv.Atoi(port)
		if err != nil || number < 0 || number > maxPort {
			return errors.New("must end in a port from 0 to 65535")
		}
		*field(cfg) = raw
		return nil
	}
}

func text(field func(*Config) *string) func(*Config, string) error {
	return func(cfg *Config, raw string) error {
		*field(cfg) = raw
		return nil
	}
}

func parsePreviewDomain(cfg *Config, raw string) error {
	label := `[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?`
	if !regexp.MustCompile(`^` + label + `(\.` + label + `)*$`).MatchString(raw) {
		return errors.New("must be a lower-case domain name without a port, such as preview.localhost")
	}
	cfg.PreviewDomain = raw
	return nil
}

func parsePublicURL(cfg *Config, raw string) error {
	u, err := url.Parse(raw)
	if err != nil || !isWeb(u) || u.RawQuery != "" || u.Fragment != "" || u.User != nil {
		return errors.New("must be an http or https address, such as https://sheen.example.com")
	}
	cfg.PublicURL = strings.TrimRight(raw, "/")
	return nil
}

func parseDataDir(cfg *Config, raw string) error {
	if raw == "" {
		return errors.New("must name a folder")
	}
	path, err := filepath.Abs(raw)
	if err != nil {
		return errors.New("must be an absolute path, as the working folder is gone")
	}
	cfg.DataDir = path
	return nil
}

func parseEmbedded(cfg *Config, raw string) error {
	on, err := strconv.ParseBool(raw)
	if err != nil {
		return errors.New("must be true or false")
	}
	cfg.Embedded = on
	return nil
}

// parseDatabaseURL checks only the kind of address: the driver knows the rest.
// What it returns must not hold any of the address.
func parseDatabaseURL(cfg *Config, raw string) error {
	scheme, _, isURL := strings.Cut(raw, "://")
	if isURL && scheme != "postgres" && scheme != "postgresql" || !isURL && !strings.Contains(raw, "=") {
		return errors.New("must be an address like postgres://user:password@host:5432/name")
	}
	cfg.DatabaseURL = NewSecret(raw)
	return nil
}

// What parseRedisURL returns must not hold any of the address either.
func parseRedisURL(cfg *Config, raw string) error {
	if _, err := redisClient(raw); err != nil {
		return err
	}
	cfg.RedisURL = NewSecret(raw)
	return nil
}

func parseRoles(cfg *Config, raw string) error {
	var roles Roles
	for name := range strings.SplitSeq(raw, ",") {
		switch strings.TrimSpace(name) {
		case "api":
			roles.API = true
		case "worker":
			roles.Worker = true
		default:
			return errors.New("must be api, worker or api,worker")
		}
	}
	cfg.Roles = roles
	return nil
}

func parsePace(cfg *Config, raw string) error {
	pace, err := strconv.ParseFloat(raw, 64)
	if err != nil || math.IsNaN(pace) || pace < 0 || pace > maxPace {
		return errors.New("must be a number from 0 to 1000")
	}
	cfg.OfflinePace = &pace
	return nil
}

func parseBuildTimeout(cfg *Config, raw string) error {
	return span(&cfg.BuildTimeout, raw, time.Second, maxBuildTimeout)
}

func parseDrainTimeout(cfg *Config, raw string) error {
	return span(&cfg.DrainTimeout, raw, 0, maxDrainTimeout)
}

func parseEventRetention(cfg *Config, raw string) error {
	d, err := time.ParseDuration(raw)
	if err != nil || d != 0 && (d < minEventRetention || d > maxEventRetention) {
		return fmt.Errorf("must be 0, which keeps events for ever, or a duration from %v to %v, such as 720h", minEventRetention, maxEventRetention)
	}
	cfg.EventRetention = d
	return nil
}

func parseBurnOrder(cfg *Config, raw string) error {
	order, err := meter.ParseOrder(raw)
	if err != nil {
		return fmt.Errorf("must be %s, or all six kinds of grants, such as %s", meter.ExpiringFirst(), meter.DefaultOrder())
	}
	cfg.BurnOrder = &order
	return nil
}

func span(field *time.Duration, raw string, low, high time.Duration) error {
	d, err := time.ParseDuration(raw)
	if err != nil || d < low || d > high {
		return fmt.Errorf("must be a duration from %v to %v, such as 90s or 15m", low, high)
	}
	*field = d
	return nil
}

func parseJWKSURL(cfg *Config, raw string) error {
	u, err := url.Parse(raw)
	if err != nil || !isWeb(u) {
		return errors.New("must be an http or https address")
	}
	cfg.JWKSURL = raw
	return nil
}

func parseOrigins(cfg *Config, raw string) error {
	for origin := range strings.SplitSeq(raw, ",") {
		origin = strings.TrimSpace(origin)
		u, err := url.Parse(origin)
		if err != nil || !isWeb(u) || origin != u.Scheme+"://"+u.Host {
			return errors.New("must list exact origins like https://app.example.com, separated by commas")
		}
		cfg.CORSOrigins = append(cfg.CORSOrigins, origin)
	}
	return nil
}

func isWeb(u *url.URL) bool {
	return (u.Scheme == "http" || u.Scheme == "https") && u.Host != ""
}

func parseLogLevel(cfg *Config, raw string) error {
	var level slog.Level
	switch raw {
	case "debug", "info", "warn", "error":
	default:
		return errors.New("must be debug, info, warn or error")
	}
	if err := level.UnmarshalText([]byte(raw)); err != nil {
		return fmt.Errorf("cannot be read: %w", err)
	}
	cfg.LogLevel = level
	return nil
}
