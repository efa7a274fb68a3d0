package build_test

import (
	"errors"
	"testing"

	"github.com/google/uuid"

	buildv1 "github.com/sheenapps/sheen/gen/sheen/build/v1"
	errorv1 "github.com/sheenapps/sheen/gen/sheen/error/v1"
	"github.com/sheenapps/sheen/server/build"
	"github.com/sheenapps/sheen/store"
)

// What a build does on what may come, by the state that it is in.
const (
	refuses   = "refuses"   // INVALID_TRANSITION
	stands    = "stands"    // nothing changes
	ends      = "ends"      // it is cancelled at once
	notes     = "notes"     // it is to be cancelled by its worker
	begins    = "begins"    // a new build begins
	isBusy    = "is busy"   // BUILD_IN_PROGRESS
	isAwaited = "is waited" // a new build waits for it
	works     = "works"     // a worker takes it
)

// answers are, in their order: cancel, retry, start with REJECT, QUEUE and
// SUPERSEDE, and a worker that comes.
var answers = map[string][6]string{
	"waiting":               {ends, refuses, isBusy, isAwaited, begins, stands},
	"queued":                {ends, refuses, isBusy, isAwaited, begins, works},
	"planning":              {ends, refuses, isBusy, isAwaited, begins, works},
	"coding":                {notes, refuses, isBusy, isAwaited, isAwaited, works},
	"testing":               {notes, refuses, isBusy, isAwaited, isAwaited, works},
	"fixing":                {notes, refuses, isBusy, isAwaited, isAwaited, works},
	"deploying":             {notes, refuses, isBusy, isAwaited, isAwaited, works},
	"complete":              {refuses, refuses, begins, begins, begins, stands},
	"failed":                {refuses, begins, begins, begins, begins, stands},
	"failed, not retryable": {refuses, refuses, begins, begins, begins, stands},
	"cancelled":             {stands, begins, begins, begins, begins, stands},
}

// Every state answers everything that may come, also the two that are no states of
// their own.
func TestEveryStateAnswersEverything(t *testing.T) {
	t.Parallel()
	for _, s := range build.States() {
		if _, ok := answers[string(s)]; !ok {
			t.Errorf("nothing is said of %s", s)
		}
	}
	all := setup(t)
	for state, want := range answers {
		for i, come := range []func(b *testBundle, of *buildv1.Build) string{
			(*testBundle).onCancel, (*testBundle).onRetry,
			func(b *testBundle, of *buildv1.Build) string { return b.onStart(of, reject) },
			func(b *testBundle, of *buildv1.Build) string { return b.onStart(of, queue) },
			func(b *testBundle, of *buildv1.Build) string { return b.onStart(of, supersede) },
			(*testBundle).onWorker,
		} {
			b := all.other(t)
			if got := come(b, b.buildIn(state)); got != want[i] {
				t.Errorf("%s: what comes as number %d is answered by %q, want %q", state, i+1, got, want[i])
			}
		}
	}
}

// buildIn makes a build in a state that nobody works on.
func (b *testBundle) buildIn(state string) *buildv1.Build {
	b.t.Helper()
	first := b.queued()
	switch state {
	case "waiting":
		return b.behind(first)
	case "failed, not retryable":
		b.put(first.GetId(), build.Failed)
	default:
		b.put(first.GetId(), build.State(state))
		b.exec(`UPDATE builds SET error_retryable = true WHERE id = $1 AND state = 'failed'`, uuid.MustParse(first.GetId()))
	}
	return first
}

func (b *testBundle) onCancel(of *buildv1.Build) string {
	before := b.build(of.GetId())
	after, err := b.cancel(of.GetId())
	switch {
	case reasonOf(err) == errorv1.ErrorReason_ERROR_REASON_INVALID_TRANSITION:
		return refuses
	case err != nil:
		return err.Error()
	case after.GetHeadSeq() > before.GetHeadSeq() && after.GetState() == cancelled:
		return ends
	case b.number(`SELECT count(*) FROM builds WHERE id = $1 AND cancel_request_time IS NOT NULL`, uuid.MustParse(of.GetId())) == 1:
		return notes
	}
	return stands
}

func (b *testBundle) onRetry(of *buildv1.Build) string {
	res, err := b.retry(of.GetId())
	return b.outcome(res.GetBuild(), err)
}

func (b *testBundle) onStart(of *buildv1.Build, policy buildv1.ConflictPolicy) string {
	return b.outcome(b.startIn(of.GetProjectId(), policy))
}

func (b *testBundle) outcome(started *buildv1.Build, err error) string {
	switch {
	case reasonOf(err) == errorv1.ErrorReason_ERROR_REASON_INVALID_TRANSITION:
		return refuses
	case reasonOf(err) == errorv1.ErrorReason_ERROR_REASON_BUILD_IN_PROGRESS:
		return isBusy
	case err != nil:
		return err.Error()
	case b.waits(started.GetId()):
		return isAwaited
	}
	return begins
}

func (b *testBundle) onWorker(of *buildv1.Build) string {
	_, err := store.New().BuildLeaseTake(b.t.Context(), b.db, &store.BuildLeaseTakeParams{ID: uuid.MustParse(of.GetId()), TtlMs: 1000})
	switch {
	case errors.Is(err, store.ErrNotFound):
		return stands
	case err != nil:
		return err.Error()
	}
	return works
}
