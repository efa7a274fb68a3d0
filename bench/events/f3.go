package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/sheenapps/sheen/bench/report"
)

// reconnectSize is the size of F3.
type reconnectSize struct {
	builds, subscribers int
	// behind is how many events each subscriber has missed.
	behind int64
	bytes  int
	// rate of what goes on being published, in events per second and build.
	rate float64
	runs int
}

const (
	// seen is how many events a build has before the cut.
	seen = 20
	// after is how long publishing goes on after the subscribers are back.
	after = 3 * time.Second
)

// returned is what one run of F3 showed.
type returned struct {
	took  time.Duration
	pages int64
}

// reconnects is F3: all subscribers lose their connections at once, miss some
// events, and come back together while publishing goes on.
func (b *bench) reconnects(ctx context.Context) error {
	size := b.size.reconnect
	var took []time.Duration
	var pages []int64
	for range size.runs {
		r, err := b.reconnect(ctx)
		if err != nil {
			return err
		}
		b.note("F3 all back in %s, %d pages", r.took.Round(time.Millisecond), r.pages)
		took, pages = append(took, r.took), append(pages, r.pages)
	}
	workload := fmt.Sprintf("%d subscribers on %d builds cut at once, %d events behind, publishing goes on", size.subscribers, size.builds, size.behind)
	b.table.Add(report.Row{
		Figure: "F3", Workload: workload, Contender: contenderSheen, Must: "≤ 2 s",
		Result: "all caught up in " + median(took).Round(time.Millisecond).String() + report.MedianOf(size.runs),
	})
	needed := int64(size.builds) * ((size.behind + storePage - 1) / storePage)
	b.table.Add(report.Row{
		Figure: "F3", Workload: workload, Contender: contenderSheen, Must: fmt.Sprintf("≤ %d, 2 × (pages × builds)", 2*needed),
		Result: fmt.Sprintf("%d pages read from the store%s", median(pages), report.MedianOf(size.runs)),
	})
	return nil
}

func (b *bench) reconnect(ctx context.Context) (*returned, error) {
	size := b.size.reconnect
	stage, err := b.newStage(ctx, contenders()[0], size.builds)
	if err != nil {
		return nil, err
	}
	defer stage.close()
	fleet, err := stage.open(ctx, &Job{Until: seen, Subscribers: size.subscribers})
	if err != nil {
		return nil, err
	}
	if err := fillAll(ctx, stage, size.bytes, 1, seen); err != nil {
		return nil, err
	}
	if _, err := fleet.wait(ctx, 30*time.Second); err != nil {
		return nil, err
	}
	if err := fleet.load.call(ctx, "Load.Cut", fleet.id, &struct{}{}); err != nil {
		return nil, err
	}
	head := seen + size.behind
	if err := fillAll(ctx, stage, size.bytes, seen+1, head); err != nil {
		return nil, err
	}
	return b.comeBack(ctx, stage, fleet, head)
}

// comeBack measures from the first connection to the last event that the last
// subscriber had missed.
func (b *bench) comeBack(ctx context.Context, stage *stage, fleet *remote, head int64) (*returned, error) {
	size := b.size.reconnect
	before, err := stage.storePages(ctx)
	if err != nil {
		return nil, err
	}
	last := head + int64(size.rate*after.Seconds())
	published := publishAll(ctx, stage, size.bytes, schedule{first: head + 1, last: last, rate: size.rate, burst: 1})
	var began int64
	if err := errors.Join(fleet.aim(ctx, head), fleet.load.call(ctx, "Load.Resume", fleet.id, &began)); err != nil {
		return nil, err
	}
	out, err := fleet.wait(ctx, time.Minute)
	if err != nil {
		return nil, err
	}
	pages, err := stage.storePages(ctx)
	if err != nil {
		return nil, err
	}
	// And to the end, so that what comes after the return is checked as well.
	if err := errors.Join(fleet.aim(ctx, last), <-published); err != nil {
		return nil, err
	}
	_, err = fleet.wait(ctx, 30*time.Second)
	return &returned{took: time.Duration(out.Reached - began), pages: pages - before}, err
}

// fillAll appends the events first to last to every build.
func fillAll(ctx context.Context, stage *stage, bytes int, first, last int64) error {
	appender := newAppender(stage.sheen, bytes)
	defer appender.close()
	group, ctx := errgroup.WithContext(ctx)
	for _, build := range stage.channels {
		group.Go(func() error { return appender.fill(ctx, build, first, last) })
	}
	return group.Wait()
}
