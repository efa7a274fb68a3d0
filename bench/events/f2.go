package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/sheenapps/sheen/bench/report"
)

// appendSize is the size of F2.
type appendSize struct {
	builds int
	// events is what one run stores, spread over the builds.
	events      int64
	bytes, runs int
	// rate of the run that measures latency, in events per second over all
	// builds, and how long it takes.
	// Each build's come in bursts, a call each.
	rate  float64
	burst int64
	paced time.Duration
}

// callers is how many calls of AppendEvents are under way at once.
const callers = appendConnections

// appends is F2: what can be stored, against a bare insert, and how late a
// stored event is seen.
func (b *bench) appends(ctx context.Context) error {
	if err := b.appendRates(ctx); err != nil {
		b.broke("F2", "append", "sheen", err)
	}
	return b.appendLatency(ctx)
}

// appendRates lets Sheen and the floor take turns, so that a busy spell of the
// machine hits both.
func (b *bench) appendRates(ctx context.Context) error {
	size := b.size.append
	stage, err := b.newStage(ctx, contenders()[0], size.builds)
	if err != nil {
		return err
	}
	defer stage.close()
	bareBuilds, err := b.backing.newBuilds(ctx, size.builds)
	if err != nil {
		return err
	}
	perBuild := size.events / int64(size.builds) / maxAppend * maxAppend
	var own, bare []float64
	for run := range size.runs {
		first := int64(run)*perBuild + 1
		rate, err := timed(perBuild*int64(size.builds), func() error { return b.appendAll(ctx, stage, first, perBuild) })
		if err != nil {
			return err
		}
		own = append(own, rate)
		rate, err = timed(perBuild*int64(size.builds), func() error { return b.insertAll(ctx, bareBuilds, first, perBuild) })
		if err != nil {
			return err
		}
		bare = append(bare, rate)
		b.note("F2 sheen %s events/s, bare insert %s events/s", report.Grouped(own[run]), report.Grouped(bare[run]))
	}
	want := perBuild * int64(size.runs)
	if err := errors.Join(b.backing.checkLogs(ctx, stage.channels, want), b.backing.checkLogs(ctx, bareBuilds, want)); err != nil {
		return err
	}
	workload := fmt.Sprintf("append, %d builds, %d-byte events", size.builds, size.bytes)
	b.table.Add(report.Row{
		Figure: "F2", Workload: workload, Contender: fmt.Sprintf("sheen: AppendEvents, %d callers, %d events a call", callers, maxAppend),
		Result: report.Grouped(median(own)) + " events/s" + report.MedianOf(size.runs), Must: "≥ 0.7 × the bare insert", Ratio: fmt.Sprintf("%.2f", median(own)/median(bare)),
	})
	b.table.Add(report.Row{
		Figure: "F2", Workload: workload, Contender: fmt.Sprintf("bare insert: %d connections, %d events a commit", bareConnections, bareBatch*maxAppend),
		Result: report.Grouped(median(bare)) + " events/s" + report.MedianOf(size.runs),
	})
	return nil
}

func timed(events int64, do func() error) (perSecond float64, err error) {
	began := time.Now()
	err = do()
	return float64(events) / time.Since(began).Seconds(), err
}

// appendAll appends some events to every build, in calls as large as they may be.
func (b *bench) appendAll(ctx context.Context, stage *stage, first, perBuild int64) error {
	appender := newAppender(stage.sheen, b.size.append.bytes)
	defer appender.close()
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(callers)
	for _, build := range stage.channels {
		group.Go(func() error { return appender.fill(ctx, build, first, first+perBuild-1) })
	}
	return group.Wait()
}

// appendLatency tells how late events come at a steady rate.
func (b *bench) appendLatency(ctx context.Context) error {
	size := b.size.append
	var p50, p99 []time.Duration
	for range size.runs {
		out, err := b.pacedAppends(ctx)
		if err != nil {
			return err
		}
		p50, p99 = append(p50, out.SinceCommit.quantile(0.5)), append(p99, out.SinceCommit.quantile(0.99))
		b.note("F2 commit→client p99 %s, publish→client p50 %s, p99 %s", report.MS(out.SinceCommit.quantile(0.99)),
			report.MS(out.SincePublish.quantile(0.5)), report.MS(out.SincePublish.quantile(0.99)))
	}
	b.table.Add(report.Row{
		Figure: "F2", Contender: contenderSheen,
		Workload: fmt.Sprintf("%s events/s over %d builds in calls of %d, a subscriber each", report.Grouped(size.rate), size.builds, size.burst),
		Result:   fmt.Sprintf("commit→client p50 %s, p99 %s%s", report.MS(median(p50)), report.MS(median(p99)), report.MedianOf(size.runs)),
		Must:     "p50 ≤ 5 ms, p99 ≤ 25 ms",
	})
	return nil
}

// pacedAppends gives every build a subscriber and publishes at a steady rate.
// The time of a commit is the event's own create_time, which Postgres's clock
// says just before it commits, and which is also that of the clients here: what
// is measured contains the commit itself.
func (b *bench) pacedAppends(ctx context.Context) (*Outcome, error) {
	size := b.size.append
	stage, err := b.newStage(ctx, contenders()[0], size.builds)
	if err != nil {
		return nil, err
	}
	defer stage.close()
	perBuild := size.rate / float64(size.builds)
	events := int64(perBuild * size.paced.Seconds())
	fleet, err := stage.open(ctx, &Job{Until: events, Subscribers: size.builds, Latency: true})
	if err != nil {
		return nil, err
	}
	published := publishAll(ctx, stage, size.bytes, schedule{first: 1, last: events, rate: perBuild, burst: size.burst})
	out, err := fleet.wait(ctx, size.paced+30*time.Second)
	return out, errors.Join(err, <-published)
}

// publishAll follows a schedule in every build, the builds one after another so
// that their events do not come all at once.
func publishAll(ctx context.Context, stage *stage, bytes int, plan schedule) <-chan error {
	done := make(chan error, 1)
	appender := newAppender(stage.sheen, bytes)
	group, ctx := errgroup.WithContext(ctx)
	interval := time.Duration(float64(plan.burst) / plan.rate * float64(time.Second))
	now := time.Now()
	for i, build := range stage.channels {
		own := plan
		own.start = now.Add(interval * time.Duration(i) / time.Duration(len(stage.channels)))
		group.Go(func() error { return appender.follow(ctx, build, own) })
	}
	go func() {
		defer appender.close()
		done <- group.Wait()
	}()
	return done
}
