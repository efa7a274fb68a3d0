package build_test

import (
	"context"
	"slices"
	"testing"

	"github.com/google/uuid"

	buildv1 "github.com/sheenapps/sheen/gen/sheen/build/v1"
	errorv1 "github.com/sheenapps/sheen/gen/sheen/error/v1"
	"github.com/sheenapps/sheen/server/engine"
)

const tookItsPlace = "A newer build of this project took its place."

// checkSuperseded checks that a build ended because another took its place.
func (b *testBundle) checkSuperseded(id string) *buildv1.Build {
	b.t.Helper()
	b.checkEnd(id)
	events := b.events(id)
	if got := events[len(events)-1].GetBuildCancelled(); got.GetReason() != tookItsPlace {
		b.t.Errorf("the end of %s tells %v", id, got)
	}
	return b.build(id)
}

// Nobody works on any of them: all end, and the new one goes on at once.
func TestSupersedeWhatIsIdle(t *testing.T) {
	t.Parallel()
	b := setup(t)
	first := b.queued()
	second, third := b.behind(first), b.behind(first)
	next, err := b.startIn(first.GetProjectId(), supersede)
	must(t, err)
	for _, old := range []*buildv1.Build{first, second, third} {
		if done := b.checkSuperseded(old.GetId()); done.GetState() != cancelled || done.GetChargedSeconds() != 0 {
			t.Errorf("ended as %v", done)
		}
	}
	b.goesOn(next.GetId())
	if got := b.logged(next.GetId()); len(got) != 0 || b.active(first.GetProjectId()) != next.GetId() {
		t.Errorf("it says %q", got)
	}
	if n := b.number(`SELECT count(*) FROM river_job WHERE kind = 'build'`); n != 2 { // the first's and the new one's
		t.Errorf("%d jobs", n)
	}
	e := &script{}
	for _, id := range []string{first.GetId(), second.GetId(), next.GetId()} {
		must(t, work(t.Context(), b.newWorker(e), id))
	}
	if got := b.build(next.GetId()); got.GetState() != complete || e.plans.Load() != 1 {
		t.Errorf("ended as %v after %d plans", got, e.plans.Load())
	}
}

// A worker is at work: the new one waits until it has stopped.
func TestSupersedeWhatIsWorkedOn(t *testing.T) {
	t.Parallel()
	b, s := setup(t), newStuck()
	first := b.queued()
	second := b.behind(first)
	w := b.newWorker(&script{written: func(ctx context.Context, _ []string, sink engine.Sink) error {
		if err := write(ctx, sink, "index.html", page("kept")); err != nil {
			return err
		}
		return s.wait(ctx)
	}})
	ctx, stop := context.WithCancel(t.Context())
	watched, worked := make(chan struct{}), make(chan error, 1)
	go func() { defer close(watched); w.Watch(ctx) }()
	go func() { worked <- work(t.Context(), w, first.GetId()) }()
	<-s.waits
	next, err := b.startIn(first.GetProjectId(), supersede)
	must(t, err)
	b.checkSuperseded(second.GetId())
	if !b.waits(next.GetId()) || !slices.Equal(b.logged(next.GetId()), []string{beganToWait}) {
		t.Errorf("%v says %q", next, b.logged(next.GetId()))
	}
	must(t, <-worked)
	stop()
	<-watched
	done := b.checkSuperseded(first.GetId())
	if done.GetState() != cancelled || done.GetVersionId() == "" || done.GetChargedSeconds() != 10 {
		t.Errorf("ended as %v", done)
	}
	b.goesOn(next.GetId())
	must(t, work(t.Context(), b.newWorker(&script{}), next.GetId()))
	if got := b.build(next.GetId()); got.GetState() != complete {
		t.Errorf("ended as %v", got)
	}
}

// The worker is gone, and there are files: the next one keeps them, then it is the
// new build's turn.
func TestSupersedeWhatLostItsWorker(t *testing.T) {
	t.Parallel()
	b := setup(t)
	first := b.queued()
	b.dieIn("coding", first.GetId())
	next, err := b.startIn(first.GetProjectId(), supersede)
	must(t, err)
	if !b.waits(next.GetId()) || b.build(first.GetId()).GetState() != coding {
		t.Fatalf("the first is %v", b.build(first.GetId()))
	}
	b.sweepUp(first.GetId())
	e := &script{}
	must(t, work(t.Context(), b.newWorker(e), first.GetId()))
	if done := b.checkSuperseded(first.GetId()); done.GetVersionId() == "" || e.writes.Load() != 0 {
		t.Errorf("ended as %v after %d calls", done, e.writes.Load())
	}
	b.goesOn(next.GetId())
}

// dieIn leaves a build in a state after coding, or in planning, as a worker leaves
// it that died there: its lease is still taken, and nobody has it.
func (b *testBundle) dieIn(state, id string) {
	b.t.Helper()
	must(b.t, b.newWorkerThatDies(state).Work(b.t.Context(), jobOf(id)))
	b.exec(`UPDATE builds SET state = $2, lease_expire_time = clock_timestamp() + interval '1 hour', attempt = 1 WHERE id = $1`,
		uuid.MustParse(id), state)
}

// A repeat of the request finds its build, and stops nothing more.
func TestARepeatSupersedesOnce(t *testing.T) {
	t.Parallel()
	b := setup(t)
	first := b.queued()
	req := &buildv1.StartBuildRequest{
		ProjectId: first.GetProjectId(), BuildSessionId: newSession(), Prompt: "A site for my café", OnConflict: supersede,
	}
	second, err := b.StartBuild(b.ctx(), req)
	must(t, err)
	third := b.behind(second.GetBuild())
	before := b.counts()
	again, err := b.StartBuild(b.ctx(), req)
	must(t, err)
	if after := b.counts(); after != before || again.GetBuild().GetId() != second.GetBuild().GetId() || !b.waits(third.GetId()) {
		t.Errorf("%v\nbefore %s\nafter  %s", again.GetBuild(), before, after)
	}
}

// A build that is refused takes nobody's place.
func TestARefusedBuildSupersedesNothing(t *testing.T) {
	t.Parallel()
	b := setup(t)
	first := b.queued()
	second := b.behind(first)
	_, err := b.money.Reserve(b.ctx(), reserveRequest(gifts-2*180-100))
	must(t, err)
	before := b.everything(first.GetId()) + b.everything(second.GetId()) + b.counts()
	_, err = b.startIn(first.GetProjectId(), supersede)
	if reasonOf(err) != errorv1.ErrorReason_ERROR_REASON_INSUFFICIENT_AI_TIME {
		t.Fatalf("started: %v", err)
	}
	if after := b.everything(first.GetId()) + b.everything(second.GetId()) + b.counts(); after != before {
		t.Errorf("before\n%s\nafter\n%s", before, after)
	}
}

// The user's own words stay the reason of a build that was to stop already.
func TestSupersedeWhatIsToStop(t *testing.T) {
	t.Parallel()
	b := setup(t)
	first := b.queued()
	b.dieIn("coding", first.GetId())
	_, err := b.cancel(first.GetId())
	must(t, err)
	next, err := b.startIn(first.GetProjectId(), supersede)
	must(t, err)
	b.sweepUp(first.GetId())
	must(t, work(t.Context(), b.newWorker(&script{}), first.GetId()))
	events := b.events(first.GetId())
	if got := events[len(events)-1].GetBuildCancelled().GetReason(); got != "I changed my mind" {
		t.Errorf("the reason is %q", got)
	}
	b.goesOn(next.GetId())
}
