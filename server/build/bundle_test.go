package build_test

import (
	"context"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"google.golang.org/protobuf/proto"

	billingv1 "github.com/sheenapps/sheen/gen/sheen/billing/v1"
	buildv1 "github.com/sheenapps/sheen/gen/sheen/build/v1"
	eventv1 "github.com/sheenapps/sheen/gen/sheen/event/v1"
	"github.com/sheenapps/sheen/server/auth"
	"github.com/sheenapps/sheen/server/billing"
	"github.com/sheenapps/sheen/server/build"
	"github.com/sheenapps/sheen/server/engine"
	"github.com/sheenapps/sheen/server/event"
	"github.com/sheenapps/sheen/server/preview"
	"github.com/sheenapps/sheen/server/preview/deploy"
	"github.com/sheenapps/sheen/server/token"
	"github.com/sheenapps/sheen/store"
	"github.com/sheenapps/sheen/store/storetest"
)

// gifts are what a new account has, in seconds: welcome and daily.
const gifts = 3000 + 900

// testBundle is the domain on a database of its own. Nothing runs by itself: a
// test calls the workers that it makes.
type testBundle struct {
	*build.Service
	t     *testing.T
	db    *store.DB
	ports build.Ports
	jobs  *river.Client[pgx.Tx]
	money *billing.Service
	user  uuid.UUID
}

func setup(t *testing.T, change ...func(*build.Ports)) *testBundle {
	t.Helper()
	db := storetest.New(t)
	blobs, err := preview.OpenBlobs(t.TempDir())
	must(t, err)
	t.Cleanup(func() { must(t, blobs.Close()) })
	log := event.NewLog(db)
	must(t, log.EnsurePartitions(t.Context(), time.Now()))
	jobs, err := river.NewClient(riverpgxv5.New(db.Pool()), &river.Config{Logger: slog.New(slog.DiscardHandler)})
	must(t, err)
	tokens, err := token.NewCodec([]token.Key{{ID: 1, Secret: make([]byte, 32)}})
	must(t, err)
	b := &testBundle{t: t, db: db, jobs: jobs, user: uuid.New(), ports: build.Ports{
		DB: db, Ledger: billing.NewLedger(billing.Options{}), Log: log,
		Hub: event.NewHub(log, slog.New(slog.DiscardHandler)), Blobs: blobs,
		Origin:  preview.Origin{Scheme: "http", Domain: "preview.localhost", Port: 8081},
		Targets: deploy.NewTargets(deploy.NewLocal(preview.Origin{Scheme: "http", Domain: "preview.localhost", Port: 8081})),
		Limits:  build.Limits{BuildTimeout: build.DefaultTimeout},
		Logger:  slog.New(slog.DiscardHandler),
	}}
	for _, f := range change {
		f(&b.ports)
	}
	b.ports.Appender = event.NewAppender(log, b.ports.Hub.Publish)
	ctx, stop := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { b.ports.Appender.Run(ctx) })
	t.Cleanup(func() {
		stop()
		running.Wait()
	})
	b.Service = build.NewService(b.ports, jobs, tokens)
	b.ConnectResume(event.NewService(log, b.ports.Hub, tokens, b.Describe).ResumeToken)
	b.money = billing.NewService(db, b.ports.Ledger, billing.NewPurchases(billing.PurchaseOptions{DB: db, Ledger: b.ports.Ledger}), tokens)
	return b
}

// other is the bundle for another user, in a subtest: databases take their time.
func (b *testBundle) other(t *testing.T) *testBundle {
	c := *b
	c.t, c.user = t, uuid.New()
	return &c
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// ctx is that of a call of the bundle's user.
func (b *testBundle) ctx() context.Context { return b.as(b.user) }

func (b *testBundle) as(user uuid.UUID) context.Context {
	return auth.WithPrincipal(b.t.Context(), auth.Principal{UserID: user, Role: auth.RoleUser})
}

// newWorker makes a worker whose previews always answer.
func (b *testBundle) newWorker(e engine.Engine, change ...func(*build.WorkerPorts)) *build.Worker {
	ports := build.WorkerPorts{
		Ports: b.ports, LeaseDB: b.db, Engine: e, Timeout: build.DefaultTimeout,
		Probe: func(context.Context, string) error { return nil },
	}
	for _, f := range change {
		f(&ports)
	}
	w := build.NewWorker(ports)
	w.ConnectJobs(b.jobs)
	return w
}

// queued starts a build of the bundle's user.
func (b *testBundle) queued() *buildv1.Build {
	b.t.Helper()
	res, err := b.StartBuild(b.ctx(), &buildv1.StartBuildRequest{Prompt: "A booking site for my hair salon"})
	must(b.t, err)
	return res.GetBuild()
}

// work has a worker take a build's job.
func work(ctx context.Context, w *build.Worker, id string) error {
	return w.Work(ctx, &river.Job[build.JobArgs]{Args: build.JobArgs{BuildID: uuid.MustParse(id)}})
}

// run starts a build, has a worker do it, and returns it as it ended.
func (b *testBundle) run(e engine.Engine, change ...func(*build.WorkerPorts)) *buildv1.Build {
	b.t.Helper()
	id := b.queued().GetId()
	must(b.t, work(b.t.Context(), b.newWorker(e, change...), id))
	return b.build(id)
}

func (b *testBundle) build(id string) *buildv1.Build {
	b.t.Helper()
	res, err := b.GetBuild(b.ctx(), &buildv1.GetBuildRequest{BuildId: id})
	must(b.t, err)
	return res.GetBuild()
}

// events reads a build's whole log and checks its first promise: 1, 2, 3 ….
func (b *testBundle) events(id string) []*eventv1.BuildEvent {
	b.t.Helper()
	records, err := b.ports.Log.Page(b.t.Context(), uuid.MustParse(id), 0, 100_000)
	must(b.t, err)
	events := make([]*eventv1.BuildEvent, len(records))
	for i, record := range records {
		events[i] = &eventv1.BuildEvent{}
		must(b.t, proto.Unmarshal(record.Wire, events[i]))
		if events[i].GetSeq() != int64(i+1) || record.Last != (i == len(records)-1 && isLast(events[i])) {
			b.t.Fatalf("event %d of %d: seq %d, last %v", i+1, len(records), events[i].GetSeq(), record.Last)
		}
	}
	return events
}

func isLast(e *eventv1.BuildEvent) bool {
	return e.GetBuildCompleted() != nil || e.GetBuildFailed() != nil || e.GetBuildCancelled() != nil
}

// text joins the assistant's text.
func text(events []*eventv1.BuildEvent) string {
	var all strings.Builder
	for _, e := range events {
		all.WriteString(e.GetAssistantText().GetDelta())
	}
	return all.String()
}

// states are those that a log tells, in order.
func states(events []*eventv1.BuildEvent) []buildv1.BuildState {
	var all []buildv1.BuildState
	for _, e := range events {
		if p := e.GetPhaseChanged(); p != nil {
			all = append(all, p.GetTo())
		}
	}
	return all
}

// paths are those of the files that a log tells, in order.
func paths(events []*eventv1.BuildEvent) []string {
	var all []string
	for _, e := range events {
		if f := e.GetFileChanged(); f != nil {
			all = append(all, f.GetPath())
		}
	}
	return all
}

// number reads one number.
func (b *testBundle) number(sql string, args ...any) int64 {
	b.t.Helper()
	var n int64
	must(b.t, b.db.QueryRow(b.t.Context(), sql, args...).Scan(&n))
	return n
}

func (b *testBundle) exec(sql string, args ...any) {
	b.t.Helper()
	_, err := b.db.Exec(b.t.Context(), sql, args...)
	must(b.t, err)
}

// eventually waits until something is so.
func eventually(t *testing.T, what string, so func() bool) {
	t.Helper()
	for deadline := time.Now().Add(15 * time.Second); !so(); time.Sleep(5 * time.Millisecond) { //nolint:forbidigo // polls the store, bounded
		if time.Now().After(deadline) {
			t.Fatalf("never so: %s", what)
		}
	}
}

// jobCount is how many jobs a build has.
func (b *testBundle) jobCount(id string) int64 {
	b.t.Helper()
	return b.number(`SELECT count(*) FROM river_job WHERE kind = 'build' AND args->>'build_id' = $1`, id)
}

// checkPaid checks that a build that is over was charged once, as its last event
// and its receipt say, and that the rest of its hold returned.
func (b *testBundle) checkPaid(done *buildv1.Build, charged int64, outcome billingv1.Outcome) {
	b.t.Helper()
	receipt, err := b.money.GetReceipt(b.ctx(), &billingv1.GetReceiptRequest{BuildId: done.GetId()})
	must(b.t, err)
	events := b.events(done.GetId())
	last := events[len(events)-1]
	told := last.GetBuildCompleted().GetReceipt()
	for _, other := range []*billingv1.Receipt{last.GetBuildFailed().GetReceipt(), last.GetBuildCancelled().GetReceipt()} {
		if other != nil {
			told = other
		}
	}
	if !proto.Equal(told, receipt.GetReceipt()) {
		b.t.Errorf("the event's receipt is %v, the account's %v", told, receipt.GetReceipt())
	}
	if told.GetChargedSeconds() != charged || done.GetChargedSeconds() != charged || told.GetOutcome() != outcome {
		b.t.Errorf("charged %d s as %v, the build says %d s; want %d s as %v",
			told.GetChargedSeconds(), told.GetOutcome(), done.GetChargedSeconds(), charged, outcome)
	}
	balance, err := b.money.GetBalance(b.ctx(), &billingv1.GetBalanceRequest{})
	must(b.t, err)
	if got := balance.GetBalance(); got.GetSpendableSeconds() != gifts-charged || got.GetHeldSeconds() != 0 || done.GetHeldSeconds() != 0 {
		b.t.Errorf("after a charge of %d s: %d s to spend, %d s held, the build holds %d s",
			charged, got.GetSpendableSeconds(), got.GetHeldSeconds(), done.GetHeldSeconds())
	}
	if n := b.number(`SELECT count(*) FROM journal WHERE hold_id = (SELECT hold_id FROM builds WHERE id = $1) AND kind = 'commit'`, done.GetId()); n != 1 {
		b.t.Errorf("charged %d times", n)
	}
}

func checkStates(t *testing.T, events []*eventv1.BuildEvent, want ...buildv1.BuildState) {
	t.Helper()
	if got := states(events); !slices.Equal(got, want) {
		t.Errorf("states %v, want %v", got, want)
	}
}
