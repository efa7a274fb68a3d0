package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/sheenapps/sheen/bench/report"
)

// fanOutSize is the size of F1.
type fanOutSize struct {
	subscribers int
	events      int64
	bytes       int
	// runs is how often the quick contenders run; the result is the median.
	runs int
	// paced is how long the run at half of the maximum takes.
	paced time.Duration
}

// contender is one line of F1.
type contender struct {
	name, what string
	// must is what Sheen's rate is, at least, as a multiple; 0 if nothing is
	// demanded.
	must float64
	// once marks those that take so long that they run only once.
	once  bool
	http2 bool
	// events is how many it gets if it is too slow for all; 0 means all.
	events int64
}

func contenders() []contender {
	return []contender{
		{name: contenderSheen, what: "sheen: durable commit, Redis, HTTP/1.1"},
		{name: contenderSheenHTTP2, what: "sheen: the same over HTTP/2", http2: true},
		{name: contenderCentrifuge, what: "centrifuge: memory broker, history, WebSocket, protobuf", must: 2.5},
		{name: contenderCentrifugeRedis, what: "centrifuge: Redis broker, history, WebSocket, protobuf", once: true},
		{name: contenderNATS, what: "NATS JetStream: memory storage, ordered consumers", once: true},
		{name: contenderXRead, what: "connect-go, an XREAD BLOCK loop per subscriber", once: true},
		{name: contenderNaive, what: "naive connect-go: memory, a Send per event, the library's defaults (gzip)", must: 10, once: true, events: 200},
		{name: contenderNaivePlain, what: "naive connect-go: the same without compression", once: true},
	}
}

// fanOut is F1: one build, many subscribers, as fast as it goes; then how late
// events are at half of that.
func (b *bench) fanOut(ctx context.Context) error {
	size := b.size.fanOut
	rates := make(map[string][]float64)
	broken := make(map[string]error)
	for round := range size.runs {
		for _, c := range contenders() {
			if !chosen(b.contenders, c.name) || broken[c.name] != nil || c.once && round > 0 {
				continue
			}
			rate, err := b.burst(ctx, c)
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			if err != nil {
				broken[c.name] = err
				continue
			}
			b.note("F1 %s: %s deliveries/s", c.name, report.Grouped(rate))
			rates[c.name] = append(rates[c.name], rate)
		}
	}
	b.reportFanOut(rates, broken)
	if len(rates[contenderSheen]) == 0 || broken[contenderSheen] != nil {
		return nil
	}
	return b.pacedFanOut(ctx, median(rates[contenderSheen])/2)
}

func (b *bench) reportFanOut(rates map[string][]float64, broken map[string]error) {
	size := b.size.fanOut
	for _, c := range contenders() {
		if err := broken[c.name]; err != nil {
			b.broke("F1", size.workload(c), c.what, err)
			continue
		}
		if len(rates[c.name]) == 0 {
			continue
		}
		rate := median(rates[c.name])
		r := report.Row{Figure: "F1", Workload: size.workload(c), Contender: c.what, Result: report.Grouped(rate) + " deliveries/s" + report.MedianOf(len(rates[c.name]))}
		if own := rates[contenderSheen]; len(own) > 0 && c.name != contenderSheen {
			r.Ratio = fmt.Sprintf("%.1f", median(own)/rate)
		}
		if c.must > 0 {
			r.Must = fmt.Sprintf("sheen ≥ %g ×", c.must)
		}
		b.table.Add(r)
	}
}

// count is how many events a contender gets.
func (s fanOutSize) count(c contender) int64 {
	if c.events > 0 {
		return min(c.events, s.events)
	}
	return s.events
}

func (s fanOutSize) workload(c contender) string {
	return fmt.Sprintf("1 build, %d subscribers, %d events of %d bytes", s.subscribers, s.count(c), s.bytes)
}

// burst publishes all events as fast as it goes and returns the deliveries per
// second from the first publication to the last delivery.
func (b *bench) burst(ctx context.Context, c contender) (float64, error) {
	size := b.size.fanOut
	stage, err := b.newStage(ctx, c, 1)
	if err != nil {
		return 0, err
	}
	defer stage.close()
	fleet, err := stage.open(ctx, &Job{Until: size.count(c), Subscribers: size.subscribers})
	if err != nil {
		return 0, err
	}
	serverBefore, loadBefore := stage.cpu()
	if err := stage.publish(ctx, size.count(c), size.bytes); err != nil {
		return 0, err
	}
	out, err := fleet.wait(ctx, 90*time.Second)
	if err != nil {
		return 0, err
	}
	took := time.Duration(out.Reached - out.Published)
	server, load := stage.cpu()
	b.note("F1 %s: %d deliveries in %s, %d cuts; CPU of the server %s, of the load %s", c.name, out.Deliveries,
		took.Round(time.Millisecond), out.Cuts, server-serverBefore, load-loadBefore)
	return float64(out.Deliveries) / took.Seconds(), nil
}

// pacedFanOut tells how late events come when Sheen delivers at a rate per
// second.
func (b *bench) pacedFanOut(ctx context.Context, rate float64) error {
	var p50, p99 []time.Duration
	for range b.size.fanOut.runs {
		late, err := b.paced(ctx, rate)
		if err != nil {
			return err
		}
		p50, p99 = append(p50, late.quantile(0.5)), append(p99, late.quantile(0.99))
		b.note("F1 at %s deliveries/s: publish→client p50 %s, p99 %s", report.Grouped(rate), report.MS(late.quantile(0.5)), report.MS(late.quantile(0.99)))
	}
	b.table.Add(report.Row{
		Figure: "F1", Workload: fmt.Sprintf("the same at half of sheen's maximum, %s deliveries/s", report.Grouped(rate)), Contender: contenders()[0].what,
		Result: fmt.Sprintf("publish→client p50 %s, p99 %s%s", report.MS(median(p50)), report.MS(median(p99)), report.MedianOf(len(p99))),
		Must:   "p99 < 100 ms",
	})
	return nil
}

func (b *bench) paced(ctx context.Context, rate float64) (*Latencies, error) {
	size := b.size.fanOut
	stage, err := b.newStage(ctx, contenders()[0], 1)
	if err != nil {
		return nil, err
	}
	defer stage.close()
	perSecond := rate / float64(size.subscribers)
	events := int64(perSecond * size.paced.Seconds())
	fleet, err := stage.open(ctx, &Job{Until: events, Subscribers: size.subscribers, Latency: true})
	if err != nil {
		return nil, err
	}
	published := publishAll(ctx, stage, size.bytes, schedule{first: 1, last: events, rate: perSecond, burst: 1})
	out, err := fleet.wait(ctx, size.paced+30*time.Second)
	if err := errors.Join(err, <-published); err != nil {
		return nil, err
	}
	return &out.SincePublish, nil
}

func (c contender) isSheen() bool { return c.name == contenderSheen || c.name == contenderSheenHTTP2 }
