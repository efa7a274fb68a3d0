package build_test

import (
	"context"
	"fmt"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	billingv1 "github.com/sheenapps/sheen/gen/sheen/billing/v1"
	buildv1 "github.com/sheenapps/sheen/gen/sheen/build/v1"
	"github.com/sheenapps/sheen/server/billing"
	"github.com/sheenapps/sheen/server/build"
	"github.com/sheenapps/sheen/server/engine"
	"github.com/sheenapps/sheen/store"
)

// workClock is the clock of a worker, which stands still until the engine works.
type workClock struct{ worked atomic.Int64 }

func (c *workClock) work(d time.Duration) { c.worked.Add(int64(d)) }

func (c *workClock) port(p *build.WorkerPorts) {
	p.Clock = func() time.Time { return time.Unix(1_700_000_000, c.worked.Load()) }
}

// pages is a plan of so many pages.
func pages(n int) *engine.Plan {
	plan := salonPlan()
	plan.Files = nil
	for i := range n {
		plan.Files = append(plan.Files, engine.PlannedFile{Path: fmt.Sprintf("page%d.html", i)})
	}
	plan.Files[0].Path = "index.html"
	return plan
}

// slow is an engine that takes so long to plan, and then so long for each page.
func (c *workClock) slow(planning time.Duration, writing ...time.Duration) *script {
	return &script{
		planned: func(ctx context.Context, s engine.Sink) (*engine.Plan, error) {
			c.work(planning)
			return pages(len(writing)), s.Text(ctx, spoken)
		},
		written: func(ctx context.Context, done []string, s engine.Sink) error {
			for i, file := range pages(len(writing)).Files {
				if slices.Contains(done, file.Path) {
					continue
				}
				c.work(writing[i])
				if err := write(ctx, s, file.Path, page(file.Path)); err != nil {
					return err
				}
			}
			return nil
		},
	}
}

// leave has another hold take all of an account but so many seconds, and returns
// what gives them back.
func (b *testBundle) leave(seconds int64) (giveBack func()) {
	b.t.Helper()
	res, err := b.money.Reserve(b.ctx(), &billingv1.ReserveRequest{
		IdempotencyKey: "others", Operation: billingv1.Operation_OPERATION_MAIN_BUILD, Seconds: gifts - seconds,
	})
	must(b.t, err)
	return func() {
		b.t.Helper()
		_, err := b.money.Release(b.ctx(), &billingv1.ReleaseRequest{HoldId: res.GetHold().GetId()})
		must(b.t, err)
	}
}

// checkHolds checks what a log tells of the hold, and that the journal has one
// row for each change.
func (b *testBundle) checkHolds(id string, want ...string) {
	b.t.Helper()
	var got []string
	for _, e := range b.events(id) {
		if h := e.GetHoldChanged(); h != nil {
			told := fmt.Sprintf("%d of %d", h.GetUsedSeconds(), h.GetHeldSeconds())
			if h.GetRunningLow() {
				told += ", low"
			}
			got = append(got, told)
		}
	}
	if !slices.Equal(got, want) {
		b.t.Errorf("the holds are told as %q, want %q", got, want)
	}
}

func (b *testBundle) extensions(id string) int64 {
	b.t.Helper()
	return b.number(`SELECT count(*) FROM journal WHERE build_id = $1 AND kind = 'extend'`, uuid.MustParse(id))
}

func (b *testBundle) checkOutOfTime(done *buildv1.Build) {
	b.t.Helper()
	if e := done.GetError(); done.GetState() != failed || e.GetClass() != buildv1.ErrorClass_ERROR_CLASS_USER || !e.GetRetryable() ||
		e.GetReason() != buildv1.BuildErrorReason_BUILD_ERROR_REASON_INSUFFICIENT_AI_TIME {
		b.t.Errorf("ended as %v with %v", done.GetState(), e)
	}
}

// checkKept checks that a failed build's finished files are an interrupted
// version that is not the project's current one.
func (b *testBundle) checkKept(done *buildv1.Build, files int) {
	b.t.Helper()
	version, err := store.New().VersionByBuild(b.t.Context(), b.db, &store.VersionByBuildParams{BuildID: new(uuid.MustParse(done.GetId()))})
	must(b.t, err)
	if !version.Interrupted || int(version.FileCount) != files || done.GetVersionId() != version.ID.String() || done.GetPreviewUrl() != "" {
		b.t.Errorf("kept %+v of %v", version, done)
	}
	project, err := store.New().ProjectByID(b.t.Context(), b.db, &store.ProjectByIDParams{ID: uuid.MustParse(done.GetProjectId()), UserID: b.user})
	must(b.t, err)
	if project.CurrentVersionID != nil {
		b.t.Error("an interrupted version became the current one")
	}
}

func TestABuildGoesOnPastItsHold(t *testing.T) {
	t.Parallel()
	b, c := setup(t), &workClock{}
	done := b.run(c.slow(100*time.Second, 50*time.Second, 10*time.Second, 50*time.Second), c.port)
	events := b.events(done.GetId())
	checkStates(t, events, queued, planning, coding, inTesting, deploying, complete)
	b.checkHolds(done.GetId(), "0 of 180", "150 of 240", "210 of 300")
	var order []string
	for _, e := range events {
		switch name := payload(e); name {
		case "hold_changed", "file_changed", "build_completed":
			order = append(order, name)
		}
	}
	want := []string{"hold_changed", "hold_changed", "file_changed", "file_changed", "hold_changed", "file_changed", "build_completed"}
	if !slices.Equal(order, want) {
		t.Errorf("events %v\nwant   %v", order, want)
	}
	if n := b.extensions(done.GetId()); n != 2 {
		t.Errorf("extended %d times", n)
	}
	b.checkPaid(done, 210, billingv1.Outcome_OUTCOME_SUCCEEDED)
	b.checkFold(done)
}

// A build whose account has nothing more uses up what is held, stops between two
// files, and keeps what it has.
func TestABuildRunsOutOfAITime(t *testing.T) {
	t.Parallel()
	all := setup(t)
	for name, deaf := range map[string]bool{"engine that obeys": false, "engine that goes on": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b, c := all.other(t), &workClock{}
			giveBack := b.leave(200)
			e := c.slow(100*time.Second, 50*time.Second, 20*time.Second, 45*time.Second, 10*time.Second, 10*time.Second)
			if obeys := e.written; deaf {
				e.written = func(ctx context.Context, done []string, s engine.Sink) error {
					_ = obeys(ctx, done, s)
					_ = s.Text(ctx, "I do not listen.")
					_ = write(ctx, s, "page4.html", page("I do not listen."))
					return nil
				}
			}
			done := b.run(e, c.port)
			b.checkOutOfTime(done)
			b.checkKept(done, 3)
			checkStates(t, b.events(done.GetId()), queued, planning, coding, failed)
			b.checkHolds(done.GetId(), "0 of 180", "150 of 200", "170 of 200, low")
			res, err := b.money.GetReceipt(b.ctx(), &billingv1.GetReceiptRequest{BuildId: done.GetId()})
			must(t, err)
			if r := res.GetReceipt(); r.GetActive().AsDuration() != 215*time.Second || r.GetBillableSeconds() != 220 || r.GetShortfallSeconds() != 20 ||
				r.GetBalanceBefore() != gifts || r.GetBalanceAfter() != gifts-200 {
				t.Errorf("the receipt is %v", r)
			}
			giveBack()
			b.checkPaid(done, 200, billingv1.Outcome_OUTCOME_FAILED_USER)
		})
	}
}

// No call begins for which there is no AI time.
func TestABuildRunsOutOfAITimeWhilePlanning(t *testing.T) {
	t.Parallel()
	b, c := setup(t), &workClock{}
	giveBack := b.leave(180)
	e := c.slow(190*time.Second, time.Second)
	done := b.run(e, c.port)
	b.checkOutOfTime(done)
	if e.writes.Load() != 0 || done.GetVersionId() != "" {
		t.Errorf("%d calls to write, version %q", e.writes.Load(), done.GetVersionId())
	}
	b.checkHolds(done.GetId(), "0 of 180", "190 of 180, low")
	giveBack()
	b.checkPaid(done, 180, billingv1.Outcome_OUTCOME_FAILED_USER)
}

// A site whose files are all there needs no more AI time: it is tested and goes
// online.
func TestTheLastFileIsNotStopped(t *testing.T) {
	t.Parallel()
	b, c := setup(t), &workClock{}
	giveBack := b.leave(180)
	done := b.run(c.slow(100*time.Second, 50*time.Second, 500*time.Second), c.port)
	if done.GetState() != complete {
		t.Errorf("ended as %v", done.GetState())
	}
	giveBack()
	b.checkPaid(done, 180, billingv1.Outcome_OUTCOME_SUCCEEDED)
}

// Whoever gets AI time before the next boundary goes on.
func TestAITimeThatComesInTime(t *testing.T) {
	t.Parallel()
	b, c := setup(t), &workClock{}
	giveBack := b.leave(180)
	e := c.slow(150*time.Second, 40*time.Second, time.Second)
	planned := e.planned
	e.planned = func(ctx context.Context, s engine.Sink) (*engine.Plan, error) {
		plan, err := planned(ctx, s)
		giveBack()
		return plan, err
	}
	done := b.run(e, c.port)
	b.checkHolds(done.GetId(), "0 of 180", "150 of 180, low", "190 of 240")
	b.checkPaid(done, 200, billingv1.Outcome_OUTCOME_SUCCEEDED)
}

// A model may think for long and say nothing.
func TestAHoldGrowsWhileTheEngineIsSilent(t *testing.T) {
	t.Parallel()
	b, c := setup(t), &workClock{}
	done := b.run(&script{planned: func(context.Context, engine.Sink) (*engine.Plan, error) {
		c.work(150 * time.Second)
		eventually(t, "the hold has grown", func() bool { return b.number(`SELECT held_seconds FROM builds`) == 240 })
		c.work(50 * time.Second)
		eventually(t, "the hold has grown again", func() bool { return b.number(`SELECT held_seconds FROM builds`) == 300 })
		return salonPlan(), nil
	}}, c.port)
	b.checkHolds(done.GetId(), "0 of 180", "150 of 240", "200 of 300")
	b.checkPaid(done, 200, billingv1.Outcome_OUTCOME_SUCCEEDED)
}

// Beyond what was approved, work is nobody's to pay.
func TestTheChargeIsCappedByTheQuote(t *testing.T) {
	t.Parallel()
	all := setup(t)
	t.Run("complete", func(t *testing.T) {
		t.Parallel()
		b, c := all.other(t), &workClock{}
		done := b.run(c.slow(time.Second, time.Second, 2000*time.Second), c.port)
		var all []string
		for held := 180; held < 900; held += 60 {
			all = append(all, fmt.Sprintf("2002 of %d, low", held+60))
		}
		b.checkHolds(done.GetId(), append([]string{"0 of 180"}, all...)...)
		b.checkPaid(done, 900, billingv1.Outcome_OUTCOME_SUCCEEDED)
	})
	t.Run("stopped", func(t *testing.T) {
		t.Parallel()
		b, c := all.other(t), &workClock{}
		done := b.run(c.slow(time.Second, 2000*time.Second, time.Second), c.port)
		b.checkOutOfTime(done)
		b.checkKept(done, 1)
		b.checkPaid(done, 900, billingv1.Outcome_OUTCOME_FAILED_USER)
	})
}

// A worker extends the hold and is lost. The next one finds the larger hold: it
// extends no second time for the same need, but does for its own.
func TestTakeoverDoesNotExtendTwice(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		second     time.Duration
		extensions int64
		charged    int64
	}{
		"the hold suffices": {80 * time.Second, 1, 180},
		"the hold is short": {100 * time.Second, 2, 200},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			// A database each: a sweep takes the builds of all.
			b, c := setup(t), &workClock{}
			id := b.queued().GetId()
			p := &paused{waits: make(chan struct{}), wake: make(chan struct{}), worked: make(chan error, 1)}
			e := c.slow(100*time.Second, 50*time.Second, time.Second)
			writes := e.written
			e.written = func(ctx context.Context, done []string, s engine.Sink) error {
				c.work(50 * time.Second)
				if err := write(ctx, s, "index.html", page("of the first")); err != nil {
					return err
				}
				eventually(t, "the first file is stored", func() bool { return len(b.files(id)) == 1 })
				p.stand()
				c.work(1000 * time.Second)
				return writes(ctx, done, s)
			}
			w := b.newWorker(e, c.port)
			go func() { p.worked <- work(t.Context(), w, id) }()
			<-p.waits
			b.checkHolds(id, "0 of 180", "150 of 240")
			b.sweepUp(id)
			other := &workClock{}
			must(t, work(t.Context(), b.newWorker(other.slow(0, 0, test.second), other.port), id))
			done, before := b.build(id), b.everything(id)
			close(p.wake)
			must(t, <-p.worked)
			if b.everything(id) != before || b.extensions(id) != test.extensions {
				t.Errorf("%d extensions; the zombie wrote\n%s\nbefore\n%s", b.extensions(id), b.everything(id), before)
			}
			b.checkPaid(done, test.charged, billingv1.Outcome_OUTCOME_SUCCEEDED)
		})
	}
}

// files are the paths that a build has stored.
func (b *testBundle) files(id string) []*store.BuildFile {
	b.t.Helper()
	files, err := store.New().BuildFileList(b.t.Context(), b.db, &store.BuildFileListParams{BuildID: uuid.MustParse(id)})
	must(b.t, err)
	return files
}

// An extension whose answer was lost is not made again.
func TestAnExtensionOfUnknownOutcome(t *testing.T) {
	t.Parallel()
	b, c := setup(t), &workClock{}
	e := c.slow(150*time.Second, time.Second)
	planned := e.planned
	e.planned = func(ctx context.Context, s engine.Sink) (*engine.Plan, error) {
		id := b.only()
		hold := uuid.MustParse(b.text(`SELECT hold_id::text FROM builds`))
		must(t, store.InTx(ctx, b.db, func(tx pgx.Tx) error {
			_, _, err := b.ports.Ledger.Extend(ctx, tx, billing.ExtendRequest{
				AccountID: b.user, HoldID: hold, Key: "extend:" + id + ":180", Seconds: 60, Partial: true, TTL: 24 * time.Hour,
			})
			return err
		}))
		b.exec(`UPDATE builds SET held_seconds = 240`)
		return planned(ctx, s)
	}
	done := b.run(e, c.port)
	if n := b.extensions(done.GetId()); n != 1 {
		t.Errorf("extended %d times", n)
	}
	b.checkHolds(done.GetId(), "0 of 180", "150 of 240")
	b.checkPaid(done, 160, billingv1.Outcome_OUTCOME_SUCCEEDED)
}

// A worker that has lost its lease sets nothing aside.
func TestAZombieDoesNotExtend(t *testing.T) {
	t.Parallel()
	b, c := setup(t), &workClock{}
	id := b.queued().GetId()
	p := &paused{waits: make(chan struct{}), wake: make(chan struct{}), worked: make(chan error, 1)}
	var said error
	w := b.newWorker(&script{planned: func(ctx context.Context, s engine.Sink) (*engine.Plan, error) {
		p.stand()
		c.work(170 * time.Second)
		said = s.Text(ctx, "late")
		return salonPlan(), nil
	}}, c.port)
	go func() { p.worked <- work(t.Context(), w, id) }()
	<-p.waits
	b.exec(`UPDATE builds SET lease_token = lease_token + 1, lease_expire_time = clock_timestamp() + interval '1 hour' WHERE id = $1`, uuid.MustParse(id))
	before := b.everything(id)
	close(p.wake)
	must(t, <-p.worked)
	if said == nil || b.extensions(id) != 0 || b.everything(id) != before {
		t.Errorf("told %v, extended %d times\n%s\nbefore\n%s", said, b.extensions(id), b.everything(id), before)
	}
	n, err := store.New().BuildSetHeld(t.Context(), b.db, &store.BuildSetHeldParams{ID: uuid.MustParse(id), LeaseToken: 1, HeldSeconds: 5})
	if n != 0 || err != nil {
		t.Errorf("noted with an old token: %d, %v", n, err)
	}
}

// An extension that cannot be stored ends the build, and nobody pays.
func TestAnExtensionThatCannotBeStored(t *testing.T) {
	t.Parallel()
	b, c := setup(t), &workClock{}
	b.exec(`CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'injected'; END $$`)
	b.exec(`CREATE TRIGGER injected BEFORE INSERT ON journal FOR EACH ROW WHEN (NEW.kind = 'extend') EXECUTE FUNCTION fail()`)
	done := b.run(c.slow(150*time.Second, time.Second), c.port)
	if done.GetState() != failed || done.GetError().GetClass() != buildv1.ErrorClass_ERROR_CLASS_PLATFORM {
		t.Errorf("ended as %v with %v", done.GetState(), done.GetError())
	}
	b.checkPaid(done, 0, billingv1.Outcome_OUTCOME_FAILED_PLATFORM)
}

// A connection that is lost while the hold grows, at a write or at the commit,
// neither stops the build nor makes the hold grow twice.
func TestAnExtensionWhoseConnectionIsLost(t *testing.T) {
	t.Parallel()
	b, c := setup(t), &workClock{}
	b.exec(`CREATE SEQUENCE written`)
	b.exec(`CREATE SEQUENCE committed`)
	b.exec(`CREATE FUNCTION lose() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
		IF nextval(TG_ARGV[0]::regclass) <= 2 THEN PERFORM pg_terminate_backend(pg_backend_pid()); END IF; RETURN NEW; END $$`)
	b.exec(`CREATE TRIGGER write BEFORE INSERT ON journal FOR EACH ROW WHEN (NEW.kind = 'extend') EXECUTE FUNCTION lose('written')`)
	b.exec(`CREATE CONSTRAINT TRIGGER commit AFTER INSERT ON journal DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
		WHEN (NEW.kind = 'extend') EXECUTE FUNCTION lose('committed')`)
	done := b.run(c.slow(150*time.Second, 50*time.Second), c.port)
	b.checkHolds(done.GetId(), "0 of 180", "150 of 240", "200 of 300")
	if n, m := b.number(`SELECT last_value FROM written`), b.number(`SELECT last_value FROM committed`); n != 6 || m != 4 || b.extensions(done.GetId()) != 2 {
		t.Errorf("written %d and committed %d times, extended %d times", n, m, b.extensions(done.GetId()))
	}
	b.checkPaid(done, 200, billingv1.Outcome_OUTCOME_SUCCEEDED)
}

// A hold that grows also lasts longer.
func TestAnExtensionMovesTheEndOfTheHold(t *testing.T) {
	t.Parallel()
	b, c := setup(t), &workClock{}
	e := c.slow(150*time.Second, time.Second)
	done := b.run(e, c.port, func(*build.WorkerPorts) {
		b.exec(`UPDATE hold SET expire_time = create_time + interval '20 minutes'`)
	})
	if n := b.number(`SELECT count(*) FROM hold WHERE expire_time > create_time + interval '23 hours'`); n != 1 {
		t.Error("the hold ends as before")
	}
	b.checkPaid(done, 160, billingv1.Outcome_OUTCOME_SUCCEEDED)
}

// What models cost, over all calls, is in the receipt, and a build that runs has
// none.
func TestTheReceiptOfABuild(t *testing.T) {
	t.Parallel()
	b, c := setup(t), &workClock{}
	e := c.slow(65*time.Second, 5*time.Second, 1001*time.Millisecond)
	e.usage = engine.Usage{Model: "m", CostMicros: 1234}
	var running error
	planned := e.planned
	e.planned = func(ctx context.Context, s engine.Sink) (*engine.Plan, error) {
		_, running = b.money.GetReceipt(b.ctx(), &billingv1.GetReceiptRequest{BuildId: b.only()})
		return planned(ctx, s)
	}
	done := b.run(e, c.port)
	if reasonOf(running).String() != "ERROR_REASON_NOT_FOUND" {
		t.Errorf("a running build has a receipt: %v", running)
	}
	res, err := b.money.GetReceipt(b.ctx(), &billingv1.GetReceiptRequest{BuildId: done.GetId()})
	must(t, err)
	if r := res.GetReceipt(); r.GetOperation() != billingv1.Operation_OPERATION_MAIN_BUILD || r.GetActive().AsDuration() != 71001*time.Millisecond ||
		r.GetBillableSeconds() != 80 || r.GetChargedSeconds() != 80 || r.GetShortfallSeconds() != 0 || r.GetProviderCostMicros() != 2*1234 ||
		r.GetBalanceBefore() != gifts || r.GetBalanceAfter() != gifts-80 || len(r.GetByKind()) != 1 || r.GetByKind()[0].GetSeconds() != 80 {
		t.Errorf("the receipt is %v", r)
	}
	b.checkPaid(done, 80, billingv1.Outcome_OUTCOME_SUCCEEDED)
}

// only is the id of the only build.
func (b *testBundle) only() string {
	b.t.Helper()
	return b.text(`SELECT id::text FROM builds`)
}

// text reads one text.
func (b *testBundle) text(sql string) string {
	b.t.Helper()
	var text string
	must(b.t, b.db.QueryRow(b.t.Context(), sql).Scan(&text))
	return text
}

// Who pays for a build that ends early: see the outcome.
func TestWhoPaysForABuildThatEndsEarly(t *testing.T) {
	t.Parallel()
	all := setup(t)
	for name, test := range map[string]struct {
		err     error
		charged int64
		outcome billingv1.Outcome
	}{
		"policy":   {engine.ErrRefused, 110, billingv1.Outcome_OUTCOME_FAILED_POLICY},
		"provider": {&engine.ProviderError{Provider: "example", Err: context.DeadlineExceeded}, 0, billingv1.Outcome_OUTCOME_FAILED_PROVIDER},
		"platform": {context.DeadlineExceeded, 0, billingv1.Outcome_OUTCOME_FAILED_PLATFORM},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b, c := all.other(t), &workClock{}
			e := c.slow(105*time.Second, 200*time.Second, time.Second)
			writes := e.written
			e.written = func(ctx context.Context, done []string, s engine.Sink) error {
				if err := writes(ctx, done, s); err != nil {
					return err
				}
				return test.err
			}
			done := b.run(e, c.port)
			b.checkPaid(done, test.charged, test.outcome)
		})
	}
}
