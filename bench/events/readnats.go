package main

import (
	"context"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// natsClients reads with ordered consumers, a connection for each subscriber.
type natsClients struct {
	job    *Job
	dialer *dialer
}

func (n *natsClients) read(ctx context.Context, s *subscriber) error {
	connection, err := nats.Connect(n.job.Address, nats.Timeout(30*time.Second))
	if err != nil {
		return err
	}
	defer connection.Close()
	js, err := jetstream.New(connection)
	if err != nil {
		return err
	}
	opening, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	consumer, err := js.OrderedConsumer(opening, natsStream, jetstream.OrderedConsumerConfig{FilterSubjects: []string{s.channel}})
	if err != nil {
		return err
	}
	ended := make(chan error, 1)
	consuming, err := consumer.Consume(func(m jetstream.Msg) {
		meta, err := m.Metadata()
		if err == nil {
			err = s.take(m.Data(), int64(meta.Sequence.Stream), time.Now(), time.Time{})
		}
		if err != nil {
			select {
			case ended <- err:
			default:
			}
		}
	}, jetstream.PullMaxMessages(natsPull))
	if err != nil {
		return err
	}
	defer consuming.Stop()
	s.subscribed()
	select {
	case err := <-ended:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}
