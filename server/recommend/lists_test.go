package recommend_test

import (
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/sheenapps/sheen/server/recommend"
	"github.com/sheenapps/sheen/server/recommend/rules"
	"github.com/sheenapps/sheen/store"
	"github.com/sheenapps/sheen/store/storetest"
)

// listBundle is a build of a user, without lists.
type listBundle struct {
	*recommend.Lists
	t           *testing.T
	db          *store.DB
	build, user uuid.UUID
}

func setupLists(t *testing.T) *listBundle {
	t.Helper()
	b := &listBundle{Lists: recommend.NewLists(recommend.Timing{}), t: t, db: storetest.New(t), user: uuid.New()}
	b.anotherBuild()
	return b
}

// anotherBuild goes on with a new build of the same user.
func (b *listBundle) anotherBuild() {
	b.t.Helper()
	b.build = uuid.New()
	project := uuid.New()
	b.exec(`INSERT INTO projects (id, user_id) VALUES ($1, $2)`, project, b.user)
	b.exec(`INSERT INTO builds (id, build_session_id, request_hash, user_id, project_id, operation, prompt, locale, state, hold_id, held_seconds)
		VALUES ($1, 'bs_' || $1::uuid, decode(repeat('00', 32), 'hex'), $2, $3, 'main_build', 'p', 'en', 'queued', $1, 0)`, b.build, b.user, project)
}

func (b *listBundle) exec(sql string, args ...any) {
	b.t.Helper()
	if _, err := b.db.Exec(b.t.Context(), sql, args...); err != nil {
		b.t.Fatal(err)
	}
}

func (b *listBundle) must(err error) {
	b.t.Helper()
	if err != nil {
		b.t.Fatal(err)
	}
}

// list is the n-th of the build.
func (b *listBundle) list(n int32) recommend.Revision {
	return recommend.Revision{BuildID: b.build, Number: n}
}

// seen is a list before, or at, an attempt.
func (b *listBundle) seen(list, attempt int32) recommend.Attempt {
	return recommend.Attempt{Revision: b.list(list), Number: attempt}
}

// begun begins an attempt after the given one.
func (b *listBundle) begun(list, after int32) recommend.Attempt {
	b.t.Helper()
	attempt, err := b.Begin(b.t.Context(), b.db, b.seen(list, after))
	b.must(err)
	return attempt
}

func (b *listBundle) view() recommend.View {
	b.t.Helper()
	view, err := b.View(b.t.Context(), b.db, b.build, b.user)
	b.must(err)
	return view
}

// attempts are the outcomes of a list's attempts, in order.
func (b *listBundle) attempts(list int32) []string {
	b.t.Helper()
	var outcomes []string
	b.must(b.db.QueryRow(b.t.Context(), `SELECT coalesce(array_agg(outcome ORDER BY attempt), '{}')
		FROM recommendation_attempts WHERE build_id = $1 AND revision = $2`, b.build, list).Scan(&outcomes))
	return outcomes
}

var entries = []recommend.Draft{ //nolint:gochecknoglobals // never changes
	{Kind: rules.FAQ, Category: rules.CategoryFeature, Title: "One", Description: "d1", Prompt: "p1"},
	{Category: rules.CategoryUI, Title: "Two", Description: "d2", Prompt: "p2"},
}

func TestAListIsWritten(t *testing.T) {
	t.Parallel()
	b := setupLists(t)
	if view := b.view(); view.State != recommend.StateNone {
		t.Errorf("%+v", view)
	}
	for _, want := range []bool{true, false} {
		if asked, err := b.RequestFirst(t.Context(), b.db, b.build); err != nil || asked != want {
			t.Fatalf("asked %v, %v", asked, err)
		}
	}
	b.must(b.Skip(t.Context(), b.db, b.build)) // It was asked for: nothing to skip.
	if view := b.view(); view.State != recommend.StateQueued || view.Pending != 1 {
		t.Errorf("%+v", view)
	}
	attempt := b.begun(1, 0)
	if view := b.view(); attempt.Number != 1 || view.State != recommend.StateGenerating || view.Pending != 1 {
		t.Errorf("%+v, %+v", attempt, view)
	}
	b.exec(`UPDATE recommendation_revisions SET create_time = create_time - interval '7 s'`)
	took, err := b.Store(t.Context(), b.db, attempt, entries, recommend.Usage{Engine: "e", Model: "m", InputTokens: 3, OutputTokens: 4, CostMicros: 5})
	if err != nil || took < 7*time.Second || took > 30*time.Second {
		t.Errorf("%v, %v", took, err)
	}
	view := b.view()
	if view.State != recommend.StateReady || view.Ready != 1 || view.Pending != 0 || len(view.Entries) != 2 {
		t.Fatalf("%+v", view)
	}
	for i, e := range view.Entries {
		want := entries[i]
		got := recommend.Draft{Kind: rules.Kind(e.Kind), Category: rules.Category(e.Category), Title: e.Title, Description: e.Description, Prompt: e.Prompt}
		if got != want || e.BuildID != b.build || e.Revision != 1 || e.Position != int32(i+1) {
			t.Errorf("%+v, want %+v", e, want)
		}
	}
	var row store.RecommendationAttempt
	b.must(b.db.QueryRow(t.Context(), `SELECT outcome, engine, model, input_tokens, output_tokens, cost_micros FROM recommendation_attempts`).
		Scan(&row.Outcome, &row.Engine, &row.Model, &row.InputTokens, &row.OutputTokens, &row.CostMicros))
	if row != (store.RecommendationAttempt{Outcome: "ready", Engine: "e", Model: "m", InputTokens: 3, OutputTokens: 4, CostMicros: 5}) {
		t.Errorf("%+v", row)
	}
}

// The rows obey the machine: whatever is done to a list in whatever state, only what is
// legal changes it.
func TestRowsChangeLegallyOnly(t *testing.T) {
	t.Parallel()
	b := setupLists(t)
	ctx := t.Context()
	for _, from := range []recommend.State{
		recommend.StateQueued, recommend.StateGenerating, recommend.StateReady, recommend.StateFailed, recommend.StateSkipped,
	} {
		for _, step := range []struct {
			to recommend.State
			do func(at recommend.Attempt) error
		}{
			{recommend.StateGenerating, func(at recommend.Attempt) error {
				_, err := b.Begin(ctx, b.db, at)
				return err
			}},
			{recommend.StateReady, func(at recommend.Attempt) error {
				_, err := b.Store(ctx, b.db, at, entries, recommend.Usage{})
				return err
			}},
			{recommend.StateFailed, func(at recommend.Attempt) error {
				return b.GiveUp(ctx, b.db, at, from, recommend.ReasonDeadline)
			}},
			{recommend.StateQueued, func(at recommend.Attempt) error {
				_, err := b.Fail(ctx, b.db, at, recommend.ReasonProvider, true, recommend.Usage{})
				return err
			}},
		} {
			b.anotherBuild()
			b.exec(`INSERT INTO recommendation_revisions (build_id, revision, state, attempt, attempt_time, deadline_time, lease_expire_time, end_time, failure_reason)
				VALUES ($1, 1, $2, 1, now(), now() + interval '1 min', CASE WHEN $2 = 'generating' THEN now() END,
					CASE WHEN $2 IN ('ready', 'failed', 'skipped') THEN now() END, CASE WHEN $2 = 'failed' THEN 'busy' ELSE '' END)`, b.build, string(from))
			err := step.do(b.seen(1, 1))
			want, legal := from, from.CanBecome(step.to)
			if legal {
				want = step.to
			}
			if view := b.view(); view.State != want || (err == nil) != legal {
				t.Errorf("%s to %s: %s, %v", from, step.to, view.State, err)
			}
		}
	}
}

// What an attempt writes after another one began changes nothing, but what it cost is
// kept.
func TestALateAttemptIsRefused(t *testing.T) {
	t.Parallel()
	b := setupLists(t)
	ctx := t.Context()
	_, err := b.RequestFirst(ctx, b.db, b.build)
	b.must(err)
	first := b.begun(1, 0)
	if givenUp, err := b.Fail(ctx, b.db, first, recommend.ReasonLost, true, recommend.Usage{}); err != nil || givenUp {
		t.Fatal(givenUp, err)
	}
	second := b.begun(1, 1)
	late := []recommend.Draft{{Category: rules.CategoryUI, Title: "Late", Description: "d", Prompt: "p"}}
	_, storeErr := b.Store(ctx, b.db, first, late, recommend.Usage{})
	_, failErr := b.Fail(ctx, b.db, first, recommend.ReasonProvider, true, recommend.Usage{})
	_, beginErr := b.Begin(ctx, b.db, first)
	giveUpErr := b.GiveUp(ctx, b.db, first, recommend.StateGenerating, recommend.ReasonDeadline)
	for _, err := range []error{storeErr, failErr, beginErr, giveUpErr} {
		if !errors.Is(err, recommend.ErrLate) {
			t.Errorf("%v, want %v", err, recommend.ErrLate)
		}
	}
	b.must(b.NoteUsage(ctx, b.db, first, recommend.Usage{Engine: "e", CostMicros: 9}))
	_, err = b.Store(ctx, b.db, second, entries, recommend.Usage{})
	b.must(err)
	_, err = b.Store(ctx, b.db, second, late, recommend.Usage{})
	if view := b.view(); !errors.Is(err, recommend.ErrLate) || len(view.Entries) != 2 || view.Entries[0].Title != "One" {
		t.Errorf("%+v, %v", view, err)
	}
	if got := b.attempts(1); !slices.Equal(got, []string{"lost", "ready"}) {
		t.Errorf("%q", got)
	}
	var cost int64
	b.must(b.db.QueryRow(ctx, `SELECT cost_micros FROM recommendation_attempts WHERE attempt = 1`).Scan(&cost))
	if cost != 9 {
		t.Errorf("the late attempt cost %d", cost)
	}
}

func TestOneBeginsAnAttempt(t *testing.T) {
	t.Parallel()
	b := setupLists(t)
	_, err := b.RequestFirst(t.Context(), b.db, b.build)
	b.must(err)
	var began atomic.Int32
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			switch _, err := b.Begin(t.Context(), b.db, b.seen(1, 0)); {
			case err == nil:
				began.Add(1)
			case !errors.Is(err, recommend.ErrLate):
				t.Error(err)
			}
		})
	}
	group.Wait()
	if began.Load() != 1 {
		t.Errorf("%d began", began.Load())
	}
}

// A failure takes nothing away, and every attempt of it is kept.
func TestReadyIsSticky(t *testing.T) {
	t.Parallel()
	b := setupLists(t)
	ctx := t.Context()
	_, err := b.RequestFirst(ctx, b.db, b.build)
	b.must(err)
	_, err = b.Store(ctx, b.db, b.begun(1, 0), entries, recommend.Usage{})
	b.must(err)
	b.must(b.RequestNext(ctx, b.db, b.list(2), "k"))
	if view := b.view(); view.State != recommend.StateReady || view.Ready != 1 || view.Pending != 2 {
		t.Errorf("%+v", view)
	}
	for i, want := range []bool{false, true} {
		attempt := b.begun(2, int32(i))
		if givenUp, err := b.Fail(ctx, b.db, attempt, recommend.ReasonProvider, true, recommend.Usage{}); err != nil || givenUp != want {
			t.Fatal(givenUp, err)
		}
	}
	view := b.view()
	if view.State != recommend.StateReady || view.Ready != 1 || view.Pending != 0 || view.Reason != recommend.ReasonProvider || len(view.Entries) != 2 {
		t.Errorf("%+v", view)
	}
	if got := b.attempts(2); !slices.Equal(got, []string{"provider_unavailable", "provider_unavailable"}) {
		t.Errorf("%q", got)
	}
	history, err := b.History(ctx, b.db, b.build, b.user)
	if err != nil || len(history) != 2 || history.ByKey("k").Revision != b.list(2) || history.ByKey("") != nil || history.ByKey("l") != nil {
		t.Errorf("%+v, %v", history, err)
	}
}

// One list at a time is in the making, and the table itself says so.
func TestOneListIsOpen(t *testing.T) {
	t.Parallel()
	b := setupLists(t)
	_, err := b.RequestFirst(t.Context(), b.db, b.build)
	b.must(err)
	err = b.RequestNext(t.Context(), b.db, b.list(2), "k")
	if conflict, ok := errors.AsType[*store.ConflictError](err); !ok || conflict.Constraint != "recommendation_revisions_open" {
		t.Errorf("%v", err)
	}
}

// A list whose deadline is over has failed to whoever reads it, and nothing can be
// done with it any more but to end it.
func TestAnOverdueListHasFailed(t *testing.T) {
	t.Parallel()
	b := setupLists(t)
	ctx := t.Context()
	for _, begun := range []bool{false, true} {
		b.anotherBuild()
		_, err := b.RequestFirst(ctx, b.db, b.build)
		b.must(err)
		at, state := b.seen(1, 0), recommend.StateQueued
		if begun {
			at, state = b.begun(1, 0), recommend.StateGenerating
		}
		if view := b.view(); view.State != state {
			t.Errorf("%+v", view)
		}
		b.exec(`UPDATE recommendation_revisions SET deadline_time = deadline_time - interval '60 s' WHERE build_id = $1`, b.build)
		if view := b.view(); view.State != recommend.StateFailed || view.Reason != recommend.ReasonDeadline || view.Pending != 0 {
			t.Errorf("%+v", view)
		}
		if begun {
			_, err = b.Store(ctx, b.db, at, entries, recommend.Usage{})
		} else {
			_, err = b.Begin(ctx, b.db, at)
		}
		if !errors.Is(err, recommend.ErrLate) {
			t.Errorf("%v", err)
		}
		b.must(b.GiveUp(ctx, b.db, at, state, recommend.ReasonDeadline))
		if got := b.attempts(1); len(got) != int(at.Number) {
			t.Errorf("attempts %q", got)
		}
	}
}

func TestAnothersListsAreNotSeen(t *testing.T) {
	t.Parallel()
	b := setupLists(t)
	_, err := b.RequestFirst(t.Context(), b.db, b.build)
	b.must(err)
	_, err = b.Store(t.Context(), b.db, b.begun(1, 0), entries, recommend.Usage{})
	b.must(err)
	view, err := b.View(t.Context(), b.db, b.build, uuid.New())
	if err != nil || view.State != recommend.StateNone || len(view.Entries) != 0 {
		t.Errorf("%+v, %v", view, err)
	}
}
