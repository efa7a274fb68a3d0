package main

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/sheenapps/sheen/bench/report"
	buildv1 "github.com/sheenapps/sheen/gen/sheen/build/v1"
)

// cancelled is B4: how soon a cancel is acknowledged, and how soon after it a
// model provider that writes for ever sees its request closed. The call goes to
// the node with the API, the request comes from the one that works.
func (b *bench) cancelled(ctx context.Context) (err error) {
	p, err := startProvider(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, p.close()) }()
	// The provider knows one call of each build: that of its plan.
	f, err := b.startFleet(ctx, 1, "SHEEN_RECOMMENDATIONS=off", "SHEEN_ENGINE=openai", "SHEEN_OPENAI_BASE_URL="+p.url, "SHEEN_OPENAI_MODEL=endless", "SHEEN_OPENAI_API_KEY=none")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.stop()) }()
	acks, closings := make([]time.Duration, b.cancels), make([]time.Duration, b.cancels)
	errs := make([]error, b.cancels)
	turns := make(chan struct{}, atOnce/2)
	var group sync.WaitGroup
	for n := range b.cancels {
		turns <- struct{}{}
		group.Go(func() {
			acks[n], closings[n], errs[n] = b.cancelOne(ctx, p, n)
			<-turns
		})
	}
	group.Wait()
	if err := errors.Join(errs...); err != nil {
		return err
	}
	workload := fmt.Sprintf("%d builds cancelled while a model answers, %d at once", b.cancels, atOnce/2)
	b.table.Add(report.Row{
		Figure: "B4", Workload: workload, Contender: "sheen: CancelBuild is acknowledged", Must: "p99 ≤ 200 ms", Ratio: "–",
		Result: fmt.Sprintf("p50 %s, p99 %s", report.MS(quantile(acks, 0.5)), report.MS(quantile(acks, 0.99))),
	})
	b.table.Add(report.Row{
		Figure: "B4", Workload: workload, Contender: "sheen: the provider sees its request closed", Must: "≤ 2 s", Ratio: "–",
		Result: fmt.Sprintf("p50 %s, the latest %s after the acknowledgement", report.MS(quantile(closings, 0.5)), report.MS(quantile(closings, 1))),
	})
	if quantile(acks, 0.99) > 200*time.Millisecond || quantile(closings, 1) > 2*time.Second {
		return errors.New("a cancel took too long")
	}
	return nil
}

func (b *bench) cancelOne(ctx context.Context, p *provider, n int) (ack, closing time.Duration, err error) {
	call := p.expect(n)
	id, err := b.start(ctx, n)
	if err != nil {
		return 0, 0, err
	}
	if err := wait(ctx, call.begun); err != nil {
		return 0, 0, fmt.Errorf("build %s never asked the model: %w", id, err)
	}
	asked := time.Now()
	_, err = b.users[n%len(b.users)].client.Builds.CancelBuild(ctx, &buildv1.CancelBuildRequest{BuildId: id})
	acknowledged := time.Now()
	if err != nil {
		return 0, 0, fmt.Errorf("cancel: %w", err)
	}
	if err := wait(ctx, call.closed); err != nil {
		return 0, 0, fmt.Errorf("the request of build %s stayed open: %w", id, err)
	}
	return acknowledged.Sub(asked), max(call.closedAt.Sub(acknowledged), 0), nil
}

func wait(ctx context.Context, done <-chan struct{}) error {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
