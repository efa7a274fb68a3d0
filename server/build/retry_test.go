package build_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"

	"github.com/google/uuid"

	billingv1 "github.com/sheenapps/sheen/gen/sheen/billing/v1"
	buildv1 "github.com/sheenapps/sheen/gen/sheen/build/v1"
	errorv1 "github.com/sheenapps/sheen/gen/sheen/error/v1"
	"github.com/sheenapps/sheen/server/build"
	"github.com/sheenapps/sheen/server/engine"
	"github.com/sheenapps/sheen/store"
)

func (b *testBundle) retry(id string) (*buildv1.RetryBuildResponse, error) {
	return b.RetryBuild(b.ctx(), &buildv1.RetryBuildRequest{BuildId: id})
}

// failWith has a build fail with an error: in its plan, or after its first file.
func (b *testBundle) failWith(files bool, err error) *buildv1.Build {
	b.t.Helper()
	e := &script{planned: func(context.Context, engine.Sink) (*engine.Plan, error) { return nil, err }}
	if files {
		e = &script{written: func(ctx context.Context, _ []string, s engine.Sink) error {
			return errors.Join(write(ctx, s, "index.html", page("of the parent")), err)
		}}
	}
	done := b.run(e)
	if done.GetState() != failed {
		b.t.Fatalf("ended as %v", done)
	}
	return done
}

var (
	errOwn      = errors.New("no")
	errProvider = &engine.ProviderError{Retryable: true, Err: errors.New("overloaded")}
)

const (
	repeatsAnew  = "This build repeats an earlier one from the beginning."
	repeatsPlan  = "This build repeats an earlier one and goes on from its plan."
	repeatsFiles = "This build repeats an earlier one and goes on from its plan and 1 finished file."
	repeatsFree  = "The earlier build did not fail because of you, so this one costs you nothing."
)

func TestRetry(t *testing.T) {
	t.Parallel()
	all := setup(t)
	for name, c := range map[string]struct {
		parent func(b *testBundle) *buildv1.Build
		free   bool
		says   string
	}{
		"platform": {func(b *testBundle) *buildv1.Build { return b.failWith(false, errOwn) }, true, repeatsAnew},
		"provider": {func(b *testBundle) *buildv1.Build { return b.failWith(true, errProvider) }, true, repeatsFiles},
		"tests": {func(b *testBundle) *buildv1.Build {
			return b.run(&script{written: func(ctx context.Context, _ []string, s engine.Sink) error {
				return write(ctx, s, "index.html", "<p>broken")
			}})
		}, true, repeatsPlan},
		"deploy": {func(b *testBundle) *buildv1.Build {
			return b.run(&script{written: func(ctx context.Context, _ []string, s engine.Sink) error {
				return write(ctx, s, "index.html", page("of the parent"))
			}}, func(p *build.WorkerPorts) {
				p.Probe = func(context.Context, string) error { return errOwn }
			})
		}, true, repeatsFiles},
		"cancelled in the queue": {func(b *testBundle) *buildv1.Build {
			done, err := b.cancel(b.queued().GetId())
			must(b.t, err)
			return done
		}, false, repeatsAnew},
		"cancelled in coding": {func(b *testBundle) *buildv1.Build {
			id := b.queued().GetId()
			b.dieIn("coding", id)
			_, err := b.cancel(id)
			must(b.t, err)
			b.sweepUp(id)
			must(b.t, work(b.t.Context(), b.newWorker(&script{}), id))
			return b.build(id)
		}, false, repeatsFiles},
		"timeout": {func(b *testBundle) *buildv1.Build {
			id := b.queued().GetId()
			b.dieIn("coding", id)
			b.exec(`UPDATE builds SET lease_expire_time = NULL, phase_time = clock_timestamp() - interval '11 minutes' WHERE id = $1`, uuid.MustParse(id))
			must(b.t, work(b.t.Context(), b.newWorker(&script{}), id))
			return b.build(id)
		}, false, repeatsFiles},
		"no AI time": {func(b *testBundle) *buildv1.Build {
			done := b.failWith(true, errOwn)
			b.exec(`UPDATE builds SET error_class = 'user', error_reason = 'insufficient_ai_time' WHERE id = $1`, uuid.MustParse(done.GetId()))
			return done
		}, false, repeatsFiles},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := all.other(t)
			parent := c.parent(b)
			res, err := b.retry(parent.GetId())
			must(t, err)
			b.checkRetry(parent, res, c.free)
			want := []string{c.says}
			if c.free {
				want = []string{repeatsFree, c.says}
			}
			if got := b.logged(res.GetBuild().GetId()); !slices.Equal(got, want) {
				t.Errorf("it says %q", got)
			}
			b.finishRetry(parent, res.GetBuild(), c.free, c.says)
		})
	}
}

// checkRetry checks what a retry is at its start.
func (b *testBundle) checkRetry(parent *buildv1.Build, res *buildv1.RetryBuildResponse, free bool) {
	b.t.Helper()
	got, quote := res.GetBuild(), res.GetQuote()
	if got.GetParentBuildId() != parent.GetId() || got.GetProjectId() != parent.GetProjectId() || got.GetPrompt() != parent.GetPrompt() ||
		got.GetLocale() != parent.GetLocale() || got.GetOperation() != parent.GetOperation() || got.GetState() != queued || res.GetResumeToken() == "" {
		b.t.Errorf("%v is retried as %v", parent, res)
	}
	held := int64(180)
	if free {
		held = 0
	}
	if got.GetHeldSeconds() != held || quote.GetHoldSeconds() != held || (quote.GetMaxSeconds() == 0) != free || !quote.GetSufficient() ||
		quote.GetSpendableSeconds() != gifts-parent.GetChargedSeconds()-held {
		b.t.Errorf("it holds %d s, the quote is %v", got.GetHeldSeconds(), quote)
	}
	b.goesOn(got.GetId())
}

// finishRetry has a worker do a retry, and checks that it repeated nothing that its
// parent had finished, and what it costs.
func (b *testBundle) finishRetry(parent, retry *buildv1.Build, free bool, says string) {
	b.t.Helper()
	var told []string
	e := &script{written: func(ctx context.Context, done []string, s engine.Sink) error {
		told = slices.Clone(done)
		if len(done) == 0 {
			if err := write(ctx, s, "index.html", page("of the retry")); err != nil {
				return err
			}
		}
		return write(ctx, s, "about.html", page("of the retry"))
	}}
	must(b.t, work(b.t.Context(), b.newWorker(e), retry.GetId()))
	done := b.build(retry.GetId())
	events := b.events(retry.GetId())
	checkStates(b.t, events, queued, planning, coding, inTesting, deploying, complete)
	checkProgress(b.t, events)
	wantFiles, wantPlans := []string{}, int32(0)
	switch says {
	case repeatsFiles:
		wantFiles = []string{"index.html"}
	case repeatsAnew:
		wantPlans = 1
	}
	if !slices.Equal(told, wantFiles) || e.plans.Load() != wantPlans || done.GetState() != complete {
		b.t.Errorf("%d plans, done before were %q, ended as %v", e.plans.Load(), told, done)
	}
	if got := paths(events); !slices.Equal(got, []string{"index.html", "about.html"}) {
		b.t.Errorf("the log tells of %q", got)
	}
	if n := b.number(`SELECT count(*) FROM build_steps WHERE build_id = $1 AND step = 'plan' AND active_us > 0`, uuid.MustParse(retry.GetId())); n != int64(wantPlans) {
		b.t.Errorf("the plan counts %d times", n)
	}
	b.checkCost(parent, done, free)
}

func (b *testBundle) checkCost(parent, done *buildv1.Build, free bool) {
	b.t.Helper()
	charged, receipts := int64(10), errorv1.ErrorReason_ERROR_REASON_UNSPECIFIED
	if free {
		charged, receipts = 0, errorv1.ErrorReason_ERROR_REASON_NOT_FOUND
	}
	_, err := b.money.GetReceipt(b.ctx(), &billingv1.GetReceiptRequest{BuildId: done.GetId()})
	balance, balanceErr := b.money.GetBalance(b.ctx(), &billingv1.GetBalanceRequest{})
	must(b.t, balanceErr)
	if got := balance.GetBalance(); done.GetChargedSeconds() != charged || reasonOf(err) != receipts || got.GetHeldSeconds() != 0 ||
		got.GetSpendableSeconds() != gifts-charged-parent.GetChargedSeconds() {
		b.t.Errorf("charged %d s, the balance is %v, the receipt: %v", done.GetChargedSeconds(), got, err)
	}
}

func TestWhatCannotBeRetried(t *testing.T) {
	t.Parallel()
	b := setup(t)
	running := b.queued()
	for name, id := range map[string]string{
		"queued":   running.GetId(),
		"complete": b.run(&script{}).GetId(),
		"policy":   b.failWith(false, engine.ErrRefused).GetId(),
		"limits":   b.failWith(false, &engine.ProviderError{Err: errOwn}).GetId(),
	} {
		before := b.counts()
		if _, err := b.retry(id); reasonOf(err) != errorv1.ErrorReason_ERROR_REASON_INVALID_TRANSITION {
			t.Errorf("%s: %v", name, err)
		}
		if after := b.counts(); after != before {
			t.Errorf("%s: before %s, after %s", name, before, after)
		}
	}
	parent := b.failWith(false, errOwn)
	for _, other := range []string{parent.GetId(), uuid.NewString()} {
		_, err := b.RetryBuild(b.as(uuid.New()), &buildv1.RetryBuildRequest{BuildId: other})
		if !errors.Is(err, store.ErrNotFound) {
			t.Errorf("retried another's build: %v", err)
		}
	}
	next, err := b.startIn(parent.GetProjectId(), reject)
	must(t, err)
	_, err = b.retry(parent.GetId())
	b.checkInProgress(err, next.GetId())
}

// A user who has no AI time left gets what was not his fault made good, in full and
// however long it takes.
func TestAFreeRetryNeedsNoAITime(t *testing.T) {
	t.Parallel()
	b, clock := setup(t), &workClock{}
	parent := b.failWith(false, errOwn)
	b.leave(0)
	if _, err := b.startIn(parent.GetProjectId(), reject); reasonOf(err) != errorv1.ErrorReason_ERROR_REASON_INSUFFICIENT_AI_TIME {
		t.Fatalf("there is AI time left: %v", err)
	}
	res, err := b.retry(parent.GetId())
	must(t, err)
	e := clock.slow(5_000_000_000_000, 3_000_000_000_000, 3_000_000_000_000)
	must(t, work(t.Context(), b.newWorker(e, clock.port), res.GetBuild().GetId()))
	done := b.build(res.GetBuild().GetId())
	if done.GetState() != complete || done.GetChargedSeconds() != 0 || done.GetHeldSeconds() != 0 {
		t.Errorf("ended as %v", done)
	}
	b.checkHolds(done.GetId())
}

// Nobody pays for a free retry, however it ends.
func TestAFreeRetryIsFreeHoweverItEnds(t *testing.T) {
	t.Parallel()
	all := setup(t)
	for want, planned := range map[buildv1.BuildState]func(b *testBundle, id string) error{
		cancelled: func(b *testBundle, id string) error {
			_, err := b.cancel(id)
			return err
		},
		failed: func(*testBundle, string) error { return engine.ErrRefused },
	} {
		b := all.other(t)
		parent := b.failWith(false, errOwn)
		res, err := b.retry(parent.GetId())
		must(t, err)
		id := res.GetBuild().GetId()
		w := b.newWorker(&script{planned: func(ctx context.Context, s engine.Sink) (*engine.Plan, error) {
			return salonPlan(), errors.Join(s.Text(ctx, spoken), planned(b, id))
		}})
		must(t, work(t.Context(), w, id))
		done := b.build(id)
		if done.GetState() != want {
			t.Errorf("%v: ended as %v", want, done)
		}
		b.checkCost(parent, done, true)
		if want == failed {
			continue
		}
		if again, err := b.retry(id); err != nil || again.GetBuild().GetHeldSeconds() != 180 {
			t.Errorf("what the user cancelled is retried as %v: %v", again, err)
		}
	}
}

// A failure is made good once; if that fails too, so is this failure.
func TestAFailureIsMadeGoodOnce(t *testing.T) {
	t.Parallel()
	b := setup(t)
	parent := b.failWith(false, errOwn)
	for i, free := range []bool{true, false, false} {
		res, err := b.retry(parent.GetId())
		must(t, err)
		if got := res.GetBuild().GetHeldSeconds() == 0; got != free {
			t.Errorf("retry %d is free: %v", i+1, got)
		}
		must(t, work(t.Context(), b.newWorker(&script{planned: func(context.Context, engine.Sink) (*engine.Plan, error) {
			return nil, errProvider
		}}), res.GetBuild().GetId()))
		if i == 0 {
			again, err := b.retry(res.GetBuild().GetId())
			must(t, err)
			if again.GetBuild().GetHeldSeconds() != 0 {
				t.Errorf("the retry of a free retry is %v", again)
			}
			must(t, work(t.Context(), b.newWorker(&script{}), again.GetBuild().GetId()))
		}
	}
}

func TestARepeatedRetry(t *testing.T) {
	t.Parallel()
	all := setup(t)
	for _, free := range []bool{true, false} {
		b := all.other(t)
		parent, other := b.failWith(false, errOwn), b.failWith(false, errOwn)
		if !free {
			b.exec(`UPDATE builds SET error_class = 'timeout' WHERE user_id = $1`, b.user)
		}
		req := &buildv1.RetryBuildRequest{BuildId: parent.GetId(), BuildSessionId: newSession()}
		ids := make([]string, 10)
		var group sync.WaitGroup
		for i := range ids {
			group.Go(func() {
				res, err := b.RetryBuild(b.ctx(), req)
				if err != nil {
					t.Error(err)
				}
				ids[i] = res.GetBuild().GetId()
			})
		}
		group.Wait()
		slices.Sort(ids)
		if ids[0] != ids[len(ids)-1] || ids[0] == "" {
			t.Errorf("free: %v: started %q", free, slices.Compact(ids))
		}
		must(t, work(t.Context(), b.newWorker(&script{}), ids[0]))
		if res, err := b.RetryBuild(b.ctx(), req); err != nil || res.GetBuild().GetId() != ids[0] || (res.GetQuote().GetHoldSeconds() == 0) != free {
			t.Errorf("free: %v: a late repeat is told %v: %v", free, res, err)
		}
		_, err := b.RetryBuild(b.ctx(), &buildv1.RetryBuildRequest{BuildId: other.GetId(), BuildSessionId: req.GetBuildSessionId()})
		_, startErr := b.StartBuild(b.ctx(), &buildv1.StartBuildRequest{Prompt: parent.GetPrompt(), BuildSessionId: req.GetBuildSessionId()})
		for _, err := range []error{err, startErr} {
			if reasonOf(err) != errorv1.ErrorReason_ERROR_REASON_IDEMPOTENCY_KEY_REUSED {
				t.Errorf("free: %v: other content: %v", free, err)
			}
		}
	}
}

// Of two retries that both would be free, one is.
func TestFreeRetriesRace(t *testing.T) {
	t.Parallel()
	b := setup(t)
	parent := b.failWith(false, errOwn)
	// The rival comes between the question whether one was made good, and the start.
	b.exec(`CREATE FUNCTION rival() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
		IF NEW.free AND NOT EXISTS (SELECT FROM builds WHERE free) THEN
			UPDATE builds SET free = true, parent_build_id = id, held_seconds = 0, charged_seconds = 0 WHERE id = NEW.parent_build_id;
		END IF;
		RETURN NEW; END $$`)
	b.exec(`CREATE TRIGGER rival BEFORE INSERT ON builds FOR EACH ROW EXECUTE FUNCTION rival()`)
	res, err := b.retry(parent.GetId())
	must(t, err)
	if got := res.GetBuild(); got.GetHeldSeconds() != 180 || res.GetQuote().GetHoldSeconds() != 180 {
		t.Errorf("it is %v", got)
	}
}

// The answers come along, and what an earlier update planned is of no use to a site
// that is another one by now.
func TestRetryOfAnUpdate(t *testing.T) {
	t.Parallel()
	b := setup(t)
	old := b.run(&script{})
	fail := func() *buildv1.Build {
		res, err := b.StartBuild(b.ctx(), &buildv1.StartBuildRequest{
			ProjectId: old.GetProjectId(), Prompt: "Add a page", Locale: "fr", Operation: billingv1.Operation_OPERATION_UPDATE,
			Answers: []*buildv1.Answer{{QuestionId: "brand_name", Answer: &buildv1.Answer_Text{Text: "Chez Iris"}}},
		})
		must(t, err)
		must(t, work(t.Context(), b.newWorker(&script{written: func(ctx context.Context, _ []string, s engine.Sink) error {
			return errors.Join(write(ctx, s, "index.html", page("of the parent")), errOwn)
		}}), res.GetBuild().GetId()))
		return b.build(res.GetBuild().GetId())
	}
	fresh := fail()
	same, err := b.retry(fresh.GetId())
	must(t, err)
	var heard engine.Request
	must(t, work(t.Context(), b.newWorker(&listening{heard: func(r engine.Request) { heard = r }}), same.GetBuild().GetId()))
	if got := paths(b.events(same.GetBuild().GetId())); heard.Prompt != "" || len(got) == 0 || got[0] != "index.html" {
		t.Errorf("it planned %v anew and wrote %q", heard, got)
	}
	stale := fail()
	next, err := b.startIn(old.GetProjectId(), reject)
	must(t, err)
	must(t, work(t.Context(), b.newWorker(&script{}), next.GetId()))
	anew, err := b.retry(stale.GetId())
	must(t, err)
	must(t, work(t.Context(), b.newWorker(&listening{heard: func(r engine.Request) { heard = r }}), anew.GetBuild().GetId()))
	if len(heard.Answers) != 1 || heard.Answers[0].Text != "Chez Iris" || len(heard.Base) != 2 || heard.Operation != engine.Update {
		t.Errorf("it planned with %v", heard)
	}
	if got := b.logged(anew.GetBuild().GetId()); len(got) != 2 || got[1] != "Cette création reprend une création précédente depuis le début." {
		t.Errorf("it says %q", got)
	}
}
