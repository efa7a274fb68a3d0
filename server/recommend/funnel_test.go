package recommend_test

import (
	"encoding/json"
	"maps"
	"math"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/sheenapps/sheen/server/recommend"
)

// ended has a build end.
func (f *feedback) ended(build uuid.UUID, state string, end time.Time) {
	f.t.Helper()
	f.exec(`UPDATE builds SET state = $2, end_time = $3,
			progress_permille = CASE WHEN $2 = 'complete' THEN 1000 ELSE 0 END,
			error_reason = CASE WHEN $2 = 'failed' THEN 'internal' END,
			error_class = CASE WHEN $2 = 'failed' THEN 'platform' END
		WHERE id = $1`, build, state, end)
}

// noted stores what somebody did.
func (f *feedback) noted(build uuid.UUID, item string, interactions ...string) {
	f.t.Helper()
	for _, interaction := range interactions {
		f.exec(`INSERT INTO recommendation_interactions (build_id, item_id, interaction) VALUES ($1, $2, $3)`, build, item, interaction)
	}
}

// unready stores a list that did not become ready.
func (f *feedback) unready(build uuid.UUID, revision int, state string, end *time.Time) {
	f.t.Helper()
	f.exec(`INSERT INTO recommendation_revisions (build_id, revision, state, failure_reason, deadline_time, end_time, attempt, attempt_time, lease_expire_time)
		VALUES ($1, $2, $3, CASE WHEN $3 = 'failed' THEN 'deadline' ELSE '' END, now(), $4, 1, now(), CASE WHEN $3 = 'generating' THEN now() END)`, build, revision, state, end)
}

// aDay stores the builds of a day from a moment on: seven with a list, of which four
// are complete.
func (f *feedback) aDay(start time.Time) {
	f.t.Helper()
	at := func(seconds int) time.Time { return start.Add(time.Duration(seconds) * time.Second) }
	build := func() uuid.UUID { return f.buildOf(f.user, start) }
	end := at(60)

	// Ready 10 s before the end: 0 s. Two of its items were seen, and one was chosen.
	a := build()
	items := f.list(a, 1, at(50), "faq", "booking", "")
	f.ended(a, "complete", end)
	f.noted(a, items[0], "shown", "accepted")
	f.noted(a, items[1], "shown", "dismissed")
	f.noted(a, "qs-faq", "shown")
	// Ready 2 s after the end; a later list does not count. Seen.
	b := build()
	f.unready(b, 1, "failed", &end)
	f.list(b, 2, at(62), "faq")
	f.noted(b, f.list(b, 3, at(600), "faq")[0], "shown")
	f.ended(b, "complete", end)
	f.noted(b, "qs-team", "shown", "accepted")
	// Ready 5 s after the end. Not seen, but its suggestions were.
	c := build()
	f.list(c, 1, at(65), "faq")
	f.ended(c, "complete", end)
	f.noted(c, "qs-team", "shown", "dismissed")
	// Ready 9 s before the end. Nothing was seen.
	d := build()
	f.list(d, 1, at(51), "faq")
	f.ended(d, "complete", end)
	// It failed: its list counts, its time does not.
	e := build()
	f.noted(e, f.list(e, 1, at(100), "faq")[0], "shown", "dismissed")
	f.ended(e, "failed", end)
	// So it is of one that was cancelled.
	j := build()
	f.list(j, 1, at(100), "faq")
	f.ended(j, "cancelled", end)
	// It is not over.
	i := build()
	f.noted(i, f.list(i, 1, at(30), "faq")[0], "shown")
	// These have no list.
	f.ended(build(), "complete", end)
	g := build()
	f.unready(g, 1, "failed", &end)
	f.ended(g, "complete", end)
	h := build()
	f.unready(h, 1, "skipped", &end)
	f.ended(h, "cancelled", end)
	f.unready(build(), 1, "generating", nil)
}

// wantDay is what the funnel says of such a day.
var wantDay = map[string]any{
	"builds": 11.0, "generated": 7.0, "shown": 4.0, "accepted": 1.0, "dismissed": 2.0, "not_shown": 3.0,
	"shown_ratio": 4.0 / 7, "accepted_ratio": 0.25, "not_shown_ratio": 3.0 / 7,
	"quick_shown": 3.0, "quick_accepted": 1.0, "quick_dismissed": 1.0, "quick_not_shown": 8.0,
	"quick_shown_ratio": 3.0 / 11, "quick_accepted_ratio": 1.0 / 3, "quick_not_shown_ratio": 8.0 / 11,
	// Of 0, 0, 2 and 5 s.
	"after_build_p50_seconds": 1.0,
}

func TestFunnel(t *testing.T) {
	t.Parallel()
	f := setupFeedback(t)
	midnight := time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC)
	f.aDay(midnight)
	// The last moment of the day before, with a build that nothing can be said of.
	f.buildOf(f.user, midnight.Add(-time.Millisecond))

	rows := f.strings(`SELECT row_to_json(funnel) FROM recommendation_funnel funnel ORDER BY day`)
	if len(rows) != 2 {
		t.Fatalf("the days are %q", rows)
	}
	none := map[string]any{"day": "2026-03-01"}
	for name := range wantDay {
		none[name] = 0.0
	}
	maps.Copy(none, map[string]any{
		"builds": 1.0, "quick_not_shown": 1.0, "quick_not_shown_ratio": 1.0,
		"shown_ratio": nil, "accepted_ratio": nil, "not_shown_ratio": nil, "quick_accepted_ratio": nil,
		"after_build_p50_seconds": nil,
	})
	some := maps.Clone(wantDay)
	some["day"] = "2026-03-02"
	for i, want := range []map[string]any{none, some} {
		var got map[string]any
		if err := json.Unmarshal([]byte(rows[i]), &got); err != nil {
			t.Fatal(err)
		}
		if len(got) != len(want) {
			t.Errorf("day %d has the columns %v", i, slices.Sorted(maps.Keys(got)))
		}
		for name, value := range want {
			if got[name] != value {
				t.Errorf("day %d: %s is %v, want %v", i, name, got[name], value)
			}
		}
	}
}

// Who reads the views finds in them what they mean.
func TestFunnelIsDescribed(t *testing.T) {
	t.Parallel()
	f := setupFeedback(t)
	silent := f.strings(`
		SELECT c.relname || '.' || coalesce(a.attname, '')
		FROM pg_class c
		LEFT JOIN LATERAL (
			SELECT a.attname, a.attnum FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0
			UNION ALL SELECT NULL, 0
		) a ON true
		WHERE c.relname IN ('recommendation_funnel', 'recommendation_outcomes') AND col_description(c.oid, a.attnum) IS NULL
			AND (a.attnum > 0 OR obj_description(c.oid) IS NULL)
		ORDER BY 1`)
	if len(silent) != 0 {
		t.Errorf("not described: %q", silent)
	}
	if views := f.strings(`SELECT viewname FROM pg_views WHERE viewname LIKE 'recommendation%'`); len(views) != 2 {
		t.Errorf("the views are %q", views)
	}
}

// The last 24 hours are measured, and nothing before them.
func TestMeasure(t *testing.T) {
	t.Parallel()
	f := setupFeedback(t)
	measure := func() recommend.Funnel {
		t.Helper()
		got, err := recommend.Measure(t.Context(), f.db)
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	f.aDay(time.Now().Add(-24*time.Hour - time.Minute))
	if got := measure(); !math.IsNaN(got.ShownRatio) || !math.IsNaN(got.NotShownRatio) || !math.IsNaN(got.AcceptedRatio) || !math.IsNaN(got.AfterBuildP50) {
		t.Errorf("of an empty day it says %+v", got)
	}
	f.aDay(time.Now().Add(-24*time.Hour + time.Minute))
	want := recommend.Funnel{ShownRatio: 4.0 / 7, NotShownRatio: 3.0 / 7, AcceptedRatio: 0.25, AfterBuildP50: 1}
	if got := measure(); got != want {
		t.Errorf("measured %+v, want %+v", got, want)
	}
	// One more that nobody saw, just now.
	late := f.buildOf(f.user, time.Now())
	f.list(late, 1, time.Now(), "faq")
	if got := measure(); got.ShownRatio != 0.5 || got.NotShownRatio != 0.5 {
		t.Errorf("then it says %+v", got)
	}
}
