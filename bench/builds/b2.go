package main

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/sheenapps/sheen/bench/report"
)

// atHalf is B2: how long StartBuild takes, and how long builds wait and last,
// while builds are started at half of what one worker node can do. A call's time
// begins when it was due, so that a stall counts for all that it held up.
func (b *bench) atHalf(ctx context.Context) (err error) {
	if err := b.measureMost(ctx); err != nil {
		return err
	}
	f, err := b.startFleet(ctx, 1)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.stop()) }()
	rate := b.most / 2
	// A short spell first: connections are made, plans are cached.
	if _, _, err := b.startAt(ctx, rate, 2*time.Second); err != nil {
		return err
	}
	ids, calls, err := b.startAt(ctx, rate, b.spell)
	if err != nil {
		return err
	}
	o, err := b.await(ctx, ids)
	if err != nil {
		return err
	}
	workload := fmt.Sprintf("%.0f builds/s for %s: half of what one node does", rate, b.spell)
	for _, r := range []struct {
		name string
		all  []time.Duration
	}{{"StartBuild", calls}, {"queue wait", o.waits}, {"StartBuild to the build's end", o.took}} {
		b.table.Add(report.Row{
			Figure: "B2", Workload: workload, Contender: "sheen: " + r.name, Must: "–", Ratio: "–",
			Result: fmt.Sprintf("p50 %s, p99 %s", report.MS(quantile(r.all, 0.5)), report.MS(quantile(r.all, 0.99))),
		})
	}
	return nil
}

// measureMost finds what one worker node does at most, unless that is known.
func (b *bench) measureMost(ctx context.Context) (err error) {
	if b.most == 0 {
		_, b.most, _, err = b.flatOutOnce(ctx, 1)
	}
	return err
}

// startAt starts builds at a rate, whether or not earlier calls have returned.
func (b *bench) startAt(ctx context.Context, rate float64, spell time.Duration) (ids []string, took []time.Duration, err error) {
	count := int(rate * spell.Seconds())
	if count < 1 {
		return nil, nil, fmt.Errorf("%.2f builds/s for %s are none", rate, spell)
	}
	ids, took = make([]string, count), make([]time.Duration, count)
	errs := make([]error, count)
	began := time.Now()
	var group sync.WaitGroup
	for n := range count {
		due := began.Add(time.Duration(float64(n) / rate * float64(time.Second)))
		time.Sleep(time.Until(due))
		group.Go(func() {
			ids[n], errs[n] = b.start(ctx, n)
			took[n] = time.Since(due)
		})
	}
	group.Wait()
	return ids, took, errors.Join(errs...)
}
