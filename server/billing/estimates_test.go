package billing_test

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/prometheus/client_golang/prometheus"

	billingv1 "github.com/sheenapps/sheen/gen/sheen/billing/v1"
	"github.com/sheenapps/sheen/server/billing"
	"github.com/sheenapps/sheen/server/billing/meter"
	"github.com/sheenapps/sheen/store"
)

// estimating is a bundle seen by one node, whose ledger has a history.
type estimating struct {
	*testBundle

	ledger    *billing.Ledger
	estimates *billing.Estimates
	registry  *prometheus.Registry
}

// node makes estimates as another node has them.
func (b *testBundle) node(change ...func(*billing.EstimatesOptions)) *estimating {
	registry := prometheus.NewRegistry()
	clock := func(time.Time) time.Time { return *b.clock.Load() }
	options := billing.EstimatesOptions{DB: b.db, Logger: slog.New(slog.DiscardHandler), Registry: registry, Clock: clock}
	for _, f := range change {
		f(&options)
	}
	estimates := billing.NewEstimates(options)
	b.Ledger = billing.NewLedger(billing.Options{Estimates: estimates, Clock: clock})
	return &estimating{testBundle: b, ledger: b.Ledger, estimates: estimates, registry: registry}
}

func (e *estimating) refresh() {
	e.t.Helper()
	if err := e.estimates.Refresh(e.t.Context()); err != nil {
		e.t.Fatal(err)
	}
}

// sample has an account of its own work for so long.
func (b *testBundle) sample(request billing.ReserveRequest, outcome meter.Outcome, active time.Duration) {
	b.t.Helper()
	own := &testBundle{Ledger: b.Ledger, t: b.t, db: b.db, account: uuid.New()}
	request.Seconds = 10
	hold, _, err := own.reserve(request)
	if err != nil {
		b.t.Fatal(err)
	}
	if _, err := own.commit(hold, outcome, active); err != nil {
		b.t.Fatal(err)
	}
}

func (e *estimating) want(size billing.Size, p50, p95, samples int64) {
	e.t.Helper()
	want := billing.Estimate{Operation: meter.MainBuild, P50: p50, P95: p95, Samples: samples}
	if got := e.ledger.Estimate(meter.MainBuild, size, false); got != want {
		e.t.Errorf("%s: %+v, want %+v", size, got, want)
	}
}

func TestEstimatesFollowWhatSucceeds(t *testing.T) {
	t.Parallel()
	e := setup(t).node()
	e.refresh()
	e.want(billing.SizeMedium, 180, 180, 0)
	for _, active := range []time.Duration{41 * time.Second, 55 * time.Second, 60 * time.Second} {
		e.sample(billing.ReserveRequest{}, meter.Succeeded, active)
	}
	for _, outcome := range []meter.Outcome{meter.FailedUser, meter.FailedPlatform, meter.FailedProvider, meter.FailedPolicy, meter.Cancelled} {
		e.sample(billing.ReserveRequest{}, outcome, time.Second)
	}
	e.sample(billing.ReserveRequest{Operation: meter.Update}, meter.Succeeded, time.Second)
	e.want(billing.SizeMedium, 180, 180, 0)
	e.refresh()
	e.want(billing.SizeMedium, 180, 180, 3)
	e.sample(billing.ReserveRequest{ProjectSize: billing.SizeLarge}, meter.Succeeded, 300*time.Second)
	e.refresh()
	e.refresh()
	e.want(billing.SizeMedium, 60, 300, 4)
	e.want(billing.SizeLarge, 80, 390, 4)
	e.sample(billing.ReserveRequest{ProjectSize: "unheard of"}, meter.Succeeded, 60*time.Second)
	e.refresh()
	e.want(billing.SizeMedium, 60, 60, 4)
}

// Operations that are older than 30 days count no more, and those that are
// counted are not read again.
func TestEstimatesOfThirtyDays(t *testing.T) {
	t.Parallel()
	b := setup(t)
	e := b.node()
	for range 4 {
		b.sample(billing.ReserveRequest{}, meter.Succeeded, 100*time.Second)
	}
	e.refresh()
	e.want(billing.SizeMedium, 100, 100, 4)
	for day := range 30 {
		b.setClock(noon.Add(time.Duration(day+1) * 24 * time.Hour))
		e.refresh()
		e.want(billing.SizeMedium, 100, 100, 4)
	}
	if _, err := b.db.Exec(t.Context(), `UPDATE hold SET project_size = 'large'`); err != nil {
		t.Fatal(err)
	}
	e.refresh()
	e.want(billing.SizeLarge, 130, 130, 4)
	late := b.node()
	late.refresh()
	late.want(billing.SizeLarge, 100, 100, 4)
	b.setClock(noon.Add(30*24*time.Hour + time.Hour))
	for _, node := range []*estimating{e, late} {
		node.refresh()
		node.want(billing.SizeMedium, 180, 180, 0)
	}
}

// A commit that is seen only after its hour is over, 2 minutes after it read its
// time, counts on all nodes alike.
func TestEstimatesOfNodesAgree(t *testing.T) {
	t.Parallel()
	b := setup(t)
	first := b.node()
	for range 3 {
		b.sample(billing.ReserveRequest{}, meter.Succeeded, 70*time.Second)
	}
	hold := b.mustReserve(10)
	end := noon.Add(time.Hour - time.Second)
	b.setClock(end)
	err := b.inTx(func(tx pgx.Tx) error {
		_, err := b.Commit(t.Context(), tx, billing.CommitRequest{
			AccountID: b.account, HoldID: uuid.UUID(hold.ID), Outcome: meter.Succeeded, Active: 70 * time.Second,
		})
		b.setClock(end.Add(2 * time.Minute))
		first.refresh()
		first.want(billing.SizeMedium, 180, 180, 3)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	second := b.node()
	for _, node := range []*estimating{first, second} {
		node.refresh()
		node.want(billing.SizeMedium, 70, 70, 4)
	}
}

// What is older than 2 minutes is read once, and not when its hour is over.
func TestEstimatesReadOnce(t *testing.T) {
	t.Parallel()
	b := setup(t)
	e := b.node()
	var samples int64
	for minute := range 61 {
		b.setClock(noon.Add(time.Duration(minute) * time.Minute))
		b.sample(billing.ReserveRequest{}, meter.Succeeded, 100*time.Second)
		samples++
		e.refresh()
		if samples > 3 {
			e.want(billing.SizeMedium, 100, 100, samples)
		}
	}
	// Were anything read again, it would be seen to be large now.
	if _, err := b.db.Exec(t.Context(), `UPDATE hold SET project_size = 'large' WHERE create_time < $1`, b.clock.Load().Add(-2*time.Minute)); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		e.refresh()
		e.want(billing.SizeLarge, 130, 130, samples)
		b.setClock(noon.Add(2 * time.Hour))
	}
}

// logged counts what is logged.
type logged struct {
	slog.Handler

	mu    sync.Mutex
	lines []string
}

func (l *logged) Enabled(context.Context, slog.Level) bool { return true }

func (l *logged) Handle(_ context.Context, r slog.Record) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lines = append(l.lines, r.Level.String()+" "+r.Message)
	return nil
}

func (l *logged) all() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Join(l.lines, "\n")
}

// While the store does not answer, what is known stays known, and one line says
// so; a node that knows nothing yet goes by the defaults.
func TestEstimatesWithoutTheStore(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for range 4 {
		b.sample(billing.ReserveRequest{}, meter.Succeeded, 50*time.Second)
	}
	var tries atomic.Int64
	log := &logged{Handler: slog.DiscardHandler}
	node := b.node(func(o *billing.EstimatesOptions) {
		o.Every, o.Logger = time.Millisecond, slog.New(log)
		o.Clock = func(time.Time) time.Time { tries.Add(1); return noon }
	})
	tried := func() {
		t.Helper()
		until := tries.Load() + 3
		eventually(t, func() bool { return tries.Load() >= until })
	}
	rename := func(from, to string) {
		t.Helper()
		if _, err := b.db.Exec(t.Context(), fmt.Sprintf(`ALTER TABLE %s RENAME TO %s`, from, to)); err != nil {
			t.Fatal(err)
		}
	}
	ctx, stop := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() { node.estimates.Run(ctx) })
	tried()
	rename("hold", "hold_away")
	tried()
	node.want(billing.SizeMedium, 50, 50, 4)
	cold := b.node()
	if err := cold.estimates.Refresh(t.Context()); err == nil {
		t.Error("read a table that is away")
	}
	cold.want(billing.SizeMedium, 180, 180, 0)
	rename("hold_away", "hold")
	eventually(t, func() bool { return strings.Contains(log.all(), "INFO") })
	stop()
	running.Wait()
	if got := strings.Split(log.all(), "\n"); len(got) != 2 || !strings.HasPrefix(got[0], "WARN") {
		t.Errorf("logged %q", got)
	}
}

func eventually(t *testing.T, so func() bool) {
	t.Helper()
	for deadline := time.Now().Add(15 * time.Second); !so(); time.Sleep(time.Millisecond) { //nolint:forbidigo // polls, bounded
		if time.Now().After(deadline) {
			t.Fatal("never so")
		}
	}
}

// covered are the counters of main builds.
func (e *estimating) covered() (kept, broken float64) {
	e.t.Helper()
	families, err := e.registry.Gather()
	if err != nil {
		e.t.Fatal(err)
	}
	for _, family := range families {
		for _, metric := range family.GetMetric() {
			labels := map[string]string{}
			for _, label := range metric.GetLabel() {
				labels[label.GetName()] = label.GetValue()
			}
			if family.GetName() != "sheen_estimate_covered_total" || labels["operation"] != "main_build" {
				continue
			}
			if labels["covered"] == "true" {
				kept = metric.GetCounter().GetValue()
			} else {
				broken = metric.GetCounter().GetValue()
			}
		}
	}
	return kept, broken
}

// The share of quotes that were kept to is counted once per operation, however
// often it is read, and alike by every node.
func TestEstimatesCountWhatTheyCovered(t *testing.T) {
	t.Parallel()
	b := setup(t)
	e := b.node()
	quoted := billing.ReserveRequest{QuotedSeconds: 100}
	b.sample(quoted, meter.Succeeded, 100*time.Second)
	b.sample(quoted, meter.Succeeded, 20*time.Second)
	b.sample(quoted, meter.Succeeded, 100*time.Second+time.Millisecond)
	b.sample(quoted, meter.FailedUser, 300*time.Second)
	b.sample(billing.ReserveRequest{}, meter.Succeeded, 300*time.Second)
	b.sample(billing.ReserveRequest{}, meter.Succeeded, 0)
	want := func(kept, broken float64) {
		t.Helper()
		if k, n := e.covered(); k != kept || n != broken {
			t.Errorf("%v were covered and %v were not, want %v and %v", k, n, kept, broken)
		}
	}
	for range 2 {
		e.refresh()
		want(2, 1)
	}
	b.setClock(noon.Add(time.Hour))
	b.sample(quoted, meter.Succeeded, 110*time.Second)
	e.refresh()
	want(2, 2)
	b.setClock(noon.Add(5 * time.Hour))
	e.refresh()
	want(2, 2)
	e = b.node()
	e.refresh()
	want(2, 2)
	b.setClock(noon.Add(40 * 24 * time.Hour))
	e.refresh()
	want(2, 2)
}

func TestServeEstimateFromHistory(t *testing.T) {
	t.Parallel()
	s := serve(t, func(b *testBundle) { b.node().refreshAfter(4, 33*time.Second) })
	s.mustReserve(3865) // 35 s are left
	want := &billingv1.Estimate{P50Seconds: 40, P95Seconds: 40, Confidence: billingv1.Confidence_CONFIDENCE_MEDIUM, SampleCount: 4}
	got, err := s.EstimateUsage(t.Context(), &billingv1.EstimateUsageRequest{Operation: billingv1.Operation_OPERATION_MAIN_BUILD})
	if err != nil {
		t.Fatal(err)
	}
	wantProto(t, got, &billingv1.EstimateUsageResponse{Estimate: want, Balance: balanceOf(0, 35, 0, 3865)})
	_, err = s.Reserve(t.Context(), &billingv1.ReserveRequest{
		IdempotencyKey: "k", Operation: billingv1.Operation_OPERATION_MAIN_BUILD, Seconds: 40,
	})
	refused := detail[*billingv1.InsufficientAiTime](t, err)
	wantProto(t, refused.GetEstimate(), want)
}

// refreshAfter reads a history of so many operations.
func (e *estimating) refreshAfter(samples int, active time.Duration) {
	e.t.Helper()
	for range samples {
		e.sample(billing.ReserveRequest{}, meter.Succeeded, active)
	}
	e.refresh()
}

// A hold's row says what was quoted, of any size.
func TestReserveStoresTheQuote(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for size, stored := range map[billing.Size]string{
		"": "medium", "huge": "medium", billing.SizeSmall: "small", billing.SizeMedium: "medium", billing.SizeLarge: "large",
	} {
		hold, _, err := b.reserve(billing.ReserveRequest{Seconds: 10, ProjectSize: size, QuotedSeconds: 70})
		if err != nil {
			t.Fatal(err)
		}
		row, err := store.New().HoldByID(t.Context(), b.db, &store.HoldByIDParams{ID: uuid.UUID(hold.ID), AccountID: b.account})
		if err != nil || row.ProjectSize != stored || row.QuotedSeconds != 70 {
			t.Errorf("%q is stored as %q of %d s: %v", size, row.ProjectSize, row.QuotedSeconds, err)
		}
	}
}
