package embedded

import (
	"crypto/rand"
	"fmt"
	"net/url"

	"github.com/alicebob/miniredis/v2"
)

// redisServer is a Redis inside this process. It is spoken to over its port, so
// that a client takes the path that it takes with a real one.
type redisServer struct {
	server *miniredis.Miniredis
	url    string
}

// startRedis listens on a free loopback port, where only those who know the
// password get past the greeting.
func startRedis() (*redisServer, error) {
	server := miniredis.NewMiniRedis()
	password := rand.Text()
	server.RequireAuth(password)
	server.ClockTTL(true) // keys expire as time passes, not only when told to
	if err := server.Start(); err != nil {
		return nil, fmt.Errorf("start embedded redis: %w", err)
	}
	address := url.URL{Scheme: "redis", User: url.UserPassword("", password), Host: server.Addr(), Path: "/0"}
	return &redisServer{server: server, url: address.String()}, nil
}

func (r *redisServer) stop() { r.server.Close() }
