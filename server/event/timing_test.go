package event

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"connectrpc.com/connect"
	"github.com/alicebob/miniredis/v2"
	"github.com/google/uuid"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/redis/go-redis/v9"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	buildv1 "github.com/sheenapps/sheen/gen/sheen/build/v1"
	eventv1 "github.com/sheenapps/sheen/gen/sheen/event/v1"
	"github.com/sheenapps/sheen/server/auth"
	"github.com/sheenapps/sheen/server/event/redistest"
)

// timingNode is a node that takes timings.
type timingNode struct {
	timings  *Timings
	registry *prometheus.Registry
	client   *redis.Client
}

func newTimingNode(t *testing.T, address string) *timingNode {
	t.Helper()
	n := &timingNode{registry: prometheus.NewRegistry(), client: redis.NewClient(redisOptions(address))}
	t.Cleanup(func() { _ = n.client.Close() })
	n.timings = NewTimings(n.client, n.registry)
	return n
}

// counted is what a node's metrics show, without what is 0: how many timings of a name
// in a locale, their sum, and by reason how many were not counted.
func (n *timingNode) counted(t *testing.T) map[string]float64 {
	t.Helper()
	families, err := n.registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]float64{}
	for _, family := range families {
		name := strings.TrimSuffix(strings.TrimPrefix(family.GetName(), "sheen_"), "_seconds")
		for _, m := range family.GetMetric() {
			label := m.GetLabel()[0].GetValue()
			if h := m.GetHistogram(); h.GetSampleCount() > 0 {
				got[name+" "+label] = float64(h.GetSampleCount())
				got[name+" "+label+" sum"] = h.GetSampleSum()
			}
			if m.GetCounter().GetValue() > 0 {
				got[label] = m.GetCounter().GetValue()
			}
		}
	}
	return got
}

func (n *timingNode) want(t *testing.T, want map[string]float64) {
	t.Helper()
	if got := n.counted(t); fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("counted\n%v, want\n%v", got, want)
	}
}

// reporting is a site that takes timings, and one build of its caller.
type reporting struct {
	*site
	*timingNode

	redis *miniredis.Miniredis
	id    uuid.UUID
}

func newReporting(t *testing.T) *reporting {
	t.Helper()
	r := &reporting{site: serve(t), redis: miniredis.RunT(t)}
	r.timingNode = newTimingNode(t, r.redis.Addr())
	r.service.ConnectTimings(r.timings)
	r.id = r.build(t).BuildID
	return r
}

func metric(name string, took time.Duration) *eventv1.ClientMetric {
	return &eventv1.ClientMetric{Name: name, Duration: durationpb.New(took)}
}

func (r *reporting) report(t *testing.T, id uuid.UUID, metrics ...*eventv1.ClientMetric) error {
	t.Helper()
	_, err := r.site.client(t).ReportMetrics(t.Context(), &eventv1.ReportMetricsRequest{BuildId: id.String(), Metrics: metrics})
	return err
}

func (r *reporting) mustReport(t *testing.T, id uuid.UUID, metrics ...*eventv1.ClientMetric) {
	t.Helper()
	if err := r.report(t, id, metrics...); err != nil {
		t.Fatal(err)
	}
}

func TestATimingCountsOncePerBuild(t *testing.T) {
	t.Parallel()
	r := newReporting(t)
	r.want(t, map[string]float64{})
	r.mustReport(t, r.id, metric("ttft", 1500*time.Millisecond), metric("tt_recs", 0), metric("ttft", time.Minute))
	want := map[string]float64{
		"ttft en": 1, "ttft en sum": 1.5, "tt_recs en": 1, "tt_recs en sum": 0, timingRepeated: 1,
	}
	r.want(t, want)
	// Another tab, a reload: something new beside what is known.
	r.mustReport(t, r.id, metric("ttft", 9*time.Second), metric("sse_connect", time.Hour), metric("tt_recs", time.Second))
	want["sse_connect en"], want["sse_connect en sum"], want[timingRepeated] = 1, 3600, 3
	r.want(t, want)
	// Another build has timings of its own.
	r.mustReport(t, r.build(t).BuildID, metric("ttft", 250*time.Millisecond))
	want["ttft en"], want["ttft en sum"] = 2, 1.75
	r.want(t, want)
}

func TestEveryTimingOfTheContractIsTaken(t *testing.T) {
	t.Parallel()
	r := newReporting(t)
	want := map[string]float64{}
	for _, name := range []string{"tt_first_chunk_stream", "sse_connect", "ttft", "ttfi", "tt_preview", "tt_recs"} {
		r.mustReport(t, r.id, metric(name, 2*time.Second))
		want[name+" en"], want[name+" en sum"] = 1, 2
	}
	r.want(t, want)
	if len(want) != 2*len(timingNames()) {
		t.Errorf("there are more: %v", timingNames())
	}
}

// Only the locale of the build labels a timing, and only one of the nine.
func TestTimingsAreLabeledWithTheLocale(t *testing.T) {
	t.Parallel()
	r := newReporting(t)
	for stored, label := range map[string]string{"ar-EG": "ar-EG", "fr_MA": "fr-MA", "xx-surprise": "en"} {
		id := r.build(t).BuildID
		if _, err := r.db.Exec(t.Context(), `UPDATE builds SET locale = $2 WHERE id = $1`, id, stored); err != nil {
			t.Fatal(err)
		}
		r.mustReport(t, id, metric("ttfi", time.Second))
		if r.counted(t)["ttfi "+label] != 1 {
			t.Errorf("%s: %v", stored, r.counted(t))
		}
	}
}

func TestBadTimingsCountNothing(t *testing.T) {
	t.Parallel()
	r := newReporting(t)
	good := metric("ttft", time.Second)
	many := slices.Repeat([]*eventv1.ClientMetric{good}, 33)
	for name, bad := range map[string][]*eventv1.ClientMetric{
		"negative":          {good, metric("ttfi", -time.Nanosecond)},
		"beyond an hour":    {good, metric("ttfi", time.Hour+time.Nanosecond)},
		"overflow":          {good, {Name: "ttfi", Duration: &durationpb.Duration{Seconds: 1 << 62}}},
		"nanos of a minute": {good, {Name: "ttfi", Duration: &durationpb.Duration{Seconds: -1, Nanos: 2_000_000_000}}},
		"without a span":    {good, {Name: "ttfi"}},
		"unknown name":      {good, metric("ttfb_chat_messages", time.Second)},
		"no name":           {good, metric("TTFI", time.Second)},
		"nothing":           {},
		"too many":          many,
	} {
		if err := r.report(t, r.id, bad...); connect.CodeOf(err) != connect.CodeInvalidArgument {
			t.Errorf("%s: %v", name, err)
		}
	}
	r.want(t, map[string]float64{})
	r.mustReport(t, r.id, good)
	r.want(t, map[string]float64{"ttft en": 1, "ttft en sum": 1})
}

// Whoever does not own a build learns nothing, and takes nothing from its owner.
func TestTimingsOfAnothersBuild(t *testing.T) {
	t.Parallel()
	r := newReporting(t)
	r.become(auth.Principal{UserID: uuid.New(), Role: auth.RoleAdmin, ExpireTime: time.Now().Add(time.Hour)})
	foreign := r.report(t, r.id, metric("ttft", time.Second), metric("unknown", time.Second))
	if random := r.report(t, uuid.New(), metric("ttft", time.Second)); connect.CodeOf(foreign) != connect.CodeNotFound || foreign.Error() != random.Error() {
		t.Errorf("%v, and %v", foreign, random)
	}
	r.want(t, map[string]float64{})
	r.become(auth.Principal{UserID: r.user, Role: auth.RoleUser, ExpireTime: time.Now().Add(time.Hour)})
	r.mustReport(t, r.id, metric("ttft", time.Second))
	r.want(t, map[string]float64{"ttft en": 1, "ttft en sum": 1})
}

// What is forgotten is too late to count.
func TestOldBuildsHaveNoTimings(t *testing.T) {
	t.Parallel()
	r := newReporting(t)
	r.mustReport(t, r.id, metric("ttft", time.Second))
	if left := r.redis.TTL(r.redis.Keys()[0]); left <= timingWindow {
		t.Errorf("what was reported is forgotten after %v", left)
	}
	r.redis.FastForward(timingMemory + time.Second)
	if keys := r.redis.Keys(); len(keys) != 0 {
		t.Errorf("%v are kept for ever", keys)
	}
	begun := time.Now()
	r.timings.now = func() time.Time { return begun.Add(timingWindow + time.Second) }
	r.mustReport(t, r.id, metric("ttft", time.Second), metric("ttfi", time.Second))
	r.want(t, map[string]float64{"ttft en": 1, "ttft en sum": 1, timingLate: 2})
}

// Without Redis nobody knows what was reported: the browser is not bothered.
func TestTimingsWithoutRedis(t *testing.T) {
	t.Parallel()
	r := newReporting(t)
	r.redis.SetError("LOADING")
	r.mustReport(t, r.id, metric("ttft", time.Second), metric("ttfi", time.Second))
	r.want(t, map[string]float64{timingForgotten: 2})
	r.redis.SetError("")
	r.mustReport(t, r.id, metric("ttft", time.Second))
	r.want(t, map[string]float64{timingForgotten: 2, "ttft en": 1, "ttft en sum": 1})
}

// Of tabs that report at once, on two nodes and a real Redis, one is counted.
func TestNodesCountATimingOnce(t *testing.T) {
	t.Parallel()
	const tabs = 20
	server := redistest.Start(t)
	nodes := []*timingNode{newTimingNode(t, server.Addr()), newTimingNode(t, server.Addr())}
	id := uuid.New()
	var group sync.WaitGroup
	for i := range tabs {
		group.Go(func() {
			// A page that is closed as it reports.
			ctx, cancel := context.WithCancel(t.Context())
			cancel()
			nodes[i%2].timings.count(ctx, id, &buildv1.Build{Locale: "de", CreateTime: timestamppb.Now()}, map[string]time.Duration{"ttft": time.Second, "ttfi": 2 * time.Second})
		})
	}
	group.Wait()
	got := map[string]float64{}
	for _, n := range nodes {
		for name, count := range n.counted(t) {
			got[name] += count
		}
	}
	want := map[string]float64{"ttft de": 1, "ttft de sum": 1, "ttfi de": 1, "ttfi de sum": 2, timingRepeated: 2 * (tabs - 1)}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("counted %v, want %v", got, want)
	}
	keys, err := server.Client().Keys(t.Context(), "*").Result()
	if err != nil || len(keys) != 1 {
		t.Fatalf("%v, %v", keys, err)
	}
	if left := server.Client().TTL(t.Context(), keys[0]).Val(); left <= timingWindow || left > timingMemory {
		t.Errorf("%s is kept for %v", keys[0], left)
	}
}

// The targets can be read off without a guess.
func TestTargetsAreEdgesOfTheHistograms(t *testing.T) {
	t.Parallel()
	edges := timingBuckets()
	for _, target := range []float64{1.5, 12, 3} {
		if !slices.Contains(edges, target) {
			t.Errorf("%v is no edge", target)
		}
	}
	if !slices.IsSorted(edges) {
		t.Errorf("%v", edges)
	}
}
