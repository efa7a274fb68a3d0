package server

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"
)

// redisTimeout bounds a dial, a read and a write. Redis is a hint: what takes
// longer than this is not worth waiting for.
const redisTimeout = time.Second

// What a wrong SHEEN_REDIS_URL should have been. None of the address may be shown.
var (
	errRedisURL    = errors.New("must be an address like redis://user:password@host:6379/0")
	errClusterURL  = errors.New("must be an address like redis+cluster://user:password@host:6379?addr=host2:6379&addr=host3:6379")
	errSentinelURL = errors.New("must be an address like redis+sentinel://host:26379?addr=host2:26379&master_name=name&username=user&password=password")
)

// openRedis connects when it is first used, and again whenever that is needed.
func (s *Server) openRedis() (redis.UniversalClient, error) {
	open, err := redisClient(s.cfg.RedisURL.Reveal())
	if err != nil {
		return nil, fmt.Errorf("SHEEN_REDIS_URL %w", err)
	}
	client := open()
	s.undo.push(func(context.Context) error { return client.Close() })
	return client, nil
}

// redisClient reads an address, whose scheme says whether it is of a single server,
// a cluster or sentinels, and returns what makes the client.
func redisClient(raw string) (func() redis.UniversalClient, error) {
	scheme, rest, _ := strings.Cut(raw, "://")
	scheme, form, _ := strings.Cut(scheme, "+")
	switch form {
	case "":
		return singleClient(raw)
	case "cluster":
		return clusterClient(scheme + "://" + rest)
	case "sentinel":
		return sentinelClient(scheme + "://" + rest)
	default:
		return nil, errRedisURL
	}
}

func singleClient(address string) (func() redis.UniversalClient, error) {
	o, err := redis.ParseURL(address)
	if err != nil {
		return nil, errRedisURL
	}
	o.DialTimeout, o.ReadTimeout, o.WriteTimeout = redisTimeout, redisTimeout, redisTimeout
	o.DialerRetries, o.ContextTimeoutEnabled, o.MaintNotificationsConfig = 1, true, noMaintenance()
	return func() redis.UniversalClient { return redis.NewClient(o) }, nil
}

func clusterClient(address string) (func() redis.UniversalClient, error) {
	o, err := redis.ParseClusterURL(address)
	if err != nil {
		return nil, errClusterURL
	}
	o.DialTimeout, o.ReadTimeout, o.WriteTimeout = redisTimeout, redisTimeout, redisTimeout
	o.DialerRetries, o.ContextTimeoutEnabled, o.MaintNotificationsConfig = 1, true, noMaintenance()
	return func() redis.UniversalClient { return redis.NewClusterClient(o) }, nil
}

func sentinelClient(address string) (func() redis.UniversalClient, error) {
	o, err := redis.ParseFailoverURL(address)
	// What chooses among replicas cannot publish.
	if err != nil || o.MasterName == "" || o.ReplicaOnly || o.RouteByLatency || o.RouteRandomly {
		return nil, errSentinelURL
	}
	o.DialTimeout, o.ReadTimeout, o.WriteTimeout = redisTimeout, redisTimeout, redisTimeout
	o.DialerRetries, o.ContextTimeoutEnabled = 1, true
	return func() redis.UniversalClient { return redis.NewFailoverClient(o) }, nil
}

// noMaintenance turns off news of maintenance, which only a hosted product sends:
// asking for them costs every connection a round trip.
func noMaintenance() *maintnotifications.Config {
	return &maintnotifications.Config{Mode: maintnotifications.ModeDisabled}
}
