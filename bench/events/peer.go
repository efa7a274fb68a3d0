package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"
)

// The contenders of F1.
const (
	contenderSheen           = "sheen"
	contenderSheenHTTP2      = "sheen-h2"
	contenderNaive           = "naive"
	contenderNaivePlain      = "naive-plain"
	contenderXRead           = "xread"
	contenderCentrifuge      = "centrifuge"
	contenderCentrifugeRedis = "centrifuge-redis"
	contenderNATS            = "nats"
)

var errContender = errors.New("no such contender")

// Peer is the process of a contender that is not Sheen. Its exported methods
// are called by the parent, as net/rpc wants them.
type Peer struct {
	serving peerServer
}

// peerServer is a contender's server, and publishes inside its own process.
type peerServer interface {
	// start listens on a free port of the loopback interface and returns the
	// address as the contender's client wants it.
	start(ctx context.Context, plan *PeerPlan) (address string, err error)
	// publish adds the events 1 to count, each to be seen by every subscriber.
	publish(ctx context.Context, burst *Burst) error
}

// PeerPlan says what to serve.
type PeerPlan struct {
	Contender, RedisAddress, Dir string
	// Channel is the one build of F1.
	Channel     string
	Subscribers int
}

// Burst is what to publish, as fast as it goes.
type Burst struct {
	Channel string
	Count   int64
	Size    int
}

// Start starts a contender's server.
func (p *Peer) Start(plan *PeerPlan, address *string) (err error) {
	switch plan.Contender {
	case contenderNaive, contenderNaivePlain:
		p.serving = newNaive()
	case contenderXRead:
		p.serving = &xread{}
	case contenderCentrifuge, contenderCentrifugeRedis:
		p.serving = &centrifugeServer{}
	case contenderNATS:
		p.serving = &natsServer{}
	default:
		return fmt.Errorf("%w: %s", errContender, plan.Contender)
	}
	*address, err = p.serving.start(context.Background(), plan)
	return err
}

// Publish publishes a burst and returns when the server has taken it.
func (p *Peer) Publish(burst *Burst, _ *struct{}) error {
	return p.serving.publish(context.Background(), burst)
}

// serveHTTP serves a handler over HTTP/1.1 and HTTP/2 without TLS until the
// process ends, and returns its address.
func serveHTTP(ctx context.Context, handler http.Handler) (string, error) {
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	var protocols http.Protocols
	protocols.SetHTTP1(true)
	protocols.SetUnencryptedHTTP2(true)
	server := &http.Server{Handler: handler, Protocols: &protocols, ReadHeaderTimeout: 10 * time.Second}
	go func() { _ = server.Serve(listener) }()
	return listener.Addr().String(), nil
}
