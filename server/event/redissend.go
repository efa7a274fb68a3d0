package event

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/redis/go-redis/v9"
)

const (
	// sendTimeout bounds one pipeline.
	sendTimeout = time.Second
	// cachedBatches is about how many batches of a build its stream keeps, and
	// cacheExpiry how long after the last one.
	cachedBatches = 1000
	cacheExpiry   = time.Hour
	// frameField is the only field of a stream's entries.
	frameField = "f"
)

// send puts batches into one pipeline and reports whether the server was there. A
// command that the server refuses does not keep the others from being carried out.
func (p *publisher) send(l *outbox, batches []Batch) bool {
	ctx, cancel := context.WithTimeout(context.Background(), sendTimeout)
	defer cancel()
	pipe := p.servers.client.Pipeline()
	published, cached := make([]*redis.IntCmd, len(batches)), make([]*redis.StringCmd, len(batches))
	builds := make(map[uuid.UUID]struct{}, len(batches))
	for i, batch := range batches {
		name, frame := channel(batch.BuildID), EncodeFrame(batch.Records)
		published[i] = p.announce(ctx, pipe, name, frame)
		// The id is the last seq: the first entry from N-0 on is the one that has
		// record N. Redis refuses a batch that comes twice or was overtaken.
		cached[i] = pipe.XAdd(ctx, &redis.XAddArgs{
			Stream: name, MaxLen: cachedBatches, Approx: true,
			ID: strconv.FormatInt(batch.Head(), 10) + "-0", Values: []any{frameField, frame},
		})
		builds[batch.BuildID] = struct{}{}
	}
	for id := range builds {
		pipe.Expire(ctx, channel(id), cacheExpiry)
	}
	_, err := pipe.Exec(ctx)
	if err != nil && !refused(err) {
		p.stats.Errors.Add(1)
	}
	p.noteCached(l, cached)
	return p.notePublished(l, published)
}

func (p *publisher) announce(ctx context.Context, pipe redis.Pipeliner, name string, frame []byte) *redis.IntCmd {
	if p.servers.sharded() {
		return pipe.SPublish(ctx, name, frame)
	}
	return pipe.Publish(ctx, name, frame)
}

func (p *publisher) notePublished(l *outbox, commands []*redis.IntCmd) bool {
	var failure error
	for _, command := range commands {
		err := command.Err()
		if err == nil {
			p.stats.Published.Add(1)
			continue
		}
		failure = err
		p.stats.Dropped.Add(1)
		if refused(err) {
			p.stats.Errors.Add(1)
		}
	}
	if failure != nil {
		l.reach.failed(failure)
		return false
	}
	l.reach.works()
	return true
}

func (p *publisher) noteCached(l *outbox, commands []*redis.StringCmd) {
	for _, command := range commands {
		err := command.Err()
		switch {
		case err == nil:
			l.store.works()
		case refused(err) && !strings.HasPrefix(err.Error(), "ERR The ID specified in XADD"):
			p.stats.Errors.Add(1)
			l.store.failed(err)
		}
	}
}

// refused tells a server's answer from a server that does not answer.
func refused(err error) bool {
	var answer redis.Error
	return errors.As(err, &answer)
}
