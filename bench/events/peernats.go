package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

const (
	natsStream = "EVENTS"
	// natsPublished is how many publications wait for their acknowledgement.
	natsPublished = 500
	// natsPull is how many messages a consumer asks for ahead: more than the
	// default of 500, so that asking is rare.
	natsPull = 2000
)

// natsServer is a NATS server with a JetStream stream in memory, which spares it
// the disk that Sheen's log is on.
type natsServer struct {
	js jetstream.JetStream
}

func (n *natsServer) start(ctx context.Context, plan *PeerPlan) (string, error) {
	dir, err := os.MkdirTemp(plan.Dir, "nats")
	if err != nil {
		return "", err
	}
	running, err := server.NewServer(&server.Options{
		Host: "127.0.0.1", Port: server.RANDOM_PORT, JetStream: true, StoreDir: dir, NoLog: true, NoSigs: true,
		MaxConn: plan.Subscribers + 10,
	})
	if err != nil {
		return "", err
	}
	running.Start()
	if !running.ReadyForConnections(10 * time.Second) {
		return "", errors.New("the NATS server did not get ready")
	}
	connection, err := nats.Connect("", nats.InProcessServer(running))
	if err != nil {
		return "", err
	}
	if n.js, err = jetstream.New(connection, jetstream.WithPublishAsyncMaxPending(natsPublished)); err != nil {
		return "", err
	}
	_, err = n.js.CreateStream(ctx, jetstream.StreamConfig{
		Name: natsStream, Subjects: []string{plan.Channel}, Storage: jetstream.MemoryStorage,
	})
	return running.ClientURL(), err
}

func (n *natsServer) publish(ctx context.Context, burst *Burst) error {
	var pending []jetstream.PubAckFuture
	for seq := int64(1); seq <= burst.Count; seq++ {
		future, err := n.js.PublishAsync(burst.Channel, []byte(newPayload(seq, burst.Size, time.Now())), jetstream.WithStallWait(time.Minute))
		if err != nil {
			return fmt.Errorf("publish %d: %w", seq, err)
		}
		pending = append(pending, future)
	}
	for _, future := range pending {
		select {
		case <-future.Ok():
		case err := <-future.Err():
			return err
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}
