package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/sheenapps/sheen/bench/report"
)

var errRecommendations = errors.New("recommendations are late or missing")

// recommended is B5: how soon after a build's end its recommendations can be read,
// while builds are started at half of what one worker node can do. The limit of a
// node, which protects providers, is off.
func (b *bench) recommended(ctx context.Context) (err error) {
	if err := b.measureMost(ctx); err != nil {
		return err
	}
	f, err := b.startFleet(ctx, 1, "SHEEN_RECOMMENDATIONS_PER_MINUTE=0")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.stop()) }()
	rate := b.most / 2
	ids, _, err := b.startAt(ctx, rate, b.spell)
	if err != nil {
		return err
	}
	if _, err := b.await(ctx, ids); err != nil {
		return err
	}
	after, signaled, err := b.awaitLists(ctx, ids)
	if err != nil {
		return err
	}
	p50 := quantile(after, 0.5)
	b.table.Add(report.Row{
		Figure: "B5", Workload: fmt.Sprintf("%.0f builds/s for %s: half of what one node does", rate, b.spell),
		Contender: "sheen: recommendations after the build's end", Must: "p50 ≤ 3 s", Ratio: "–",
		Result: fmt.Sprintf("p50 %s, p99 %s; announced in %.0f %% of the logs before their end",
			report.MS(p50), report.MS(quantile(after, 0.99)), 100*float64(signaled)/float64(len(ids))),
	})
	if len(after) != len(ids) || p50 > 3*time.Second {
		return fmt.Errorf("%w: %d of %d lists are ready", errRecommendations, len(after), len(ids))
	}
	return nil
}

// awaitLists waits until no list of the builds is in the making. It returns how long
// after its build's end each one was ready, 0 for those that were before, and how many
// logs have their event.
func (b *bench) awaitLists(ctx context.Context, ids []string) (after []time.Duration, signaled int, err error) {
	for {
		var open int
		err := b.stack.DB.QueryRow(ctx, `SELECT count(*) FROM recommendation_revisions WHERE build_id = ANY($1::uuid[]) AND end_time IS NULL`, ids).Scan(&open)
		if err != nil {
			return nil, 0, err
		}
		if open == 0 {
			break
		}
		select {
		case <-ctx.Done():
			return nil, 0, context.Cause(ctx)
		case <-time.After(100 * time.Millisecond):
		}
	}
	rows, err := b.stack.DB.Query(ctx, `
		SELECT greatest(0, extract(epoch FROM r.end_time - b.end_time))::float8, r.end_time < b.end_time
		FROM builds b
		JOIN recommendation_revisions r ON r.build_id = b.id AND r.state = 'ready'
		WHERE b.id = ANY($1::uuid[])`, ids)
	if err != nil {
		return nil, 0, err
	}
	defer rows.Close()
	for rows.Next() {
		var seconds float64
		var before bool
		if err := rows.Scan(&seconds, &before); err != nil {
			return nil, 0, err
		}
		after = append(after, time.Duration(seconds*float64(time.Second)))
		if before {
			signaled++
		}
	}
	return after, signaled, rows.Err()
}
