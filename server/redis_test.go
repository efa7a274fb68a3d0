package server

import (
	"slices"
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"
)

func TestEveryFormOfARedisAddress(t *testing.T) {
	t.Parallel()
	for address, check := range map[string]func(redis.UniversalClient) bool{
		"redis://u:secret@h:7000/2": func(c redis.UniversalClient) bool {
			o := c.(*redis.Client).Options()
			return o.Addr == "h:7000" && o.DB == 2 && o.Password == "secret" && o.TLSConfig == nil && o.ContextTimeoutEnabled
		},
		"rediss://h": func(c redis.UniversalClient) bool {
			o := c.(*redis.Client).Options()
			return o.Addr == "h:6379" && o.TLSConfig != nil && o.ReadTimeout == redisTimeout
		},
		"redis+cluster://u:secret@a:1?addr=b:2&addr=c:3": func(c redis.UniversalClient) bool {
			o := c.(*redis.ClusterClient).Options()
			return slices.Equal(o.Addrs, []string{"a:1", "b:2", "c:3"}) && o.Password == "secret" &&
				o.TLSConfig == nil && o.ContextTimeoutEnabled && o.ReadTimeout == redisTimeout
		},
		"rediss+cluster://a": func(c redis.UniversalClient) bool {
			return c.(*redis.ClusterClient).Options().TLSConfig != nil
		},
		"redis+sentinel://a:1/3?addr=b:2&master_name=m&password=secret": func(c redis.UniversalClient) bool {
			o := c.(*redis.Client).Options()
			return o.Addr == "FailoverClient" && o.DB == 3 && o.Password == "secret" && o.ContextTimeoutEnabled
		},
		"rediss+sentinel://a:1?master_name=m": func(c redis.UniversalClient) bool {
			return c.(*redis.Client).Options().TLSConfig != nil
		},
	} {
		open, err := redisClient(address)
		if err != nil {
			t.Errorf("%s: %v", address, err)
			continue
		}
		client := open()
		if !check(client) {
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
