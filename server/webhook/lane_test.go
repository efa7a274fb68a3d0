package webhook

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/prometheus/client_golang/prometheus"

	eventv1 "github.com/sheenapps/sheen/gen/sheen/event/v1"
	"github.com/sheenapps/sheen/store"
)

func all(events ...*eventv1.BuildEvent) []*eventv1.BuildEvent { return events }

func TestDelivery(t *testing.T) {
	t.Parallel()
	b := setup(t)
	r := receive(t, nil)
	endpoint, secret := b.endpoint(t, r.URL+"/hook?x=1")
	build := b.build(t)
	b.append(t, build, phase(1), text("not wanted"), phase(2), completed())
	if n := b.pump(t); n != 1 {
		t.Fatalf("%d lanes", n)
	}
	if got := r.seqs(build); got != "1 3 4" {
		t.Errorf("came %q", got)
	}
	ids := map[string]bool{}
	for _, g := range r.got() {
		ids[g.id] = true
		if err := verified(t, g, secret); err != nil {
			t.Error(err)
		}
		if g.header.Get("Content-Type") != "application/json" || bytes.ContainsAny(g.body, "\n") {
			t.Errorf("%v %s", g.header, g.body)
		}
	}
	last := r.got()[2]
	var project uuid.UUID
	if err := b.db.QueryRow(t.Context(), "SELECT project_id FROM builds WHERE id = $1", build).Scan(&project); err != nil {
		t.Fatal(err)
	}
	at := b.deliveries(t, endpoint)[2].CreateTime.UTC().Format(time.RFC3339Nano)
	want := fmt.Sprintf(`{"type":"build_completed","timestamp":%q,"data":{"projectId":%q,"buildId":%q,"seq":"4",`, at, project.String(), build.String())
	if !strings.HasPrefix(string(last.body), want) || !strings.HasSuffix(string(last.body), `"buildCompleted":{"previewUrl":"http://x"}}}`) {
		t.Errorf("body %s\nwant %s…", last.body, want)
	}
	if len(ids) != 3 || b.states(t, endpoint) != "delivered,delivered,delivered" || b.pump(t) != 0 {
		t.Errorf("%d ids, %s", len(ids), b.states(t, endpoint))
	}
	// More of the same build wakes the lane.
	b.append(t, build, phase(3))
	if b.pump(t) != 1 || r.seqs(build) != "1 3 4 5" {
		t.Errorf("came %q", r.seqs(build))
	}
}

// A failure holds back what follows in its lane, and nothing else.
func TestOrderUnderFailures(t *testing.T) {
	t.Parallel()
	b := setup(t)
	bad := b.build(t)
	var fail atomic.Int32
	fail.Store(3)
	flaky := receive(t, func(w http.ResponseWriter, _ *http.Request, g got) {
		if g.buildID == bad.String() && g.seq == "2" && fail.Add(-1) >= 0 {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	})
	steady := receive(t, nil)
	endpoint, _ := b.endpoint(t, flaky.URL)
	b.endpoint(t, steady.URL)
	good := b.build(t)
	for range 4 {
		b.append(t, bad, phase(1))
		b.append(t, good, phase(1))
	}
	b.pump(t)
	if flaky.seqs(bad) != "1 2" || flaky.seqs(good) != "1 2 3 4" || steady.seqs(bad) != "1 2 3 4" || steady.seqs(good) != "1 2 3 4" {
		t.Errorf("bad %q, good %q, elsewhere %q, %q", flaky.seqs(bad), flaky.seqs(good), steady.seqs(bad), steady.seqs(good))
	}
	// Later events of the build do not shorten the pause.
	b.append(t, bad, phase(1))
	if n := b.pump(t); n != 1 || flaky.seqs(bad) != "1 2" { // The steady one's lane.
		t.Errorf("%d lanes, %q", n, flaky.seqs(bad))
	}
	for _, pause := range []time.Duration{7 * time.Second, 40 * time.Second, 3 * time.Minute} {
		b.pass(pause)
		b.pump(t)
	}
	if got := flaky.seqs(bad); got != "1 2 2 2 2 3 4 5" {
		t.Errorf("came %q", got)
	}
	var first *got
	for _, g := range flaky.got() {
		if g.buildID == bad.String() && g.seq == "2" {
			if first == nil {
				first = &g
			}
			if g.id != first.id || !bytes.Equal(g.body, first.body) {
				t.Errorf("a repeat differs: %s %s", g.id, g.body)
			}
		}
	}
	d := b.deliveries(t, endpoint)
	if b.states(t, endpoint) != strings.Repeat("delivered,", 8)+"delivered" || d[2].AttemptCount != 4 || d[2].LastStatus != 200 {
		t.Errorf("%s, %+v", b.states(t, endpoint), d[2])
	}
}

// A delivery is tried for 24 hours with growing pauses, then the next one goes on.
func TestRetriesUntilGivenUp(t *testing.T) {
	t.Parallel()
	b := setup(t)
	r := receive(t, func(w http.ResponseWriter, _ *http.Request, g got) {
		if g.seq == "1" {
			w.WriteHeader(http.StatusInternalServerError)
		}
	})
	endpoint, _ := b.endpoint(t, r.URL)
	build := b.build(t)
	b.append(t, build, phase(1), phase(2))
	var took time.Duration
	for b.pump(t); b.deliveries(t, endpoint)[0].State == "pending"; b.pump(t) {
		b.pass(time.Second)
		took += time.Second
		due := b.deliveries(t, endpoint)[0].DueTime
		now, err := b.service.clock(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		// Not a moment before.
		b.pass(due.Sub(now) - time.Millisecond*500)
		took += due.Sub(now)
		if n := b.pump(t); n != 0 {
			t.Fatalf("tried before it was due, after %v", took)
		}
		b.pass(time.Second)
	}
	first := b.deliveries(t, endpoint)[0]
	if first.State != "failed" || first.AttemptCount < 11 || first.AttemptCount > 15 || took < 18*time.Hour || took > 24*time.Hour+time.Minute {
		t.Errorf("%s after %d attempts in %v", first.State, first.AttemptCount, took)
	}
	if b.states(t, endpoint) != "failed,delivered" || !strings.HasSuffix(r.seqs(build), "1 1 2") {
		t.Errorf("%s, came %q", b.states(t, endpoint), r.seqs(build))
	}
	var since *time.Time
	err := b.db.QueryRow(t.Context(), "SELECT failing_since FROM webhook_endpoints").Scan(&since)
	if err != nil || since != nil {
		t.Errorf("failing since %v, %v", since, err)
	}
}

func TestAnswers(t *testing.T) {
	t.Parallel()
	var elsewhere atomic.Int32
	trap := receive(t, func(http.ResponseWriter, *http.Request, got) { elsewhere.Add(1) })
	for _, test := range []struct {
		name    string
		answer  func(w http.ResponseWriter, r *http.Request, g got)
		state   string
		status  int32
		failure string
		pause   time.Duration // At least; 0 is not due again.
	}{
		{"201", code(201), "delivered", 201, "", 0},
		{"299", code(299), "delivered", 299, "", 0},
		{"redirect", func(w http.ResponseWriter, r *http.Request, _ got) {
			http.Redirect(w, r, trap.URL, http.StatusTemporaryRedirect)
		}, "pending", 307, failedStatus, 4 * time.Second},
		{"304", code(304), "pending", 304, failedStatus, 4 * time.Second},
		{"400", code(400), "pending", 400, failedStatus, 4 * time.Second},
		{"asks for a pause", func(w http.ResponseWriter, _ *http.Request, _ got) {
			w.Header().Set("Retry-After", "600")
			w.WriteHeader(http.StatusTooManyRequests)
		}, "pending", 429, failedStatus, 10 * time.Minute},
		{"asks for a day", func(w http.ResponseWriter, _ *http.Request, _ got) {
			w.Header().Set("Retry-After", "86400")
			w.WriteHeader(http.StatusServiceUnavailable)
		}, "pending", 503, failedStatus, time.Hour},
		{"closes", func(http.ResponseWriter, *http.Request, got) { panic(http.ErrAbortHandler) }, "pending", 0, failedConnect, 4 * time.Second},
		{"hangs", func(_ http.ResponseWriter, r *http.Request, _ got) { <-r.Context().Done() }, "pending", 0, failedTimeout, 4 * time.Second},
		{"endless answer", func(w http.ResponseWriter, r *http.Request, _ got) {
			for r.Context().Err() == nil {
				if _, err := w.Write(make([]byte, 8<<10)); err != nil {
					return
				}
			}
		}, "delivered", 200, "", 0},
		{"huge header", func(w http.ResponseWriter, _ *http.Request, _ got) {
			w.Header().Set("X-Big", strings.Repeat("x", 1<<20))
		}, "pending", 0, failedConnect, 4 * time.Second},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			b.courier.sender.timeout = 2 * time.Second
			r := receive(t, test.answer)
			endpoint, _ := b.endpoint(t, r.URL)
			b.append(t, b.build(t), completed())
			b.pump(t)
			d := b.deliveries(t, endpoint)[0]
			if d.State != test.state || d.LastStatus != test.status || d.LastError != test.failure || d.AttemptCount != 1 {
				t.Errorf("%+v", d)
			}
			if (d.DueTime == nil) != (test.pause == 0) {
				t.Fatalf("due %v", d.DueTime)
			}
			if d.DueTime != nil {
				pause := d.DueTime.Sub(*d.LastAttemptTime)
				if pause < test.pause || pause > max(test.pause, 6*time.Second)+time.Second {
					t.Errorf("pause %v, want %v", pause, test.pause)
				}
			}
		})
	}
	t.Cleanup(func() {
		if n := elsewhere.Load(); n != 0 {
			t.Errorf("a redirect was followed %d times", n)
		}
	})
}

// 410 ends an endpoint and all that waits for it, until its owner enables it.
func TestGone(t *testing.T) {
	t.Parallel()
	b := setup(t)
	var status atomic.Int32
	status.Store(http.StatusServiceUnavailable)
	r := receive(t, func(w http.ResponseWriter, _ *http.Request, _ got) { w.WriteHeader(int(status.Load())) })
	endpoint, _ := b.endpoint(t, r.URL)
	waiting, build := b.build(t), b.build(t)
	b.append(t, waiting, phase(1), phase(2))
	b.pump(t)
	status.Store(http.StatusGone)
	b.append(t, build, phase(1), phase(2))
	b.pump(t)
	if got := b.states(t, endpoint); got != "failed,failed,failed,failed" || r.seqs(build) != "1" {
		t.Errorf("%s, came %q", got, r.seqs(build))
	}
	b.append(t, build, phase(3))
	b.pass(time.Hour)
	b.pump(t) // The lane that waited is put to rest.
	if b.pump(t) != 0 || len(b.deliveries(t, endpoint)) != 4 || len(r.got()) != 2 {
		t.Errorf("%d deliveries, %d requests", len(b.deliveries(t, endpoint)), len(r.got()))
	}
	row, err := b.queries.WebhookEndpointByID(t.Context(), b.db, &store.WebhookEndpointByIDParams{ID: endpoint, UserID: b.user})
	if err != nil || endpointToProto(row).GetDisableReason() != eventv1.WebhookDisableReason_WEBHOOK_DISABLE_REASON_GONE {
		t.Errorf("%+v, %v", row, err)
	}
	if _, err := b.service.enable(t.Context(), b.user, endpoint); err != nil {
		t.Fatal(err)
	}
	status.Store(http.StatusOK)
	b.append(t, build, phase(4))
	b.pump(t)
	if r.seqs(build) != "1 4" {
		t.Errorf("came %q", r.seqs(build))
	}
}

// An endpoint that does nothing but fail for five days is disabled.
func TestFailingForDays(t *testing.T) {
	t.Parallel()
	b := setup(t)
	r := receive(t, code(http.StatusBadGateway))
	endpoint, _ := b.endpoint(t, r.URL)
	build := b.build(t)
	b.append(t, build, phase(1))
	b.pump(t)
	b.pass(failingLimit - time.Hour)
	b.pump(t)
	b.append(t, build, phase(2))
	if _, err := b.db.Exec(t.Context(), "UPDATE webhook_deliveries SET pending_since = pending_since + $1 WHERE seq = 2", failingLimit); err != nil {
		t.Fatal(err)
	}
	b.pump(t)
	if b.states(t, endpoint) != "failed,pending" {
		t.Fatal(b.states(t, endpoint))
	}
	b.pass(time.Hour)
	b.pump(t)
	row, err := b.queries.WebhookEndpointByID(t.Context(), b.db, &store.WebhookEndpointByIDParams{ID: endpoint, UserID: b.user})
	if err != nil || row.DisableReason == nil || *row.DisableReason != "failing" || b.states(t, endpoint) != "failed,failed" {
		t.Errorf("%+v, %v, %s", row, err, b.states(t, endpoint))
	}
}

// A worker that dies between the sending and the marking leaves a repeat behind,
// with the same id, and nothing else.
func TestTakeover(t *testing.T) {
	t.Parallel()
	b := setup(t)
	var died atomic.Bool
	r := receive(t, func(http.ResponseWriter, *http.Request, got) {
		if died.CompareAndSwap(false, true) {
			// Dead to the world: its claim runs out and another node has it.
			if _, err := b.db.Exec(t.Context(), "UPDATE webhook_lanes SET claim_token = claim_token + 1, claim_expire_time = due_time"); err != nil {
				t.Error(err)
			}
		}
	})
	endpoint, _ := b.endpoint(t, r.URL)
	build := b.build(t)
	b.append(t, build, phase(1), phase(2))
	b.pump(t)
	if r.seqs(build) != "1" || b.states(t, endpoint) != "pending,pending" {
		t.Fatalf("came %q, %s", r.seqs(build), b.states(t, endpoint))
	}
	b.pump(t)
	all := r.got()
	if r.seqs(build) != "1 1 2" || all[0].id != all[1].id || !bytes.Equal(all[0].body, all[1].body) || all[1].id == all[2].id {
		t.Errorf("came %q", r.seqs(build))
	}
	if b.states(t, endpoint) != "delivered,delivered" {
		t.Error(b.states(t, endpoint))
	}
}

// A job that is lost with its node is made up for once its claim has run out.
func TestLostJob(t *testing.T) {
	t.Parallel()
	b := setup(t)
	r := receive(t, nil)
	b.endpoint(t, r.URL)
	build := b.build(t)
	b.append(t, build, phase(1))
	lost := b.claims(t)
	if len(lost) != 1 || b.pump(t) != 0 {
		t.Fatalf("%d claims", len(lost))
	}
	b.pass(claimWaiting + time.Second)
	if b.pump(t) != 1 || r.seqs(build) != "1" {
		t.Errorf("came %q", r.seqs(build))
	}
	// It turns up after all.
	if err := b.courier.run(t.Context(), lost[0]); err != nil || r.seqs(build) != "1" {
		t.Errorf("came %q, %v", r.seqs(build), err)
	}
}

// A stop cuts an attempt, which does not count, and leaves the lane to others.
func TestStopCutsAnAttempt(t *testing.T) {
	t.Parallel()
	b := setup(t)
	ctx, cancel := context.WithCancelCause(t.Context())
	var once atomic.Bool
	r := receive(t, func(_ http.ResponseWriter, req *http.Request, _ got) {
		if once.CompareAndSwap(false, true) {
			cancel(errors.New("stop"))
			<-req.Context().Done()
		}
	})
	endpoint, _ := b.endpoint(t, r.URL)
	build := b.build(t)
	b.append(t, build, phase(1))
	if err := b.courier.run(ctx, b.claims(t)[0]); err != nil {
		t.Fatal(err)
	}
	if d := b.deliveries(t, endpoint)[0]; d.State != "pending" || d.AttemptCount != 0 {
		t.Errorf("%+v", d)
	}
	if b.pump(t) != 1 || r.seqs(build) != "1 1" {
		t.Errorf("came %q", r.seqs(build))
	}
}

// One endpoint has some claims at a time, however many of its lanes are due.
func TestOneEndpointLeavesRoom(t *testing.T) {
	t.Parallel()
	b := setup(t)
	r := receive(t, nil)
	many, _ := b.endpoint(t, r.URL)
	for range 20 {
		b.append(t, b.build(t), phase(1))
	}
	few, _ := b.endpoint(t, r.URL)
	b.append(t, b.build(t), completed())
	count := map[uuid.UUID]int{}
	for _, lane := range b.claims(t) {
		count[lane.endpointID]++
	}
	if count[many] != endpointClaims || count[few] != 1 {
		t.Errorf("%d and %d claims", count[many], count[few])
	}
	if again := b.claims(t); len(again) != 0 {
		t.Errorf("%d more claims while all are held", len(again))
	}
}

// One user has some claims at a time, however many endpoints hang, and each
// endpoint has its share of them.
func TestOneUserLeavesRoom(t *testing.T) {
	t.Parallel()
	b := setup(t)
	r := receive(t, nil)
	for range 5 {
		b.endpoint(t, r.URL)
	}
	for range 4 {
		b.append(t, b.build(t), phase(1))
	}
	first := b.user
	b.user = uuid.New()
	others, _ := b.endpoint(t, r.URL)
	b.append(t, b.build(t), phase(1))
	count := map[uuid.UUID]int{}
	for _, lane := range b.claims(t) {
		count[lane.endpointID]++
	}
	if len(count) != 6 || count[others] != 1 {
		t.Errorf("claims by endpoint: %v", count)
	}
	delete(count, others)
	sum := 0
	for _, n := range count {
		sum += n
	}
	if sum != userClaims {
		t.Errorf("%d claims of one user, want %d", sum, userClaims)
	}
	if again := b.claims(t); len(again) != 0 {
		t.Errorf("%d more claims while all are held", len(again))
	}
	// A node that claims keeps the others from it: each counts what is there.
	b.user = first
	b.pass(claimWaiting + time.Second)
	err := store.InTx(t.Context(), b.db, func(tx pgx.Tx) error {
		if locked, err := b.queries.WebhookLaneLock(t.Context(), tx); err != nil || !locked {
			t.Errorf("locked %v, %v", locked, err)
		}
		if n, err := b.dispatcher.Dispatch(t.Context()); n != 0 || err != nil {
			t.Errorf("%d claims beside another node's, %v", n, err)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if n := len(b.claims(t)); n != userClaims+1 {
		t.Errorf("%d claims after it", n)
	}
}

// The gauge tells how long something has been due, not how long it pauses.
func TestOverdue(t *testing.T) {
	t.Parallel()
	b := setup(t)
	var status atomic.Int32
	status.Store(500)
	r := receive(t, func(w http.ResponseWriter, _ *http.Request, _ got) { w.WriteHeader(int(status.Load())) })
	b.endpoint(t, r.URL)
	registry := prometheus.NewRegistry()
	b.dispatcher.overdue = newOverdue(registry)
	overdue := func() float64 {
		t.Helper()
		b.claims(t)
		families, err := registry.Gather()
		if err != nil || len(families) != 1 {
			t.Fatalf("%v, %v", families, err)
		}
		return families[0].GetMetric()[0].GetGauge().GetValue()
	}
	if s := overdue(); s != 0 {
		t.Errorf("%v s with nothing to send", s)
	}
	b.append(t, b.build(t), phase(1))
	b.pass(time.Minute)
	if s := overdue(); s < 60 || s > 90 {
		t.Errorf("%v s after a minute", s)
	}
	b.pass(claimWaiting + time.Second)
	b.pump(t)
	if s := overdue(); s != 0 {
		t.Errorf("%v s while it pauses", s)
	}
}

// A lane that was given back goes behind those that were due when it was.
func TestReturnedLaneWaits(t *testing.T) {
	t.Parallel()
	b := setup(t)
	r := receive(t, nil)
	b.endpoint(t, r.URL)
	var builds []uuid.UUID
	for range endpointClaims + 1 {
		builds = append(builds, b.build(t))
		b.append(t, builds[len(builds)-1], phase(1))
	}
	for _, lane := range b.claims(t) {
		if err := b.courier.giveBack(t.Context(), lane); err != nil {
			t.Fatal(err)
		}
	}
	if !slices.ContainsFunc(b.claims(t), func(c claim) bool { return c.buildID == builds[endpointClaims] }) {
		t.Error("the lane that waited longest has no turn")
	}
}
