package event

import (
	"context"
	"fmt"
	"math"
	"strconv"
	"sync"
	"time"

	"github.com/google/uuid"
)

const (
	// recentTimeout bounds a question to the cache: the store answers within it.
	recentTimeout = 50 * time.Millisecond
	// recentPause is how long a server is not asked again after it failed.
	recentPause = time.Second
	// recentEntries bounds an answer, as an entry may hold hundreds of records.
	recentEntries = 100
)

// cache reads what the publisher put into streams. It is safe for concurrent use.
type cache struct {
	servers *topology
	stats   *BusStats
	breaker breaker
}

func (c *cache) recent(ctx context.Context, buildID uuid.UUID, afterSeq int64, limit int) []Record {
	name := channel(buildID)
	server := c.servers.server(name)
	if limit < 1 || afterSeq < 0 || afterSeq == math.MaxInt64 || !c.breaker.allows(server) {
		return nil
	}
	bounded, cancel := context.WithTimeout(ctx, recentTimeout)
	defer cancel()
	records, err := c.read(bounded, name, afterSeq, limit)
	switch {
	case err == nil:
		c.breaker.works(server)
	case ctx.Err() == nil:
		c.stats.Errors.Add(1)
		c.breaker.failed(server)
	}
	return records[:min(len(records), limit)]
}

// read returns at least limit records if there are as many, and those from before
// an error with it.
func (c *cache) read(ctx context.Context, name string, afterSeq int64, limit int) (records []Record, err error) {
	for next := afterSeq + 1; len(records) < limit; {
		entries, err := c.servers.client.XRangeN(ctx, name, strconv.FormatInt(next, 10)+"-0", "+", recentEntries).Result()
		if err != nil {
			return records, fmt.Errorf("read the cache: %w", err)
		}
		for _, entry := range entries {
			frame, _ := entry.Values[frameField].(string)
			decoded, err := DecodeFrame([]byte(frame))
			if err != nil {
				return records, err
			}
			following := beginningAt(decoded, next)
			if len(following) == 0 {
				return records, nil
			}
			records = append(records, following...)
			next = records[len(records)-1].Seq + 1
		}
		if len(entries) < recentEntries {
			break
		}
	}
	return records, nil
}

// beginningAt is the part of consecutive records that begins with a seq; none if they do
// not have it.
func beginningAt(records []Record, seq int64) []Record {
	if len(records) == 0 || records[0].Seq > seq || records[len(records)-1].Seq < seq {
		return nil
	}
	return records[seq-records[0].Seq:]
}

// breaker keeps readers from waiting for a server that fails, one after another.
// The zero value lets everybody through. It is safe for concurrent use.
type breaker struct {
	mu sync.Mutex
	// closedUntil has the servers that failed last.
	closedUntil map[string]time.Time
}

// allows reports whether a server may be asked. After a pause one caller may, and
// if that works, everybody.
func (b *breaker) allows(server string) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	until, failed := b.closedUntil[server]
	if !failed {
		return true
	}
	now := time.Now()
	if now.Before(until) {
		return false
	}
	b.closedUntil[server] = now.Add(recentPause)
	return true
}

func (b *breaker) failed(server string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closedUntil == nil {
		b.closedUntil = make(map[string]time.Time)
	}
	b.closedUntil[server] = time.Now().Add(recentPause)
}

func (b *breaker) works(server string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.closedUntil, server)
}
