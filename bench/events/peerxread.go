package main

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"connectrpc.com/connect"
	"github.com/redis/go-redis/v9"

	eventv1 "github.com/sheenapps/sheen/gen/sheen/event/v1"
	"github.com/sheenapps/sheen/gen/sheen/event/v1/eventv1connect"
)

// xread serves StreamEvents from a Redis stream, which every subscriber reads
// by itself with XREAD BLOCK on a connection of its own. To be kind, all that a
// reply holds, at most readCount events, goes out in one message.
type xread struct {
	eventv1connect.UnimplementedEventServiceHandler

	client *redis.Client
}

const (
	readCount = 500
	// writeCount is how many XADD go into one pipeline.
	writeCount = 100
	// field of a stream's entry that holds the text.
	field = "e"
)

func (x *xread) start(ctx context.Context, plan *PeerPlan) (string, error) {
	x.client = redis.NewClient(&redis.Options{Addr: plan.RedisAddress, PoolSize: plan.Subscribers + 10, DialTimeout: 30 * time.Second})
	_, handler := eventv1connect.NewEventServiceHandler(x, connect.WithCompression("gzip", nil, nil))
	address, err := serveHTTP(ctx, handler)
	return "http://" + address, err
}

func (x *xread) publish(ctx context.Context, burst *Burst) error {
	for first := int64(1); first <= burst.Count; first += writeCount {
		pipe := x.client.Pipeline()
		for seq := first; seq < first+writeCount && seq <= burst.Count; seq++ {
			pipe.XAdd(ctx, &redis.XAddArgs{
				Stream: burst.Channel, ID: strconv.FormatInt(seq, 10) + "-0",
				Values: []string{field, newPayload(seq, burst.Size, time.Now())},
			})
		}
		if _, err := pipe.Exec(ctx); err != nil {
			return fmt.Errorf("add to the stream: %w", err)
		}
	}
	return nil
}

// StreamEvents implements the RPC.
func (x *xread) StreamEvents(
	ctx context.Context, req *eventv1.StreamEventsRequest, out *connect.ServerStream[eventv1.StreamEventsResponse],
) error {
	if err := out.Send(&eventv1.StreamEventsResponse{}); err != nil {
		return err
	}
	for next := req.GetAfterSeq(); ctx.Err() == nil; {
		read, err := x.client.XRead(ctx, &redis.XReadArgs{
			Streams: []string{req.GetBuildId(), strconv.FormatInt(next, 10) + "-0"}, Count: readCount, Block: time.Minute,
		}).Result()
		if err != nil {
			return err
		}
		message := &eventv1.StreamEventsResponse{}
		for _, entry := range read[0].Messages {
			next++
			text, _ := entry.Values[field].(string)
			message.Events = append(message.Events, newEvent(req.GetBuildId(), next, text))
		}
		if err := out.Send(message); err != nil {
			return err
		}
	}
	return ctx.Err()
}
