package main

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/sheenapps/sheen/bench/report"
)

// deepSize is the size of F4.
type deepSize struct {
	// events is how long the log is, in events of bytes each.
	events int64
	bytes  int
	// few and many are how many read it from its beginning, live how many wait
	// at its end.
	few, many, live int
	// rate of what is published meanwhile, in events per second.
	rate float64
	// alone is how long the live subscribers have the server for themselves.
	alone time.Duration
}

// deepReads is F4: a long log is read from its beginning while it grows.
func (b *bench) deepReads(ctx context.Context) error {
	size := b.size.deep
	stage, err := b.newStage(ctx, contenders()[0], 1)
	if err != nil {
		return err
	}
	defer stage.close()
	if err := stage.publish(ctx, size.events, size.bytes); err != nil {
		return err
	}
	// In a process of their own, so that what the readers take of the load's time
	// does not count as lateness of the live events.
	readers, err := startChild(ctx, roleLoad)
	if err != nil {
		return err
	}
	defer readers.stop()
	live, err := stage.open(ctx, &Job{After: size.events, Subscribers: size.live, Latency: true})
	if err != nil {
		return err
	}
	publishing, stop := context.WithCancelCause(ctx)
	published := publishAll(publishing, stage, size.bytes, schedule{first: size.events + 1, last: 1 << 40, rate: size.rate, burst: 1})
	err = b.readDeep(ctx, stage, readers, live)
	stop(errEnough)
	if failed := <-published; !errors.Is(failed, errEnough) && !errors.Is(failed, context.Canceled) {
		err = errors.Join(err, failed)
	}
	return err
}

var errEnough = errors.New("enough was published")

func (b *bench) readDeep(ctx context.Context, stage *stage, readers *child, live *remote) error {
	size := b.size.deep
	if err := sleepUntil(ctx, time.Now().Add(size.alone)); err != nil {
		return err
	}
	alone, err := live.count(ctx)
	if err != nil {
		return err
	}
	few, err := b.readFromStart(ctx, stage, readers, size.few)
	if err != nil {
		return err
	}
	if _, err := live.count(ctx); err != nil {
		return err
	}
	many, err := b.readFromStart(ctx, stage, readers, size.many)
	if err != nil {
		return err
	}
	crowded, err := live.count(ctx)
	if err != nil {
		return err
	}
	workload := fmt.Sprintf("%s events of %d bytes, read from 0 while %g events/s are added", report.Grouped(float64(size.events)), size.bytes, size.rate)
	b.table.Add(report.Row{
		Figure: "F4", Workload: workload, Contender: contenderSheen,
		Result: fmt.Sprintf("server memory at most %.0f MB with %d readers, %.0f MB with %d", megabytes(few), size.few, megabytes(many), size.many),
		Must:   "no difference", Ratio: fmt.Sprintf("%.2f", float64(many)/float64(few)),
	})
	before, during := alone.SincePublish.quantile(0.99), crowded.SincePublish.quantile(0.99)
	b.table.Add(report.Row{
		Figure: "F4", Workload: workload, Contender: contenderSheen,
		Result: fmt.Sprintf("live p99 %s alone, %s with %d readers", report.MS(before), report.MS(during), size.many),
		Must:   "≤ 1.5 ×", Ratio: fmt.Sprintf("%.2f", float64(during)/float64(before)),
	})
	return nil
}

// readFromStart lets some readers read the whole log and returns the most memory
// that the server had meanwhile.
func (b *bench) readFromStart(ctx context.Context, stage *stage, readers *child, count int) (peak int64, err error) {
	watching, stop := context.WithCancel(ctx)
	memory := watchMemory(watching, stage.sheen.pid())
	defer stop()
	began := time.Now()
	fleet, err := stage.openIn(ctx, readers, &Job{Until: b.size.deep.events, Subscribers: count})
	if err != nil {
		return 0, err
	}
	if _, err := fleet.wait(ctx, 2*time.Minute); err != nil {
		return 0, err
	}
	took := time.Since(began)
	stop()
	peak = <-memory
	b.note("F4 %d readers took %s, server memory at most %.0f MB", count, took.Round(time.Millisecond), megabytes(peak))
	return peak, readers.call(ctx, "Load.Close", fleet.id, &struct{}{})
}

// watchMemory returns the most memory that a process had until ctx ended.
func watchMemory(ctx context.Context, pid int) <-chan int64 {
	most := make(chan int64, 1)
	var peak atomic.Int64
	go func() {
		for sleepUntil(ctx, time.Now().Add(20*time.Millisecond)) == nil {
			if bytes, err := residentBytes(pid); err == nil {
				peak.Store(max(peak.Load(), bytes))
			}
		}
		most <- peak.Load()
	}()
	return most
}

func megabytes(bytes int64) float64 { return float64(bytes) / (1 << 20) }
