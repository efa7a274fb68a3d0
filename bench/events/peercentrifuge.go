package main

import (
	"context"
	"fmt"
	"time"

	"github.com/centrifugal/centrifuge"
)

const (
	// historyTime keeps the history, which has no bound that the run reaches.
	historyTime = time.Hour
	// queueBytes is what may wait for a client; the default of 1 MB would make
	// the server disconnect those that a burst leaves behind.
	queueBytes = 64 << 20
)

// centrifugeServer is a centrifuge node with a WebSocket endpoint. History and
// recovery are on, as Sheen's log always is; compression is off, as it is by
// default and in Sheen. A frame takes as many messages as wait, where the default
// is 16. WriteDelay stays off: 5 ms of it
// made the burst slower, in which every client has something waiting anyway.
type centrifugeServer struct {
	node *centrifuge.Node
}

func (c *centrifugeServer) start(ctx context.Context, plan *PeerPlan) (string, error) {
	node, err := centrifuge.New(centrifuge.Config{ClientQueueMaxSize: queueBytes})
	if err != nil {
		return "", err
	}
	c.node = node
	if plan.Contender == contenderCentrifugeRedis {
		if err := useRedis(node, plan.RedisAddress); err != nil {
			return "", err
		}
	}
	node.OnConnecting(func(context.Context, centrifuge.ConnectEvent) (centrifuge.ConnectReply, error) {
		return centrifuge.ConnectReply{
			Credentials: &centrifuge.Credentials{UserID: owner}, MaxMessagesInFrame: -1,
		}, nil
	})
	node.OnConnect(func(connected *centrifuge.Client) {
		connected.OnSubscribe(func(_ centrifuge.SubscribeEvent, reply centrifuge.SubscribeCallback) {
			reply(centrifuge.SubscribeReply{Options: centrifuge.SubscribeOptions{EnableRecovery: true}}, nil)
		})
	})
	if err := node.Run(); err != nil {
		return "", err
	}
	address, err := serveHTTP(ctx, centrifuge.NewWebsocketHandler(node, centrifuge.WebsocketConfig{
		WriteTimeout: 15 * time.Second,
	}))
	return "ws://" + address, err
}

func useRedis(node *centrifuge.Node, address string) error {
	shard, err := centrifuge.NewRedisShard(node, centrifuge.RedisShardConfig{Address: address})
	if err != nil {
		return err
	}
	broker, err := centrifuge.NewRedisBroker(node, centrifuge.RedisBrokerConfig{Shards: []*centrifuge.RedisShard{shard}})
	if err != nil {
		return err
	}
	node.SetBroker(broker)
	return nil
}

func (c *centrifugeServer) publish(_ context.Context, burst *Burst) error {
	for seq := int64(1); seq <= burst.Count; seq++ {
		data := []byte(newPayload(seq, burst.Size, time.Now()))
		if _, err := c.node.Publish(burst.Channel, data, centrifuge.WithHistory(int(burst.Count), historyTime)); err != nil {
			return fmt.Errorf("publish %d: %w", seq, err)
		}
	}
	return nil
}
