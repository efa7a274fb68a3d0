package build_test

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"

	billingv1 "github.com/sheenapps/sheen/gen/sheen/billing/v1"
	buildv1 "github.com/sheenapps/sheen/gen/sheen/build/v1"
	errorv1 "github.com/sheenapps/sheen/gen/sheen/error/v1"
	"github.com/sheenapps/sheen/server/billing"
	"github.com/sheenapps/sheen/server/build"
	"github.com/sheenapps/sheen/server/engine"
)

func (b *testBundle) holdOf(id string) string {
	b.t.Helper()
	var hold uuid.UUID
	must(b.t, b.db.QueryRow(b.t.Context(), `SELECT hold_id FROM builds WHERE id = $1`, uuid.MustParse(id)).Scan(&hold))
	return hold.String()
}

// release and commit close the hold of a build as another service does.
func (b *testBundle) release(id string) {
	b.t.Helper()
	_, err := b.money.Release(b.ctx(), &billingv1.ReleaseRequest{HoldId: b.holdOf(id)})
	must(b.t, err)
}

func (b *testBundle) commit(id string) {
	b.t.Helper()
	_, err := b.money.Commit(b.ctx(), &billingv1.CommitRequest{
		HoldId: b.holdOf(id), Outcome: billingv1.Outcome_OUTCOME_SUCCEEDED, Actual: durationpb.New(50 * time.Second),
	})
	must(b.t, err)
}

// A build whose hold somebody else has closed ends all the same, however it ends,
// with what was charged then, and once.
func TestABuildEndsWhoseHoldIsClosed(t *testing.T) {
	t.Parallel()
	ends := map[string]func(b *testBundle, id string, closeHold func()) buildv1.BuildState{
		"complete": func(b *testBundle, id string, closeHold func()) buildv1.BuildState {
			must(b.t, work(b.t.Context(), b.newWorker(&script{planned: func(context.Context, engine.Sink) (*engine.Plan, error) {
				closeHold()
				return salonPlan(), nil
			}}), id))
			return complete
		},
		"lost too often": func(b *testBundle, id string, closeHold func()) buildv1.BuildState {
			closeHold()
			b.exec(`UPDATE builds SET attempt = 3, state = 'deploying' WHERE id = $1`, uuid.MustParse(id))
			must(b.t, work(b.t.Context(), b.newWorker(&script{}), id))
			return failed
		},
		"cancelled": func(b *testBundle, id string, closeHold func()) buildv1.BuildState {
			closeHold()
			_, err := b.cancel(id)
			must(b.t, err)
			return cancelled
		},
	}
	var said bytes.Buffer
	all := setup(t, func(p *build.Ports) {
		p.Logger = slog.New(slog.NewTextHandler(&said, &slog.HandlerOptions{Level: slog.LevelError}))
	})
	for name, end := range ends {
		b := all.other(t)
		for charged, closeHold := range map[int64]func(string){0: b.release, 50: b.commit} {
			said.Reset()
			id := b.queued().GetId()
			want := end(b, id, func() { closeHold(id) })
			done := b.build(id)
			if done.GetState() != want || done.GetChargedSeconds() != charged || done.GetHeldSeconds() != 0 {
				t.Errorf("%s: ended as %v", name, done)
			}
			b.checkReceipt(id, charged)
			if n := strings.Count(said.String(), id); n != 1 || !strings.Contains(said.String(), "level=ERROR") {
				t.Errorf("%s: %d lines in the log: %s", name, n, said.String())
			}
			// The job that is left finds nothing to do.
			before := b.everything(id)
			must(t, work(t.Context(), b.newWorker(&script{}), id))
			if b.everything(id) != before {
				t.Errorf("%s: after the end it went on", name)
			}
		}
	}
}

// checkReceipt checks that the last event has the account's receipt of so many
// seconds, or that both have none.
func (b *testBundle) checkReceipt(id string, charged int64) {
	b.t.Helper()
	events := b.events(id)
	last := events[len(events)-1]
	told := last.GetBuildCompleted().GetReceipt()
	if told == nil {
		told = last.GetBuildFailed().GetReceipt()
	}
	if told == nil {
		told = last.GetBuildCancelled().GetReceipt()
	}
	res, err := b.money.GetReceipt(b.ctx(), &billingv1.GetReceiptRequest{BuildId: id})
	if charged == 0 {
		if told != nil || reasonOf(err) != errorv1.ErrorReason_ERROR_REASON_NOT_FOUND {
			b.t.Errorf("nothing was charged, told is %v, the receipt is %v: %v", told, res, err)
		}
		return
	}
	must(b.t, err)
	if !proto.Equal(told, res.GetReceipt()) || told.GetChargedSeconds() != charged {
		b.t.Errorf("told is %v, the receipt is %v", told, res.GetReceipt())
	}
}

// waiting is a bundle with a build that has been in the queue for long.
type waiting struct {
	*testBundle
	id string
	// during is called when the account is read.
	during atomic.Pointer[func()]
}

func waited(t *testing.T, d time.Duration) *waiting {
	t.Helper()
	w, queued := &waiting{}, atomic.Bool{}
	w.testBundle = setup(t, func(p *build.Ports) {
		p.Ledger = billing.NewLedger(billing.Options{Clock: func(dbNow time.Time) time.Time {
			if during := w.during.Load(); during != nil {
				(*during)()
			}
			if queued.Load() {
				return dbNow
			}
			return dbNow.Add(-d)
		}})
	})
	w.id = w.queued().GetId()
	queued.Store(true)
	w.exec(`UPDATE builds SET create_time = create_time - interval '1 second' * $1::bigint`, int64(d/time.Second))
	return w
}

// A hold lasts for the run of a build however long that waited, and one that was
// just queued needs no more.
func TestAHoldOutlastsTheQueue(t *testing.T) {
	t.Parallel()
	for d, prolonged := range map[time.Duration]int64{time.Minute: 0, 22 * time.Hour: 0, 23*time.Hour + 50*time.Minute: 1} {
		b := waited(t, d)
		var left int64
		e := &script{planned: func(context.Context, engine.Sink) (*engine.Plan, error) {
			left = b.number(`SELECT extract(epoch FROM expire_time - clock_timestamp())::bigint FROM hold WHERE state = 'open'`)
			return salonPlan(), nil
		}}
		must(t, work(t.Context(), b.newWorker(e), b.id))
		if done := b.build(b.id); done.GetState() != complete || done.GetChargedSeconds() != 10 {
			t.Errorf("after %s: ended as %v", d, done)
		}
		if time.Duration(left)*time.Second < build.DefaultTimeout || b.extensions(b.id) != prolonged {
			t.Errorf("after %s: %d s are left of the hold, prolonged %d times", d, left, b.extensions(b.id))
		}
	}
}

// A build whose hold has expired in the queue is not begun.
func TestABuildWaitsPastItsHold(t *testing.T) {
	t.Parallel()
	b, e := waited(t, 25*time.Hour), &script{}
	must(t, work(t.Context(), b.newWorker(e), b.id))
	done := b.build(b.id)
	b.checkOutOfTime(done)
	checkStates(t, b.events(b.id), queued, failed)
	if e.plans.Load() != 0 || done.GetChargedSeconds() != 0 {
		t.Errorf("%d plans, charged %d s", e.plans.Load(), done.GetChargedSeconds())
	}
}

// Whoever loses the lease meanwhile prolongs no hold.
func TestAZombieProlongsNothing(t *testing.T) {
	t.Parallel()
	b := waited(t, 23*time.Hour+50*time.Minute)
	var taken atomic.Bool
	take := func() {
		if !taken.Swap(true) {
			b.exec(`UPDATE builds SET lease_token = lease_token + 1`)
		}
	}
	b.during.Store(&take)
	e := &script{}
	must(t, work(t.Context(), b.newWorker(e), b.id))
	if state := b.build(b.id).GetState(); !taken.Load() || state != queued || e.plans.Load() != 0 || b.extensions(b.id) != 0 {
		t.Errorf("taken: %v; it is %v after %d plans, prolonged %d times", taken.Load(), state, e.plans.Load(), b.extensions(b.id))
	}
}
