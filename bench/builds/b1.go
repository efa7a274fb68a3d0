package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/sheenapps/sheen/bench/report"
)

// callers start builds in B1: enough to keep two nodes busy.
const callers = 16

// flatOut is B1: builds per second with one and two nodes that work, by turns
// with their floor.
func (b *bench) flatOut(ctx context.Context) error {
	rates, costs := map[int][]float64{}, map[int][]float64{}
	var floors []float64
	for range b.runs {
		for _, workers := range []int{1, 2} {
			ids, rate, cost, err := b.flatOutOnce(ctx, workers)
			if err != nil {
				return err
			}
			rates[workers], costs[workers] = append(rates[workers], rate), append(costs[workers], cost)
			note("B1 with %d: %.1f builds/s, %.1f ms of a worker's CPU each", workers, rate, cost)
			if workers == 1 {
				floor, err := b.floor(ctx, ids[0])
				if err != nil {
					return fmt.Errorf("floor: %w", err)
				}
				note("B1's floor: %.1f builds/s", floor)
				floors = append(floors, floor)
			}
		}
	}
	b.most = median(rates[1])
	floor := median(floors)
	workload := fmt.Sprintf("%d builds at once, offline engine flat out", b.builds)
	for _, workers := range []int{1, 2} {
		rate := median(rates[workers])
		b.table.Add(report.Row{
			Figure: "B1", Workload: workload, Contender: fmt.Sprintf("sheen, %d worker processes", workers),
			Result: fmt.Sprintf("%.1f builds/s, %.0f ms of the workers' CPU each%s", rate, median(costs[workers]), report.MedianOf(b.runs)), Must: "–", Ratio: fmt.Sprintf("%.2f of the floor", rate/floor),
		})
	}
	b.table.Add(report.Row{
		Figure: "B1", Workload: "the same rows and files, a transaction each", Contender: "floor: Postgres and the disk",
		Result: fmt.Sprintf("%.1f builds/s", floor), Must: "–", Ratio: "1",
	})
	return nil
}

// flatOutOnce returns builds per second, and milliseconds of the working nodes' CPU
// per build.
func (b *bench) flatOutOnce(ctx context.Context, workers int) (ids []string, rate, cost float64, err error) {
	f, err := b.startFleet(ctx, workers)
	if err != nil {
		return nil, 0, 0, err
	}
	defer func() { err = errors.Join(err, f.stop()) }()
	before, err := f.workersCPU()
	if err != nil {
		return nil, 0, 0, err
	}
	if ids, err = b.startMany(ctx, b.builds, callers); err != nil {
		return nil, 0, 0, err
	}
	o, err := b.await(ctx, ids)
	if err != nil {
		return nil, 0, 0, err
	}
	after, err := f.workersCPU()
	return ids, o.rate(), (after - before).Seconds() * 1000 / float64(len(ids)), err
}
