package embedded

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
)

func redisClient(t *testing.T, address string) *redis.Client {
	t.Helper()
	options, err := redis.ParseURL(address)
	must(t, err)
	options.MaxRetries = -1
	client := redis.NewClient(options)
	t.Cleanup(func() { must(t, client.Close()) })
	return client
}

func TestRedis_KeysExpire(t *testing.T) {
	t.Parallel()
	server, err := startRedis()
	must(t, err)
	t.Cleanup(server.stop)
	client := redisClient(t, server.url)
	ctx := t.Context()

	must(t, client.Set(ctx, "soon", "1", 20*time.Millisecond).Err())
	must(t, client.Set(ctx, "later", "1", time.Hour).Err())
	eventually(t, "expiry", func() bool { return client.Exists(ctx, "soon").Val() == 0 })
	if client.Exists(ctx, "later").Val() != 1 {
		t.Error("the other key went too")
	}
}

func TestRedis_WantsPassword(t *testing.T) {
	t.Parallel()
	server, err := startRedis()
	must(t, err)
	t.Cleanup(server.stop)
	stranger := redisClient(t, "redis://"+server.server.Addr())
	if err := stranger.Ping(t.Context()).Err(); err == nil || !strings.Contains(err.Error(), "NOAUTH") {
		t.Errorf("got %v, want NOAUTH", err)
	}
}

func TestRedis_Stop(t *testing.T) {
	t.Parallel()
	server, err := startRedis()
	must(t, err)
	client := redisClient(t, server.url)
	must(t, client.Ping(t.Context()).Err())
	server.stop() // with a client connected
	// The port may be another process's by now, which does not know the password.
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	if err := client.Ping(ctx).Err(); err == nil {
		t.Error("it still answers")
	}
}
