package main

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	buildv1 "github.com/sheenapps/sheen/gen/sheen/build/v1"
)

// prompt of the n-th build. No two builds write the same bytes.
func prompt(n int) string {
	return fmt.Sprintf("A booking site for my hair salon in Lyon called Salon No. %d", n)
}

// start starts the n-th build.
func (b *bench) start(ctx context.Context, n int) (string, error) {
	res, err := b.users[n%len(b.users)].client.Builds.StartBuild(ctx, &buildv1.StartBuildRequest{Prompt: prompt(n)})
	if err != nil {
		return "", fmt.Errorf("start a build: %w", err)
	}
	return res.GetBuild().GetId(), nil
}

// startMany starts so many builds with so many callers, each as fast as it can.
func (b *bench) startMany(ctx context.Context, count, callers int) ([]string, error) {
	ids := make([]string, count)
	next := make(chan int)
	errs := make([]error, callers)
	var group sync.WaitGroup
	for c := range callers {
		group.Go(func() {
			for n := range next {
				id, err := b.start(ctx, n)
				ids[n], errs[c] = id, errors.Join(errs[c], err)
			}
		})
	}
	for n := range count {
		next <- n
	}
	close(next)
	group.Wait()
	return ids, errors.Join(errs...)
}

// outcome is how a set of builds went.
type outcome struct {
	// first is when the first of them was created, and last when the last ended.
	first, last time.Time
	waits, took []time.Duration
}

// rate is how many were complete per second.
func (o *outcome) rate() float64 { return float64(len(o.took)) / o.last.Sub(o.first).Seconds() }

var errIncomplete = errors.New("builds did not complete")

// await waits until builds are over, and fails unless all are complete with a
// gapless log.
func (b *bench) await(ctx context.Context, ids []string) (*outcome, error) {
	for {
		var running int
		err := b.stack.DB.QueryRow(ctx, `SELECT count(*) FROM builds WHERE id = ANY($1::uuid[]) AND end_time IS NULL`, ids).Scan(&running)
		if err != nil {
			return nil, err
		}
		if running == 0 {
			break
		}
		select {
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		case <-time.After(100 * time.Millisecond):
		}
	}
	if err := b.checkWhole(ctx, ids); err != nil {
		return nil, err
	}
	return b.read(ctx, ids)
}

func (b *bench) checkWhole(ctx context.Context, ids []string) error {
	var broken int
	err := b.stack.DB.QueryRow(ctx, `
		SELECT count(*) FROM builds b
		WHERE b.id = ANY($1::uuid[]) AND (b.state <> 'complete' OR b.head_seq <> (
			SELECT count(*) FROM build_events e WHERE e.build_id = b.id AND e.seq BETWEEN 1 AND b.head_seq))`, ids).Scan(&broken)
	if err == nil && broken > 0 {
		err = fmt.Errorf("%d %w", broken, errIncomplete)
	}
	return err
}

func (b *bench) read(ctx context.Context, ids []string) (*outcome, error) {
	rows, err := b.stack.DB.Query(ctx, `SELECT create_time, start_time, end_time FROM builds WHERE id = ANY($1::uuid[])`, ids)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	o := &outcome{}
	for rows.Next() {
		var created, started, ended time.Time
		if err := rows.Scan(&created, &started, &ended); err != nil {
			return nil, err
		}
		o.waits, o.took = append(o.waits, started.Sub(created)), append(o.took, ended.Sub(created))
		if o.first.IsZero() || created.Before(o.first) {
			o.first = created
		}
		if ended.After(o.last) {
			o.last = ended
		}
	}
	return o, rows.Err()
}
