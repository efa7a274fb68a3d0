package build_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"

	"github.com/google/uuid"
	"google.golang.org/protobuf/proto"

	billingv1 "github.com/sheenapps/sheen/gen/sheen/billing/v1"
	buildv1 "github.com/sheenapps/sheen/gen/sheen/build/v1"
	errorv1 "github.com/sheenapps/sheen/gen/sheen/error/v1"
	eventv1 "github.com/sheenapps/sheen/gen/sheen/event/v1"
	"github.com/sheenapps/sheen/server/build"
	"github.com/sheenapps/sheen/server/engine"
	"github.com/sheenapps/sheen/server/fault"
	"github.com/sheenapps/sheen/store"
)

const (
	reject    = buildv1.ConflictPolicy_CONFLICT_POLICY_REJECT
	supersede = buildv1.ConflictPolicy_CONFLICT_POLICY_SUPERSEDE
	queue     = buildv1.ConflictPolicy_CONFLICT_POLICY_QUEUE
)

// startIn starts another build in a project.
func (b *testBundle) startIn(project string, policy buildv1.ConflictPolicy) (*buildv1.Build, error) {
	res, err := b.StartBuild(b.ctx(), &buildv1.StartBuildRequest{
		ProjectId: project, Prompt: "A booking site for my hair salon", OnConflict: policy,
	})
	return res.GetBuild(), err
}

// behind starts a build that waits behind another one.
func (b *testBundle) behind(first *buildv1.Build) *buildv1.Build {
	b.t.Helper()
	waits, err := b.startIn(first.GetProjectId(), queue)
	must(b.t, err)
	if waits.GetState() != queued || !b.waits(waits.GetId()) || b.jobCount(waits.GetId()) != 0 {
		b.t.Fatalf("%v does not wait, it has %d jobs", waits, b.jobCount(waits.GetId()))
	}
	return waits
}

func (b *testBundle) waits(id string) bool {
	b.t.Helper()
	return b.number(`SELECT count(*) FROM builds WHERE id = $1 AND waiting`, uuid.MustParse(id)) == 1
}

// goesOn checks that a build waits no more, and has a job.
func (b *testBundle) goesOn(id string) {
	b.t.Helper()
	if b.waits(id) || b.jobCount(id) != 1 {
		b.t.Errorf("build %s waits: %v, and has %d jobs", id, b.waits(id), b.jobCount(id))
	}
}

// logged are the lines of a build's log.
func (b *testBundle) logged(id string) []string {
	b.t.Helper()
	var lines []string
	for _, e := range b.events(id) {
		if line := e.GetLogLine(); line != nil {
			lines = append(lines, line.GetText())
		}
	}
	return lines
}

// active is the active build of a project as others see it.
func (b *testBundle) active(project string) string {
	b.t.Helper()
	row, err := store.New().ProjectByID(b.t.Context(), b.db, &store.ProjectByIDParams{ID: uuid.MustParse(project), UserID: b.user})
	must(b.t, err)
	if row.ActiveBuildID == nil {
		return ""
	}
	return row.ActiveBuildID.String()
}

const (
	beganToWait = "Another build of this project is running. This one begins when that one has ended."
	waitIsOver  = "The build before this one has ended. Now it is this one's turn."
)

func TestQueue(t *testing.T) {
	t.Parallel()
	b := setup(t)
	first := b.queued()
	second, third := b.behind(first), b.behind(first)
	if second.GetHeldSeconds() != 180 || !slices.Equal(b.logged(second.GetId()), []string{beganToWait}) {
		t.Errorf("%v says %q", second, b.logged(second.GetId()))
	}
	// Nobody works on it, whatever calls, and it is not the project's active one.
	e := &script{}
	must(t, work(t.Context(), b.newWorker(e), second.GetId()))
	if got := b.build(second.GetId()); e.plans.Load() != 0 || !proto.Equal(got, second) || b.active(first.GetProjectId()) != first.GetId() {
		t.Errorf("%v is not the one that waited, active is %s", got, b.active(first.GetProjectId()))
	}
	list, err := b.ListBuilds(b.ctx(), &buildv1.ListBuildsRequest{ActiveOnly: true})
	if err != nil || len(list.GetBuilds()) != 3 {
		t.Errorf("not over are %v, %v", list.GetBuilds(), err)
	}
	_, err = b.startIn(first.GetProjectId(), reject)
	b.checkInProgress(err, first.GetId())

	for i, id := range []string{first.GetId(), second.GetId(), third.GetId()} {
		if b.jobCount(id) != 1 {
			t.Fatalf("build %d has %d jobs", i, b.jobCount(id))
		}
		must(t, work(t.Context(), b.newWorker(&script{}), id))
		done := b.build(id)
		events := b.events(id)
		checkStates(t, events, queued, planning, coding, inTesting, deploying, complete)
		checkProgress(t, events)
		if done.GetState() != complete || done.GetChargedSeconds() != 10 || done.GetHeadSeq() != int64(len(events)) {
			t.Errorf("build %d ended as %v", i, done)
		}
		if want := []string{beganToWait, waitIsOver}; i > 0 && !slices.Equal(b.logged(id), want) {
			t.Errorf("build %d says %q", i, b.logged(id))
		}
	}
	if n := b.number(`SELECT count(*) FROM builds WHERE state <> 'complete' OR waiting`); n != 0 || b.active(first.GetProjectId()) != "" {
		t.Errorf("%d builds are left", n)
	}
}

func (b *testBundle) checkInProgress(err error, id string) {
	b.t.Helper()
	if reasonOf(err) != errorv1.ErrorReason_ERROR_REASON_BUILD_IN_PROGRESS {
		b.t.Errorf("refused with %v", err)
		return
	}
	detail, ok := fault.Of(err).Details[0].(*errorv1.BuildInProgress)
	if !ok || detail.GetBuildId() != id {
		b.t.Errorf("the detail is %v, want build %s", fault.Of(err).Details, id)
	}
}

func TestQueueInAFreeProject(t *testing.T) {
	t.Parallel()
	b := setup(t)
	done := b.run(&script{})
	for _, policy := range []buildv1.ConflictPolicy{queue, supersede} {
		next, err := b.startIn(done.GetProjectId(), policy)
		must(t, err)
		b.goesOn(next.GetId())
		must(t, work(t.Context(), b.newWorker(&script{}), next.GetId()))
		if got := b.build(next.GetId()); got.GetState() != complete || len(b.logged(next.GetId())) != 0 {
			t.Errorf("%v: ended as %v", policy, got)
		}
	}
	if _, err := b.startIn("", queue); err != nil {
		t.Errorf("in a new project: %v", err)
	}
}

func TestTheQueueIsBounded(t *testing.T) {
	t.Parallel()
	b := setup(t)
	first := b.queued()
	for range build.MaxWaiting {
		b.behind(first)
	}
	before := b.counts()
	_, err := b.startIn(first.GetProjectId(), queue)
	b.checkInProgress(err, first.GetId())
	if after := b.counts(); after != before {
		t.Errorf("before %s\nafter  %s", before, after)
	}
}

func TestARepeatInTheQueue(t *testing.T) {
	t.Parallel()
	b := setup(t)
	first := b.queued()
	req := &buildv1.StartBuildRequest{
		ProjectId: first.GetProjectId(), BuildSessionId: newSession(), Prompt: "A site for my café", OnConflict: queue,
	}
	ids := make([]string, 20)
	var group sync.WaitGroup
	for i := range ids {
		group.Go(func() {
			res, err := b.StartBuild(b.ctx(), req)
			if err != nil {
				t.Error(err)
			}
			ids[i] = res.GetBuild().GetId()
		})
	}
	group.Wait()
	slices.Sort(ids)
	if ids[0] != ids[len(ids)-1] || b.number(`SELECT count(*) FROM builds WHERE waiting`) != 1 {
		t.Errorf("started %q", slices.Compact(ids))
	}
	// The policy is part of the request.
	other := proto.CloneOf(req)
	other.OnConflict = supersede
	if _, err := b.StartBuild(b.ctx(), other); reasonOf(err) != errorv1.ErrorReason_ERROR_REASON_IDEMPOTENCY_KEY_REUSED {
		t.Errorf("another policy: %v", err)
	}
	if got := b.build(first.GetId()); got.GetState() != queued {
		t.Errorf("the first became %v", got)
	}
}

// One that waits ends at once when its user wants it to, and leaves no gap.
func TestCancelWhileWaiting(t *testing.T) {
	t.Parallel()
	b := setup(t)
	first := b.queued()
	second, third := b.behind(first), b.behind(first)
	done, err := b.cancel(second.GetId())
	must(t, err)
	if done.GetState() != cancelled || b.waits(done.GetId()) || done.GetHeldSeconds() != 0 || !b.waits(third.GetId()) {
		t.Errorf("ended as %v; the third waits: %v", done, b.waits(third.GetId()))
	}
	b.checkEnd(done.GetId())
	must(t, work(t.Context(), b.newWorker(&script{}), first.GetId()))
	b.goesOn(third.GetId())
	if n := b.jobCount(second.GetId()); n != 0 {
		t.Errorf("the cancelled one has %d jobs", n)
	}
}

// checkEnd checks that a build is over, with one last event, one charge, and
// nothing held.
func (b *testBundle) checkEnd(id string) {
	b.t.Helper()
	b.checkLog(id)
	charges := b.number(`SELECT count(*) FROM journal WHERE hold_id = (SELECT hold_id FROM builds WHERE id = $1) AND kind = 'commit'`, uuid.MustParse(id))
	held := b.number(`SELECT count(*) FROM hold WHERE build_id = $1 AND state = 'open'`, uuid.MustParse(id))
	if charges != 1 || held != 0 {
		b.t.Errorf("build %s has %d charges and %d holds", id, charges, held)
	}
}

// checkLog checks that a build is over, and its log has one end, without a gap.
func (b *testBundle) checkLog(id string) {
	b.t.Helper()
	events, ends := b.events(id), 0
	for _, e := range events {
		if isLast(e) {
			ends++
		}
	}
	if done := b.build(id); ends != 1 || done.GetEndTime() == nil || done.GetHeadSeq() != int64(len(events)) {
		b.t.Errorf("%d ends in %d events of %v", ends, len(events), done)
	}
}

// However a build ends, the next one goes on.
func TestEveryEndReleasesTheNext(t *testing.T) {
	t.Parallel()
	all := setup(t)
	ends := map[string]func(b *testBundle, id string) buildv1.BuildState{
		"complete": func(b *testBundle, id string) buildv1.BuildState {
			must(b.t, work(b.t.Context(), b.newWorker(&script{}), id))
			return complete
		},
		"failed": func(b *testBundle, id string) buildv1.BuildState {
			must(b.t, work(b.t.Context(), b.newWorker(&script{planned: func(context.Context, engine.Sink) (*engine.Plan, error) {
				return nil, errors.New("no")
			}}), id))
			return failed
		},
		"lost too often": func(b *testBundle, id string) buildv1.BuildState {
			b.exec(`UPDATE builds SET attempt = 3, state = 'coding' WHERE id = $1`, uuid.MustParse(id))
			must(b.t, work(b.t.Context(), b.newWorker(&script{}), id))
			return failed
		},
		"cancelled in the queue": func(b *testBundle, id string) buildv1.BuildState {
			_, err := b.cancel(id)
			must(b.t, err)
			return cancelled
		},
		"cancelled by a worker": func(b *testBundle, id string) buildv1.BuildState {
			b.exec(`UPDATE builds SET state = 'coding' WHERE id = $1`, uuid.MustParse(id))
			_, err := b.cancel(id)
			must(b.t, err)
			must(b.t, work(b.t.Context(), b.newWorker(&script{}), id))
			return cancelled
		},
	}
	for name, end := range ends {
		b := all.other(t)
		first := b.queued()
		second, third := b.behind(first), b.behind(first)
		if want := end(b, first.GetId()); b.build(first.GetId()).GetState() != want {
			t.Errorf("%s: ended as %v", name, b.build(first.GetId()))
		}
		b.goesOn(second.GetId())
		if !b.waits(third.GetId()) || b.active(first.GetProjectId()) != second.GetId() {
			t.Errorf("%s: the third does not wait", name)
		}
	}
}

// If the next one cannot go on, the end has not taken place either.
func TestAnEndAndAReleaseAreOne(t *testing.T) {
	t.Parallel()
	b := setup(t)
	first := b.queued()
	second := b.behind(first)
	before := b.everything(first.GetId()) + b.everything(second.GetId())
	b.exec(`CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'injected'; END $$`)
	b.exec(`CREATE TRIGGER injected BEFORE INSERT ON river_job FOR EACH STATEMENT EXECUTE FUNCTION fail()`)
	if _, err := b.cancel(first.GetId()); reasonOf(err) != errorv1.ErrorReason_ERROR_REASON_INTERNAL {
		t.Fatalf("cancelled: %v", err)
	}
	b.exec(`DROP TRIGGER injected ON river_job`)
	b.exec(`UPDATE builds SET cancel_request_time = NULL, cancel_reason = ''`)
	if after := b.everything(first.GetId()) + b.everything(second.GetId()); after != before {
		t.Errorf("before\n%s\nafter\n%s", before, after)
	}
	_, err := b.cancel(first.GetId())
	must(t, err)
	b.goesOn(second.GetId())
}

// An update that waited changes what is there when it begins.
func TestAnUpdateThatWaited(t *testing.T) {
	t.Parallel()
	b := setup(t)
	old := b.run(&script{})
	again, err := b.startIn(old.GetProjectId(), reject)
	must(t, err)
	res, err := b.StartBuild(b.ctx(), &buildv1.StartBuildRequest{
		ProjectId: old.GetProjectId(), Prompt: "Add a page", Operation: billingv1.Operation_OPERATION_UPDATE, OnConflict: queue,
	})
	must(t, err)
	must(t, work(t.Context(), b.newWorker(&script{written: func(ctx context.Context, _ []string, s engine.Sink) error {
		return write(ctx, s, "index.html", page("newer"))
	}}), again.GetId()))
	var base []engine.File
	must(t, work(t.Context(), b.newWorker(&listening{heard: func(req engine.Request) { base = req.Base }}), res.GetBuild().GetId()))
	if len(base) != 1 || string(base[0].Content) != page("newer") {
		t.Errorf("the update began with %v", base)
	}
	versions, err := b.ListVersions(b.ctx(), &buildv1.ListVersionsRequest{ProjectId: old.GetProjectId()})
	must(t, err)
	if v := versions.GetVersions(); len(v) != 3 || v[0].GetParentVersionId() != b.build(again.GetId()).GetVersionId() {
		t.Errorf("the versions are %v", v)
	}
}

// The second line of defense: a build that waits for nothing goes on.
func TestAForgottenBuildGoesOn(t *testing.T) {
	t.Parallel()
	b := setup(t)
	first, other := b.queued(), b.queued()
	second, third, patient := b.behind(first), b.behind(first), b.behind(other)
	b.exec(`UPDATE builds SET state = 'cancelled', end_time = clock_timestamp() WHERE id = $1`, uuid.MustParse(first.GetId()))
	w := b.newWorker(&script{})
	for range 2 {
		must(t, w.Sweep(t.Context()))
		b.goesOn(second.GetId())
		if !b.waits(third.GetId()) || !b.waits(patient.GetId()) {
			t.Error("others went on too")
		}
	}
	if got := b.logged(second.GetId()); !slices.Equal(got, []string{beganToWait, waitIsOver}) {
		t.Errorf("it says %q", got)
	}
}

// What a row may be is the schema's too.
func TestWaitingInTheSchema(t *testing.T) {
	t.Parallel()
	b := setup(t)
	first := b.queued()
	second := b.behind(first)
	for name, sql := range map[string]string{
		"two active":         `UPDATE builds SET waiting = false WHERE id = $1`,
		"waits and works":    `UPDATE builds SET state = 'planning' WHERE id = $1`,
		"waits with a lease": `UPDATE builds SET lease_expire_time = clock_timestamp() WHERE id = $1`,
		"waits and is over":  `UPDATE builds SET state = 'cancelled', end_time = clock_timestamp() WHERE id = $1`,
		"free without cause": `UPDATE builds SET free = true, held_seconds = 0 WHERE id = $1`,
	} {
		if _, err := b.db.Exec(t.Context(), sql, uuid.MustParse(second.GetId())); err == nil {
			t.Errorf("%s is possible", name)
		}
	}
}

// Each user is told in the language of the build.
func TestWaitingIsToldInTheBuildsLanguage(t *testing.T) {
	t.Parallel()
	b := setup(t)
	first := b.queued()
	res, err := b.StartBuild(b.ctx(), &buildv1.StartBuildRequest{ProjectId: first.GetProjectId(), Prompt: "x", Locale: "de", OnConflict: queue})
	must(t, err)
	_, err = b.cancel(first.GetId())
	must(t, err)
	want := []string{
		"In diesem Projekt läuft schon ein anderer Durchlauf. Dieser beginnt, sobald der andere beendet ist.",
		"Der Durchlauf davor ist beendet. Jetzt ist dieser an der Reihe.",
	}
	if got := b.logged(res.GetBuild().GetId()); !slices.Equal(got, want) {
		t.Errorf("it says %q", got)
	}
	for _, e := range b.events(res.GetBuild().GetId()) {
		if line := e.GetLogLine(); line != nil && line.GetLevel() != eventv1.LogLevel_LOG_LEVEL_INFO {
			t.Errorf("the level is %v", line.GetLevel())
		}
	}
}

// A build without a hold ends while another one is about to wait for it: the project's
// lock, and not the account's, has the end find it.
func TestAnEndFindsWhatIsAboutToWait(t *testing.T) {
	t.Parallel()
	b := setup(t)
	res, err := b.retry(b.failWith(false, errOwn).GetId())
	must(t, err)
	b.exec(`CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(0.5); RETURN NEW; END $$`)
	b.exec(`CREATE TRIGGER slow BEFORE INSERT ON builds FOR EACH ROW WHEN (NEW.waiting) EXECUTE FUNCTION slow()`)
	started := make(chan string, 1)
	go func() {
		waits, err := b.startIn(res.GetBuild().GetProjectId(), queue)
		if err != nil {
			t.Error(err)
		}
		started <- waits.GetId()
	}()
	eventually(t, "the other one is about to wait", func() bool {
		return b.number(`SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event = 'PgSleep'`) == 1
	})
	done, err := b.cancel(res.GetBuild().GetId())
	must(t, err)
	if done.GetState() != cancelled {
		t.Errorf("it is %v", done)
	}
	b.goesOn(<-started)
}
