package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/sheenapps/sheen/bench/report"
)

// slowSize is the size of F5.
type slowSize struct {
	// subscribers in all, of which some do not keep up.
	subscribers         int
	stalled, slow, gone int
	bytes               int
	// rate is in events per second, which come in bursts.
	rate  float64
	burst int64
	// duration is how long events are published, and the others do not keep up.
	duration time.Duration
	runs     int
}

const (
	// slowRate is what the slow subscribers read, in bytes per second.
	slowRate = 8 << 10
	// goneFor is how much longer the vanished subscribers say nothing: together
	// with the duration more than the server's write deadline of 15 s.
	goneFor = 5 * time.Second
	// recovered bounds how long the slow ones take to complete after that.
	recovered = 30 * time.Second
)

// slowReaders is F5: what those who keep up notice of those who do not. The runs
// with and without these take turns.
func (b *bench) slowReaders(ctx context.Context) error {
	size := b.size.slow
	var control, among, completed []time.Duration
	var cuts int64
	for range size.runs {
		alone, err := b.withSlow(ctx, slowSize{subscribers: size.subscribers})
		if err != nil {
			return fmt.Errorf("control: %w", err)
		}
		mixed, err := b.withSlow(ctx, size)
		if err != nil {
			return err
		}
		control, among = append(control, alone.p99), append(among, mixed.p99)
		completed, cuts = append(completed, mixed.completed), cuts+mixed.cuts
	}
	workload := fmt.Sprintf("1 build, %d subscribers, %g events/s of %d bytes for %s: %d stalled, %d at %d KB/s, %d half-open",
		size.subscribers, size.rate, size.bytes, size.duration, size.stalled, size.slow, slowRate>>10, size.gone)
	b.table.Add(report.Row{
		Figure: "F5", Workload: workload, Contender: contenderSheen,
		Result: fmt.Sprintf("p99 of the healthy %s, of all in the control %s%s", report.MS(median(among)), report.MS(median(control)), report.MedianOf(size.runs)),
		Must:   "≤ 1.2 ×", Ratio: fmt.Sprintf("%.2f", float64(median(among))/float64(median(control))),
	})
	b.table.Add(report.Row{
		Figure: "F5", Workload: workload, Contender: contenderSheen, Must: "100 %",
		Result: fmt.Sprintf("100 %% of the slow completed, at the latest %s after they could read again; %d of %d half-open were cut by then",
			slices.Max(completed).Round(time.Millisecond), cuts, size.runs*size.gone),
	})
	return nil
}

// slowResult is what one run of F5 showed.
type slowResult struct {
	p99, completed time.Duration
	// cuts is how many of the half-open streams the server gave up.
	cuts int64
}

// withSlow publishes to healthy and to other subscribers; with no others it is
// the control.
func (b *bench) withSlow(ctx context.Context, mix slowSize) (*slowResult, error) {
	size := b.size.slow
	stage, err := b.newStage(ctx, contenders()[0], 1)
	if err != nil {
		return nil, err
	}
	defer stage.close()
	events := int64(size.rate * size.duration.Seconds())
	others, err := openSlow(ctx, stage, mix, events)
	if err != nil {
		return nil, err
	}
	healthy, err := stage.open(ctx, &Job{
		Until: events, Subscribers: mix.subscribers - mix.stalled - mix.slow - mix.gone, Latency: true,
	})
	if err != nil {
		return nil, err
	}
	published := publishAll(ctx, stage, size.bytes, schedule{first: 1, last: events, rate: size.rate, burst: size.burst})
	if err := <-published; err != nil {
		return nil, err
	}
	out, err := healthy.wait(ctx, 30*time.Second)
	if err != nil {
		return nil, fmt.Errorf("the healthy: %w", err)
	}
	result := &slowResult{p99: out.SincePublish.quantile(0.99)}
	b.note("F5 healthy: p50 %s, p99 %s, %d cuts", report.MS(out.SincePublish.quantile(0.5)), report.MS(result.p99), out.Cuts)
	if len(others) > 0 {
		err = b.complete(ctx, others, result)
	}
	return result, err
}

// group is a fleet that does not keep up, and for how long it stays so after the
// last publication.
type group struct {
	name  string
	fleet *remote
	later time.Duration
}

// openSlow opens those who will not keep up, and slows them down.
func openSlow(ctx context.Context, stage *stage, mix slowSize, until int64) ([]group, error) {
	var groups []group
	for _, g := range []struct {
		name  string
		count int
		rate  int64
		later time.Duration
	}{{"stalled", mix.stalled, 0, 0}, {"slow", mix.slow, slowRate, 0}, {"half-open", mix.gone, 0, goneFor}} {
		if g.count == 0 {
			continue
		}
		fleet, err := stage.open(ctx, &Job{Until: until, Subscribers: g.count, Narrow: true})
		if err != nil {
			return nil, fmt.Errorf("the %s: %w", g.name, err)
		}
		if err := fleet.throttle(ctx, g.rate); err != nil {
			return nil, err
		}
		groups = append(groups, group{name: g.name, fleet: fleet, later: g.later})
	}
	return groups, nil
}

// complete lets all read freely and waits until each has everything. It notes
// how long the slowest group took since it could read.
func (b *bench) complete(ctx context.Context, groups []group, result *slowResult) error {
	began := time.Now()
	for _, g := range groups {
		free := began.Add(g.later)
		if err := errors.Join(sleepUntil(ctx, free), g.fleet.throttle(ctx, noLimit)); err != nil {
			return err
		}
		out, err := g.fleet.wait(ctx, recovered)
		if err != nil {
			return fmt.Errorf("the %s: %w", g.name, err)
		}
		took := max(0, time.Unix(0, out.Reached).Sub(free))
		b.note("F5 %s: all complete %s after they could read, %d streams were cut", g.name, took.Round(time.Millisecond), out.Cuts)
		result.completed = max(result.completed, took)
		if g.later > 0 {
			result.cuts = out.Cuts
		}
	}
	return nil
}
