package build_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	billingv1 "github.com/sheenapps/sheen/gen/sheen/billing/v1"
	buildv1 "github.com/sheenapps/sheen/gen/sheen/build/v1"
	errorv1 "github.com/sheenapps/sheen/gen/sheen/error/v1"
	"github.com/sheenapps/sheen/server/build"
	"github.com/sheenapps/sheen/server/engine"
	"github.com/sheenapps/sheen/server/fault"
	"github.com/sheenapps/sheen/store"
)

func (b *testBundle) cancel(id string) (*buildv1.Build, error) {
	res, err := b.CancelBuild(b.ctx(), &buildv1.CancelBuildRequest{BuildId: id, Reason: "I changed\x00 my mind"})
	return res.GetBuild(), err
}

// reasonOf is the reason that a caller sees of an error.
func reasonOf(err error) errorv1.ErrorReason {
	if err == nil {
		return errorv1.ErrorReason_ERROR_REASON_UNSPECIFIED
	}
	return fault.Of(err).Reason
}

func TestCancelWhileQueued(t *testing.T) {
	t.Parallel()
	b := setup(t)
	id := b.queued().GetId()
	done, err := b.cancel(id)
	must(t, err)
	if done.GetState() != cancelled || done.GetHeadSeq() != 4 {
		t.Fatalf("ended as %v", done)
	}
	b.checkPaid(done, 0, billingv1.Outcome_OUTCOME_CANCELLED)
	events := b.events(id)
	checkStates(t, events, queued, cancelled)
	if got := events[len(events)-1].GetBuildCancelled(); got.GetReason() != "I changed my mind" || got.GetVersionId() != "" {
		t.Errorf("the end tells %v", got)
	}
	// Once more changes nothing, and the job that is left finds nothing to do.
	again, err := b.cancel(id)
	must(t, err)
	e := &script{}
	must(t, work(t.Context(), b.newWorker(e), id))
	if again.GetHeadSeq() != done.GetHeadSeq() || e.plans.Load() != 0 || len(b.events(id)) != len(events) {
		t.Errorf("after the end: %v, %d plans", again, e.plans.Load())
	}
}

func TestCancelWhatIsOver(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for _, e := range []*script{{}, {planned: func(context.Context, engine.Sink) (*engine.Plan, error) { return nil, errors.New("no") }}} {
		done := b.run(e)
		_, err := b.cancel(done.GetId())
		if reasonOf(err) != errorv1.ErrorReason_ERROR_REASON_INVALID_TRANSITION {
			t.Fatalf("cancelled %v: %v", done.GetState(), err)
		}
		detail, ok := fault.Of(err).Details[0].(*errorv1.InvalidTransition)
		if !ok || detail.GetFrom() != done.GetState().String() || detail.GetTo() != "BUILD_STATE_CANCELLED" {
			t.Errorf("the detail is %v", fault.Of(err).Details)
		}
	}
}

func TestCancelOfAnother(t *testing.T) {
	t.Parallel()
	b := setup(t)
	id := b.queued().GetId()
	for _, other := range []string{id, uuid.NewString()} {
		_, err := b.CancelBuild(b.as(uuid.New()), &buildv1.CancelBuildRequest{BuildId: other})
		if !errors.Is(err, store.ErrNotFound) {
			t.Errorf("cancelled another's build: %v", err)
		}
	}
	if n := b.number(`SELECT count(*) FROM builds WHERE cancel_request_time IS NOT NULL`); n != 0 {
		t.Error("another's wish was stored")
	}
}

// stuck is an engine call that says something, writes a file, and then waits for
// its context. It tells when it waits and when and why it stopped.
type stuck struct {
	waits   chan struct{}
	stopped chan time.Time
	cause   error
	// last is what the call still does when its context has ended, and linger how
	// long it then takes to return.
	last   func()
	linger time.Duration
}

func newStuck() *stuck {
	return &stuck{waits: make(chan struct{}), stopped: make(chan time.Time, 1), last: func() {}}
}

func (s *stuck) wait(ctx context.Context) error {
	close(s.waits)
	<-ctx.Done()
	s.stopped <- time.Now()
	s.cause = context.Cause(ctx)
	s.last()
	time.Sleep(s.linger) //nolint:forbidigo // an engine that is slow to stop
	return s.cause
}

// abortWithin is how soon a model's request ends after a cancel.
const abortWithin = 2 * time.Second

// cancelAt runs a build into a stuck call and cancels it there.
func (b *testBundle) cancelAt(s *stuck, e *script) *buildv1.Build {
	b.t.Helper()
	id, w := b.queued().GetId(), b.newWorker(e)
	ctx, stop := context.WithCancel(b.t.Context())
	watched, worked := make(chan struct{}), make(chan error, 1)
	go func() { defer close(watched); w.Watch(ctx) }()
	go func() { worked <- work(b.t.Context(), w, id) }()
	<-s.waits
	asked := time.Now()
	intent, err := b.cancel(id)
	must(b.t, err)
	if took := time.Since(asked); took > time.Second || intent.GetState() == cancelled {
		b.t.Errorf("acknowledged after %s with %v", took, intent.GetState())
	}
	// A second wish changes nothing.
	_, err = b.CancelBuild(b.ctx(), &buildv1.CancelBuildRequest{BuildId: id, Reason: "another reason"})
	must(b.t, err)
	must(b.t, <-worked)
	if took := (<-s.stopped).Sub(asked); took > abortWithin {
		b.t.Errorf("the engine saw it after %s", took)
	}
	stop()
	<-watched
	if w.Running() != 0 {
		b.t.Error("the worker still runs something")
	}
	return b.build(id)
}

func TestCancelWhilePlanning(t *testing.T) {
	t.Parallel()
	all := setup(t)
	for _, linger := range []time.Duration{0, 100 * time.Millisecond} {
		b, s := all.other(t), newStuck()
		s.linger = linger
		done := b.cancelAt(s, &script{planned: func(ctx context.Context, sink engine.Sink) (*engine.Plan, error) {
			s.last = func() { _ = sink.Text(ctx, "going to") }
			if err := sink.Text(ctx, "I was "); err != nil {
				return nil, err
			}
			return nil, s.wait(ctx)
		}})
		events := b.events(done.GetId())
		checkStates(t, events, queued, planning, cancelled)
		b.checkPaid(done, 10, billingv1.Outcome_OUTCOME_CANCELLED)
		if done.GetState() != cancelled || done.GetVersionId() != "" || text(events) != "I was going to" {
			t.Errorf("ended as %v, said %q", done, text(events))
		}
		if got := events[len(events)-1].GetBuildCancelled().GetReason(); got != "I changed my mind" {
			t.Errorf("the reason is %q", got)
		}
	}
}

// The engine still emits while the cancel arrives, and takes its time to stop.
func TestCancelWhileCodingKeepsFinishedFiles(t *testing.T) {
	t.Parallel()
	b, s := setup(t), newStuck()
	s.linger = 100 * time.Millisecond
	done := b.cancelAt(s, &script{written: func(ctx context.Context, _ []string, sink engine.Sink) error {
		if err := write(ctx, sink, "index.html", page("kept")); err != nil {
			return err
		}
		if err := sink.File(ctx, engine.Chunk{Path: "about.html", Data: []byte("half")}); err != nil {
			return err
		}
		return s.wait(ctx)
	}})
	events := b.events(done.GetId())
	checkStates(t, events, queued, planning, coding, cancelled)
	checkProgress(t, events)
	b.checkPaid(done, 10, billingv1.Outcome_OUTCOME_CANCELLED)
	versions, err := b.ListVersions(b.ctx(), &buildv1.ListVersionsRequest{ProjectId: done.GetProjectId()})
	must(t, err)
	if len(versions.GetVersions()) != 1 || !versions.GetVersions()[0].GetInterrupted() || versions.GetVersions()[0].GetId() != done.GetVersionId() {
		t.Fatalf("kept %v of %v", versions.GetVersions(), done)
	}
	if got := events[len(events)-1].GetBuildCancelled().GetVersionId(); got != done.GetVersionId() {
		t.Errorf("the end tells of version %q", got)
	}
	files, err := b.ListFiles(b.ctx(), &buildv1.ListFilesRequest{VersionId: done.GetVersionId()})
	must(t, err)
	if len(files.GetFiles()) != 1 || files.GetFiles()[0].GetPath() != "index.html" {
		t.Errorf("kept the files %v", files.GetFiles())
	}
	if n := b.number(`SELECT count(*) FROM projects WHERE current_version_id IS NOT NULL`); n != 0 {
		t.Error("an interrupted version became the project's current one")
	}
	if !slices.Equal(paths(events), []string{"index.html"}) {
		t.Errorf("told of %v", paths(events))
	}
}

// A build whose worker is gone keeps its files too: the next worker obeys.
func TestCancelWithoutAWorkerKeepsFiles(t *testing.T) {
	t.Parallel()
	b := setup(t)
	s := newStuck()
	id := b.queued().GetId()
	job, stop := context.WithCancel(t.Context())
	worked := make(chan error, 1)
	go func() {
		worked <- work(job, b.newWorker(&script{written: func(ctx context.Context, _ []string, sink engine.Sink) error {
			if err := write(ctx, sink, "index.html", page("kept")); err != nil {
				return err
			}
			return s.wait(ctx)
		}}), id)
	}()
	<-s.waits
	stop()
	must(t, <-worked)
	if got, err := b.cancel(id); err != nil || got.GetState() != coding {
		t.Fatalf("cancelled at once: %v, %v", got, err)
	}
	e := &script{}
	must(t, work(t.Context(), b.newWorker(e), id))
	done := b.build(id)
	if done.GetState() != cancelled || done.GetVersionId() == "" || e.writes.Load() != 0 {
		t.Errorf("ended as %v after %d calls", done, e.writes.Load())
	}
	// The call that the node's stop cut is not the user's expense.
	b.checkPaid(done, 10, billingv1.Outcome_OUTCOME_CANCELLED)
	if n := b.number(`SELECT active_us FROM build_steps WHERE step LIKE 'write:%'`); n != 0 {
		t.Errorf("%d µs of a cut call count", n)
	}
}

// Cancels and completions race; whatever wins, there is one end and one charge.
func TestCancelRacesTheEnd(t *testing.T) {
	t.Parallel()
	all := setup(t)
	for i := range 8 {
		b := all.other(t)
		id := b.queued().GetId()
		worked := make(chan error, 1)
		w := b.newWorker(&script{})
		go func() { worked <- work(t.Context(), w, id) }()
		time.Sleep(time.Duration(4*i) * time.Millisecond) //nolint:forbidigo // spreads the moment of the race
		_, err := b.cancel(id)
		if err != nil && reasonOf(err) != errorv1.ErrorReason_ERROR_REASON_INVALID_TRANSITION {
			t.Fatal(err)
		}
		must(t, <-worked)
		eventually(t, "the build is over", func() bool {
			must(t, work(t.Context(), w, id))
			return build.State(strings.ToLower(strings.TrimPrefix(b.build(id).GetState().String(), "BUILD_STATE_"))).Final()
		})
		done := b.build(id)
		charged, outcome := done.GetChargedSeconds(), billingv1.Outcome_OUTCOME_SUCCEEDED
		if done.GetState() == cancelled {
			outcome = billingv1.Outcome_OUTCOME_CANCELLED
		}
		b.checkPaid(done, charged, outcome)
	}
}

// A commit that is cut leaves open whether it happened, and then its events
// would come twice.
func TestAWriteThatHasBegunIsNotCut(t *testing.T) {
	t.Parallel()
	b := setup(t)
	id := b.queued().GetId()
	b.exec(`CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(0.3); RETURN NULL; END $$`)
	b.exec(`CREATE CONSTRAINT TRIGGER slow AFTER UPDATE ON builds DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
		WHEN (NEW.state = 'planning' AND OLD.head_seq >= 5) EXECUTE FUNCTION slow()`)
	job, stop := context.WithCancel(t.Context())
	defer stop()
	var said error
	e := &script{planned: func(ctx context.Context, sink engine.Sink) (*engine.Plan, error) {
		time.AfterFunc(100*time.Millisecond, stop)
		begin := time.Now()
		if said = sink.Text(ctx, "once"); time.Since(begin) < 250*time.Millisecond {
			t.Error("the commit was not slow")
		}
		return nil, context.Cause(ctx)
	}}
	must(t, work(job, b.newWorker(e), id))
	if said != nil || text(b.events(id)) != "once" {
		t.Errorf("said %q: %v", text(b.events(id)), said)
	}
}
