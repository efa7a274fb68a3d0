package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/sheenapps/sheen/bench/report"
)

// idle is how long the nodes are watched without builds, to know what they ask
// for anyway.
const idle = 5 * time.Second

// asked is what was asked of Postgres until some moment.
type asked struct {
	statements, trips int64
	at                time.Time
}

// perBuild is B3: statements and round trips per build, all nodes together, less
// what they ask for while they are idle.
func (b *bench) perBuild(ctx context.Context) error {
	p, err := startProxy(ctx, b.stack.Socket(), b.dir)
	if err != nil {
		return err
	}
	f, err := b.startFleet(ctx, 1, "SHEEN_DATABASE_URL=postgres://postgres@/postgres?host="+p.dir)
	if err != nil {
		return errors.Join(err, p.close())
	}
	statements, trips, err := b.count(ctx, p)
	if err = errors.Join(err, f.stop(), p.close()); err != nil {
		return err
	}
	b.table.Add(report.Row{
		Figure: "B3", Workload: "StartBuild to the build's end, without the polling of idle nodes", Contender: "sheen", Must: "–", Ratio: "–",
		Result: fmt.Sprintf("%.1f statements and %.1f round trips to Postgres per build", statements, trips),
	})
	return nil
}

func (b *bench) count(ctx context.Context, p *proxy) (statements, trips float64, err error) {
	// The first builds make connections and prepare statements.
	if err := b.startAndAwait(ctx, 2*userCount); err != nil {
		return 0, 0, err
	}
	var at [3]asked
	if at[0], err = b.askedUntilNow(ctx, p); err != nil {
		return 0, 0, err
	}
	select {
	case <-ctx.Done():
		return 0, 0, context.Cause(ctx)
	case <-time.After(idle):
	}
	if at[1], err = b.askedUntilNow(ctx, p); err != nil {
		return 0, 0, err
	}
	if _, err := b.stack.DB.Exec(ctx, "SELECT pg_stat_statements_reset()"); err != nil {
		return 0, 0, err
	}
	at[1].statements, at[0].statements = 0, at[0].statements-at[1].statements
	if err := b.startAndAwait(ctx, b.builds); err != nil {
		return 0, 0, err
	}
	if at[2], err = b.askedUntilNow(ctx, p); err != nil {
		return 0, 0, err
	}
	if err := b.noteStatements(ctx); err != nil {
		return 0, 0, err
	}
	meanwhile := at[2].at.Sub(at[1].at).Seconds() / at[1].at.Sub(at[0].at).Seconds()
	per := func(a, b2, c int64) float64 {
		return (float64(c-b2) - float64(b2-a)*meanwhile) / float64(b.builds)
	}
	return per(at[0].statements, at[1].statements, at[2].statements), per(at[0].trips, at[1].trips, at[2].trips), nil
}

func (b *bench) startAndAwait(ctx context.Context, count int) error {
	ids, err := b.startMany(ctx, count, 4)
	if err != nil {
		return err
	}
	_, err = b.await(ctx, ids)
	return err
}

// askedUntilNow reads both counters. The bench's own questions do not go through
// the proxy; of the statements, those that nodes send are told by their users'
// text: the bench's are marked.
func (b *bench) askedUntilNow(ctx context.Context, p *proxy) (asked, error) {
	a := asked{trips: p.trips.Load(), at: time.Now()}
	err := b.stack.DB.QueryRow(ctx, `
		SELECT coalesce(sum(calls), 0)::bigint FROM pg_stat_statements
		WHERE query NOT ILIKE '%pg_stat_statements%' AND query NOT LIKE '%end_time IS NULL%'
		  AND query NOT ILIKE 'begin%' AND query NOT ILIKE 'commit%'`).Scan(&a.statements)
	return a, err
}

// noteStatements tells which statements there were most of, per build, and what
// each took of Postgres.
func (b *bench) noteStatements(ctx context.Context) error {
	rows, err := b.stack.DB.Query(ctx, `
		SELECT calls, total_exec_time, left(regexp_replace(query, '\s+', ' ', 'g'), 100) FROM pg_stat_statements
		ORDER BY calls DESC LIMIT 45`)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var calls int64
		var took float64
		var query string
		if err := rows.Scan(&calls, &took, &query); err != nil {
			return err
		}
		note("%6.2f a build, %7.3f ms each: %s", float64(calls)/float64(b.builds), took/float64(calls), query)
	}
	return rows.Err()
}
