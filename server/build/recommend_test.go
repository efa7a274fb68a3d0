package build_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	buildv1 "github.com/sheenapps/sheen/gen/sheen/build/v1"
	"github.com/sheenapps/sheen/server/build"
	"github.com/sheenapps/sheen/server/engine"
	"github.com/sheenapps/sheen/server/recommend"
	"github.com/sheenapps/sheen/store"
)

// Recommendations run beside the build: their event comes in the middle of its log, and
// the worker that builds goes on behind it.
func TestRecommendationsBesideTheBuild(t *testing.T) {
	t.Parallel()
	b := setup(t)
	res, err := b.StartBuild(b.ctx(), &buildv1.StartBuildRequest{Prompt: "A booking site for my hair salon", Locale: "fr-CA"})
	must(t, err)
	id := res.GetBuild().GetId()
	if view := b.lists(id); view.State != recommend.StateQueued || view.Pending != 1 || b.recommendJobs(id) != 1 || b.jobCount(id) != 1 {
		t.Fatalf("%+v, %d jobs", view, b.recommendJobs(id))
	}
	var asked engine.Request
	r := b.newRecommender(func(ctx context.Context, req engine.Request, plan *engine.Plan) (proposals, []engine.Call, error) {
		asked = req
		until, _ := ctx.Deadline()
		if left := time.Until(until); plan != nil || left > 20*time.Second || left < 10*time.Second {
			t.Errorf("plan %v, %v left", plan, left)
		}
		if state := b.lists(id).State; state != recommend.StateGenerating {
			t.Errorf("state %s", state)
		}
		return proposals{newsletter("Send news")}, []engine.Call{
			{Model: "m", InputTokens: 1, CacheReadTokens: 2, CacheWriteTokens: 3, OutputTokens: 4, CostMicros: 5, Failed: true},
			{Model: "m", InputTokens: 1, OutputTokens: 1, CostMicros: 1},
		}, nil
	})
	e := &script{planned: func(ctx context.Context, s engine.Sink) (*engine.Plan, error) {
		if pause := recommendOnce(ctx, t, r, id, 1); pause != never {
			t.Errorf("comes back after %v", pause)
		}
		return salonPlan(), s.Text(ctx, spoken)
	}}
	must(t, work(t.Context(), b.newWorker(e), id))
	if b.build(id).GetState() != complete || b.lists(id).State != recommend.StateReady || !slices.Equal(b.titles(id), []string{"Send news"}) {
		t.Errorf("%v, %+v", b.build(id), b.lists(id))
	}
	b.checkSignals(id, []int32{1}, nil)
	want := engine.Request{BuildID: id, Operation: engine.MainBuild, Prompt: "A booking site for my hair salon", Locale: "fr"}
	if asked.Answers = nil; fmt.Sprint(asked) != fmt.Sprint(want) {
		t.Errorf("asked %+v, want %+v", asked, want)
	}
	if n := b.number(`SELECT count(*) FROM recommendation_attempts WHERE build_id = $1 AND attempt = 1 AND outcome = 'ready'
		AND engine = 'script' AND model = 'm' AND input_tokens = 7 AND output_tokens = 5 AND cost_micros = 6`, uuid.MustParse(id)); n != 1 {
		t.Error("the attempt is not as it was")
	}
	// One job too many does no harm.
	if pause := recommendOnce(t.Context(), t, r, id, 1); pause != never {
		t.Errorf("comes back after %v", pause)
	}
}

// What the plan has is left out, also if the plan came while the engine wrote.
func TestRecommendationsLeaveOutWhatThePlanHas(t *testing.T) {
	t.Parallel()
	b := setup(t)
	plan := func(id string) {
		b.exec(`INSERT INTO build_steps (build_id, step, result) VALUES ($1, 'plan', '{"title": "Iris", "features": ["newsletter"]}')`, uuid.MustParse(id))
	}
	gallery := engine.Recommendation{Kind: "gallery", Category: "ui", Title: "Show cuts", Description: "People look.", Prompt: "Add it."}
	for _, before := range []bool{true, false} {
		id := b.queued().GetId()
		if before {
			plan(id)
		}
		r := b.newRecommender(func(_ context.Context, _ engine.Request, known *engine.Plan) (proposals, []engine.Call, error) {
			if (known != nil) != before || before && known.Title != "Iris" {
				t.Errorf("the plan is %v", known)
			}
			if !before {
				plan(id)
			}
			return proposals{newsletter("Send news"), gallery}, nil, nil
		})
		recommendAll(t, r, id, 1)
		if got := b.titles(id); !slices.Equal(got, []string{"Show cuts"}) {
			t.Errorf("plan before %v: %q", before, got)
		}
	}
}

// An update is recommended for with the text of the site that it changes.
func TestRecommendationsOfAnUpdateKnowItsBase(t *testing.T) {
	t.Parallel()
	b := setup(t)
	before := b.run(author(files{"index.html": page("Iris"), "css/site.css": "p { margin: 0 }"}))
	id := b.updating(before, "Add a contact form")
	var base map[string]string
	r := b.newRecommender(func(_ context.Context, req engine.Request, _ *engine.Plan) (proposals, []engine.Call, error) {
		base = make(map[string]string)
		for _, f := range req.Base {
			base[f.Path] = string(f.Content)
		}
		return proposals{newsletter("Send news")}, nil, nil
	})
	recommendAll(t, r, id, 1)
	if len(base) != 2 || base["index.html"] != page("Iris") || base["css/site.css"] != "" {
		t.Errorf("%q", base)
	}
	if got := b.titles(id); len(got) != 1 {
		t.Errorf("%q", got)
	}
}

// Each way in which an engine fails: how often it is asked, and what is left.
func TestRecommendationsByFailure(t *testing.T) {
	t.Parallel()
	b := setup(t, func(p *build.Ports) { p.Recommendations.Timing.Attempt = 100 * time.Millisecond })
	provider := func(retryable bool, after time.Duration) error {
		return &engine.ProviderError{Provider: "p", Retryable: retryable, RetryAfter: after, Err: errors.New("secret")}
	}
	const pause = 3 * time.Second
	for name, test := range map[string]struct {
		does     func(ctx context.Context) (proposals, error)
		outcomes []string
		pauses   []time.Duration
	}{
		"provider": {func(context.Context) (proposals, error) { return nil, provider(true, 0) }, []string{"provider_unavailable", "provider_unavailable"}, []time.Duration{pause}},
		"provider's own deadline": {func(context.Context) (proposals, error) {
			return nil, &engine.ProviderError{Retryable: true, Err: context.DeadlineExceeded}
		}, []string{"provider_unavailable", "provider_unavailable"}, []time.Duration{pause}},
		"store away":              {func(context.Context) (proposals, error) { return nil, store.ErrUnavailable }, []string{"internal", "internal"}, []time.Duration{pause}},
		"provider that says when": {func(context.Context) (proposals, error) { return nil, provider(true, 9*time.Second) }, []string{"provider_unavailable", "provider_unavailable"}, []time.Duration{9 * time.Second}},
		"provider for long":       {func(context.Context) (proposals, error) { return nil, provider(true, time.Hour) }, []string{"provider_unavailable"}, nil},
		"provider for good":       {func(context.Context) (proposals, error) { return nil, provider(false, 0) }, []string{"provider_unavailable"}, nil},
		"policy":                  {func(context.Context) (proposals, error) { return nil, engine.ErrRefused }, []string{"refused"}, nil},
		"too long":                {func(context.Context) (proposals, error) { return nil, engine.ErrTooLong }, []string{"too_long"}, nil},
		"nothing to propose":      {func(context.Context) (proposals, error) { return nil, nil }, []string{"nothing"}, nil},
		"nothing valid":           {func(context.Context) (proposals, error) { return proposals{{Title: "?"}}, nil }, []string{"malformed", "malformed"}, []time.Duration{pause}},
		"no answer to be read": {func(context.Context) (proposals, error) {
			return nil, &engine.ProviderError{Retryable: true, Err: engine.ErrMalformed}
		}, []string{"malformed", "malformed"}, []time.Duration{pause}},
		"hanging": {func(ctx context.Context) (proposals, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		}, []string{"deadline", "deadline"}, []time.Duration{pause}},
		"panic": {func(context.Context) (proposals, error) { panic("secret") }, []string{"internal"}, nil},
		"other": {func(context.Context) (proposals, error) { return nil, errors.New("secret") }, []string{"internal"}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := b.other(t)
			id := b.queued().GetId()
			asked := 0
			r := b.newRecommender(func(ctx context.Context, _ engine.Request, _ *engine.Plan) (proposals, []engine.Call, error) {
				asked++
				list, err := test.does(ctx)
				return list, []engine.Call{{CostMicros: 7, Failed: true}}, err
			})
			pauses := recommendAll(t, r, id, 1)
			view, outcomes := b.lists(id), b.outcomes(id, 1)
			if view.State != recommend.StateFailed || string(view.Reason) != test.outcomes[0] || asked != len(test.outcomes) ||
				!slices.Equal(outcomes, test.outcomes) || !slices.Equal(pauses, test.pauses) {
				t.Errorf("%+v after %d calls, %q, pauses %v", view, asked, outcomes, pauses)
			}
			b.checkSignals(id, nil, []int32{1})
			if n := b.number(`SELECT count(*) FROM recommendation_attempts a WHERE build_id = $1
				AND (cost_micros <> 7 AND outcome <> 'internal' OR a::text LIKE '%secret%')`, uuid.MustParse(id)); n != 0 {
				t.Error("an attempt is not as it was")
			}
		})
	}
}

// The second attempt can be the good one.
func TestRecommendationsAreTriedAgain(t *testing.T) {
	t.Parallel()
	b := setup(t)
	id := b.queued().GetId()
	asked := 0
	r := b.newRecommender(func(context.Context, engine.Request, *engine.Plan) (proposals, []engine.Call, error) {
		asked++
		if asked == 1 {
			return nil, nil, &engine.ProviderError{Retryable: true, Err: errors.New("busy")}
		}
		return proposals{newsletter("Send news")}, nil, nil
	})
	if pause := recommendOnce(t.Context(), t, r, id, 1); pause != 3*time.Second || b.lists(id).State != recommend.StateQueued {
		t.Errorf("comes back after %v, %+v", pause, b.lists(id))
	}
	b.checkSignals(id, nil, nil)
	recommendAll(t, r, id, 1)
	if got := b.outcomes(id, 1); !slices.Equal(got, []string{"provider_unavailable", "ready"}) || b.lists(id).State != recommend.StateReady {
		t.Errorf("%q, %+v", got, b.lists(id))
	}
	b.checkSignals(id, []int32{1}, nil)
}

// Rows and event are stored together or not at all.
func TestSignalAndRowsAreOne(t *testing.T) { //nolint:tparallel // the cases change the same schema in turn
	t.Parallel()
	b := setup(t)
	b.exec(`CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'injected'; END $$`)
	for _, table := range []string{"recommendations", "recommendation_attempts", "build_events"} { //nolint:paralleltest // as above
		t.Run(table, func(t *testing.T) {
			b := b.other(t)
			id := b.queued().GetId()
			before := len(b.events(id))
			r := b.newRecommender(nil)
			b.exec(`CREATE TRIGGER injected BEFORE INSERT ON ` + table + ` FOR EACH STATEMENT EXECUTE FUNCTION fail()`)
			err := r.Work(t.Context(), recommendJob(id, 1))
			b.exec(`DROP TRIGGER injected ON ` + table)
			ready, _ := b.signals(id)
			if view := b.lists(id); view.State == recommend.StateReady || len(ready) > 0 || b.number(`SELECT count(*) FROM recommendations WHERE build_id = $1`, uuid.MustParse(id)) != 0 {
				t.Errorf("%+v, signals %v: %v", view, ready, err)
			}
			// The first table fails the list only, whose failure can be stored then.
			if stored := table == "recommendations"; stored != (err == nil) || err != nil && !strings.Contains(err.Error(), "injected") ||
				!stored && (len(b.events(id)) != before || len(b.outcomes(id, 1)) != 0 || b.lists(id).State != recommend.StateGenerating) {
				t.Errorf("%+v, %d events: %v", b.lists(id), len(b.events(id)), err)
			}
		})
	}
}

// A log that is finished stays finished; who asks finds the list all the same.
func TestRecommendationsAfterTheEndAreFound(t *testing.T) {
	t.Parallel()
	b := setup(t)
	id := b.queued().GetId()
	must(t, work(t.Context(), b.newWorker(&script{}), id))
	head := b.build(id).GetHeadSeq()
	recommendAll(t, b.newRecommender(nil), id, 1)
	if b.build(id).GetHeadSeq() != head || !slices.Equal(b.titles(id), []string{"Send news"}) {
		t.Errorf("head %d, was %d; %q", b.build(id).GetHeadSeq(), head, b.titles(id))
	}
	b.checkSignals(id, nil, nil)
}

// A cancelled build's list is written all the same: it says what to do next.
func TestRecommendationsOfACancelledBuild(t *testing.T) {
	t.Parallel()
	b := setup(t)
	id := b.queued().GetId()
	r := b.newRecommender(func(context.Context, engine.Request, *engine.Plan) (proposals, []engine.Call, error) {
		_, err := b.CancelBuild(b.ctx(), &buildv1.CancelBuildRequest{BuildId: id})
		return proposals{newsletter("Send news")}, nil, err
	})
	recommendAll(t, r, id, 1)
	if b.build(id).GetState() != cancelled || b.lists(id).State != recommend.StateReady {
		t.Errorf("%v, %+v", b.build(id), b.lists(id))
	}
	b.checkSignals(id, nil, nil)
}

// A node that stops leaves its list to the next one.
func TestAStoppingNodeGivesItsListBack(t *testing.T) {
	t.Parallel()
	b := setup(t)
	id := b.queued().GetId()
	ctx, stop := context.WithCancel(t.Context())
	r := b.newRecommender(func(ctx context.Context, _ engine.Request, _ *engine.Plan) (proposals, []engine.Call, error) {
		stop()
		<-ctx.Done()
		return nil, nil, ctx.Err()
	})
	if pause := recommendOnce(ctx, t, r, id, 1); pause != 0 || b.lists(id).State != recommend.StateQueued {
		t.Errorf("comes back after %v, %+v", pause, b.lists(id))
	}
	recommendAll(t, b.newRecommender(nil), id, 1)
	if got := b.outcomes(id, 1); !slices.Equal(got, []string{"stopped", "ready"}) {
		t.Errorf("%q", got)
	}
}

// A worker that was taken for lost writes nothing more.
func TestALateWorkerIsRefused(t *testing.T) {
	t.Parallel()
	b := setup(t)
	id := b.queued().GetId()
	second := b.newRecommender(func(context.Context, engine.Request, *engine.Plan) (proposals, []engine.Call, error) {
		return proposals{newsletter("Second")}, nil, nil
	})
	first := b.newRecommender(func(context.Context, engine.Request, *engine.Plan) (proposals, []engine.Call, error) {
		must(t, second.Sweep(t.Context()))
		if pause := recommendOnce(t.Context(), t, second, id, 1); pause != never || b.recommendJobs(id) != 1 {
			t.Errorf("comes back after %v, with %d jobs, though the first is at it", pause, b.recommendJobs(id))
		}
		b.exec(`UPDATE recommendation_revisions SET lease_expire_time = clock_timestamp() WHERE build_id = $1`, uuid.MustParse(id))
		must(t, second.Sweep(t.Context()))
		if b.recommendJobs(id) != 2 || b.lists(id).State != recommend.StateQueued {
			t.Errorf("%d jobs, %+v", b.recommendJobs(id), b.lists(id))
		}
		recommendAll(t, second, id, 1)
		return proposals{newsletter("First")}, []engine.Call{{CostMicros: 9}}, nil
	})
	if pauses := recommendAll(t, first, id, 1); len(pauses) != 0 {
		t.Errorf("comes back after %v", pauses)
	}
	if got := b.outcomes(id, 1); !slices.Equal(got, []string{"lost", "ready"}) || !slices.Equal(b.titles(id), []string{"Second"}) {
		t.Errorf("%q, %q", got, b.titles(id))
	}
	if n := b.number(`SELECT sum(cost_micros)::bigint FROM recommendation_attempts`); n != 9 {
		t.Errorf("cost %d", n)
	}
	b.checkSignals(id, []int32{1}, nil)
}

// A list that lost two workers is given up.
func TestAListLosesTwoWorkers(t *testing.T) {
	t.Parallel()
	b := setup(t)
	id := b.queued().GetId()
	for range recommend.MaxAttempts {
		r := b.newRecommender(func(ctx context.Context, _ engine.Request, _ *engine.Plan) (proposals, []engine.Call, error) {
			b.exec(`UPDATE recommendation_revisions SET lease_expire_time = clock_timestamp() WHERE build_id = $1`, uuid.MustParse(id))
			must(t, b.newRecommender(nil).Sweep(ctx))
			return nil, nil, errors.New("gone")
		})
		recommendOnce(t.Context(), t, r, id, 1)
	}
	if view := b.lists(id); view.State != recommend.StateFailed || view.Reason != recommend.ReasonLost || !slices.Equal(b.outcomes(id, 1), []string{"lost", "lost"}) {
		t.Errorf("%+v, %q", view, b.outcomes(id, 1))
	}
	b.checkSignals(id, nil, []int32{1})
}

// Lists whose deadline is over end, begun or not, once; without any worker they have
// failed to whoever reads them.
func TestOverdueListsEnd(t *testing.T) {
	t.Parallel()
	b := setup(t)
	waiting, begun, soon := b.queued().GetId(), b.queued().GetId(), b.queued().GetId()
	r := b.newRecommender(func(context.Context, engine.Request, *engine.Plan) (proposals, []engine.Call, error) {
		for _, id := range []string{waiting, begun} {
			b.overdue(id)
			if view := b.lists(id); view.State != recommend.StateFailed || view.Reason != recommend.ReasonDeadline {
				t.Errorf("%+v", view)
			}
			b.checkSignals(id, nil, nil)
		}
		for range 2 {
			must(t, b.newRecommender(nil).Sweep(t.Context()))
		}
		return proposals{newsletter("Send news")}, nil, nil
	})
	recommendAll(t, r, begun, 1)
	for _, id := range []string{waiting, begun} {
		if n := b.number(`SELECT count(*) FROM recommendation_revisions WHERE build_id = $1 AND state = 'failed' AND failure_reason = 'deadline'`, uuid.MustParse(id)); n != 1 {
			t.Errorf("%+v", b.lists(id))
		}
		b.checkSignals(id, nil, []int32{1})
	}
	if got := b.outcomes(begun, 1); !slices.Equal(got, []string{"deadline"}) || len(b.outcomes(waiting, 1)) != 0 {
		t.Errorf("%q, %q", got, b.outcomes(waiting, 1))
	}
	if b.lists(soon).State != recommend.StateQueued {
		t.Errorf("%+v", b.lists(soon))
	}
	// A worker that comes first ends it too.
	b.overdue(soon)
	recommendAll(t, r, soon, 1)
	b.checkSignals(soon, nil, []int32{1})
}
