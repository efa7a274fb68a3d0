package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"golang.org/x/sync/errgroup"
	"google.golang.org/protobuf/proto"

	eventv1 "github.com/sheenapps/sheen/gen/sheen/event/v1"
)

const (
	// bareConnections is how many commits are under way at once, as in Sheen's
	// appender.
	bareConnections = 2
	// bareBatch is how many builds one commit appends to, maxAppend events to
	// each: a little more than the appender's bound of 256 events.
	bareBatch = 3
)

// bareInsert moves the heads of some builds by $2 events each and inserts these,
// $3 in the order of the builds $1. It checks nothing.
const bareInsert = `
WITH heads AS (
    UPDATE builds SET head_seq = head_seq + $2 WHERE id = ANY($1::uuid[]) RETURNING id, head_seq - $2 AS base
)
INSERT INTO build_events (build_id, seq, class, kind, create_time, payload)
SELECT h.id, h.base + (e.place - 1) % $2 + 1, 4, 14, clock_timestamp(), e.payload
FROM unnest($3::bytea[]) WITH ORDINALITY AS e (payload, place)
JOIN heads h ON h.id = ($1::uuid[])[(e.place - 1) / $2 + 1]`

// insertAll is the floor of F2: the same rows as appendAll leaves, written by
// nothing but statements.
func (b *bench) insertAll(ctx context.Context, builds []string, first, perBuild int64) error {
	group, ctx := errgroup.WithContext(ctx)
	share := (len(builds) + bareConnections - 1) / bareConnections
	for i := range bareConnections {
		own := builds[min(i*share, len(builds)):min((i+1)*share, len(builds))]
		group.Go(func() error { return b.insert(ctx, own, first, perBuild) })
	}
	return group.Wait()
}

// insert writes over one connection, a batch of builds after the other.
func (b *bench) insert(ctx context.Context, builds []string, first, perBuild int64) error {
	connection, err := pgx.Connect(ctx, b.backing.DatabaseURL)
	if err != nil {
		return err
	}
	defer connection.Close(context.WithoutCancel(ctx))
	for len(builds) > 0 {
		batch := builds[:min(bareBatch, len(builds))]
		builds = builds[len(batch):]
		for next := first; next < first+perBuild; next += maxAppend {
			payloads, err := encoded(len(batch), next, b.size.append.bytes)
			if err != nil {
				return err
			}
			if _, err := connection.Exec(ctx, bareInsert, batch, int64(maxAppend), payloads); err != nil {
				return fmt.Errorf("bare insert: %w", err)
			}
		}
	}
	return nil
}

// encoded are the payloads of maxAppend events for each of some builds, as they
// are stored.
func encoded(builds int, first int64, size int) ([][]byte, error) {
	payloads := make([][]byte, 0, builds*maxAppend)
	for range builds {
		for seq := first; seq < first+maxAppend; seq++ {
			line := &eventv1.LogLine{Level: eventv1.LogLevel_LOG_LEVEL_INFO, Text: newPayload(seq, size, time.Now())}
			payload, err := proto.Marshal(&eventv1.BuildEvent{Payload: &eventv1.BuildEvent_LogLine{LogLine: line}})
			if err != nil {
				return nil, err
			}
			payloads = append(payloads, payload)
		}
	}
	return payloads, nil
}

// errLogs says that stored logs are not what was acknowledged.
var errLogs = errors.New("logs in the store are not as they were acknowledged")

// checkLogs looks whether every build has exactly the events 1 to last.
func (b *backing) checkLogs(ctx context.Context, builds []string, last int64) error {
	var good int
	err := b.DB.QueryRow(ctx, `
		SELECT count(*) FROM builds JOIN (
			SELECT build_id, count(*) AS events, min(seq) AS low, max(seq) AS high
			FROM build_events WHERE build_id = ANY($1::uuid[]) AND seq > 0 GROUP BY build_id
		) AS log ON log.build_id = id
		WHERE head_seq = $2 AND events = $2 AND low = 1 AND high = $2`, builds, last).Scan(&good)
	if err != nil {
		return fmt.Errorf("check the logs: %w", err)
	}
	if good != len(builds) {
		return fmt.Errorf("%w: %d of %d", errLogs, len(builds)-good, len(builds))
	}
	return nil
}
