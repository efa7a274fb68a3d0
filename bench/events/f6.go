package main

import (
	"context"
	"fmt"
	"time"

	"github.com/sheenapps/sheen/bench/report"
	"github.com/sheenapps/sheen/bench/stack"
)

// idleSize is the size of F6.
type idleSize struct {
	builds int
	// connections over HTTP/2, each with some streams.
	connections, streams int
	// settle is how long the server is left alone before its memory is read,
	// watch how long its CPU is.
	settle, watch time.Duration
}

// idleStreams is F6: what a stream costs on which nothing happens. The time in
// which CPU is counted contains the heartbeats of all streams.
func (b *bench) idleStreams(ctx context.Context) error {
	size := b.size.idle
	stage, err := b.newStage(ctx, contenders()[0], size.builds)
	if err != nil {
		return err
	}
	defer stage.close()
	pid := stage.sheen.pid()
	before, err := quietMemory(ctx, pid, size.settle/4)
	if err != nil {
		return err
	}
	count := size.connections * size.streams
	stage.contender.http2 = true
	fleet, err := stage.open(ctx, &Job{Until: 1, Subscribers: count, StreamsPerConnection: size.streams})
	if err != nil {
		return err
	}
	during, err := quietMemory(ctx, pid, size.settle)
	if err != nil {
		return err
	}
	share, err := b.cpuShare(ctx, pid, size.watch)
	if err != nil {
		return err
	}
	// The streams were there all the time: each gets an event now.
	if err := fillAll(ctx, stage, 160, 1, 1); err != nil {
		return err
	}
	out, err := fleet.wait(ctx, 30*time.Second)
	if err != nil {
		return err
	}
	b.note("F6 memory %.1f MB before, %.1f MB with the streams, %d cuts", megabytes(before), megabytes(during), out.Cuts)
	workload := fmt.Sprintf("%d idle streams over %d HTTP/2 connections", count, size.connections)
	b.table.Add(report.Row{
		Figure: "F6", Workload: workload, Contender: contenderSheen,
		Result: fmt.Sprintf("%.1f KB of server memory a stream", float64(during-before)/1024/float64(count)), Must: "≤ 25 KB",
	})
	b.table.Add(report.Row{
		Figure: "F6", Workload: workload, Contender: contenderSheen,
		Result: fmt.Sprintf("%.1f %% of a core over %s", share*100, size.watch), Must: "< 5 %",
	})
	return nil
}

// quietMemory leaves a process alone for a while and returns the least memory
// that it had in the last quarter of it.
func quietMemory(ctx context.Context, pid int, settle time.Duration) (int64, error) {
	if err := sleepUntil(ctx, time.Now().Add(settle*3/4)); err != nil {
		return 0, err
	}
	least, until := int64(0), time.Now().Add(settle/4)
	for time.Now().Before(until) {
		bytes, err := residentBytes(pid)
		if err != nil {
			return 0, err
		}
		if least == 0 || bytes < least {
			least = bytes
		}
		if err := sleepUntil(ctx, time.Now().Add(100*time.Millisecond)); err != nil {
			return 0, err
		}
	}
	return least, nil
}

// cpuShare is how much of one core a process uses over a while.
func (b *bench) cpuShare(ctx context.Context, pid int, watch time.Duration) (float64, error) {
	before, err := stack.CPUTime(pid)
	if err != nil {
		return 0, err
	}
	began := time.Now()
	if err := sleepUntil(ctx, began.Add(watch)); err != nil {
		return 0, err
	}
	after, err := stack.CPUTime(pid)
	return (after - before).Seconds() / time.Since(began).Seconds(), err
}
