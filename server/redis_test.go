package server

import (
	"slices"
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"
)

func as[C any](t *testing.T, client redis.UniversalClient) C {
	t.Helper()
	c, ok := client.(C)
	if !ok {
		t.Fatalf("a client of another kind: %T", client)
	}
	return c
}

func TestEveryFormOfARedisAddress(t *testing.T) {
	t.Parallel()
	for address, check := range map[string]func(*testing.T, redis.UniversalClient) bool{
		"redis://u:secret@h:7000/2": func(t *testing.T, c redis.UniversalClient) bool {
			t.Helper()
			o := as[*redis.Client](t, c).Options()
			return o.Addr == "h:7000" && o.DB == 2 && o.Password == "secret" && o.TLSConfig == nil && o.ContextTimeoutEnabled
		},
		"rediss://h": func(t *testing.T, c redis.UniversalClient) bool {
			t.Helper()
			o := as[*redis.Client](t, c).Options()
			return o.Addr == "h:6379" && o.TLSConfig != nil && o.ReadTimeout == redisTimeout
		},
		"redis+cluster://u:secret@a:1?addr=b:2&addr=c:3": func(t *testing.T, c redis.UniversalClient) bool {
			t.Helper()
			o := as[*redis.ClusterClient](t, c).Options()
			return slices.Equal(o.Addrs, []string{"a:1", "b:2", "c:3"}) && o.Password == "secret" &&
				o.TLSConfig == nil && o.ContextTimeoutEnabled && o.ReadTimeout == redisTimeout
		},
		"rediss+cluster://a": func(t *testing.T, c redis.UniversalClient) bool {
			t.Helper()
			return as[*redis.ClusterClient](t, c).Options().TLSConfig != nil
		},
		"redis+sentinel://a:1/3?addr=b:2&master_name=m&password=secret": func(t *testing.T, c redis.UniversalClient) bool {
			t.Helper()
			o := as[*redis.Client](t, c).Options()
			return o.Addr == "FailoverClient" && o.DB == 3 && o.Password == "secret" && o.ContextTimeoutEnabled
		},
		"rediss+sentinel://a:1?master_name=m": func(t *testing.T, c redis.UniversalClient) bool {
			t.Helper()
			return as[*redis.Client](t, c).Options().TLSConfig != nil
		},
	} {
		open, err := redisClient(address)
		if err != nil {
			t.Errorf("%s: %v", address, err)
			continue
		}
		client := open()
		if !check(t, client) {
			t.Errorf("%s became %v", address, client)
		}
		_ = client.Close()
	}
}

func TestAWrongRedisAddressSaysWhatItShouldBe(t *testing.T) {
	t.Parallel()
	for address, form := range map[string]string{
		"":                                                  "redis://",
		"h:6379":                                            "redis://",
		"http://u:secret@h":                                 "redis://",
		"redis://u:secret@h/x":                              "redis://",
		"redis://u:secret@h:x":                              "redis://",
		"redis+other://secret@h":                            "redis://",
		"redis://u:secret@h?master_name=secret":             "redis://",
		"redis+cluster://u:secret@h?addr=secret":            "redis+cluster://",
		"http+cluster://u:secret@h":                         "redis+cluster://",
		"redis+cluster://u:secret@h?master_name=m":          "redis+cluster://",
		"redis+sentinel://u:secret@h":                       "redis+sentinel://",
		"redis+sentinel://h?master_name=m&addr=secret":      "redis+sentinel://",
		"redis+sentinel://h?master_name=m&replica_only=1":   "redis+sentinel://",
		"redis+sentinel://h?master_name=m&route_randomly=1": "redis+sentinel://",
	} {
		cfg := &Config{}
		err := parseRedisURL(cfg, address)
		if err == nil || !strings.HasPrefix(err.Error(), "must be an address like "+form) || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: %v", address, err)
		}
		if cfg.RedisURL.Reveal() != "" {
			t.Errorf("%s is kept", address)
		}
	}
}
