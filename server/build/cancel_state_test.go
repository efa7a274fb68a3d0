package build_test

import (
	"context"
	"testing"

	"github.com/google/uuid"
	"github.com/riverqueue/river"

	billingv1 "github.com/sheenapps/sheen/gen/sheen/billing/v1"
	buildv1 "github.com/sheenapps/sheen/gen/sheen/build/v1"
	"github.com/sheenapps/sheen/server/build"
	"github.com/sheenapps/sheen/server/engine"
)

func jobOf(id string) *river.Job[build.JobArgs] {
	return &river.Job[build.JobArgs]{Args: build.JobArgs{BuildID: uuid.MustParse(id)}}
}

func reserveRequest(seconds int64) *billingv1.ReserveRequest {
	return &billingv1.ReserveRequest{
		IdempotencyKey: "others", Operation: billingv1.Operation_OPERATION_MAIN_BUILD, Seconds: seconds,
	}
}

// newWorkerThatDies makes a worker whose lease is lost in a state: after its first
// text in planning, after its first file in any later one. It writes nothing more.
func (b *testBundle) newWorkerThatDies(state string) *build.Worker {
	lose := func(ctx context.Context, sink engine.Sink) error {
		b.exec(`UPDATE builds SET lease_token = lease_token + 1 WHERE user_id = $1 AND lease_expire_time IS NOT NULL`, b.user)
		return sink.Text(ctx, "late")
	}
	if state == "planning" || state == "queued" {
		return b.newWorker(&script{planned: func(ctx context.Context, s engine.Sink) (*engine.Plan, error) {
			return nil, lose(ctx, s)
		}})
	}
	return b.newWorker(&script{written: func(ctx context.Context, _ []string, s engine.Sink) error {
		if err := write(ctx, s, "index.html", page("kept")); err != nil {
			return err
		}
		eventually(b.t, "the file is stored", func() bool {
			return b.number(`SELECT count(*) FROM build_files f JOIN builds b ON b.id = f.build_id WHERE b.user_id = $1`, b.user) == 1
		})
		return lose(ctx, s)
	}})
}

// checkCancelled checks that a build was cancelled once, charged once, and has kept
// its files if it had any.
func (b *testBundle) checkCancelled(what, id string, files bool) {
	b.t.Helper()
	b.checkEnd(id)
	done := b.build(id)
	events := b.events(id)
	last := events[len(events)-1].GetBuildCancelled()
	if done.GetState() != cancelled || last.GetReason() != "I changed my mind" || last.GetVersionId() != done.GetVersionId() {
		b.t.Errorf("%s: ended as %v with %v", what, done, events[len(events)-1])
	}
	if got := done.GetVersionId() != ""; got != files {
		b.t.Errorf("%s: kept version %q", what, done.GetVersionId())
	}
	if files && b.number(`SELECT count(*) FROM versions WHERE build_id = $1 AND interrupted AND file_count = 1`, uuid.MustParse(id)) != 1 {
		b.t.Errorf("%s: the version is not an interrupted one", what)
	}
	if b.number(`SELECT count(*) FROM projects p JOIN builds b ON b.project_id = p.id WHERE b.id = $1 AND p.current_version_id IS NOT NULL`, uuid.MustParse(id)) != 0 {
		b.t.Errorf("%s: a cancelled build is what the project shows", what)
	}
	again, err := b.cancel(id)
	if err != nil || again.GetHeadSeq() != done.GetHeadSeq() {
		b.t.Errorf("%s: cancelled again: %v, %v", what, again, err)
	}
}

// The worker died in each of the states, and its lease has run out or has not: the
// build is cancelled in the call or by the next worker.
func TestCancelWhileTheWorkerIsDead(t *testing.T) {
	t.Parallel()
	all := setup(t)
	for _, state := range []string{"queued", "planning", "coding", "testing", "fixing", "deploying"} {
		for _, expired := range []bool{false, true} {
			b := all.other(t)
			id := b.queued().GetId()
			b.dieIn(state, id)
			what := state
			if expired {
				what += ", expired"
				b.exec(`UPDATE builds SET lease_expire_time = clock_timestamp() - interval '2 seconds' WHERE id = $1`, uuid.MustParse(id))
			}
			files := state != "queued" && state != "planning"
			asked, err := b.cancel(id)
			must(t, err)
			if atOnce := expired && !files; (asked.GetState() == cancelled) != atOnce {
				t.Errorf("%s: answered %v", what, asked.GetState())
			}
			if asked.GetState() != cancelled {
				b.sweepUp(id)
				e := &script{}
				must(t, work(t.Context(), b.newWorker(e), id))
				if e.plans.Load()+e.writes.Load()+e.fixes.Load() != 0 {
					t.Errorf("%s: the next worker went on", what)
				}
			}
			b.checkCancelled(what, id, files)
		}
	}
}

// The worker is alive, on another node than the one that is asked, and stands in a
// call of each kind.
func TestCancelWhileTheWorkerIsAlive(t *testing.T) {
	t.Parallel()
	all := setup(t)
	broken := func(ctx context.Context, _ []string, s engine.Sink) error {
		return write(ctx, s, "index.html", "<p>broken")
	}
	kept := func(ctx context.Context, _ []string, s engine.Sink) error {
		return write(ctx, s, "index.html", page("kept"))
	}
	for state, stand := range map[buildv1.BuildState]func(s *stuck) (*script, func(*build.WorkerPorts)){
		fixing: func(s *stuck) (*script, func(*build.WorkerPorts)) {
			return &script{written: broken, fixed: func(ctx context.Context, _ []engine.Failure, _ engine.Sink) error {
				return s.wait(ctx)
			}}, func(*build.WorkerPorts) {}
		},
		deploying: func(s *stuck) (*script, func(*build.WorkerPorts)) {
			return &script{written: kept}, func(p *build.WorkerPorts) {
				p.Probe = func(ctx context.Context, _ string) error { return s.wait(ctx) }
			}
		},
	} {
		b, s := all.other(t), newStuck()
		e, change := stand(s)
		id, w := b.queued().GetId(), b.newWorker(e, change)
		ctx, stop := context.WithCancel(t.Context())
		watched, worked := make(chan struct{}), make(chan error, 1)
		go func() { defer close(watched); w.Watch(ctx) }()
		go func() { worked <- work(t.Context(), w, id) }()
		<-s.waits
		if got := b.build(id).GetState(); got != state {
			t.Errorf("it stands in %v, not in %v", got, state)
		}
		_, err := b.cancel(id)
		must(t, err)
		must(t, <-worked)
		stop()
		<-watched
		b.checkEnd(id)
		done := b.build(id)
		if done.GetState() != cancelled || done.GetVersionId() == "" {
			t.Errorf("%v: ended as %v", state, done)
		}
		// What was whole when it was to go online is kept as it is: all its files are there.
		if n := b.number(`SELECT count(*) FROM versions WHERE build_id = $1 AND interrupted`, uuid.MustParse(id)); (n == 1) != (state == fixing) {
			t.Errorf("%v: %d interrupted versions", state, n)
		}
	}
}

// The wish arrives with each transition, and its worker does not look: it is never
// too late for a wish that was acknowledged.
func TestAnAcknowledgedCancelComesBeforeTheEnd(t *testing.T) {
	t.Parallel()
	all := setup(t)
	all.exec(`CREATE FUNCTION wish() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
		IF NEW.build_session_id = 'bs_' || NEW.user_id AND NEW.state = NEW.cancel_reason AND OLD.state <> NEW.state THEN
			NEW.cancel_request_time = clock_timestamp();
		END IF;
		RETURN NEW; END $$`)
	all.exec(`CREATE TRIGGER wish BEFORE UPDATE ON builds FOR EACH ROW EXECUTE FUNCTION wish()`)
	for _, state := range []string{"planning", "coding", "testing", "deploying"} {
		b := all.other(t)
		res, err := b.StartBuild(b.ctx(), &buildv1.StartBuildRequest{BuildSessionId: "bs_" + b.user.String(), Prompt: "A site"})
		must(t, err)
		id := res.GetBuild().GetId()
		b.exec(`UPDATE builds SET cancel_reason = $2 WHERE id = $1`, uuid.MustParse(id), state)
		must(t, work(t.Context(), b.newWorker(&script{}), id))
		done := b.build(id)
		b.checkPaid(done, 10, billingv1.Outcome_OUTCOME_CANCELLED)
		if n := b.number(`SELECT count(*) FROM builds WHERE id = $1 AND cancel_request_time IS NOT NULL`, uuid.MustParse(id)); n != 1 || done.GetState() != cancelled {
			t.Errorf("%s: ended as %v, %d wishes", state, done, n)
		}
		if n := b.number(`SELECT count(*) FROM projects p JOIN builds b ON b.project_id = p.id WHERE b.id = $1 AND p.current_version_id IS NOT NULL`, uuid.MustParse(id)); n != 0 {
			t.Errorf("%s: a cancelled build is what the project shows", state)
		}
	}
}
